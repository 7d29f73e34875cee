"""Files with a right checksum whose content nobody wrote in good faith."""

import copy
import functools
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy
from test_saving import X, Y, content

from fastgd import Model, Sequential, layers, many, models, optimizers, saving
from fastgd.errors import DataError, DataTypeError, FileError, UnknownNameError
from fastgd.saving import container, state


def trained():
    model = Sequential(
        [
            layers.Input((3,)),
            layers.Dense(4, "relu", kernel_initializer="orthogonal", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dense(1),
        ]
    )
    model.compile("adam", "mse", metrics=["mae", "auc"])
    model.fit(X[:, :3], Y[:, :1] > np.median(Y[:, :1]), epochs=1, verbose=0)
    return model


@functools.cache
def parts():
    """The document and arrays of a model's file."""
    model = trained()
    document = json.loads(json.dumps(state.document_of(model)))
    return document, {name: array.copy() for name, array in state.arrays_of(model).items()}


def written(change):
    document, arrays = copy.deepcopy(parts())
    change(document, arrays)
    return packed(document, arrays)


def packed(document, arrays, **others):
    """Return the bytes of a file as ``pack`` does, but check nothing; others: more metadata."""
    head = {"version": container.VERSION, "document": document}
    arrays = {name: np.asarray(array, order="C") for name, array in sorted(arrays.items())}
    head |= {"sha256": container._digest(head, arrays)} | others
    return safetensors.numpy.save(arrays, {container.KEY: json.dumps(head)})


def layer(document, number):
    return document["model"]["config"]["layers"][number]["config"]


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def orthogonal(size):
    def change(document, arrays):
        layer(document, 1)["units"] = size
        layer(document, 0)["batch_shape"] = [None, size]

    return change


def metric(name, **config):
    return lambda document, arrays: document["model"]["compile_config"].update(
        metrics=[{"module": "fastgd.metrics", "class_name": name, "config": config,
                  "registered_name": None}]
    )  # fmt: skip


LARGE = 2**62
CHANGES = {
    "many units": lambda d, a: layer(d, 1).update(units=int(5e8)),
    "more units than memory": lambda d, a: layer(d, 1).update(units=LARGE),
    "more units than 64 bits": lambda d, a: layer(d, 1).update(units=10**30),
    "units 0": lambda d, a: layer(d, 1).update(units=0),
    "a slow initializer": orthogonal(20_000),
    "a wide input": lambda d, a: layer(d, 0).update(batch_shape=[None, LARGE]),
    "a wide input without weights": lambda d, a: d["model"]["config"].update(
        layers=[
            {"module": "fastgd.layers", "class_name": "InputLayer", "registered_name": None,
             "config": {"batch_shape": [None, 10**9]}},
            {"module": "fastgd.layers", "class_name": "Softmax", "registered_name": None,
             "config": {}},
        ], build_input_shape=[None, 10**9]),
    "a long dtype": lambda d, a: layer(d, 1).update(
        units={"class_name": "__numpy__", "config": {"value": ["a"], "dtype": "U500000000"}}),
    "many thresholds": metric("AUC", num_thresholds=10**9),
    "many classes": metric("MeanIoU", num_classes=10**9),
    "a long memory": lambda d, a: d["model"]["compile_config"].update(
        optimizer={"module": "fastgd.optimizers", "class_name": "LBFGS",
                   "registered_name": None, "config": {"history_size": 10**9}}),
    "deep nesting": lambda d, a: layer(d, 1).update(units=nested(900)),
    "nesting": lambda d, a: layer(d, 1).update(units=nested(400)),
    "no layers": lambda d, a: d["model"]["config"].pop("layers"),
    "no compiled loss": lambda d, a: d["model"]["compile_config"].update(loss={}),
    "no name": lambda d, a: d["model"].pop("class_name"),
    "a regularizer": lambda d, a: layer(d, 1).update(kernel_regularizer=3),
    "a list as a regularizer": lambda d, a: layer(d, 1).update(kernel_regularizer=[1, 2]),
    "NaN": lambda d, a: a["weights/dense/kernel"].__setitem__((0, 0), np.nan),
    "NaN in the optimizer": lambda d, a: a["optimizer/velocity"].__setitem__(0, np.nan),
    "infinity in the optimizer": lambda d, a: a["optimizer/momentum"].__setitem__(1, np.inf),
    "infinity": lambda d, a: a["weights/dense_1/bias"].__setitem__(0, -np.inf),
    "weights of whole numbers": lambda d, a: a.update(
        {"weights/dense_1/bias": np.zeros(1, "int64")}),
    "weights too large": lambda d, a: a.update({"weights/dense_1/bias": np.full(1, 1e300)}),
    "steps below 0": lambda d, a: a["optimizer/iterations"].__setitem__(0, -1),
    "seed below 0": lambda d, a: d["training"].update(seed=-1),
    "a true seed": lambda d, a: d["training"].update(seed=True),
    "a large seed": lambda d, a: d["training"].update(seed=2**64),
    "epochs below 0": lambda d, a: d["training"].update(epochs_begun=-1),
    "large epochs": lambda d, a: d["training"].update(epochs_begun=10**40),
    "feature names": lambda d, a: d.update(feature_names=3),
    "feature lists": lambda d, a: d.update(feature_names=[[1], [2], [3]]),
    "an unbuilt model": lambda d, a: d["model"]["config"].update(layers=[]),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_file_is_one_typed_error(name, tmp_path):
    (tmp_path / "m").write_bytes(written(CHANGES[name]))
    with pytest.raises(FileError, match=str(tmp_path / "m")) as caught:
        models.load_model(tmp_path / "m")
    assert len(str(caught.value)) < 3000


def test_an_unchanged_file_is_the_model():
    again = models.load_model(io.BytesIO(written(lambda d, a: None)))
    assert content(again)[0] == parts()[0]


def test_an_ensemble_is_as_strict(tmp_path):
    many.Ensemble([trained(), trained()]).save(tmp_path / "m")
    document, arrays = container.unpack(container.read(tmp_path / "m"), "m")
    document["ensemble"][1]["model"]["config"]["layers"][1]["config"]["units"] = 10**9
    (tmp_path / "m").write_bytes(packed(document, arrays))
    with pytest.raises(FileError, match="more weights than it holds"):
        many.Ensemble.load(tmp_path / "m")


@pytest.mark.parametrize(
    "others",
    [{"version": True}, {"version": 1.0}, {"version": 0}, {"version": -1}, {"version": None},
     {"more": 1}, {"sha256": 3}],
    ids=str,
)  # fmt: skip
def test_other_metadata_are_refused(others):
    document, arrays = parts()
    head = {"version": container.VERSION, "document": document} | others
    head.pop("sha256", None)
    others = {"sha256": container._digest(head, arrays)} | others  # right, whatever they are
    with pytest.raises(FileError):
        models.load_model(io.BytesIO(packed(document, arrays, **others)))


def header(text, data=b""):
    text = text if isinstance(text, bytes) else text.encode()
    return len(text).to_bytes(8, "little") + text + data


ENTRY = '"a":{"dtype":"F32","shape":%s,"data_offsets":%s}'
HEADERS = {
    "bad UTF-8": header(b'{"\xff":1}'),
    "a tensor twice": header(
        f"{{{ENTRY % ('[1]', '[0,4]')},{ENTRY % ('[1]', '[0,4]')}}}", bytes(4)
    ),
    "a large shape": header(f"{{{ENTRY % (f'[{2**62},4]', '[0,4]')}}}", bytes(4)),
    "large offsets": header(f"{{{ENTRY % (f'[{2**60}]', f'[0,{2**62}]')}}}", bytes(4)),
    "offsets below 0": header(f"{{{ENTRY % ('[1]', '[-4,0]')}}}", bytes(4)),
    "a shape below 0": header(f"{{{ENTRY % ('[-1,-1]', '[0,4]')}}}", bytes(4)),
    "a true shape": header(f"{{{ENTRY % ('[true]', '[0,4]')}}}", bytes(4)),
    "bytes behind": header(f"{{{ENTRY % ('[1]', '[0,4]')}}}", bytes(5)),
    "a gap": header(f"{{{ENTRY % ('[1]', '[1,5]')}}}", bytes(5)),
    "a huge number": header(f"{{{ENTRY % ('[' + '9' * 5000 + ']', '[0,4]')}}}", bytes(4)),
    "no dict": header('{"a":3}'),
    "no type": header(f"{{{(ENTRY % ('[1]', '[0,4]')).replace('F32', 'F3')}}}", bytes(4)),
    "metadata of another kind": header('{"__metadata__":3}'),
    "metadata of a number": header('{"__metadata__":{"fastgd":3}}'),
    "a note with NaN": header('{"__metadata__":{"fastgd":"{\\"version\\":NaN}"}}'),
    "a key twice": header('{"__metadata__":{"fastgd":"{\\"version\\":1,\\"version\\":1}"}}'),
    "a long header": (10**8 + 1).to_bytes(8, "little") + bytes(10),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_made_by_hand_is_one_typed_error(name, tmp_path):
    (tmp_path / "m").write_bytes(HEADERS[name])
    for source in (tmp_path / "m", io.BytesIO(HEADERS[name])):
        with pytest.raises(FileError):
            models.load_model(source)
        with pytest.raises(FileError):
            trained().load_weights(source)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no such device")
def test_what_has_no_end_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/zero", tmp_path / "pipe", tmp_path):
        with pytest.raises(FileError, match="no regular file"):
            models.load_model(path)


def test_what_gives_no_bytes_is_refused():
    with pytest.raises(DataTypeError, match="bytes"):
        models.load_model(io.StringIO("text"))


def test_an_unknown_class_stays_an_unknown_name():
    def change(document, arrays):
        document["model"]["config"]["layers"][1] |= {"module": "mine", "class_name": "Own"}

    with pytest.raises(UnknownNameError, match="Own"):
        models.load_model(io.BytesIO(written(change)))


def test_a_model_that_could_not_be_loaded_is_not_saved(tmp_path):
    model = trained()
    model.save(tmp_path / "m")
    before = (tmp_path / "m").read_bytes()
    model.parameters[0] = np.nan
    with pytest.raises(DataError, match="weights/dense/kernel"):
        model.save(tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == before
    assert np.isnan(copy.deepcopy(model).parameters[0])


def test_a_refused_state_changes_nothing():
    model = trained()
    before = content(model)
    for name in ("NaN", "weights too large", "steps below 0", "epochs below 0", "a true seed"):
        with pytest.raises(FileError):
            saving.load_state(model, io.BytesIO(written(CHANGES[name])))
        assert content(model) == before


# ---------------------------------------------------------------- nothing is initialised


class Counting(saving.Serializable):
    """An initializer that counts its calls."""

    calls = 0

    def get_config(self):
        return {}

    def __call__(self, shape, dtype=None):
        type(self).calls += 1
        return np.full(shape, 0.5, dtype)


class Wrapped(Model):
    """A model of the user's own, which is not built before its first call."""

    def __init__(self, own):
        super().__init__()
        self.own = own

    def call(self, x):
        return self.own(x)


def test_no_initializer_runs_while_loading():
    initializer = Counting()

    def dense(**kwargs):
        return layers.Dense(3, kernel_initializer=initializer, **kwargs)

    inputs = layers.Input((3,))
    inner = Sequential([layers.Input((3,)), dense(), dense(kernel_regularizer="l2")])
    shared = dense()
    model = Model(inputs, layers.Add()([shared(inner(inputs)), shared(inputs)]))
    model.compile("adam", "mse")
    model.fit(X[:, :3], X[:, :3], epochs=1, verbose=0)
    calls = Counting.calls
    assert calls == 3
    file = io.BytesIO()
    model.save(file)
    again = models.load_model(io.BytesIO(file.getvalue()), {"Counting": Counting})
    copied = copy.deepcopy(model)
    assert Counting.calls == calls
    for other in (again, copied):
        assert content(other)[1] == content(model)[1]
        other.fit(X[:, :3], X[:, :3], epochs=1, verbose=0)
    model.fit(X[:, :3], X[:, :3], epochs=1, verbose=0)
    assert content(again)[1] == content(copied)[1] == content(model)[1]


@pytest.mark.parametrize("wrap", [Wrapped, lambda own: Sequential([layers.Dense(3), own])])
def test_built_parts_of_a_model_that_is_not_built_keep_their_weights(wrap):
    own = Sequential([layers.Input((3,)), layers.Dense(2), layers.Dense(1)])
    model = wrap(own)
    file = io.BytesIO()
    model.save(file)
    loaded = models.load_model(io.BytesIO(file.getvalue()), {"Wrapped": Wrapped})
    for again in (loaded, copy.deepcopy(model)):
        np.testing.assert_array_equal(again.layers[-1].parameters, own.parameters)


class Built(Model):
    """A model of the user's own that builds a layer itself."""

    def __init__(self):
        super().__init__()
        self.own = layers.Dense(3, kernel_initializer="ones")
        self.own.build((None, 2))

    def call(self, x):
        return self.own(x)


def test_layers_that_no_file_holds_are_initialised():
    file = io.BytesIO()
    Built().save(file)
    loaded = models.load_model(io.BytesIO(file.getvalue()), {"Built": Built})
    for again in (loaded, copy.deepcopy(Built())):
        np.testing.assert_array_equal(again.own.kernel, np.ones((2, 3)))


MEMORY = """
import resource, sys
import numpy as np
from fastgd import Model, Sequential, layers, models

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

path, task = sys.argv[1:]
def network():
    inner = Sequential([layers.Input((1000,)), layers.Dense(4000, kernel_initializer="zeros"),
                        layers.Dense(1000, kernel_initializer="zeros")])
    inputs = layers.Input((1000,))
    model = Model(inputs, layers.Dense(1000, kernel_initializer="zeros")(inner(inputs)))
    model.compile(sys.argv[2], "mse")
    return model
if task == "load":
    small = Sequential([layers.Input((2,)), layers.Dense(1)])
    small.compile("adam", "mse")
    small.save(path + "0")
    models.load_model(path + "0")
    before = peak()
    model = models.load_model(path)
    print(peak() - before)
else:
    network().save(path)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts in other units")
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_loading_takes_twice_the_file_at_most(optimizer, tmp_path):
    path = str(tmp_path / "m")
    for task in (optimizer, "load"):
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, path, task], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    size = os.path.getsize(path)
    assert size > 30e6
    assert int(done.stdout) <= 2.1 * size


def test_every_optimizer_says_what_it_keeps():
    """The shapes by which a file is judged are those of the arrays that are made later."""
    for name in optimizers.__all__:
        cls = getattr(optimizers, name)
        if not (isinstance(cls, type) and issubclass(cls, optimizers.Optimizer)):
            continue
        for options in ({}, {"use_ema": True, "gradient_accumulation_steps": 2}):
            if cls is optimizers.Optimizer or (options and cls is optimizers.LBFGS):
                continue
            model = Sequential([layers.Input((3,)), layers.Dense(2), layers.Dense(1)])
            other = Sequential([model.layers[0]])  # runs on a part of the arena
            for one in (model, other):
                optimizer = cls(**options)
                one.compile(optimizer, "mse")
                made = one.assembly().optimizer_arrays(optimizer)
                shapes = {name: (array.shape, array.dtype) for name, array in made.items()}
                assert one.assembly().optimizer_shapes(optimizer) == shapes
