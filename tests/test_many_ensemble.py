"""Ensembles: averages as NumPy takes them, whatever the rows and the threads."""

import io

import numpy as np
import pytest
from engines import assert_same
from numpy.testing import assert_allclose, assert_array_equal

from fastgd import Sequential, layers, many, utils
from fastgd.errors import ArgumentError, DataTypeError, FileError, ShapeError
from fastgd.many import ensemble as module


def networks(count, outputs=1, dtype="float32"):
    utils.set_random_seed(4)
    activation = "sigmoid" if outputs == 1 else "softmax"
    return [
        Sequential(
            [
                layers.Dense(5, activation="tanh", bias_initializer="normal", input_shape=(3,)),
                layers.Dense(outputs, activation=activation),
            ],
            dtype=dtype,
        )
        for _ in range(count)
    ]


def rows(count):
    return np.random.default_rng(7).normal(size=(count, 3)).astype("float32")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_mean_and_standard_deviation(count, outputs, dtype):
    models = networks(count, outputs, dtype)
    x = rows(31)
    mean, std = many.Ensemble(models).predict(x, return_std=True)
    predictions = np.array([model.predict(x) for model in models], dtype="float64")
    assert mean.shape == std.shape == (31, outputs)
    assert mean.dtype == std.dtype == dtype
    tolerance = {"rtol": 4 * np.finfo(dtype).eps, "atol": 4 * np.finfo(dtype).eps}
    assert_allclose(mean, predictions.mean(axis=0), **tolerance)
    assert_allclose(std, predictions.std(axis=0), **tolerance)


def test_a_row_has_the_same_bits_in_any_company_and_for_any_threads(monkeypatch):
    ensemble = many.Ensemble(networks(5))
    x = rows(23)
    whole = ensemble.predict(x, return_std=True)
    for n_jobs in (2, -1):
        assert_same(ensemble.predict(x, return_std=True, n_jobs=n_jobs), whole)
    alone = [ensemble.predict(x[i : i + 1], return_std=True) for i in range(23)]
    assert_same(np.concatenate(alone, axis=1), whole)
    monkeypatch.setattr(module, "BLOCK", 20)  # four rows at a time
    assert_same(ensemble.predict(x, return_std=True, n_jobs=2), whole)
    assert ensemble.predict(x[:0]).shape == (0, 1)


def test_classes():
    x = rows(50)
    three = many.Ensemble(networks(4, outputs=3))
    expected = np.argmax(sum(model.predict(x).astype(float) for model in three.models), axis=1)
    assert_array_equal(three.predict_classes(x), expected)
    assert len(set(expected.tolist())) > 1
    two = many.Ensemble(networks(4))
    expected = sum(model.predict(x)[:, 0].astype(float) for model in two.models) > 2
    assert_array_equal(two.predict_classes(x), expected)
    assert two.predict_classes(x).dtype == np.int64
    assert 0 < expected.sum() < 50


def test_lists_and_frames():
    ensemble = many.Ensemble(networks(3))
    x = rows(9)
    expected = ensemble.predict(x)
    assert_array_equal(ensemble.predict(x.tolist()), expected)
    for name in ("pandas", "polars"):
        frames = pytest.importorskip(name)
        frame = frames.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2]})
        assert_array_equal(ensemble.predict(frame), expected)
        unnamed = frames.DataFrame(x)  # pandas calls its columns by numbers
        assert_array_equal(ensemble.predict(unnamed), expected)


class Probable:
    """An estimator as scikit-learn has them."""

    classes_ = np.array(["good", "bad"])

    def __init__(self, bad):
        self.bad = bad

    def predict_proba(self, x):
        return np.tile([1 - self.bad, self.bad], (len(x), 1))

    def predict(self, x):
        raise AssertionError("classes are not to be averaged")


def test_estimators_give_probabilities_and_classes():
    ensemble = many.Ensemble([Probable(0.2), Probable(0.9), Probable(0.7)])
    assert_allclose(ensemble.predict(rows(2)), [[0.4, 0.6]] * 2)
    assert ensemble.predict_classes(rows(2)).tolist() == ["bad", "bad"]


def test_what_is_no_ensemble():
    with pytest.raises(ArgumentError, match="at least one"):
        many.Ensemble([])
    with pytest.raises(DataTypeError, match="expected a model at place 1, got 3"):
        many.Ensemble([Probable(0.1), 3])

    class Hinge:
        classes_ = (0, 1)
        predict = None

    with pytest.raises(DataTypeError, match="Hinge at place 0 gives classes"):
        many.Ensemble([Hinge()])
    with pytest.raises(ShapeError, match="differ in shape"):
        many.Ensemble(networks(1) + networks(1, outputs=3)).predict(rows(2))
    with pytest.raises(DataTypeError, match="return_std"):
        many.Ensemble(networks(1)).predict(rows(2), return_std="yes")


# -- files -------------------------------------------------------------------------------------


def test_a_file_of_an_ensemble_goes_on_to_the_bit(tmp_path):
    models = networks(3)
    x = rows(40)
    y = x[:, 0] > 0
    for model in models:
        model.compile("adam", "binary_crossentropy")
        model.fit(x, y, epochs=2, verbose=0)
    path = tmp_path / "bag.safetensors"
    many.Ensemble(models).save(path)
    loaded = many.Ensemble.load(path)
    assert_array_equal(loaded.predict(x), many.Ensemble(models).predict(x))
    for model, other in zip(models, loaded.models, strict=True):
        model.fit(x, y, verbose=0)
        other.fit(x, y, verbose=0)
        assert_array_equal(other.parameters, model.parameters)
    assert many.Ensemble.load(path, compile=False).models[0].optimizer is None
    with pytest.raises(FileExistsError):
        loaded.save(path, overwrite=False)


def test_files_of_something_else():
    file = io.BytesIO()
    networks(1)[0].save(file)
    file.seek(0)
    with pytest.raises(FileError, match="the file holds no ensemble"):
        many.Ensemble.load(file)
    with pytest.raises(DataTypeError, match="Probable at place 1 is no model of fastgd"):
        many.Ensemble([*networks(1), Probable(0.5)]).save(io.BytesIO())
