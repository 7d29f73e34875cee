"""The harness: every compiled build and the reference engine behind one door.

A test that takes ``build`` runs on each build; one that this CPU cannot run is skipped with the
reason. ``Net`` makes what the builder of a model would make: the layer table, flat vectors, the
optimizer's state.
"""

import hashlib
from dataclasses import dataclass, field

import numpy as np
import pytest

from fastgd import config, metrics, reference
from fastgd._core import cpu, types
from fastgd._core.engine import Job
from fastgd._core.formulas import Activation, Loss
from fastgd._core.types import Op, Update
from fastgd._engine import builds

BUILDS = ("baseline", "avx2", "avx512", "wide")

#: Time enough for every run.
FOR_EVER = 1e9


def missing(build):
    """Why a build cannot run here, or None."""
    # "wide" has the tiles of the AVX-512 build and the instructions of the AVX2 build
    needs = "avx2" if build == "wide" else build
    if needs not in cpu.supported():
        return f"this CPU cannot run the {build} build"
    if not builds.built(build):
        return f"the {build} build was not made"
    return None


def params(builds):
    """Builds as parameters of a test, those that cannot run marked to be skipped."""
    return [
        pytest.param(
            build,
            marks=pytest.mark.skipif(missing(build) is not None, reason=str(missing(build))),
        )
        for build in builds
    ]


each_build = pytest.mark.parametrize("build", params(BUILDS))
each_engine = pytest.mark.parametrize("build", ["reference", *params(BUILDS)])
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["f32", "f64"])


def engine(build):
    """The engine over the kernels of a build, or the reference engine."""
    return reference if build == "reference" else builds.compiled(build)


@dataclass
class Plan:
    rows: np.ndarray
    widths: np.ndarray
    outputs: np.ndarray
    losses: np.ndarray
    metrics: np.ndarray
    target_width: int
    parameter_count: int
    settings: np.ndarray = field(default_factory=lambda: np.zeros(8))
    work_size: int = 0
    penalties: np.ndarray = field(default_factory=lambda: np.zeros(0, types.PENALTY_ROW))
    constraints: np.ndarray = field(default_factory=lambda: np.zeros(0, types.CONSTRAINT_ROW))
    penalty_gradients: np.ndarray = field(default_factory=lambda: np.zeros(0))
    functions: tuple = ()
    keep: tuple = ()
    totals_size: int = 0


@dataclass
class State:
    kind: int
    settings: np.ndarray
    slots: np.ndarray
    iterations: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))
    segments: np.ndarray | None = None
    options: np.ndarray | None = None
    squares: np.ndarray | None = None


#: name -> (kind, settings, slots), each with the learning rate that the training tests use.
OPTIMIZERS = {
    "sgd": (Update.UPDATE_SGD, (0.0, 0.0), 0),
    "momentum": (Update.UPDATE_SGD, (0.9, 0.0), 1),
    "nesterov": (Update.UPDATE_SGD, (0.9, 1.0), 1),
    "rmsprop": (Update.UPDATE_RMSPROP, (0.9, 0.0, 1e-3, 0.0), 1),
    "rmsprop momentum": (Update.UPDATE_RMSPROP, (0.9, 0.5, 1e-3, 0.0), 2),
    "rmsprop centered": (Update.UPDATE_RMSPROP, (0.9, 0.0, 1e-3, 1.0), 2),
    "rmsprop both": (Update.UPDATE_RMSPROP, (0.9, 0.5, 1e-3, 1.0), 3),
    "adam": (Update.UPDATE_ADAM, (0.9, 0.999, 1e-3, 0.0), 2),
}


def state(name, n, dtype):
    """A new state of an optimizer for n parameters."""
    kind, settings, slots = OPTIMIZERS[name]
    return State(int(kind), np.array(settings), np.zeros((slots, n + types.PADDING), dtype))


LINEAR, RELU, SIGMOID, TANH, SOFTMAX = (
    Activation.ACTIVATION_LINEAR,
    Activation.ACTIVATION_RELU,
    Activation.ACTIVATION_SIGMOID,
    Activation.ACTIVATION_TANH,
    Activation.ACTIVATION_SOFTMAX,
)

#: The activation that a loss's predictions come from; a fused loss takes what goes into it.
OUTPUT = {
    Loss.LOSS_MEAN_SQUARED_ERROR: LINEAR,
    Loss.LOSS_MEAN_ABSOLUTE_ERROR: LINEAR,
    Loss.LOSS_BINARY_CROSSENTROPY: SIGMOID,
    Loss.LOSS_BINARY_CROSSENTROPY_LOGITS: SIGMOID,
    Loss.LOSS_CATEGORICAL_CROSSENTROPY: SOFTMAX,
    Loss.LOSS_CATEGORICAL_CROSSENTROPY_LOGITS: SOFTMAX,
    Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY: SOFTMAX,
    Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS: SOFTMAX,
}
LOSSES = tuple(OUTPUT)
FUSED = tuple(loss for loss in LOSSES if loss.name.endswith("LOGITS"))
SPARSE = tuple(loss for loss in LOSSES if "SPARSE" in loss.name)


