"""Two trainings of a model at a time are refused; copies of a model in training are whole."""

import contextlib
import io
import pickle
import threading

import numpy as np
import pytest

from fastgd import Sequential, callbacks, layers, models, optimizers
from fastgd.errors import DivergenceError, EngineError

X = np.ones((256, 8), "float32")
Y = np.zeros((256, 1), "float32")


def moving(engine=None):
    """A model whose weights are all equal, and stay so: a copy of two steps would show."""
    model = Sequential([layers.Input(shape=(8,)), layers.Dense(1, use_bias=False)])
    model.set_weights([np.full((8, 1), 0.5)])
    model.compile(optimizers.SGD(1e-5, momentum=0.9), "mse")
    return model


@contextlib.contextmanager
def in_training(model, **arguments):
    """Train a model in another thread, from its first epoch on, until the block ends."""
    started = threading.Event()
    begin = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: started.set())
    thread = threading.Thread(
        target=model.fit,
        args=(X, Y),
        kwargs={"epochs": 10**9, "verbose": 0, "callbacks": [begin], **arguments},
    )
    thread.start()
    try:
        assert started.wait(60)
        yield
    finally:
        model.stop_training = True
        thread.join()


def test_two_fits_of_one_model_are_refused():
    model = moving()
    with in_training(model), pytest.raises(EngineError, match="another fit"):
        model.fit(X, Y, verbose=0)
    assert model.fit(X, Y, epochs=2, verbose=0).epoch == [0, 1]


def test_a_fit_within_a_fit_is_refused():
    model = moving()
    again = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: model.fit(X, Y, verbose=0)
    )
    with pytest.raises(EngineError, match="another fit"):
        model.fit(X, Y, verbose=0, callbacks=[again])
    assert model.running_loop is None


def test_fits_of_models_that_share_layers_are_refused_at_a_time():
    inner = moving()
    outer = Sequential([layers.Input(shape=(8,)), *inner.layers, layers.Dense(1)])
    outer.compile("sgd", "mse")
    with in_training(inner):
        with pytest.raises(EngineError, match="another fit"):
            outer.fit(X, Y, verbose=0)
        for _ in range(100):
            assert len(set(outer.get_weights()[0].ravel().tolist())) == 1
            file = io.BytesIO()
            outer.save_weights(file)
            file.seek(0)
            copy = Sequential(
                [layers.Input(shape=(8,)), layers.Dense(1, use_bias=False), layers.Dense(1)]
            )
            copy.load_weights(file)
            assert len(set(copy.get_weights()[0].ravel().tolist())) == 1


def test_a_failed_fit_does_not_stand_in_the_way():
    model = moving()
    with pytest.raises(DivergenceError):
        model.fit(X * np.float32(1e38), Y + 1, verbose=0)
    assert model.fit(X, Y, verbose=0).epoch == [0]


@pytest.mark.parametrize("how", ["save", "save_weights", "pickle"])
def test_what_is_written_while_a_model_trains_is_of_one_step(engine, how):
    model = moving()
    with in_training(model, batch_size=1):
        for _ in range(25):
            if how == "pickle":
                copy = pickle.loads(pickle.dumps(model))
            else:
                file = io.BytesIO()
                getattr(model, how)(file)
                file.seek(0)
                if how == "save":
                    copy = models.load_model(file)
                else:
                    copy = moving()
                    copy.load_weights(file)
            assert len(set(copy.parameters.tolist())) == 1
            momentum = copy.assembly().optimizer_arrays(copy.optimizer)["momentum"]
            assert len(set(momentum.tolist())) == 1


class WithALoop(models.Model):
    """A model that has a layer of the name."""

    def __init__(self):
        super().__init__()
        self.loop = layers.Dense(1)

    def call(self, inputs):
        return self.loop(inputs)


def test_a_layer_may_be_called_loop():
    model = WithALoop()
    model.compile("sgd", "mse")
    assert model.fit(X, Y, verbose=0).epoch == [0]
    assert isinstance(model.loop, layers.Dense)
