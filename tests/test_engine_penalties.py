"""Penalties and constraints in the engines: each build against the reference, and by hand."""

from dataclasses import replace

import numpy as np
import pytest
from engines import (
    FOR_EVER,
    LINEAR,
    RELU,
    TANH,
    Net,
    distance,
    each_build,
    each_dtype,
    each_engine,
    flat,
    job_of,
    train_job,
)

from fastgd._core.formulas import Loss
from fastgd._core.types import (
    CONSTRAINT_ROW,
    PENALTY_ROW,
    Constraint,
    Penalty,
    Reduction,
    Status,
)

MSE = Loss.LOSS_MEAN_SQUARED_ERROR
SHAPES = [
    (1, 1),
    (1, 5),
    (5, 1),
    (2, 3),
    (3, 2),
    (16, 4),
    (17, 33),
    (33, 17),
    (64, 64),
    (65, 130),
]
# a shared penalty depends on the batch: see test_regularizers
KNOWN = [
    kind for kind in Penalty if kind not in (Penalty.PENALTY_GIVEN, Penalty.PENALTY_SHARED)
]

each_kind = pytest.mark.parametrize("kind", KNOWN, ids=lambda kind: kind.name)


def regular(net, penalties=(), constraints=(), given=None):
    """Give a net penalties and constraints; `given` are gradients of PENALTY_GIVEN."""
    behind = np.zeros_like(net.start) if given is None else given
    net.plan = replace(
        net.plan,
        penalties=np.array(list(penalties), PENALTY_ROW),
        constraints=np.array(list(constraints), CONSTRAINT_ROW),
        penalty_gradients=flat(behind, net.dtype),
    )
    return net


def one_kernel(shape, dtype, kind, first=0.3, second=0.7, seed=0):
    """A net of one penalised kernel, and rows for which its loss is 0 without the penalty."""
    net = Net([*shape], [LINEAR], MSE, dtype, biases=False, seed=seed)
    regular(net, [(kind, 0, *shape, first, second)])
    return net, np.zeros((3, shape[0]), dtype), np.zeros((3, shape[1]), dtype)


def value_and_gradient(net, build, x, y):
    """The penalty as the loss of a row, and the gradient."""
    run = net.run(build)
    run.gradients[:] = np.nan
    assert run.program.gradients(x, y, run.totals) == Status.STATUS_FINE
    assert run.totals[0] == pytest.approx(3 * run.program.penalty(), rel=1e-15, abs=0)
    return run.program.penalty(), run.gradients.copy()


def by_hand(kind, w, first, second):
    """The formulas, in double precision and pair by pair."""
    w = np.asarray(w, np.float64)
    if kind == Penalty.PENALTY_L1L2:
        return sum(first * abs(v) + second * v * v for v in w.ravel())
    vectors = w if kind == Penalty.PENALTY_ORTHOGONAL_ROWS else w.T
    cosines = [
        abs(a @ b) / (np.sqrt(a @ a) * np.sqrt(b @ b))
        for i, a in enumerate(vectors)
        for b in vectors[:i]
    ]
    return first * sum(cosines) / max(len(cosines), 1)


@each_engine
@each_dtype
@each_kind
@pytest.mark.parametrize("shape", SHAPES)
def test_the_value_by_hand(build, dtype, kind, shape):
    net, x, y = one_kernel(shape, dtype, kind)
    value, _ = value_and_gradient(net, build, x, y)
    expected = by_hand(kind, net.start.reshape(shape), 0.3, 0.7)
    assert value == pytest.approx(expected, rel=2e-6 if dtype == np.float32 else 1e-13)


@each_engine
@each_kind
@pytest.mark.parametrize("shape", [(1, 4), (4, 1), (2, 3), (5, 7), (17, 5)])
def test_the_gradient_is_that_of_the_value(build, kind, shape):
    net, x, y = one_kernel(shape, np.float64, kind)
    _, gradient = value_and_gradient(net, build, x, y)
    h = 1e-6
    run = net.run(build)
    differences = np.empty_like(gradient)
    for i in range(len(gradient)):
        for side in (1, -1):
            run.parameters[i] = net.start[i] + side * h
            value = run.program.penalty()
            differences[i] = value if side > 0 else (differences[i] - value) / (2 * h)
        run.parameters[i] = net.start[i]
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-8)