def flat(values, dtype, behind=np.nan):
    """A flat vector with the room behind it that the engine asks for, filled with `behind`."""
    values = np.asarray(values, dtype).ravel()
    room = np.full(len(values) + types.PADDING, behind, dtype)
    room[: len(values)] = values
    return room[: len(values)]


def room_behind(vector):
    """The elements behind a vector made by flat."""
    return vector.base[len(vector) :]


def row(op, kind, source, target, *, second=-1, kernel=-1, bias=-1, settings=0):
    """A row of a layer table."""
    values = dict.fromkeys(types.ROW.names, -1) | {
        "op": op, "kind": kind, "source": source, "second": second, "target": target,
        "kernel": kernel, "bias": bias, "settings": settings, "trains": 1,
    }  # fmt: skip
    return tuple(int(values[name]) for name in types.ROW.names)


class Net:
    """A network of dense layers, its arrays and its programs.

    Parameters
    ----------
    widths : sequence of int
        Of the input and of each dense layer.
    activations : sequence of Activation or None
        One a layer; None leaves the row out. In place, except where a fused loss needs what
        comes before it.
    loss : Loss
    metrics : sequence of fastgd.metrics.Metric
    biases : bool
    in_place : bool
        Whether dense layers are activated as they are computed, not by rows of their own.
    weighted : bool
        Whether y ends in a column of weights, which the metrics look at.
    """

    def __init__(
        self,
        widths,
        activations,
        loss,
        dtype,
        *,
        metrics=(),
        biases=True,
        in_place=True,
        weighted=False,
        seed=0,
    ):
        rng = np.random.default_rng(seed)
        rows, buffers, values = [], [widths[0]], []
        source = 0
        offset = 0
        for k, (inputs, width, kind) in enumerate(
            zip(widths, widths[1:], activations, strict=False)
        ):
            buffers.append(width)
            target = len(buffers) - 1
            bias = offset + inputs * width if biases else -1
            rows.append(row(Op.OP_DENSE, 0, source, target, kernel=offset, bias=bias))
            offset += inputs * width + (width if biases else 0)
            values.append(rng.normal(size=inputs * width) / np.sqrt(inputs))
            if biases:
                values.append(0.1 * rng.normal(size=width))
            source = target
            last = k == len(widths) - 2
            if last:
                loss_source = source
            if kind is not None and in_place and not (last and loss in FUSED):
                rows[-1] = (Op.OP_DENSE, int(kind), *rows[-1][2:])
            elif kind is not None:
                buffers.append(width)
                rows.append(row(Op.OP_ACTIVATION, kind, source, len(buffers) - 1))
                source = len(buffers) - 1
            if last and loss not in FUSED:
                loss_source = source
        self.dtype = dtype
        self.loss = loss
        self.inputs, self.outputs = widths[0], widths[-1]
        columns = 1 if loss in SPARSE else widths[-1]
        self.metric_names = [metric.name for metric in metrics]
        totals, settings, metric_terms = types.TERM_TOTALS + 2, [0.0] * 8, []
        for metric in metrics:
            term = (metric.code, source, 0, columns, columns if weighted else -1,
                    len(settings), totals)  # fmt: skip
            metric_terms.append(term)
            settings += metric.settings()
            totals += metric.totals_size(widths[-1])
        self.plan = Plan(
            rows=np.array(rows, types.ROW),
            widths=np.array(buffers, np.int64),
            outputs=np.array([source], np.int64),
            losses=np.array(
                [(loss, loss_source, 0, columns, -1, 0, 0, 1.0, 0, 0, 0)], types.LOSS_TERM
            ),
            metrics=np.array(metric_terms, types.METRIC_TERM),
            target_width=columns + weighted,
            parameter_count=offset,
            settings=np.array(settings, np.float64),
            totals_size=totals,
        )
        self.start = np.concatenate(values).astype(dtype)

    def totals(self):
        return np.zeros(self.plan.totals_size)

    def data(self, n, seed=0):
        """x and fitting targets y of n rows."""
        rng = np.random.default_rng(1000 + seed)
        x = rng.normal(size=(n, self.inputs)).astype(self.dtype)
        kind = OUTPUT[self.loss]
        if kind == LINEAR:
            y = rng.normal(size=(n, self.outputs))
        elif kind == SIGMOID:
            y = rng.integers(0, 2, (n, self.outputs))
        elif self.loss in SPARSE:
            y = rng.integers(0, self.outputs, (n, 1))
        else:
            y = np.eye(self.outputs)[rng.integers(0, self.outputs, n)]
        return x, y.astype(self.dtype)

    def run(self, build, optimizer="sgd", threads=1):
        """A fresh Run of this network on one engine."""
        return Run(self, build, optimizer, threads)


