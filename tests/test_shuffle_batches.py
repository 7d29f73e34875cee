"""shuffle="batch": the batches of an epoch in a random order, their rows in their own."""

import numpy as np
import pytest
from engines import FOR_EVER, Net, each_engine, engine, job_of, train_job
from problems import network, regression, spy_on

from fastgd import callbacks, config, many, reference, utils
from fastgd._core.formulas import Loss
from fastgd.errors import ArgumentError
from fastgd.sklearn import Regressor

X, Y = regression(50)


def groups_of(order, size):
    """The groups of neighbours that an order consists of, by number, and the rows left over."""
    order = np.asarray(order)
    whole = len(order) // size * size
    groups = order[:whole].reshape(-1, size)
    assert (groups % size == np.arange(size)).all()
    assert (groups // size == groups[:, :1] // size).all()
    return (groups[:, 0] // size).tolist(), order[whole:].tolist()


@each_engine
@pytest.mark.parametrize(("n", "together"), [
    (0, 1), (1, 1), (5, 1), (5, 2), (6, 2), (6, 3), (7, 7), (7, 9), (64, 7), (4097, 13),
    (4097, 4096), (1000, 1),
])  # fmt: skip
@pytest.mark.parametrize("key", [0, 77, 2**64 - 1])
def test_groups_take_the_places_of_rows(build, key, n, together):
    order = engine(build).permutation(key, n, together)
    assert order.dtype == np.int64
    groups, rest = groups_of(order, together)
    assert groups == reference.permutation(key, n // together).tolist()
    assert rest == list(range(n // together * together, n))


@each_engine
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_job_takes_batches_in_this_order(build, dtype, threads):
    net = Net([3, 5, 1], [None, None], Loss.LOSS_MEAN_SQUARED_ERROR, dtype)
    x, y = net.data(50)
    shuffled, sorted_ = net.run(build, threads=threads), net.run(build)
    order, rates = np.zeros(50, np.int64), np.array([0.05])
    job = job_of(x, y, order, 77, 7, rates)
    job.together = 7
    train_job(shuffled, job, 0, 3, FOR_EVER)
    train_job(shuffled, job, 3, 8, FOR_EVER)
    expected = reference.permutation(77, 50, 7)
    np.testing.assert_array_equal(order, expected)
    train_job(sorted_, job_of(x[expected], y[expected], None, 77, 7, rates), 0, 8, FOR_EVER)
    np.testing.assert_array_equal(shuffled.parameters, sorted_.parameters)
    np.testing.assert_array_equal(shuffled.totals, sorted_.totals)


def compiled(optimizer="adam"):
    utils.set_random_seed(1)
    model = network()
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def trained(x=X, y=Y, **arguments):
    model = compiled()
    arguments = {"batch_size": 8, "epochs": 4, "verbose": 0, "shuffle": "batch"} | arguments
    model.fit(x, y, **arguments)
    return model


@pytest.mark.parametrize("rows", [None, np.arange(49, 5, -1)])
def test_fit_is_steps_over_batches_in_a_drawn_order(engine, rows, monkeypatch):
    model = compiled()
    spy = spy_on(model, monkeypatch)
    model.fit(X, Y, batch_size=8, epochs=3, verbose=0, shuffle="batch", rows=rows)
    taken = [groups_of(call.order, 8) for call in spy.calls]
    drawn = [tuple(groups) for groups, _ in taken]
    count = 50 if rows is None else len(rows)
    assert len(set(drawn)) == 3  # each epoch anew; by chance once in 720 or 120 orders
    assert all(sorted(groups) == list(range(count // 8)) for groups in drawn)
    by_hand, chosen = compiled(), np.arange(50) if rows is None else rows
    for groups, rest in taken:
        for batch in [*(range(8 * g, 8 * g + 8) for g in groups), rest]:
            by_hand.train_on_batch(X[chosen[batch]], Y[chosen[batch]])
    np.testing.assert_array_equal(model.parameters, by_hand.parameters)


def test_all_ways_and_threads_have_the_same_bits(engine, monkeypatch):
    monkeypatch.setattr(config, "threads", lambda n=None: 1 if n is None else n)
    expected = trained()
    assert trained(shuffle=True).parameters.tobytes() != expected.parameters.tobytes()
    assert trained(shuffle=False).parameters.tobytes() != expected.parameters.tobytes()
    for model in (
        trained(shuffle=np.str_("batch")),
        trained(n_jobs=2), trained(n_jobs=3), trained(np.asfortranarray(X)),
        trained(callbacks=[callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: None)]),
        trained(np.concatenate([X, X]), np.concatenate([Y, Y]), rows=range(50)),
        trained(np.concatenate([X, X]), np.concatenate([Y, Y]), validation_split=0.5),
    ):  # fmt: skip
        assert model.parameters.tobytes() == expected.parameters.tobytes()
        assert model.history.history["loss"] == expected.history.history["loss"]


def test_a_file_that_is_read_by_batches(engine, tmp_path):
    np.save(tmp_path / "x.npy", X.astype("float64"))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert trained(x).parameters.tobytes() == trained().parameters.tobytes()
    assert trained(x, batch_size=60).parameters.tobytes() == (
        trained(batch_size=60).parameters.tobytes()
    )


class Batches(utils.PyDataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        return X[8 * index : 8 * index + 8], Y[8 * index : 8 * index + 8]


def test_the_batches_of_a_dataset_are_shuffled_either_way():
    expected = trained(Batches(), None, batch_size=None, shuffle=True)
    found = trained(Batches(), None, batch_size=None)
    assert found.parameters.tobytes() == expected.parameters.tobytes()


def test_batches_of_all_rows_or_of_one():
    whole = trained(batch_size=50)
    assert (
        whole.parameters.tobytes() == trained(batch_size=50, shuffle=False).parameters.tobytes()
    )
    single = trained(batch_size=1)
    assert (
        single.parameters.tobytes() == trained(batch_size=1, shuffle=True).parameters.tobytes()
    )


class Stop(callbacks.Callback):
    """Raises an error after some batches."""

    def __init__(self, batches):
        super().__init__()
        self.left = batches

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise InterruptedError


@pytest.mark.parametrize("steps", [None, 3])
def test_an_interrupted_training_resumes_to_the_same_bits(engine, tmp_path, steps):
    expected = trained(steps_per_epoch=steps)

    def again(*others):
        backup = callbacks.BackupAndRestore(tmp_path, save_freq=1, double_checkpoint=False)
        return trained(steps_per_epoch=steps, callbacks=[backup, *others])

    with pytest.raises(InterruptedError):
        again(Stop(9))
    assert again().parameters.tobytes() == expected.parameters.tobytes()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_many_models_pass_it_on(n_jobs):
    seeds = [3, 4, 5]
    base = compiled()
    rows = np.arange(1, 50)
    jobs = [
        {"model": base.replicate, "x": X, "y": Y, "rows": rows, "seed": seed, "epochs": 3,
         "batch_size": 8, "shuffle": "batch", "validation_data": (X, Y)}
        for seed in seeds
    ]  # fmt: skip
    found = many.fit_many(jobs, n_jobs=n_jobs)
    for seed, result in zip(seeds, found, strict=True):
        (alone,) = many.fit_many([jobs[seed - 3] | {"callbacks": [callbacks.Callback()]}])
        assert result.model.parameters.tobytes() == alone.model.parameters.tobytes()
        assert result.history.history == alone.history.history
    (rowwise,) = many.fit_many([jobs[0] | {"shuffle": True}])
    assert rowwise.model.parameters.tobytes() != found[0].model.parameters.tobytes()


def test_cross_validation_passes_it_on():
    splits = many.walk_forward(50, 10, train=30)
    found = [
        many.cross_validate(
            compiled().replicate, X, Y, splits, shuffle=shuffle, batch_size=8, epochs=2, seed=1
        ).scores["test_loss"]
        for shuffle in ("batch", False)
    ]
    assert np.isfinite(found).all()
    assert (found[0] != found[1]).all()


def test_a_wrapper_passes_it_on():
    def fitted(shuffle, size=8):
        model = Regressor(epochs=3, batch_size=size, shuffle=shuffle, random_state=1)
        return model.fit(X, Y[:, 0]).model_.parameters.tobytes()

    assert len({fitted("batch"), fitted(True), fitted(False)}) == 3
    assert fitted("batch", 60) == fitted(False, 60)
    with pytest.raises(ValueError, match="'shuffle' parameter of Regressor must be"):
        fitted("rows")


@pytest.mark.parametrize("bad", ["batches", "", "True"])
def test_other_words_are_refused(bad):
    with pytest.raises(ArgumentError, match=r"^shuffle: expected True, False or 'batch', got"):
        trained(shuffle=bad)