@each_build
@each_dtype
@each_kind
@pytest.mark.parametrize("shape", SHAPES)
def test_value_and_gradient_agree_with_the_reference(build, dtype, kind, shape):
    net, x, y = one_kernel(shape, dtype, kind, seed=3)
    value, gradient = value_and_gradient(net, build, x, y)
    expected_value, expected_gradient = value_and_gradient(net, "reference", x, y)
    tolerance = 2e-6 if dtype == np.float32 else 1e-12
    assert value == pytest.approx(expected_value, rel=tolerance)
    size = np.abs(expected_gradient).max()
    if kind != Penalty.PENALTY_L1L2:
        # differences of sums of n - 1 numbers up to 1, over the norms: they may cancel
        w = net.start.reshape(shape)
        vectors = w if kind == Penalty.PENALTY_ORTHOGONAL_ROWS else w.T
        size = 2 * 0.3 / len(vectors) / np.linalg.norm(vectors, axis=1).min()
    assert np.abs(gradient - expected_gradient).max() <= tolerance * size


@each_engine
@each_dtype
def test_where_the_absolute_value_has_its_kink(build, dtype):
    net, x, y = one_kernel((2, 3), dtype, Penalty.PENALTY_L1L2, 0.5, 0.0)
    tiny = np.finfo(dtype).smallest_subnormal
    net.start[:] = [0.0, -0.0, tiny, -tiny, 2.0, -2.0]
    value, gradient = value_and_gradient(net, build, x, y)
    assert value == pytest.approx(2.0, rel=1e-15)
    np.testing.assert_array_equal(gradient, np.array([0, 0, 0.5, -0.5, 0.5, -0.5], dtype))


@each_engine
@each_dtype
@pytest.mark.parametrize("kind", [k for k in KNOWN if "ORTHOGONAL" in k.name])
def test_orthogonal_vectors_and_vectors_of_zeros_have_no_gradient(build, dtype, kind):
    net, x, y = one_kernel((4, 4), dtype, kind)
    net.start[:] = np.diag([2.0, 0.0, 3.0, 0.0]).ravel()
    value, gradient = value_and_gradient(net, build, x, y)
    assert value == 0
    assert not gradient.any()


@each_engine
@each_dtype
@pytest.mark.parametrize("length", [1e-30, 1e-8, 1e-6])
def test_short_vectors_are_divided_by_epsilon(build, dtype, length):
    # u = w / 1e-7 for the short one, whose penalty then grows with its length
    net, x, y = one_kernel((2, 2), dtype, Penalty.PENALTY_ORTHOGONAL_ROWS, 1.0)
    net.start[:] = [length * 0.6, length * 0.8, 1.0, 0.0]
    value, gradient = value_and_gradient(net, build, x, y)
    divisor = max(length, 1e-7)
    np.testing.assert_allclose(value, 0.6 * length / divisor, rtol=1e-6)
    if length < 1e-7:
        expected = [1e7, 0, 0, 0.8 * length / 1e-7]
    else:  # the projections of the other vector across each
        expected = [0.64 / length, -0.48 / length, 0, 0.8]
    np.testing.assert_allclose(gradient, expected, rtol=2e-6, atol=1e-6 * abs(value))


@each_engine
@each_dtype
def test_a_penalty_that_is_not_finite_changes_nothing(build, dtype):
    net, x, y = one_kernel((3, 2), dtype, Penalty.PENALTY_L1L2, 0.0, 1e300)
    net.start[:] = np.finfo(dtype).max / 4
    run = net.run(build, "momentum")
    assert run.train(x, y, 1, 3) == (0, Status.STATUS_LOSS)
    np.testing.assert_array_equal(run.parameters, net.start)
    assert not run.totals.any()
    # a factor of 0 is no penalty, however large the weights are
    net, x, y = one_kernel((3, 2), np.float64, Penalty.PENALTY_L1L2, 0.0, 0.0)
    net.start[:] = 1e200
    assert value_and_gradient(net, build, x, y)[0] == 0


@each_engine
@each_dtype
def test_a_gradient_of_a_penalty_is_looked_at_for_finiteness(build, dtype):
    net, x, y = one_kernel((3, 2), dtype, Penalty.PENALTY_L1L2, 0.0, 1e-2)
    regular(net, [(Penalty.PENALTY_GIVEN, 0, 3, 2, 1.0, 0.0)], given=np.full(6, np.inf))
    run = net.run(build)
    assert run.train(x, y, 1, 3) == (0, Status.STATUS_GRADIENT)
    np.testing.assert_array_equal(run.parameters, net.start)


