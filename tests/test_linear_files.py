"""Linear models as files: read back whole, resumed bit for bit, or refused."""

import io
import subprocess
import sys

import numpy as np
import pytest

from fastgd import linear, models, saving
from fastgd.errors import FastgdError, FileError
from fastgd.saving import container

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 3))
NUMBERS = X @ [1.0, -2.0, 3.0] + 0.1 * RANDOM.normal(size=40)
LABELS = np.arange(40) % 3
PLAIN = linear.SGD("constant", eta0=0.05, seed=1)
CASES = {
    "numbers": (linear.LinearModel(), PLAIN, NUMBERS),
    "several numbers": (linear.LinearModel(), PLAIN, np.c_[NUMBERS, -NUMBERS]),
    "two classes": (linear.LinearModel("log_loss", l2=0.1), linear.SGD(seed=1), LABELS % 2),
    "classes": (linear.LinearModel("hinge", l2=0.1), linear.SGD(seed=1), LABELS),
    "multinomial": (linear.LinearModel("multinomial", l2=0.1), linear.SGD(seed=1), LABELS),
    "L1": (linear.LinearModel("huber", l1=0.01, epsilon=0.7), PLAIN, NUMBERS),
    "averages": (linear.LinearModel(l2=0.1), linear.SGD(average=5, seed=1), NUMBERS),
    "quantile": (linear.LinearModel("quantile", quantile=0.9, dtype="float32"), PLAIN, NUMBERS),
    "Newton": (linear.LinearModel("log_loss", l2=0.1), linear.Newton(), LABELS % 2),
}


def fitted(case):
    prototype, solver, y = CASES[case]
    model = linear.LinearModel(**prototype.get_config()).fit(X, y, solver=solver)
    if isinstance(solver, linear.SGD):
        model.partial_fit(X[:5], y[:5])
    return model, y


def through_a_file(model):
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    return saving.load_model(file)


@pytest.mark.parametrize("case", CASES)
def test_training_resumes_bit_for_bit(case):
    model, y = fitted(case)
    again = through_a_file(model)
    assert type(again) is linear.LinearModel
    for name in ("loss", "l1", "l2", "epsilon", "quantile", "dtype", "classes", "n_iter",
                 "loss_value", "fit_intercept"):  # fmt: skip
        assert getattr(again, name) == getattr(model, name)
    assert np.array_equal(again.coef, model.coef)
    assert np.array_equal(again.predict(X), model.predict(X))
    solver = None if isinstance(CASES[case][1], linear.SGD) else PLAIN
    before = model.coef.tobytes()
    for one in (model, again):
        one.partial_fit(X[5:20], y[5:20], solver=solver)
        if y.ndim == 1:
            for row, target in zip(X[20:], y[20:], strict=True):
                one.learn_one(row, target.item())
    assert model.coef.tobytes() != before
    assert again.coef.tobytes() == model.coef.tobytes()
    assert again.intercept.tobytes() == model.intercept.tobytes()
    assert through_a_file(again).coef.tobytes() == model.coef.tobytes()


def test_names_of_columns_are_kept(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abc"))
    linear.LinearModel().fit(frame, NUMBERS).save(tmp_path / "m")
    again = models.load_model(tmp_path / "m")
    assert again.feature_names == ("a", "b", "c")
    row = {"c": X[0, 2], "a": X[0, 0], "b": X[0, 1]}
    assert again.predict_one(row) == pytest.approx(float(again.predict(X[:1])[0]))
    with pytest.raises(ValueError, match="expected the columns"):
        again.predict(frame[["b", "a", "c"]])


def test_a_model_that_was_never_fitted():
    again = through_a_file(linear.LinearModel("huber", epsilon=0.3))
    assert again.epsilon == 0.3
    with pytest.raises(ValueError, match="fit it first"):
        again.predict(X)


def test_a_fresh_process_reads_it(tmp_path):
    model, _ = fitted("two classes")
    model.save(tmp_path / "m")
    code = (
        "import sys, fastgd.saving as s; m = s.load_model(sys.argv[1]); "
        "print(type(m).__name__, m.coef.tobytes().hex())"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m")], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert found.stdout.split() == ["LinearModel", model.coef.tobytes().hex()]


def test_overwrite(tmp_path):
    model, _ = fitted("numbers")
    model.save(tmp_path / "m")
    with pytest.raises(FileExistsError):
        model.save(tmp_path / "m", overwrite=False)


def changed(change):
    """A file of a good model, after a change of its document and arrays, with a checksum."""
    file = io.BytesIO()
    fitted("L1")[0].save(file)
    document, arrays = container.unpack(file.getvalue(), "m")
    arrays = {name: np.array(array) for name, array in arrays.items()}
    change(document["linear_model"], arrays)
    return io.BytesIO(container.pack(document, arrays))


@pytest.mark.parametrize(
    "change",
    [
        lambda s, a: a.update(coef=np.zeros((2, 3))),
        lambda s, a: a.update(coef=np.zeros(3)),
        lambda s, a: a.update(coef=np.zeros((1, 0))),
        lambda s, a: a.update(owed=np.zeros((1, 0))),
        lambda s, a: a.update(owed_total=np.zeros(3)),
        lambda s, a: a.update(intercept=np.zeros((0,))),
        lambda s, a: a.update(t=np.full(1, np.nan)),
        lambda s, a: a.pop("t"),
        lambda s, a: a.update(more=np.zeros(1)),
        lambda s, a: s["solver"].update(average=True),
        lambda s, a: s["solver"].update(rate="other"),
        lambda s, a: s["solver"].update(other=1),
        lambda s, a: s.update(solver=3),
        lambda s, a: s.update(classes=2),
        lambda s, a: s.update(feature_names=["a"]),
        lambda s, a: s.pop("classes"),
        lambda s, a: s.clear(),
    ],
)
def test_what_does_not_fit_is_refused(change):
    with pytest.raises(FileError):
        saving.load_model(changed(change))


def test_another_loss_is_refused():
    def change(state, arrays):
        del state, arrays

    file = changed(change)
    document, arrays = container.unpack(file.getvalue(), "m")
    document["model"]["config"]["loss"] = "mse"
    with pytest.raises(FastgdError, match="loss: expected 'squared_error'"):
        saving.load_model(io.BytesIO(container.pack(document, arrays)))
