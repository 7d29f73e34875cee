"""Models in files: the way there and back, and training that goes on."""

import io
import json
import os
import stat

import numpy as np
import pytest
import safetensors.numpy
from problems import CASES, compiled, data, network, regression

import fastgd
from fastgd import Sequential, layers, losses, models, optimizers, saving
from fastgd._registry import names
from fastgd.errors import (
    ArgumentError,
    DataTypeError,
    FastgdError,
    FileError,
    NotBuiltError,
    ShapeError,
    UnknownNameError,
)
from fastgd.privacy import DPSGD
from fastgd.saving import container, state

X, Y = regression(60)


def trained(optimizer="adam", epochs=2, **kwargs):
    model = network(**kwargs)
    model.compile(optimizer, "mse", metrics=["mae"])
    model.fit(X, Y, epochs=epochs, verbose=0)
    return model


def content(model):
    """All that a model is, as it would stand in a file."""
    arrays = {name: array.tobytes() for name, array in state.arrays_of(model).items()}
    return state.document_of(model), arrays


def through_a_file(model, **kwargs):
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    return models.load_model(file, **kwargs)


OPTIMIZERS = {
    name: value
    for name, value in vars(optimizers).items()
    if isinstance(value, type)
    and issubclass(value, optimizers.Optimizer)
    and value is not optimizers.Optimizer
}


# ---------------------------------------------------------------- there and back


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_a_loaded_model_is_the_model(case, dtype, tmp_path):
    x, y = data(case, dtype=dtype)
    model = compiled(case, dtype, "rmsprop")
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    again = models.load_model(tmp_path / "model.keras")
    assert content(again) == content(model)
    assert again.dtype == dtype and again.name == model.name
    assert again.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sequential(),
        lambda: Sequential([layers.Dense(2)]),
        lambda: Sequential([layers.Dense(2, input_shape=(3,))], name="näme/☃"),
        lambda: Sequential([layers.Input((3,)), layers.Activation("tanh")]),
        lambda: Sequential([layers.Dense(2, use_bias=False, input_dim=3, dtype="float64")]),
    ],
    ids=["empty", "not built", "not compiled", "without weights", "without bias"],
)
def test_models_in_every_state(make):
    model = make()
    again = through_a_file(model)
    assert content(again) == content(model)
    assert (again.built, again.dtype) == (model.built, model.dtype)


