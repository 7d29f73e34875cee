"""Linear models whose rows or chunks ranks share: the bits of a fit by one process."""

import numpy as np
import pytest
from communicators import OneRank, on_ranks
from linear_problems import CSR

from fastgd import gradient_descent, linear
from fastgd._engine.ranks import digest
from fastgd.errors import (
    ArgumentError,
    DataError,
    DataTypeError,
    DivergenceError,
    RankError,
    ShapeError,
)
from fastgd.linear import LBFGS, SGD, GradientDescent, LinearModel, Newton

RANKS = [1, 2, 3, 5]

#: A loss, its settings, and a solver.
FITS = {
    "Newton": ("log_loss", {"l2": 0.01}, Newton()),
    "Newton with L1": ("log_loss", {"l1": 0.02}, Newton()),
    "Newton, multinomial": ("multinomial", {"l2": 0.01}, Newton()),
    "LBFGS": ("poisson", {"l2": 0.01}, LBFGS()),
    "LBFGS with L1": ("log_loss", {"l1": 0.02}, LBFGS()),
    "LBFGS, one against the rest": ("modified_huber", {"l2": 0.1}, LBFGS()),
    "descent": ("hinge", {"l1": 0.01}, GradientDescent(0.1, 20)),
    "descent, multinomial": ("multinomial", {}, GradientDescent(0.1, 20)),
    "least squares": ("squared_error", {"fit_intercept": False}, Newton()),
    "least squares, three outputs": ("squared_error", {"l2": 0.1}, Newton()),
    "least squares, three outputs, descent": ("squared_error", {}, GradientDescent(0.1, 9)),
}

each_fit = pytest.mark.parametrize("name", FITS)


def table(name, n=1500, d=7, seed=0):
    """x, y, weights and offsets, of which the fit wants some."""
    loss = FITS[name][0]
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.7)
    if loss == "poisson":
        return x, rng.poisson(np.exp(x[:, 0])), None, rng.normal(size=n) / 4
    weights = rng.choice([0.0, 0.5, 2.0], n)
    if "three" in name:
        return x, x[:, :3] + rng.normal(size=(n, 3)), weights, None
    if loss == "squared_error":
        return x, x[:, 0] + rng.normal(size=n), weights, rng.normal(size=n)
    several = loss in ("multinomial", "modified_huber")
    return x, (x[:, 0] > rng.normal(size=n)) + several * rng.integers(0, 2, n), weights, None


def chunked(parts, sizes=(400, 300, 500, 300)):
    """Chunks of unequal sizes; no weight of the second is above 0 where there are weights."""
    ends = np.cumsum(sizes)
    chunks = [
        tuple(None if a is None else a[end - size : end] for a in parts)
        for end, size in zip(ends, sizes, strict=True)
    ]
    if chunks[1][2] is not None:
        chunks[1] = (*chunks[1][:2], np.zeros(sizes[1]), chunks[1][3])
    return chunks


class Walked:
    """Chunks that can only be walked, not counted or indexed."""

    def __init__(self, chunks):
        self.chunks = chunks

    def __iter__(self):
        return iter(self.chunks)


def result(model):
    """Return the results of a fit with all their bits."""
    return digest(model.coef, model.intercept), model.n_iter, model.loss_value


def fit(name, data, comm=None, **options):
    loss, settings, solver = FITS[name]
    parts = {}
    if isinstance(data, tuple):
        x, parts["y"], parts["sample_weight"], parts["offset"] = data
    else:
        x = data
    model = LinearModel(loss, **settings)
    return result(model.fit(x, **parts, solver=solver, comm=comm, **options))


@each_fit
def test_chunks_of_ranks_give_the_bits_of_a_local_fit(engine, name):
    chunks = chunked(table(name))
    expected = fit(name, chunks)
    assert expected[1] > 0
    for size in RANKS:
        assert on_ranks(size, lambda comm: fit(name, chunks, comm)) == [expected] * size
    assert fit(name, chunks, OneRank()) == expected
    walked = on_ranks(3, lambda comm: fit(name, Walked(chunks), comm))
    assert walked == [expected] * 3


@each_fit
def test_rows_of_ranks_give_the_bits_of_a_local_fit(engine, name):
    data = table(name)
    expected = fit(name, data)
    for size in RANKS:
        assert on_ranks(size, lambda comm: fit(name, data, comm)) == [expected] * size


