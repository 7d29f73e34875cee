"""Model files with a right checksum whose content was changed, and damaged ones.

A case takes the document and the arrays of a model, changes them in one to three places, writes
them as ``fastgd.saving.container`` does, and loads the file. It may only be refused by a
FileError or an UnknownNameError, before it has asked for twice its size in memory, or give a
model that works.
"""

import copy
import functools
import io
import itertools
import json
import math
import random
import resource

import numpy as np
import safetensors.numpy
from layer_examples import CASES
from test_saving_configs import CLASSES, needed

from fastgd import Model, Sequential, layers, losses, many, metrics, models, optimizers, saving
from fastgd._data.ranges import checked_ranges
from fastgd._registry import objects
from fastgd.errors import FastgdError, FileError, ShapeError, UnknownNameError
from fastgd.saving import container, state

from . import values
from .runner import MEMORY, Failure

#: What loading may take beside twice the size of a file, in bytes of address space.
SLACK = 128 << 20
OPTIMIZERS = [cls for name, cls in CLASSES.items()
              if isinstance(cls, type) and issubclass(cls, optimizers.Optimizer)]  # fmt: skip
METRICS = [cls for cls in CLASSES.values() if issubclass(cls, metrics.Metric)]
LOSSES = [cls for cls in CLASSES.values() if issubclass(cls, losses.Loss)]
SCHEDULES = [cls for name, cls in CLASSES.items() if name.startswith("optimizers.schedules.")]
NAMES = sorted({name for family in objects.FAMILIES for name in objects.members(family)})


@functools.cache
def model_of(number):
    """Return a model: of each layer, optimizer, metric and loss there is one."""
    name, arguments, shapes = CASES[number % len(CASES)]
    inputs = [layers.Input(shape) for shape in shapes]
    layer = getattr(layers, name)
    out = layer(**arguments)(inputs if layer.several_inputs else inputs[0])
    if len(out.shape) > 2:
        out = layers.Flatten()(out)
    rng = random.Random(number)
    dense = {"kernel_regularizer": rng.choice([None, "l2", "l1_l2"]),
             "kernel_constraint": rng.choice([None, "max_norm", "non_neg"]),
             "kernel_initializer": rng.choice(["glorot_uniform", "orthogonal"])}  # fmt: skip
    model = Model(inputs, layers.Dense(2, "softmax", **dense)(out))
    if number % 5 == 0:
        inner = Sequential([layers.Input((3,)), layers.Dense(2), layers.BatchNormalization()])
        model = Sequential([layers.Input((3,)), inner, layers.Dense(1, **dense)])
    if number % 4 == 0:
        width = sum(math.prod(shape[1:]) for shape in model.graph().input_shapes)
        model.ranges = checked_ranges(np.zeros(width, "f4"), np.ones(width, "f4"))
    if number % 7 == 0:
        return model
    for metric in (METRICS[number % len(METRICS)], None):
        rate = 0.01
        if number % 3 == 0:
            schedule = SCHEDULES[number % len(SCHEDULES)]
            rate = schedule(**needed(schedule))
        loss = LOSSES[number % len(LOSSES)]
        chosen = [] if metric is None else [metric(**needed(metric))]
        try:
            optimizer = OPTIMIZERS[number % len(OPTIMIZERS)](rate)
            chosen_loss = loss(**needed(loss)) if metric else "mse"
            model.compile(optimizer, chosen_loss, metrics=chosen)
            break
        except FastgdError:  # a metric or loss that does not fit this output
            continue
    return model


def parts_of(model):
    """Return the document and the arrays of a model as a file gives them."""
    document = json.loads(json.dumps(state.document_of(model)))
    return document, {name: np.array(array) for name, array in state.arrays_of(model).items()}


def packed(document, arrays):
    """Return what ``container.pack`` writes, also for content that it refuses."""
    head = {"version": container.VERSION, "document": document}
    arrays = {name: np.asarray(array, order="C") for name, array in sorted(arrays.items())}
    note = json.dumps(head | {"sha256": container._digest(head, arrays)})
    return safetensors.numpy.save(arrays, {container.KEY: note})


# ---------------------------------------------------------------- changes


