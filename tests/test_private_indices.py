"""What the engine follows unseen is its own: nobody changes it after it was checked.

Each case runs in a process of its own, which a number out of range might end.
"""

import subprocess
import sys

import pytest

BEGIN = """
import sys
import numpy as np
from fastgd import Sequential, callbacks, layers, linear, many, utils

meddles = sys.argv[1] == "meddles"
rng = np.random.default_rng(0)
x = rng.normal(size=(40, 3))
y = x.sum(axis=1, keepdims=True)
labels = np.arange(40.0) % 3
huge = 2**40

class Meddler(callbacks.Callback):
    def __init__(self, array, number=huge):
        super().__init__()
        self.array, self.number = array, number

    def on_epoch_end(self, epoch, logs=None):
        if meddles:
            self.array[:] = self.number

    on_train_batch_end = on_test_batch_end = on_predict_batch_end = on_epoch_end

def network(outputs=1, loss="mse"):
    utils.set_random_seed(1)
    model = Sequential(
        [layers.Dense(4, activation="tanh", input_shape=(3,), dtype="float64"),
         layers.Dense(outputs, activation="softmax" if outputs > 1 else None, dtype="float64")]
    )
    model.compile("adam", loss)
    return model

def show(*arrays):
    print(*(np.asarray(a).tobytes().hex() for a in arrays))

rows = np.arange(0, 40, 2)
"""

CASES = {
    "fit(rows)": """
model = network()
model.fit(x, y, rows=rows, epochs=4, batch_size=4, verbose=0, callbacks=[Meddler(rows)])
show(model.parameters)
""",
    "fit(rows) on the whole": """
model = network()
model.fit(x, y, rows=rows, epochs=4, batch_size=64, verbose=0, callbacks=[Meddler(rows)])
show(model.parameters)
""",
    "validation_rows": """
model = network()
own = model.fit(
    x, y, rows=np.arange(20), validation_rows=rows, epochs=4, verbose=0,
    callbacks=[Meddler(rows)],
)
show(model.parameters, own.history["val_loss"])
""",
    "evaluate(rows)": """
show(network().evaluate(x, y, rows=rows, batch_size=2, verbose=0, callbacks=[Meddler(rows)]))
""",
    "predict(rows)": """
show(network().predict(x, rows=rows, batch_size=2, verbose=0, callbacks=[Meddler(rows)]))
""",
    "fit_many": """
job = {"model": network(), "x": x, "y": y, "rows": rows, "epochs": 4}
many.fit_many([job | {"callbacks": [Meddler(rows)]}], n_jobs=1, raise_errors=True)
show(job["model"].parameters)
""",
}

#: The arrays of linear models: what another thread, or whoever gives chunks, may change. Here
#: the rows are changed as soon as the engine has them, before it goes over them.
LINEAR = """
from fastgd import config
from fastgd._engine import builds
from fastgd.linear.data import rows_of, targets

class CSR:
    shape = 40, 3
    def __init__(self, kind):
        self.data = x.reshape(-1)
        self.indices = np.tile(np.arange(3, dtype=kind), 40)
        self.indptr = np.arange(0, 121, 3).astype(kind)
"""

for kind in ("int32", "int64"):
    for name in ("indices", "indptr"):
        CASES[f"CSR {name} {kind}"] = f"""{LINEAR}
sparse = CSR("{kind}")
found = rows_of(sparse)
if meddles:
    sparse.{name}[:] = 2**30
out = np.empty((40, 1))
engine = builds.load(config.engine())
engine.decisions(found, np.ones((1, 3)), np.zeros(1), out, 0, 40)
show(out)
"""
CASES["class numbers"] = f"""{LINEAR}
found, _ = targets(labels, "multinomial", 40)
if meddles:
    labels[:] = huge
show(found)
"""
CASES["class numbers of a sparse loss"] = """
# The engine looks at each: one that is none ends training with an error, and nothing else.
labels = labels.reshape(-1, 1)
model = network(3, "sparse_categorical_crossentropy")
try:
    model.fit(x, labels, epochs=4, batch_size=4, verbose=0, callbacks=[Meddler(labels)])
except Exception as error:
    assert meddles, error
print("no crash")
"""
CASES["numbers of an embedding"] = """
# The engine takes one that is out of range for the last.
utils.set_random_seed(1)
places = np.arange(40.0).reshape(40, 1) % 5
model = Sequential(
    [layers.Embedding(5, 2, input_shape=(1,), dtype="float64"), layers.Flatten(),
     layers.Dense(1, dtype="float64")]
)
model.compile("adam", "mse")
model.fit(places, y, epochs=4, batch_size=4, verbose=0, callbacks=[Meddler(places)])
print("no crash")
"""


def printed(case, meddling):
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + case, meddling], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", CASES)
def test_what_was_checked_cannot_be_changed(name):
    calm = printed(CASES[name], "is calm")
    assert calm.strip()
    assert printed(CASES[name], "meddles") == calm
