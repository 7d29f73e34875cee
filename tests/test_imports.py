"""The imports of the package: downwards only, at the top of the file, cheap and harmless."""

import ast
import graphlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastgd

PACKAGE = Path(fastgd.__file__).parent

# From low to high: a module imports from tiers below its own only.
TIERS = [
    {
        "errors",
        "_core",
        "_core.aligned",
        "_core.cpu",
        "_core.engine",
        "_core.formulas",
        "_core.types",
        "_array_methods",
        "_gradients",
        "_part",
        "_scope",
    },
    {"reference.points", "reference.arrays", "reference.shuffle"},
    {"reference.embedding", "reference.noise", "reference.normalization"},
    {"reference.activations", "reference.linear_losses", "reference.linear_rows"},
    {"reference.loss_points"},
    {"reference.loss_categories", "reference.loss_vectors"},
    {"reference.optimizers", "reference.losses", "reference.descent", "reference.collecting"},
    {"reference.linear_coordinates", "reference.linear_objective", "reference.linear_sgd"},
    {"reference.layers", "reference.metrics", "reference.updates"},
    {"reference.penalties", "reference.constraints"},
    {"reference.program"},
    {"reference"},
    {"_frames"},
    {"_engines", "_names", "_threads", "_validate", "_backward", "_gradients_arrays"},
    {"config", "_seeds", "_progress", "variables"},
    {"saving.container", "saving.files", "saving.registry"},
    {"saving.objects"},
    {"saving.state"},
    {"saving.api"},
    {"saving"},
    {"_tensor", "_registry", "_new_arrays"},
    {"ops", "tape"},
    {"activations", "constraints", "initializers.constant", "regularizers"},
    {"initializers.random"},
    {"initializers", "_regular"},
    {"optimizers.scalars", "optimizers.schedules", "optimizers.pairs", "optimizers.states"},
    {"optimizers.line_search", "optimizers.stepping", "optimizers.two_loop"},
    {"optimizers.base"},
    {"optimizers.adadelta", "optimizers.adafactor", "optimizers.adagrad", "optimizers.adam"},
    {"optimizers.adamax", "optimizers.ftrl", "optimizers.lamb", "optimizers.lbfgs"},
    {"optimizers.lion", "optimizers.nadam", "optimizers.rmsprop", "optimizers.sgd"},
    {"optimizers"},
    {"_whole_batch", "_divergence"},
    {"_short_epochs"},
    {"callbacks.callback"},
    {"callbacks.history", "callbacks.monitor", "callbacks.progbar_logger"},
    {"callbacks.lambda_callback", "callbacks.terminate_on_nan", "callbacks.swap_ema_weights"},
    {"callbacks.callback_list", "callbacks.early_stopping", "callbacks.learning_rate"},
    {"callbacks.csv_logger", "callbacks.tqdm_callback", "callbacks.tensorboard"},
    {"callbacks.optuna_pruning"},
    {"callbacks.model_checkpoint"},
    {"callbacks.backup_and_restore"},
    {"callbacks"},
    {"utils.arrays", "utils.plot_model", "utils.py_dataset", "utils.random_seed"},
    {"utils.session"},
    {"utils"},
    {"backend"},
    {"losses.base"},
    {"losses.regression", "losses.hinges", "losses.likelihoods", "losses.own"},
    {"losses.crossentropies"},
    {"losses.registry"},
    {"losses", "_plan"},
    {"metrics.base", "training", "_memory", "layers.symbolic"},
    {"_calls"},
    {"layers.base", "metrics.compiled", "metrics.reductions"},
    {"metrics.counts", "metrics.accuracy"},
    {"metrics.curves", "metrics.f_score", "metrics.iou", "metrics.regression"},
    {"metrics.hinges"},
    {"metrics.correlation", "metrics.probabilistic"},
    {"metrics.registry"},
    {"metrics"},
    {"layers.activation", "layers.dense", "layers.input", "layers.rectifiers", "layers.prelu"},
    {"layers.axes", "layers.affine_weights", "layers.noise", "layers.reshaping"},
    {"layers.activity_regularization", "layers.several_inputs"},
    {"layers.embedding", "layers.rescaling"},
    {"layers.batch_normalization", "layers.layer_normalization", "layers.concatenate"},
    {"layers.dot", "layers.merging", "layers.normalization"},
    {"layers.operators"},
    {"layers"},
    {"models.summary", "models.graph", "models.structure", "models.tracing"},
    {"models.network", "models.graph_config", "models.packing"},
    {"models.base", "models.objective", "models.rows", "models.sources"},
    {"models.compiled"},
    {"models.data", "models.replica"},
    {"models.online"},
    {"models.trainer"},
    {"models.model"},
    {"models.sequential", "models.cloning"},
    {"linear.passes", "linear.problem", "linear.steps"},
    {"linear.coordinates", "linear.definite", "linear.descent", "linear.minimum"},
    {"linear.answers", "linear.epochs", "linear.rows", "linear.search", "linear.anchored"},
    {"linear.least_squares", "linear.minimised", "linear.objective"},
    {"linear.predicting", "linear.streamed"},
    {"linear.solving"},
    {"linear.batch_descent", "linear.lbfgs", "linear.newton"},
    {"linear.chunks", "linear.sgd"},
    {"linear.online"},
    {"linear.model"},
    {"models", "linear"},
    {"many.claims", "many.picture", "many.progress"},
    {"many.space", "many.splits"},
    {"many.results"},
    {"many.rows"},
    {"many.job", "many.pool"},
    {"many.jobs"},
    {"many.cross_validation", "many.ensemble"},
    {"many.trials"},
    {"many.search"},
    {"many.bags", "many.halving", "many.repeats"},
    {"many"},
    {"sklearn.inputs"},
    {"sklearn.least_squares", "sklearn.logistic", "sklearn.steps"},
    {"sklearn.sgd"},
    {"sklearn.labels", "sklearn.course", "sklearn.objectives", "sklearn.common"},
    {"sklearn.network", "sklearn.making"},
    {"sklearn.perceptron"},
    {"sklearn.mlp", "sklearn.wrappers"},
    {"sklearn"},
    {"__init__"},
    {"bench", "bench.threads", "bench.side", "bench.workloads"},
    {"bench.selection", "bench.sides"},
    {"bench.sides.by_hand", "bench.sides.pytorch", "bench.sides.starting"},
    {"bench.sides.jax_scan", "bench.sides.keras_fit", "bench.sides.onnx_runtime"},
    {"bench.sides.ours", "bench.sides.scikit_learn"},
    {"bench.registry"},
    {"bench.measure", "bench.runner"},
    {"bench.picture", "bench.table", "bench.worker"},
    {"bench.command"},
    {"__main__"},
]
TIER = {module: number for number, tier in enumerate(TIERS) for module in tier}

