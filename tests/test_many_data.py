"""Data for many models: batches are refused, rows of files are read; few jobs."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from fastgd import Sequential, fit_many, layers, many, utils
from fastgd.errors import ArgumentError, DataTypeError

RNG = np.random.default_rng(8)
X = RNG.normal(size=(60, 3)).astype("float32")
Y = (X @ [1.0, 0.1, 0.01]).astype("float32")
SPLITS = many.k_fold(60, 3, shuffle=True, seed=2)


def make(units=2):
    model = Sequential([layers.Dense(units, "tanh", input_shape=(3,)), layers.Dense(1)])
    model.compile("adam", "mse")
    return model


# -- what gives batches ------------------------------------------------------------------------


def batches():
    yield X[:30], Y[:30]
    yield X[30:], Y[30:]


class Batches(utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, i):
        return X[30 * i : 30 * i + 30], Y[30 * i : 30 * i + 30]


CALLS = {
    "cross_validate": lambda x: many.cross_validate(make, x, None, 2),
    "bagging": lambda x: many.bagging(make, x, None, 2),
    "search": lambda x: many.parameter_search(make, [{}], x, None, 2),
    "halving": lambda x: many.successive_halving(make, [{}], x, None, 2),
    "seeds": lambda x: many.seeds(make, 2, x, rows=[0, 1]),
    "predict": lambda x: many.Ensemble([make()]).predict(x),
}


@pytest.mark.parametrize("source", [batches, Batches, lambda: iter([(X, Y)])])
@pytest.mark.parametrize("name", CALLS)
def test_batches_are_refused_where_rows_are_chosen(name, source):
    with pytest.raises(DataTypeError, match=r"^x: many models read it.*give arrays"):
        CALLS[name](source())


def test_what_ends_is_refused_and_what_begins_again_is_not():
    with pytest.raises(DataTypeError, match=r"^x: many models read it"):
        many.seeds(make, 2, batches())
    with pytest.raises(DataTypeError, match=r"^validation_data: x: many models read it"):
        many.parameter_search(make, [{}], X, Y, validation_data=(batches(), None))
    with pytest.raises(DataTypeError, match=r"^y: many models read it"):
        many.cross_validate(make, X, (value for value in Y), 2)
    assert len(many.seeds(make, 2, Batches()).models) == 2


# -- rows that lie in files --------------------------------------------------------------------


class Dataset:
    """As a dataset of h5py: read by slices, or by ascending row numbers without repetition."""

    def __init__(self, array):
        self._array, self.shape, self.dtype = array, array.shape, array.dtype
        self.chunks = (7, *array.shape[1:])

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        if isinstance(rows, (list, np.ndarray)) and not (np.diff(rows) > 0).all():
            raise TypeError("Indexing elements must be in increasing order")
        return self._array[rows]

    def __array__(self, dtype=None, copy=None):
        return np.array(self._array, dtype=dtype)


ROWS = np.array([9, 3, 3, 40, 9, 0, 59, 3])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weighted", [False, True])
def test_repeated_and_unsorted_rows_of_files(dtype, weighted):
    weights = np.linspace(0.5, 2, 60)
    found = []
    for kind in (np.asarray, Dataset):
        x, y = kind(X.astype(dtype)), kind(Y)
        utils.set_random_seed(1)
        model = make()
        history = model.fit(
            x, y, rows=ROWS, validation_rows=ROWS[::-1], batch_size=3, epochs=2, verbose=0,
            sample_weight=kind(weights) if weighted else None,
        )  # fmt: skip
        found.append((history.history, model.predict(x, rows=ROWS).tolist()))
        found[-1] += (model.evaluate(x, y, rows=ROWS, verbose=0),)
    assert found[0] == found[1]


@pytest.mark.parametrize("kind", [make, LogisticRegression])
def test_many_models_of_files(kind):
    labels = (np.median(Y) < Y).astype("float32")
    found = []
    for file in (np.asarray, Dataset):
        x, y = file(X), file(labels)
        score = None if kind is make else (lambda y, p: float(np.mean(p[:, 1] * y)))
        bag = many.bagging(kind, x, y, 4, seed=1, score=score)
        folds = many.cross_validate(
            kind, x, y, SPLITS, predict=True, seed=1, prepare=StandardScaler()
        )
        found.append((bag.predictions.tolist(), bag.scores, folds.predictions.tolist()))
    assert str(found[0]) == str(found[1])


# -- none, one, and fewer than threads ---------------------------------------------------------


@pytest.mark.parametrize("kind", [list, iter])
def test_as_many_jobs_as_there_are(kind):
    jobs = [{"model": make, "x": X, "y": Y}]
    for count in (0, 1):
        assert len(fit_many(kind(jobs * count), 8)) == count
        assert len(list(many.as_completed(kind(jobs * count), 8))) == count


def test_one_model_on_more_threads_is_that_on_one():
    calls = (
        lambda n: many.bagging(make, X, Y, 1, n_jobs=n, seed=1).models[0],
        lambda n: many.seeds(make, [1], X, Y, n_jobs=n).models[0],
        lambda n: many.cross_validate(make, X, Y, SPLITS[:1], n_jobs=n, seed=1).models[0],
        lambda n: many.parameter_search(make, [{}], X, Y, 2, n_jobs=n, seed=1).refit(),
    )
    for call in calls:
        assert call(8).parameters.tobytes() == call(1).parameters.tobytes()


@pytest.mark.parametrize(
    "call",
    [
        lambda: many.bagging(make, X, Y, 0),
        lambda: many.seeds(make, [], X, Y),
        lambda: many.cross_validate(make, X, Y, []),
        lambda: many.Ensemble([]),
    ],
)
def test_no_models_are_refused(call):
    with pytest.raises(ArgumentError, match=r"none|got 0"):
        call()