def all_of_it(dtype, seed=0):
    """A net with every kind of penalty and of constraint."""
    net = Net([6, 17, 33, 9, 2], [TANH, RELU, TANH, LINEAR], MSE, dtype, seed=seed)
    kernels = [(row["kernel"], net.plan.widths[row["source"]], net.plan.widths[row["target"]])
               for row in net.plan.rows]  # fmt: skip
    biases = [(row["bias"], 1, net.plan.widths[row["target"]]) for row in net.plan.rows]
    rng = np.random.default_rng(seed)
    penalties = [
        (Penalty.PENALTY_L1L2, *kernels[0], 1e-3, 1e-2),
        (Penalty.PENALTY_L1L2, *kernels[2], 0.0, 1e-2),
        (Penalty.PENALTY_ORTHOGONAL_COLUMNS, *kernels[1], 1e-2, 0.0),
        (Penalty.PENALTY_ORTHOGONAL_ROWS, *kernels[3], 1e-2, 0.0),
        (Penalty.PENALTY_L1L2, *biases[1], 1e-3, 0.0),
        (Penalty.PENALTY_GIVEN, *biases[2], 0.125, 0.0),
    ]
    norm = Constraint.CONSTRAINT_NORM
    constraints = [
        (norm, kernels[0][0], 1, *kernels[0][1:], 0.0, 0.5, 1.0, 1e-7),
        (norm, *kernels[1], 1, 0.8, 0.9, 0.3, 1e-7),
        (norm, kernels[2][0], 1, kernels[2][1] * kernels[2][2], 1, 1.0, 1.0, 1.0, 1e-7),
        (Constraint.CONSTRAINT_NON_NEGATIVE, *biases[1], 1, 0.0, 0.0, 1.0, 1e-7),
    ]
    return regular(net, penalties, constraints, given=rng.normal(size=len(net.start)) * 1e-3)


@each_build
@each_dtype
@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "adam", "rmsprop"])
@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_training_agrees_with_the_reference(build, dtype, optimizer, batch_size):
    net = all_of_it(dtype)
    x, y = net.data(64)
    run, expected = net.run(build, optimizer), net.run("reference", optimizer)
    for each in (run, expected):
        _, status = each.train(x, y, batch_size, 60, rates=0.002)
        assert status == Status.STATUS_FINE
    tolerance = 2e-5 if dtype == np.float32 else 1e-11
    assert distance(run.parameters, expected.parameters) < tolerance
    np.testing.assert_allclose(run.totals, expected.totals, rtol=tolerance)
    assert distance(run.parameters, net.start) > 1e-2