# Third-party modules that a function may import when it is called.
PEERS = {"jax", "keras", "onnx", "onnxruntime", "sklearn", "tensorflow", "torch"}
EXTRAS = {"matplotlib", "narwhals", "optuna", "pandas", "tensorboard", "tqdm"}
OPTIONAL = {"safetensors"} | EXTRAS | PEERS


def source_files():
    """Module name below fastgd -> file."""
    files = {}
    for file in PACKAGE.rglob("*.py"):
        name = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
        files[name.removesuffix(".__init__")] = file
    return files


FILES = source_files()


def imported(node):
    """The absolute names that an import statement may load, submodules included."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert node.level == 0, f"relative import in line {node.lineno}"
    return [f"{node.module}.{alias.name}" for alias in node.names]


def own_module(name):
    """The module below fastgd that an absolute name stands for or lies in; None elsewhere."""
    first, *rest = name.split(".")
    if first != "fastgd":
        return None
    while rest and ".".join(rest) not in TIER:
        rest.pop()
    return ".".join(rest) or "__init__"


def imports_of(file):
    """The modules below fastgd that a file imports."""
    nodes = ast.walk(ast.parse(file.read_text()))
    names = [n for node in nodes if isinstance(node, IMPORTS) for n in imported(node)]
    return {own_module(name) for name in names} - {None}


IMPORTS = (ast.Import, ast.ImportFrom)
GRAPH = {module: imports_of(file) for module, file in FILES.items()}


def run(code, **environment):
    """What a fresh interpreter prints."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, env={**os.environ, **environment},
    ).stdout  # fmt: skip


def test_every_module_has_a_tier():
    assert set(FILES) - set(TIER) == set()


def test_no_tier_names_a_module_that_is_gone():
    compiled = {"_core.cpu", "_core.engine", "_core.formulas", "_core.types"}
    assert set(TIER) - set(FILES) == compiled