def places(tree, path=()):
    """Yield the path of everything in a document."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in pairs:
        yield (*path, key)
        if isinstance(value, (dict, list)) and value:
            yield from places(value, (*path, key))


def at(tree, path):
    for key in path:
        tree = tree[key]
    return tree


def change_document(rng, document):
    """Change one place of a document."""
    found = list(places(document))
    if not found:
        return
    path = rng.choice(found)
    holder, key = at(document, path[:-1]), path[-1]
    old, kind = holder[key], rng.randrange(8)
    if kind == 0:
        del holder[key]
    elif kind == 1:
        holder[key] = copy.deepcopy(at(document, rng.choice(found)))
    elif kind == 2 and isinstance(old, int):
        holder[key] = old * rng.choice([-1, 10, 10**3, 10**6, 10**9, 2**62]) + rng.choice(
            [0, 1]
        )
    elif kind == 3 and isinstance(old, str):
        holder[key] = rng.choice([*NAMES, *(family for family in objects.FAMILIES)])
    elif kind == 4 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(old))
    elif kind == 5:
        for _ in range(rng.choice([1, 3, 300, 900])):
            old = rng.choice([[old], {"a": old}])
        holder[key] = old
    else:
        holder[key] = plain(rng)


def plain(rng, depth=2):
    """Return a value that JSON holds; some describe objects."""
    kind = rng.randrange(9 if depth else 4)
    if kind == 0:
        return rng.choice(values.INTEGERS)
    if kind == 1:
        return rng.choice([f for f in values.FLOATS if abs(f) < 1e308])
    if kind == 2:
        return rng.choice([None, True, False])
    if kind == 3:
        return rng.choice(["", "x", "relu", "softmax", "l2", "float64", "\u00e9", *NAMES[::20]])
    if kind == 4:
        return [plain(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind == 5:
        return {rng.choice("abc"): plain(rng, depth - 1) for _ in range(rng.randrange(3))}
    if kind == 6:
        dtype = rng.choice(
            ["float64", "U99999999", "O", "int8", "V8", "M8[s]", "c16", "3f8", "x"]
        )
        config = {"value": plain(rng, depth - 1), "dtype": dtype}
        return {"class_name": "__numpy__", "config": config}
    if kind == 7:
        return {"class_name": "__float__", "config": rng.choice(["nan", "inf", "1e999", "x"])}
    name = rng.choice(list(CLASSES))
    module, _, name = name.rpartition(".")
    config = {rng.choice(["units", "name", "rate", "axis", "x"]): plain(rng, depth - 1)
              for _ in range(rng.randrange(3))}  # fmt: skip
    return {"module": f"fastgd.{module}", "class_name": name, "config": config,
            "registered_name": None}  # fmt: skip


def change_arrays(rng, arrays):
    """Change one tensor."""
    if not arrays:
        arrays["weights/dense/kernel"] = np.zeros(rng.choice([(0,), (2, 2)]))
        return
    name = rng.choice(sorted(arrays))
    array, kind = arrays[name], rng.randrange(8)
    if kind == 0:
        del arrays[name]
    elif kind == 1:
        arrays[name + rng.choice(["0", "/", "_1"])] = arrays.pop(name)
    elif kind == 2:
        arrays[name] = array.astype(rng.choice(["f4", "f8", "i8", "?", "f2", "u1"]))
    elif kind == 3:
        arrays[name] = array.reshape(rng.choice([(-1,), (1, -1), array.shape[::-1]]))
    elif kind == 4:
        arrays[name] = array[: rng.randrange(len(array) + 1)] if array.ndim else array[None]
    elif kind == 5:
        arrays[name] = np.concatenate([array, array]) if array.ndim else array
    elif array.size:
        value = rng.choice([f for f in values.FLOATS if f == f or array.dtype.kind == "f"])
        with np.errstate(all="ignore"):
            array.flat[rng.randrange(array.size)] = (
                value if array.dtype.kind == "f" else rng.choice([-1, 2**62])
            )


def damaged(rng, data):
    """Return bytes with some of them changed, cut out or put in."""
    data = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(data) + 1)
        length = rng.choice([1, 1, 2, 8, 100])
        kind = rng.randrange(4)
        if kind == 0:
            data[place : place + length] = rng.randbytes(length)
        elif kind == 1:
            del data[place : place + length]
        elif kind == 2:
            data[place:place] = data[place : place + length]
        else:
            del data[place:]
            data = data or bytearray(b"x")
    return bytes(data)


# ---------------------------------------------------------------- a case


def case(number):
    """Make and load the file of a number."""
    rng = random.Random(number)
    model = model_of(rng.randrange(10 * len(CASES)))
    ensemble = rng.random() < 0.05
    try:
        data = changed_file(rng, model, ensemble)
    except (ValueError, RecursionError):  # no JSON holds it
        return
    if ensemble:
        refused(lambda: many.Ensemble.load(io.BytesIO(data)), len(data))
        return
    loaded = refused(lambda: models.load_model(io.BytesIO(data)), len(data))
    if loaded is not None:
        used(loaded)
    if model.built:
        load = rng.choice([saving.load_weights, saving.load_state])
        twin = copy.deepcopy(model)
        before = content(twin)
        kept = refused(lambda: load(twin, io.BytesIO(data)) or twin, len(data), ShapeError)
        if kept is None and content(twin) != before:
            raise Failure(f"{load.__name__}: a refused file has changed the model")


def changed_file(rng, model, ensemble):
    """Return the bytes of a model's file with some changes."""
    document, arrays = parts_of(model)
    for _ in range(rng.choice([1, 1, 2, 3])):
        if rng.random() < 0.7:
            change_document(rng, document)
        else:
            change_arrays(rng, arrays)
    if ensemble:
        arrays = {f"0/{name}": array for name, array in arrays.items()}
        document = {"ensemble": rng.choice([[document], [document, document], document])}
    data = packed(document, arrays)
    return damaged(rng, data) if rng.random() < 0.15 else data


def content(model):
    arrays = {name: array.tobytes() for name, array in state.arrays_of(model).items()}
    return json.dumps(state.document_of(model)), arrays


def refused(load, size, *others):
    """Return what a call gives; None where the file is refused as it should be."""
    with open("/proc/self/statm") as file:
        used_now = int(file.read().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used_now + 2 * size + SLACK, most))
    try:
        return load()
    except (FileError, UnknownNameError, *others) as error:
        causes = itertools.takewhile(bool, _causes(error))
        if any(isinstance(cause, MemoryError) for cause in causes):
            raise Failure(f"it asks for more than twice its size: {error}") from error
        return None
    except Exception as error:
        raise Failure(f"loading raises {type(error).__name__}: {error}") from error
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, most))


def _causes(error):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def used(model):
    """Do with a loaded model what a user does; only fastgd's errors may come of it."""
    try:
        if model.built:
            shapes = [tensor.shape[1:] for tensor in model.inputs]
            if sum(int(np.prod(shape)) for shape in shapes) > 10**4:
                return
            x = [np.zeros((2, *shape), "float32") for shape in shapes]
            model.predict(x if len(x) > 1 else x[0], verbose=0)
        model.summary(print_fn=lambda text: None)
        model.save(io.BytesIO())
    except (FastgdError, MemoryError):
        pass
    except Exception as error:
        raise Failure(f"a loaded model raises {type(error).__name__}: {error}") from error