@each_build
@each_dtype
@pytest.mark.parametrize("batch_size", [1, 33, 300])
def test_threads_and_pieces_change_no_bit(build, dtype, batch_size):
    net = all_of_it(dtype)
    x, y = net.data(300)
    whole = net.run(build, "adam")
    whole.train(x, y, batch_size, 9, shuffle=False, rates=0.01)
    for threads in (2, 3, 5):
        shared = net.run(build, "adam", threads=threads)
        shared.train(x, y, batch_size, 9, shuffle=False, rates=0.01)
        np.testing.assert_array_equal(shared.parameters, whole.parameters)
        np.testing.assert_array_equal(shared.totals, whole.totals)
    pieces = net.run(build, "adam")
    steps = min(9, -(-300 // batch_size))
    job = job_of(x, y, None, 0, batch_size, np.array([0.01]))
    for k in range(9):
        step = k % steps
        train_job(pieces, job, step, step + 1, FOR_EVER)
    np.testing.assert_array_equal(pieces.parameters, whole.parameters)
    np.testing.assert_array_equal(pieces.totals, whole.totals)


@each_build
@each_dtype
def test_a_single_unit_row_by_row(build, dtype):
    # without penalties and constraints this takes a way of its own
    loss = Loss.LOSS_BINARY_CROSSENTROPY_LOGITS
    for penalties, constraints in (
        ([(Penalty.PENALTY_L1L2, 0, 5, 1, 0.1, 0.2)], []),
        ([], [(Constraint.CONSTRAINT_NORM, 0, 1, 5, 1, 0.0, 0.3, 1.0, 1e-7)]),
    ):
        net = regular(Net([5, 1], [None], loss, dtype), penalties, constraints)
        x, y = net.data(40)
        run, expected = net.run(build), net.run("reference")
        for each in (run, expected):
            each.train(x, y, 1, 40, rates=0.05)
        tolerance = 2e-6 if dtype == np.float32 else 1e-13
        assert distance(run.parameters, expected.parameters) < tolerance
        np.testing.assert_allclose(run.totals, expected.totals, rtol=tolerance)


NORMS = [(0.0, 0.5, 1.0), (1.0, 1.0, 1.0), (0.4, 0.9, 0.25), (0.0, 0.0, 1.0), (2.0, 3.0, 1.0)]


def projected(build, w, seen_as, limits, kind=Constraint.CONSTRAINT_NORM):
    """w after a step of rate 0 under a constraint, and what stands around it."""
    n = w.size
    net = Net([n + 5, 1], [LINEAR], MSE, w.dtype.type, biases=False)
    net.start[:] = 7
    net.start[3 : 3 + n] = w.ravel()
    regular(net, constraints=[(kind, 3, *seen_as, *limits, 1e-7)])
    run = net.run(build)
    x, y = np.zeros((2, n + 5), w.dtype), np.zeros((2, 1), w.dtype)
    assert run.train(x, y, 2, 1, rates=0.0)[1] == Status.STATUS_FINE
    assert (run.parameters[[0, 1, 2, -2, -1]] == 7).all()
    return run.parameters[3 : 3 + n].reshape(w.shape)


def norms_by_hand(w, low, high, rate):
    """Vector by vector along the middle axis, in double precision."""
    found = np.array(w, np.float64)
    for i in range(w.shape[0]):
        for j in range(w.shape[2]):
            norm = np.sqrt(sum(float(v) ** 2 for v in w[i, :, j]))
            if not low <= norm <= high:
                wanted = rate * min(max(norm, low), high) + (1 - rate) * norm
                found[i, :, j] *= wanted / (1e-7 + norm)
    return found


@each_engine
@each_dtype
@pytest.mark.parametrize("limits", NORMS)
@pytest.mark.parametrize(
    "seen_as", [(1, 1, 1), (1, 6, 1), (1, 40, 1), (5, 17, 1), (1, 7, 23), (3, 4, 5), (2, 1, 16)]
)
def test_norms_by_hand(build, dtype, limits, seen_as):
    rng = np.random.default_rng(4)
    w = (rng.normal(size=seen_as) * rng.choice([0.01, 0.3, 2], seen_as)).astype(dtype)
    found = projected(build, w, seen_as, limits)
    expected = norms_by_hand(w, *limits)
    np.testing.assert_allclose(found, expected, rtol=2e-7 if dtype == np.float32 else 1e-14)
    # within its bounds a vector keeps its bits
    low, high, _ = limits
    norms = np.sqrt(np.square(w, dtype=np.float64).sum(axis=1, keepdims=True))
    kept = np.broadcast_to((norms > low) & (norms < high), w.shape)
    np.testing.assert_array_equal(found[kept], w[kept])


@each_engine
@each_dtype
@pytest.mark.parametrize("seen_as", [(1, 3, 1), (3, 2, 1), (1, 3, 5), (1, 2, 21)])
def test_norms_of_zeros_of_tiny_and_of_huge_numbers(build, dtype, seen_as):
    info = np.finfo(dtype)
    for scale, tolerance in ((0.0, 0), (info.smallest_subnormal, 0.3), (info.max / 4, 1e-6)):
        w = np.full(seen_as, scale, dtype)
        for limits in ((0.0, 2.0, 1.0), (1.0, 1.0, 1.0)):
            found = projected(build, w, seen_as, limits).astype(np.float64)
            assert np.isfinite(found).all()
            if scale < 1:  # the divisor is 1e-7
                expected = w if limits[0] == 0 else w.astype(np.float64) / 1e-7
            else:
                expected = np.full(seen_as, limits[1] / np.sqrt(seen_as[1]))
            np.testing.assert_allclose(found, expected, rtol=tolerance)


@each_engine
@each_dtype
def test_no_negative_numbers(build, dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    w = np.array([-1.0, -0.0, 0.0, tiny, -tiny, 3.0] * 4, dtype)
    found = projected(build, w, (1, 24, 1), (0, 0, 1), Constraint.CONSTRAINT_NON_NEGATIVE)
    np.testing.assert_array_equal(found, np.array([0, 0, 0, tiny, 0, 3] * 4, dtype))
    assert not np.signbit(found).any()


ACTIVITIES = {"l1": (0.3, 0.0), "l2": (0.0, 0.2), "both": (0.3, 0.2)}


def with_activity(net, buffer, factors):
    """The loss of a net, and a penalty on the values of a buffer as one more term."""
    terms = net.plan.losses
    place = len(net.plan.settings)
    term = (Loss.LOSS_ACTIVITY, buffer, 0, 0, -1, place, Reduction.REDUCTION_MEAN, 1.0, 0, 0, 0)
    net.plan = replace(
        net.plan,
        losses=np.concatenate([terms, np.array([term], terms.dtype)]),
        settings=np.concatenate([net.plan.settings, factors]),
        totals_size=net.plan.totals_size + 2,
    )
    return net


@each_build
@each_dtype
@pytest.mark.parametrize("factors", ACTIVITIES.values(), ids=ACTIVITIES)
@pytest.mark.parametrize("activation", [RELU, TANH, LINEAR], ids=lambda a: a.name)
@pytest.mark.parametrize("width", [1, 7, 33])
def test_activities_agree_with_the_reference(build, dtype, factors, activation, width):
    net = Net([4, width, 3], [activation, LINEAR], MSE, dtype)
    with_activity(net, int(net.plan.rows[0]["target"]), factors)
    x, y = net.data(50)
    run, expected = net.run(build, "momentum"), net.run("reference", "momentum")
    for each in (run, expected):
        assert each.train(x, y, 8, 30, rates=0.01)[1] == Status.STATUS_FINE
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert distance(run.parameters, expected.parameters) < tolerance
    np.testing.assert_allclose(run.totals, expected.totals, rtol=tolerance)