@pytest.mark.filterwarnings("ignore::fastgd.errors.ConvergenceWarning")
@pytest.mark.parametrize(("n", "d"), [(1, 1), (70, 3), (900, 70), (700, 300)])
@pytest.mark.parametrize("kind", ["dense", "float32", "sparse"])
@pytest.mark.parametrize("solver", [Newton, LBFGS])
def test_rows_of_any_shape(n, d, kind, solver):
    rng = np.random.default_rng([n, d])
    x = rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.4)
    y = rng.integers(0, 2, n)
    x = {"dense": x, "float32": x.astype(np.float32), "sparse": CSR(x)}[kind]

    def found(comm, n_jobs):
        model = LinearModel("log_loss", l2=0.5)
        return result(model.fit(x, y, solver=solver(max_iter=3), comm=comm, n_jobs=n_jobs))

    expected = found(None, 1)
    for size in (2, 3):
        assert on_ranks(size, lambda comm: found(comm, 1 + comm.rank)) == [expected] * size


def test_the_fit_goes_on_from_the_weights_it_has():
    chunks = chunked(table("Newton"))

    def twice(comm):
        model = LinearModel("log_loss", l2=0.01).fit(chunks, solver=Newton(), comm=comm)
        model.fit(chunks[::-1], solver=LBFGS(1e-9), comm=comm, warm_start=True)
        return result(model)

    assert on_ranks(2, twice) == [twice(None)] * 2


def test_sums_that_are_gathered_piece_by_piece(monkeypatch):
    chunks = chunked(table("Newton"))
    expected = fit("Newton", chunks)
    monkeypatch.setattr(linear.distributed, "GATHERED", 13)
    assert on_ranks(3, lambda comm: fit("Newton", chunks, comm)) == [expected] * 3


class Watched:
    """Chunks that note which of them are read."""

    def __init__(self, chunks):
        self.chunks, self.read = chunks, set()

    def __len__(self):
        return len(self.chunks)

    def __getitem__(self, i):
        if i >= len(self.chunks):
            raise IndexError(i)
        self.read.add(i)
        return self.chunks[i]


def test_a_rank_reads_only_the_first_chunk_and_its_own():
    chunks = chunked(table("Newton"), (100,) * 15)

    def read(comm):
        watched = Watched(chunks)
        fit("Newton", watched, comm)
        return watched.read

    assert on_ranks(3, read) == [
        {0, 1, 2, 3, 4}, {0, 5, 6, 7, 8, 9}, {0, 10, 11, 12, 13, 14},
    ]  # fmt: skip


each_method = pytest.mark.parametrize("method", ["auto", "direct", "gram"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 70, 3000])
@pytest.mark.parametrize("k", [1, 3])
@each_method
def test_gradient_descent_of_ranks_gives_the_bits_of_a_local_one(engine, method, n, k, dtype):
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=(n, 5)).astype(dtype), rng.normal(size=(n, k)).astype(dtype)

    def found(comm=None):
        start = np.full((5, k), 0.5)
        return digest(gradient_descent(x, y, start, 0.3 / n, 40, method, comm=comm))

    for size in RANKS:
        assert on_ranks(size, found) == [found()] * size


@each_method
def test_divergence_of_a_descent_is_that_of_a_local_one(method):
    x, y = np.full((200, 2), 1e3), np.ones(200)

    def failed(comm=None):
        with pytest.raises(DivergenceError, match="not finite after iteration") as caught:
            gradient_descent(x, y, np.zeros(2), 1.0, 1000, method, comm=comm)
        return caught.value.step

    assert on_ranks(2, failed) == [failed()] * 2


def refused(size, call, name):
    """Make a call that all ranks refuse, since the last one has another value of something."""
    for error in on_ranks(size, call):
        assert isinstance(error, RankError), error
        assert f"rank {size - 1} of {size} has another value of {name}" in str(error)


def with_one_value_changed(x, y, weights, offset):
    changed = x.copy()
    changed[700] += 1e-9
    return changed, y, weights, offset


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda data: (data[0], data[1][::-1], *data[2:]), "the data"),
        (lambda data: with_one_value_changed(*data), "the data"),
        (lambda data: tuple(a if a is None else a[:-1] for a in data), "the data"),
        (lambda data: (data[0].astype(np.float32), *data[1:]), "the data"),
        (lambda data: (*data[:2], None, None), "the data"),
    ],
)
def test_other_rows_on_one_rank_are_refused_on_all(change, name):
    data = table("Newton", 1000)
    other = change(data)
    refused(3, lambda comm: fit("Newton", other if comm.rank == 2 else data, comm), name)