def figures(totals):
    """[loss, metrics ..., rows] of totals, as sums: what most tests look at."""
    return np.array([*totals[types.TERM_TOTALS :: 2], totals[1]])


def job_of(x, y, order, key, batch_size, rates):
    """Return a Job of one epoch, of which `train_job` does some steps."""
    job = Job(x, y, batch_size, order=order)
    job.key, job.rates = key, rates
    return job


def train_job(run, job, first, last, seconds, threads=1):
    """Train on the steps first ... last - 1; return the step reached and the Status."""
    job.step, job.last, job.done = first, last, 0
    job.state, job.totals, job.seconds, job.threads = run.state, run.totals, seconds, threads
    status = run.program.train(job)
    return job.step, status


class Run:
    """A program with its own copy of the parameters, and the optimizer's state."""

    def __init__(self, net, build, optimizer, threads):
        self.net = net
        self.threads = threads
        self.parameters = flat(net.start, net.dtype)
        self.gradients = flat(np.zeros_like(net.start), net.dtype)
        self.state = state(optimizer, len(net.start), net.dtype)
        self.program = engine(build).Program(net.plan, self.parameters, self.gradients)
        self.totals = net.totals()

    def train(self, x, y, batch_size, steps, *, rates=0.01, shuffle=True, first_epoch=0):
        """Train `steps` steps, over as many epochs as it takes; (step, Status) of the last."""
        rates = np.atleast_1d(np.asarray(rates, np.float64))
        order = np.empty(len(x), np.int64) if shuffle else None
        per_epoch = -(-len(x) // batch_size)
        epoch = first_epoch
        while steps > 0:
            last = min(steps, per_epoch)
            job = job_of(x, y, order, 0x9E3779B97F4A7C15 ^ epoch, batch_size, rates)
            step, status = train_job(self, job, 0, last, FOR_EVER, self.threads)
            if step < last:
                break
            steps -= last
            epoch += 1
        return step, status

    def evaluate(self, x, y):
        totals = self.net.totals()
        assert self.program.evaluate(x, y, 0, totals, FOR_EVER, self.threads) == len(x)
        return totals

    def predict(self, x):
        out = np.full((len(x), self.net.outputs), np.nan, self.net.dtype)
        assert self.program.predict(x, out, 0, FOR_EVER, self.threads) == len(x)
        return out


def digest(*arrays):
    """SHA-256 of the arrays' bytes."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def assert_same(found, expected):
    """Compare numbers, arrays, and tuples, lists and dicts of them: the bits must be the same.

    Of the reference engine only the numbers: its products are NumPy's, whose bits may depend on
    the CPU, on how many rows there are, and on where they lie.
    """
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        found, expected = list(found.values()), list(expected.values())
    if isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif config.engine() == "reference":
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    else:
        np.testing.assert_array_equal(found, expected)
        assert np.asarray(found).tobytes() == np.asarray(expected).tobytes()  # 0.0 is not -0.0


def distance(a, b):
    """The norm of a - b, relative to that of b."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.linalg.norm(a - b) / max(np.linalg.norm(b), np.finfo(np.float64).tiny)


def covering(factors, seed=0):
    """Rows of choices in which each pair of values of any two factors occurs.

    factors: a dict of name -> values. Greedy: each row takes an uncovered pair, and then factor
    by factor the value that covers most.
    """
    rng = np.random.default_rng(seed)
    names = list(factors)
    counts = [len(factors[name]) for name in names]
    left = {
        (a, i, b, j)
        for b in range(len(names))
        for a in range(b)
        for i in range(counts[a])
        for j in range(counts[b])
    }
    rows = []
    while left:
        a, i, b, j = min(left)
        chosen = {a: i, b: j}
        for c in range(len(names)):
            if c not in chosen:
                gains = [
                    sum(
                        (min((c, v), (d, w)) + max((c, v), (d, w))) in left
                        for d, w in chosen.items()
                    )
                    for v in range(counts[c])
                ]
                best = np.flatnonzero(np.array(gains) == max(gains))
                chosen[c] = int(rng.choice(best))
        pairs = {(p, chosen[p], q, chosen[q]) for q in chosen for p in chosen if p < q}
        left -= pairs
        rows.append({names[c]: factors[names[c]][v] for c, v in sorted(chosen.items())})
    return rows


POINT_METRICS = (
    metrics.MeanSquaredError(),
    metrics.MeanAbsoluteError(),
    metrics.BinaryAccuracy(),
)


def metrics_for(loss):
    """The metrics that the targets of a loss allow."""
    if loss in SPARSE:
        return (metrics.SparseCategoricalAccuracy(),)
    if OUTPUT[loss] == SOFTMAX:
        return (*POINT_METRICS, metrics.CategoricalAccuracy())
    return POINT_METRICS