def test_a_model_built_by_its_data_is_built_after_loading():
    model = Sequential([layers.Dense(2, "relu"), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(through_a_file(model).predict(X), model.predict(X))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_after_loading_goes_on_to_the_bit(name, engine):
    def fresh():
        fastgd.utils.set_random_seed(5)
        names.reset_names()
        model = network()
        model.compile(OPTIMIZERS[name](), "mse")
        return model

    whole, half = fresh(), fresh()
    whole.fit(X, Y, epochs=3, batch_size=7, verbose=0)
    half.fit(X, Y, epochs=3, batch_size=7, verbose=0)
    half = through_a_file(half)
    first = whole.fit(X, Y, epochs=3, batch_size=7, verbose=0).history
    second = half.fit(X, Y, epochs=3, batch_size=7, verbose=0).history
    assert first == second
    assert content(half) == content(whole)


@pytest.mark.parametrize(
    "arguments",
    [{"momentum": 0.9, "nesterov": True}, {"learning_rate": 1 / 3}],
    ids=["nesterov", "rate"],
)
def test_arguments_of_an_optimizer_are_kept(arguments):
    model = trained(optimizers.SGD(**arguments))
    model.optimizer.learning_rate /= 7
    again = through_a_file(model)
    assert again.optimizer.get_config() == model.optimizer.get_config()
    assert again.optimizer.iterations == model.optimizer.iterations
    assert through_a_file(again, compile=False).optimizer is None


def test_the_same_model_gives_the_same_bytes():
    model = trained()
    assert len({container.pack(*_packed(model)) for _ in range(5)}) == 1


def _packed(model):
    return state.document_of(model), state.arrays_of(model)


def test_other_programs_read_the_weights(tmp_path):
    model = trained()
    model.save(tmp_path / "m")
    arrays = safetensors.numpy.load_file(tmp_path / "m")
    np.testing.assert_array_equal(arrays["weights/dense_1/kernel"], model.layers[1].kernel)


def test_saving_leaves_the_model_alone():
    model = trained()
    before = content(model)
    through_a_file(model)
    assert content(model) == before


# ---------------------------------------------------------------- weights alone


def test_weights_there_and_back(tmp_path):
    model, other = trained(), network()
    model.save_weights(tmp_path / "w.weights.h5")
    other.load_weights(str(tmp_path / "w.weights.h5"))
    np.testing.assert_array_equal(other.parameters, model.parameters)
    model.save(tmp_path / "whole")
    other.set_weights([0 * w for w in other.get_weights()])
    other.load_weights(tmp_path / "whole")
    np.testing.assert_array_equal(other.parameters, model.parameters)


def test_weights_that_do_not_fit_are_refused_with_both_shapes(tmp_path):
    trained().save_weights(tmp_path / "w")
    other = network(outputs=2)
    before = other.parameters.tobytes()
    with pytest.raises(
        ShapeError, match=r"'dense_2/kernel' is \(4, 1\) in the file and \(4, 2\)"
    ):
        other.load_weights(tmp_path / "w")
    assert other.parameters.tobytes() == before


def test_skip_mismatch_leaves_out_whole_layers(tmp_path):
    model = trained()
    model.save_weights(tmp_path / "w")
    other = network(hidden=((5, "tanh"), (4, "relu"), (1, None)), outputs=1)
    before = other.get_weights()
    with pytest.warns(UserWarning, match="'dense_2/kernel'|'dense_3/kernel' is missing"):
        other.load_weights(tmp_path / "w", skip_mismatch=True)
    after, given = other.get_weights(), model.get_weights()
    for k in range(6):
        np.testing.assert_array_equal(after[k], given[k])
    for k in range(6, 8):
        np.testing.assert_array_equal(after[k], before[k])
    other = network(outputs=2)
    before = other.get_weights()
    with pytest.warns(UserWarning, match="'dense_2/bias'.*skipped"):
        other.load_weights(tmp_path / "w", skip_mismatch=True)
    for k, weight in enumerate(other.get_weights()):
        np.testing.assert_array_equal(weight, (given if k < 4 else before)[k])


def test_weights_need_a_built_model(tmp_path):
    with pytest.raises(NotBuiltError):
        Sequential([layers.Dense(1)]).save_weights(tmp_path / "w")
    assert os.listdir(tmp_path) == []
    trained().save_weights(tmp_path / "w")
    with pytest.raises(NotBuiltError):
        Sequential([layers.Dense(1)]).load_weights(tmp_path / "w")
    with pytest.raises(FileError, match="weights alone"):
        models.load_model(tmp_path / "w")


# ---------------------------------------------------------------- the state of training


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_state_brings_training_back(name, tmp_path):
    model = trained(OPTIMIZERS[name]())
    before = content(model)
    saving.save_state(model, tmp_path / "state")
    first = model.fit(X, Y, epochs=2, verbose=0).history
    saving.load_state(model, tmp_path / "state")
    assert content(model) == before
    assert model.fit(X, Y, epochs=2, verbose=0).history == first


def test_a_state_of_another_model_or_optimizer_changes_nothing(tmp_path):
    saving.save_state(trained("adam"), tmp_path / "state")
    trained("adam").save_weights(tmp_path / "weights")
    for other, error, path in (
        (trained("rmsprop"), FileError, "state"),
        (trained("adam", hidden=((2, "relu"),)), FastgdError, "state"),
        (trained("adam"), FileError, "weights"),
    ):
        before = content(other)
        with pytest.raises(error):
            saving.load_state(other, tmp_path / path)
        assert content(other) == before
    with pytest.raises(NotBuiltError):
        saving.load_state(Sequential([layers.Dense(1)]), tmp_path / "state")
    with pytest.raises(FileError, match="state: the file holds weights alone"):
        models.load_model(tmp_path / "state")


# ---------------------------------------------------------------- files


def test_a_new_file_obeys_the_umask_and_an_old_one_keeps_its_mode(tmp_path):
    model = network()
    before = os.umask(0o027)
    try:
        model.save(tmp_path / "new")
        os.chmod(tmp_path / "new", 0o600)
        model.save(tmp_path / "new")
        model.save(tmp_path / "other")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("new", "other")]
    assert modes == [0o600, 0o640]
    assert sorted(os.listdir(tmp_path)) == ["new", "other"]


def test_overwrite(tmp_path):
    path = tmp_path / "m"
    network().save(path, overwrite=False)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite"):
        network().save(path, overwrite=False)
    assert path.read_bytes() == before
    network(outputs=3).save(path)
    assert models.load_model(path).output_shape == (None, 3)
    assert os.listdir(tmp_path) == ["m"]


def test_a_link_goes_on_pointing_at_the_file(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "m")
    network().save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert os.listdir(tmp_path / "folder") == ["m"]


def test_what_is_no_file_is_not_replaced(tmp_path):
    for path in (tmp_path, os.devnull):
        with pytest.raises(ArgumentError, match="no file"):
            network().save(path)
    with pytest.raises(FileNotFoundError):
        network().save(tmp_path / "nowhere" / "m")
    with pytest.raises(DataTypeError, match="path"):
        network().save(3)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "m"
    network().save(path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        network(outputs=2).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m"]


# ---------------------------------------------------------------- what is refused


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        models.load_model(tmp_path / "m")
    with pytest.raises(FileNotFoundError):
        network().load_weights(tmp_path / "m")


def with_note(note):
    return safetensors.numpy.save({"a": np.zeros(3)}, {container.KEY: note})


UNSIGNED = {"version": container.VERSION, "document": {}, "sha256": "0" * 64}
FOREIGN = {
    "empty": b"",
    "text": b"hello",
    "Keras": b"PK\x03\x04" + bytes(100),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "pickle": b"\x80\x04\x95" + bytes(100),
    "zeros": bytes(1000),
    "deep": (100_000).to_bytes(8, "little") + b"[" * 100_000,
    "another's": safetensors.numpy.save({"a": np.zeros(3)}),
    "another's metadata": safetensors.numpy.save({"a": np.zeros(3)}, {"format": "np"}),
    "wrong checksum": with_note(json.dumps(UNSIGNED)),
    "no checksum": with_note('{"version": 1}'),
    "deep note": with_note("[" * 100_000),
    **{f"note {note!r}": with_note(note) for note in ("", "[]", "{}", "null", "3")},
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_one_typed_error(name, tmp_path):
    (tmp_path / "m").write_bytes(FOREIGN[name])
    model = network()
    for load in (models.load_model, model.load_weights):
        with pytest.raises(FileError, match=str(tmp_path / "m")) as caught:
            load(tmp_path / "m")
        assert isinstance(caught.value, (FastgdError, OSError))
    if name == "Keras":
        assert "zip archive" in str(caught.value)


def test_a_newer_format_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(container, "VERSION", 99)
    model = network()
    model.compile("sgd", "mse", privacy=DPSGD(1.0, 1.0))  # what only the newest can hold
    model.save(tmp_path / "m")
    monkeypatch.undo()
    with pytest.raises(FileError, match="version 99 by a newer fastgd"):
        models.load_model(tmp_path / "m")


@pytest.mark.parametrize(
    "document",
    [
        None, [], 3, {}, {"model": None, "training": {}}, {"model": {}, "training": {}},
        {"model": {"class_name": "Sequential"}, "training": {}},
        {"model": {"class_name": "Dense", "module": "fastgd.layers", "config": 3},
         "training": {}},
        {"model": {"class_name": "Sequential", "module": "fastgd.models", "config": {}},
         "training": {}},
        {"model": {"class_name": "system", "module": "os", "config": {}}, "training": {}},
        {"model": {"class_name": "load_model", "module": "fastgd.models", "config": {}},
         "training": {}},
        {"model": {"class_name": "Dense", "module": "fastgd.layers", "config": {"units": 1}},
         "training": {}},
    ],
)  # fmt: skip
def test_a_document_made_by_hand_is_refused(document, tmp_path):
    (tmp_path / "m").write_bytes(container.pack(document, {}))
    with pytest.raises((FileError, ArgumentError)):
        models.load_model(tmp_path / "m")


@pytest.mark.parametrize(
    "change",
    [
        lambda document, arrays: document["training"].pop("seed"),
        lambda document, arrays: document["training"].update(seed="1"),
        lambda document, arrays: document["model"].update(compile_config=3),
        lambda document, arrays: document["model"]["compile_config"].update(no=3),
        lambda document, arrays: arrays.pop("weights/dense/bias"),
        lambda document, arrays: arrays.update({"weights/more": np.zeros(3)}),
        lambda document, arrays: arrays.update({"weights/dense/bias": np.zeros(6)}),
        lambda document, arrays: arrays.update({"optimizer/iterations": np.zeros(2, "int64")}),
        lambda document, arrays: arrays.update({"optimizer/more": np.zeros(2)}),
    ],
)
def test_what_does_not_belong_together_is_refused(change, tmp_path):
    document, arrays = _packed(trained())
    (tmp_path / "m").write_bytes(container.pack(document, arrays))
    models.load_model(tmp_path / "m")
    change(document, arrays)
    (tmp_path / "m").write_bytes(container.pack(document, arrays))
    with pytest.raises(FastgdError):
        models.load_model(tmp_path / "m")


# ---------------------------------------------------------------- classes of one's own


class Twice(layers.Dense):
    """A layer of the user's own."""

    def compute_output_shape(self, input_shape):
        return super().compute_output_shape(input_shape)


def with_a_layer_of_ones_own():
    return Sequential([layers.Input((3,)), Twice(2, name="own")])


def test_an_unknown_class_is_named_with_the_way_to_register_it(tmp_path):
    with_a_layer_of_ones_own().save(tmp_path / "m")
    with pytest.raises(
        UnknownNameError, match=r"'Twice'.*register_serializable.*custom_objects"
    ):
        models.load_model(tmp_path / "m")


def test_custom_objects(tmp_path):
    with_a_layer_of_ones_own().save(tmp_path / "m")
    again = models.load_model(tmp_path / "m", custom_objects={"Twice": Twice})
    assert type(again.layers[0]) is Twice
    with saving.custom_object_scope({"Twice": Twice}):
        assert type(models.load_model(tmp_path / "m").layers[0]) is Twice
    with pytest.raises(UnknownNameError):
        models.load_model(tmp_path / "m")


def test_registered_classes(tmp_path, monkeypatch):
    monkeypatch.setattr("fastgd._registry.custom._registered", {})
    assert saving.register_serializable("tests")(Twice) is Twice
    saving.register_keras_serializable("tests")(Twice)  # as a notebook's cell run again does
    assert saving.get_registered_name(Twice) == "tests>Twice"
    assert saving.get_registered_object("tests>Twice") is Twice
    assert saving.get_custom_objects() == {"tests>Twice": Twice}
    with_a_layer_of_ones_own().save(tmp_path / "m")
    assert type(models.load_model(tmp_path / "m").layers[0]) is Twice
    with pytest.raises(ArgumentError, match="tests>Twice"):
        saving.register_serializable("tests", "Twice")(losses.MeanSquaredError)
    with pytest.raises(ArgumentError, match="get_config"):
        saving.register_serializable()(object)


def test_a_class_of_ones_own_cannot_take_the_place_of_fastgds(tmp_path):
    network().save(tmp_path / "m")
    again = models.load_model(tmp_path / "m", custom_objects={"Dense": Twice})
    assert type(again.layers[0]) is layers.Dense
