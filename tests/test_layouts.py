"""Arrays of any layout and type train to the same bits, and are left as they are."""

import numpy as np
import pytest
from problems import compiled, network, regression, spy_on

from fastgd import utils


def misaligned(a):
    room = np.zeros(a.nbytes + 1, np.uint8)
    out = room[1:].view(a.dtype).reshape(a.shape)
    out[...] = a
    assert not out.flags.aligned
    return out


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {
    "read-only": read_only,
    "fortran": np.asfortranarray,
    "strided rows": lambda a: np.repeat(a, 2, axis=0)[::2],
    "strided columns": lambda a: np.repeat(a, 3, axis=1)[:, ::3],
    "negative strides": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "misaligned": misaligned,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "wider": lambda a: a.astype(np.float64),
    "longdouble": lambda a: a.astype(np.longdouble),
    "list": lambda a: a.tolist(),
    "masked nowhere": lambda a: np.ma.masked_invalid(a),
    "matrix": lambda a: a.view(np.matrix),
}
WHOLE = {
    "int64": lambda a: a.astype(np.int64),
    "big-endian int16": lambda a: a.astype(">i2"),
    "uint8": lambda a: a.astype(np.uint8),
    "bool": lambda a: a.astype(bool),
    "float16": lambda a: a.astype(np.float16),
    "list of int": lambda a: a.astype(int).tolist(),
    "list of bool": lambda a: a.astype(bool).tolist(),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("layout", [*LAYOUTS, *WHOLE])
def test_any_layout_gives_the_same_bits(engine, layout):
    rng = np.random.default_rng(0)
    if layout in WHOLE:
        x, y = (rng.integers(0, 2, (40, k)).astype(np.float32) for k in (3, 2))
    else:
        x, y = (rng.normal(size=(40, k)).astype(np.float32) for k in (3, 2))

    def outcome(x, y):
        utils.set_random_seed(2)
        model = compiled("mse", metrics=["mae"])
        history = model.fit(x, y, epochs=2, batch_size=16, verbose=0, validation_split=0.2)
        figures = model.evaluate(x, y, verbose=0)
        return model.parameters.tobytes(), history.history, figures, model.predict(x).tobytes()

    convert = (LAYOUTS | WHOLE)[layout]
    other_x, other_y = convert(x), convert(y)
    before = np.array(other_x), np.array(other_y)
    assert outcome(other_x, other_y) == outcome(x, y)
    np.testing.assert_array_equal(other_x, before[0])
    np.testing.assert_array_equal(other_y, before[1])


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("layout", [*LAYOUTS, *WHOLE])
def test_the_engine_gets_plain_arrays(layout, monkeypatch):
    convert = (LAYOUTS | WHOLE)[layout]
    x, y = (np.ones((6, k), np.float32) for k in (3, 2))
    model = compiled("mse")
    spy = spy_on(model, monkeypatch)
    model.fit(convert(x), convert(y), verbose=0)
    part = spy.calls[0]
    for array in (part.x, part.y):
        assert type(array) is np.ndarray
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        assert array.flags.aligned


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_of_the_right_type_are_not_copied(engine, dtype, monkeypatch):
    x, y = regression(40, dtype=dtype)
    x.flags.writeable = False
    model = network(dtype=dtype)
    model.compile("sgd", "mse")
    spy = spy_on(model, monkeypatch)
    model.fit(x, y[:, 0], verbose=0)
    model.fit(x, y, verbose=0, validation_split=0.25)
    assert len(spy.calls) == 2
    for call in spy.calls:
        assert np.shares_memory(call.x, x)
        assert np.shares_memory(call.y, y)
