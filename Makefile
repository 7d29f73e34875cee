# `make demo` and `make test` need Python >= 3.11 with pip and venv, and a C compiler; they set
# up .venv by themselves. PYTHON=... picks the interpreter that .venv is made from.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet
PYTEST := $(BIN)/pytest -n auto
# Shows a line for each module that is compiled, and all there is if it fails.
COMPILE = mkdir -p build && { $(BIN)/python -m pip install -v --editable . 2>&1; echo $$? >build/status; } \
	| tee build/log | grep --line-buffered -oE '\[[0-9]+/[0-9]+\] fastgd.*|fastgd needs .*'; \
	test "$$(cat build/status)" = 0 || { tail -n 40 build/log; exit 1; }
COMPILED := setup.py pyproject.toml $(wildcard fastgd/_core/*.py[xi] fastgd/_core/*.pxd fastgd/_core/*/*.pxi)
# Debug builds are made of a copy, lest their modules take the places of the optimised ones.
COPIED := .ci $(filter-out build dist %.egg-info,$(wildcard *))

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test test-all test-blas test-pythons test-keras exhaustive fuzz bench lint debug sanitize sanitize-memory sanitize-threads sdist clean

demo: $(VENV)/with-demo
	$(BIN)/python examples/demo.py $(if $(CSV),"$(CSV)")

test: $(VENV)/with-test
	$(PYTEST)

# Every case of every test, and engines of clusters; `make test` takes a selection in which each value occurs.
test-all: $(VENV)/with-test $(VENV)/with-test-cluster test-blas
	$(PYTEST) --grid

# What takes NumPy's products, with the kernels that OpenBLAS has for other CPUs.
PRODUCT_TESTS := $(addprefix tests/test_,rows.py sources.py layouts.py online.py \
	train_and_evaluate.py tape.py lbfgs.py engine.py engine_layers.py layers.py) \
	$(wildcard tests/test_linear*.py tests/test_many_*.py tests/test_sklearn_[lmrw]*.py)
OPENBLAS_CORES := Haswell Prescott Zen $(if $(shell grep -m 1 avx512vl /proc/cpuinfo),SkylakeX)

test-blas: $(VENV)/with-test
	for core in $(OPENBLAS_CORES); do \
		echo "NumPy's products with the kernels for $$core:"; \
		OPENBLAS_CORETYPE=$$core $(PYTEST) -q $(PRODUCT_TESTS) \
			-k "not (avx2 or avx512 or wide or baseline)" || exit; \
	done

# The suite under each python3.11 ... python3.14 that this machine has.
test-pythons:
	.ci/pythons

# The comparisons with Keras; it is large, and not needed for `make test`.
test-keras: $(VENV)/with-keras
	KERAS_BACKEND=jax $(PYTEST) --grid -k keras

exhaustive: $(VENV)/built
	$(BIN)/python tests/exhaustive.py $(FUNCTIONS)

# Random files and random calls; a failure names the number that repeats it:
# `.venv/bin/python tests/fuzz files --case NUMBER`.
fuzz: SEED := 1
fuzz: COUNT := 100000
fuzz: $(VENV)/with-test
	$(BIN)/python tests/fuzz files --seed $(SEED) --count $(COUNT)
	$(BIN)/python tests/fuzz calls --seed $(SEED) --count $(COUNT)

bench: $(VENV)/with-bench $(VENV)/built-tests
	$(BIN)/pytest benchmarks
	$(BIN)/python -m fastgd bench --goals

lint: $(VENV)/with-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint fastgd
	$(BIN)/mypy

# The stamps: .venv/built is as new as the compiled modules, .venv/with-X as the extra X.
$(VENV)/built: $(COMPILED)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Compiling fastgd: this takes a minute or two."
	@$(COMPILE)
	touch $@

# With the modules that only tests use; what is built already is not compiled again.
$(VENV)/built-tests: $(VENV)/built
	@export FASTGD_TEST_BUILDS=1; $(COMPILE)
	touch $@

$(VENV)/with-test $(VENV)/with-keras: $(VENV)/built-tests
exhaustive: $(VENV)/built-tests

$(VENV)/with-%: $(VENV)/built
	$(PIP) "fastgd[$*]"
	touch $@

.PRECIOUS: $(VENV)/with-%

ENGINE_TESTS := $(wildcard tests/test_engine*.py tests/test_algebra.py tests/test_products.py tests/test_scalar.py \
	tests/test_shuffle*.py tests/test_gradients.py tests/test_fit.py tests/test_predictor.py \
	tests/test_own_functions.py tests/test_losses_own.py tests/test_losses_batches.py \
	tests/test_input_gradients.py tests/test_graphs.py tests/test_layers*.py \
	tests/test_constraints.py tests/test_byte_order.py $(wildcard tests/test_private_[ins]*.py) \
	tests/test_activity.py tests/test_row_weights.py tests/test_tape.py tests/test_chains.py \
	tests/test_plain_rows.py tests/test_many_fleets.py \
	tests/test_linear_rows.py tests/test_linear_sgd.py tests/test_linear_objective.py \
	tests/test_linear_offset.py)
# Of each file what has to do with threads; pytest matches the names of files, too.
THREADS_TESTS := tests/test_threads.py tests/test_predictor.py tests/test_chains.py \
	tests/test_losses_batches.py tests/test_input_gradients.py tests/test_private_norms.py \
	$(wildcard tests/test_engine*.py)
runtime = LD_PRELOAD=$$($(or $(CC),cc) -print-file-name=lib$(1).so)

# With GRID=--grid the sanitizers run every case, for an hour or so.
debug: BUILD := FASTGD_DEBUG_BUILD=1
sanitize: sanitize-memory sanitize-threads
sanitize-memory: BUILD := FASTGD_CFLAGS="-fsanitize=address,undefined \
	-fno-sanitize-recover=undefined -O1 -g"
sanitize-memory: RUN := $(call runtime,asan) ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc
# A sanitizer's report is written past pytest, which would take it along as the process ends.
sanitize-memory: TESTS := -n auto --capture=sys $(ENGINE_TESTS) -k "not threads_change_no_bit"
sanitize-threads: BUILD := FASTGD_CFLAGS="-fsanitize=thread -O1 -g"
sanitize-threads: RUN := $(call runtime,tsan) TSAN_OPTIONS="halt_on_error=1 die_after_fork=0" \
	OPENBLAS_NUM_THREADS=1
sanitize-threads: TESTS := --capture=sys $(THREADS_TESTS) \
	-k "(threads or predictor or bits or teams) and not fork and not ctrl_c"
debug sanitize-memory sanitize-threads:
	rm -rf build/copy-$@
	mkdir -p build/copy-$@
	cp -R $(COPIED) build/copy-$@
	$(PYTHON) -m venv build/copy-$@/.venv
	cd build/copy-$@ && FASTGD_TEST_BUILDS=1 $(BUILD) .venv/bin/python -m pip install --quiet --editable ".[test]"
	cd build/copy-$@ && $(RUN) .venv/bin/python -m pytest $(GRID) $(TESTS)

sdist: $(VENV)/built
	$(PIP) build
	$(BIN)/python -m build --sdist

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .benchmarks
	rm -f fastgd/_core/*.so
	find fastgd tests benchmarks examples -name __pycache__ -prune -exec rm -rf {} +