@pytest.mark.parametrize(
    ("sizes", "name"), [((400, 1100), "the data"), ((400, 300, 800), "the number of chunks")]
)
def test_other_chunks_on_one_rank_are_refused_on_all(sizes, name):
    data = table("Newton")
    usual, other = chunked(data, (750, 750)), chunked(data, sizes)
    refused(3, lambda comm: fit("Newton", other if comm.rank == 2 else usual, comm), name)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("the solver", lambda model: {"solver": Newton(tol=1e-3)}),
        ("the model", lambda model: setattr(model, "l2", 0.5) or {}),
        ("the number of classes", lambda model: {"classes": 3}),
    ],
)
def test_another_call_on_one_rank_is_refused_on_all(name, change):
    x, y, _, _ = table("Newton")

    def call(comm):
        model = LinearModel("multinomial")
        given = {"solver": Newton()} | (change(model) if comm.rank == 2 else {})
        return model.fit(x, y, comm=comm, **given)

    refused(3, call, name)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("alpha, iterations and method", {"alpha": 0.2}),
        ("alpha, iterations and method", {"method": "gram"}),
        ("theta", {"theta": np.ones(2)}),
        ("the data", {"y": np.arange(9.0)}),
    ],
)
def test_another_descent_on_one_rank_is_refused_on_all(name, change):
    usual = {
        "x": np.ones((9, 2)), "y": np.ones(9), "theta": np.zeros(2), "alpha": 0.1,
        "iterations": 5, "method": "direct",
    }  # fmt: skip
    refused(
        2,
        lambda comm: gradient_descent(**usual | (change if comm.rank else {}), comm=comm),
        name,
    )


@pytest.mark.parametrize(
    ("chunk", "error", "message"),
    [
        ((np.full((5, 7), np.nan), np.zeros(5)), DataError, "x: nan"),
        ((np.ones((5, 6)), np.zeros(5)), ShapeError, "x: the first chunk has 7 columns"),
        ((np.ones((5, 7)), np.zeros(4)), ShapeError, "different numbers of rows"),
        (3, DataTypeError, "x: expected chunks"),
    ],
)
def test_a_chunk_of_one_rank_that_is_refused_fails_all(chunk, error, message):
    chunks = [*chunked(table("Newton")), chunk]

    def call(comm):
        model = LinearModel("log_loss").fit(chunks[:4], solver=LBFGS())
        before = result(model)
        try:
            model.fit(chunks, solver=Newton(), comm=comm)
        except Exception as failed:
            assert result(model) == before
            return failed

    first, second = on_ranks(2, call)
    assert isinstance(second, error)
    assert message in str(second)
    assert isinstance(first, RankError)
    assert f"LinearModel.fit: rank 1 failed: {error.__name__}: {second}" in str(first)


@pytest.mark.parametrize(
    "call",
    [
        lambda comm, x, y: LinearModel().fit(x, y, comm=comm),
        lambda comm, x, y: gradient_descent(x, y, np.zeros(2), 0.1, 3, comm=comm),
    ],
)
def test_arguments_that_one_rank_refuses_fail_all(call):
    x, y = np.ones((9, 2)), np.arange(9.0)
    bad = x.copy()
    bad[7] = np.inf
    first, second = on_ranks(2, lambda comm: call(comm, bad if comm.rank else x, y))
    assert isinstance(second, DataError)
    assert isinstance(first, RankError)
    assert "rank 1 failed: DataError: x: inf at row 7" in str(first)


class Fading(Walked):
    """Chunks that become fewer."""

    def __iter__(self):
        self.chunks = self.chunks[:-1]
        return iter(self.chunks)


def test_chunks_that_become_fewer_are_refused():
    chunks = chunked(table("Newton"))
    with pytest.raises(DataError, match="expected 2 chunks, as before, but they end with"):
        LinearModel("log_loss").fit(Fading(chunks), solver=Newton(), comm=OneRank())


def test_what_ranks_cannot_share_is_refused():
    x, y, *_ = table("Newton")
    chunks = [(x, y)]
    for data, solver in (((x, y), SGD()), ((chunks,), None), ((chunks,), SGD())):
        with pytest.raises(ArgumentError, match=r"solver: ranks cannot share SGD; use Newton"):
            LinearModel("log_loss").fit(*data, solver=solver, comm=OneRank())
    with pytest.raises(ArgumentError, match="a generator can be read only once"):
        LinearModel("log_loss").fit(iter(chunks), solver=Newton(), comm=OneRank())
    with pytest.raises(DataTypeError, match="comm: expected a communicator"):
        LinearModel("log_loss").fit(x, y, comm=2)
    with pytest.raises(DataTypeError, match="comm: expected a communicator"):
        gradient_descent(x, y, np.zeros(7), 0.1, 3, comm="world")


def test_the_data_of_a_user_stay_as_they_are():
    data = [None if a is None else a.copy() for a in table("Newton")]
    fit("Newton", tuple(data), OneRank())
    for array, before in zip(data, table("Newton"), strict=True):
        np.testing.assert_array_equal(array, before)