@pytest.mark.parametrize("module", sorted(FILES))
def test_imports_point_downwards(module):
    level = TIER[module]
    upwards = {other for other in GRAPH[module] if TIER[other] >= level}
    assert upwards == set()


def test_no_cycles():
    graphlib.TopologicalSorter(GRAPH).prepare()


@pytest.mark.parametrize("module", sorted(FILES))
def test_no_import_inside_a_function(module):
    functions = [
        node
        for node in ast.walk(ast.parse(FILES[module].read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    inner = {
        name
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, IMPORTS)
        for name in imported(node)
    }
    assert {name for name in inner if name.split(".")[0] not in OPTIONAL} == set()


def test_third_party_modules_are_loaded_at_once_by_their_own_package_only():
    own = {"sklearn": "sklearn"}  # package below fastgd -> what it is made for
    for module, file in FILES.items():
        nodes = [node for node in ast.parse(file.read_text()).body if isinstance(node, IMPORTS)]
        names = {name.split(".")[0] for node in nodes for name in imported(node)}
        assert names & OPTIONAL <= {own.get(module.split(".")[0])}, module


def test_only_the_choice_of_engine_the_face_and_the_registry_import_by_name():
    pattern = re.compile(r"\bimport_module\(|\b__import__\(")
    users = {module for module, file in FILES.items() if pattern.search(file.read_text())}
    assert users <= {"_engines", "__init__", "saving.registry"}


def test_the_compiled_core_knows_no_class_of_the_python_side():
    pattern = re.compile(r"^\s*(?:from|import|cimport)\s+fastgd\.([\w.]+)", re.MULTILINE)
    core = PACKAGE / "_core"
    sources = [
        file for file in core.rglob("*") if re.fullmatch(r"\.p(y|yx|xd|xi)", file.suffix)
    ]
    names = {name for file in sources for name in pattern.findall(file.read_text())}
    assert {name for name in names if not name.startswith("_core")} <= {"errors"}


def test_import_loads_no_third_party_module_but_numpy():
    listing = "; import sys; print(*{name.split('.')[0] for name in sys.modules})"
    without = set(run("import numpy" + listing).split())
    everything = "; [getattr(fastgd, name) for name in fastgd.__all__]"
    loaded = set(run("import fastgd" + everything + listing).split()) - without
    # Cython's run-time keeps its types in modules that it makes up
    cython = {name for name in loaded if re.fullmatch(r"cython_runtime|_cython_\w+", name)}
    assert "fastgd" in loaded
    assert loaded - cython - set(sys.stdlib_module_names) == {"fastgd"}


def test_import_takes_at_most_a_tenth_of_a_second_more_than_numpy():
    code = (
        "import numpy, time; start = time.process_time(); import fastgd;"
        "print(time.process_time() - start)"
    )
    assert min(float(run(code)) for _ in range(5)) <= 0.1


def test_import_leaves_subnormal_numbers_alone():
    code = """
import threading
import numpy as np

def halves():
    smallest = np.array([1e-40], np.float32), np.array([5e-310])
    return [(x * x.dtype.type(0.5))[0] != 0 for x in smallest]

import fastgd
from fastgd import _engines

for name in _engines.available():
    _engines.load(name)
found = halves()
thread = threading.Thread(target=lambda: found.extend(halves()))
thread.start()
thread.join()
print(*found)
"""
    assert run(code).split() == ["True"] * 4


@pytest.mark.skipif(
    not (sys.platform == "linux" and os.uname().machine == "x86_64"),
    reason="reads MXCSR by way of glibc for x86-64",
)
def test_import_leaves_the_control_register_as_it_was():
    # glibc's fenv_t for x86-64: 28 bytes of the x87, then MXCSR. Its low 6 bits are the sticky
    # exceptions, which any inexact operation sets; the others are rounding, masks, FTZ and DAZ.
    code = """
import ctypes
import numpy

def control():
    environment = (ctypes.c_uint32 * 8)()
    assert ctypes.CDLL("libm.so.6").fegetenv(environment) == 0
    return environment[7] & ~0x3F

before = control()
import fastgd
from fastgd import _engines

for name in _engines.available():
    _engines.load(name)
print(before, control())
"""
    before, after = run(code).split()
    assert before == after
    assert int(before) & 0x1F80 == 0x1F80, "not MXCSR: there all exceptions are masked"
