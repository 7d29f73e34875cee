"""Models made after another, and many made and trained at once or one after the other."""

import gc
import os
import threading
import tracemalloc
import weakref

import numpy as np
import pytest
from problems import regression

from fastgd import Model, Sequential, initializers, layers, losses, metrics, optimizers, utils

X, Y = regression(60, 5)


def plain():
    model = Sequential([layers.Dense(4, "relu", input_shape=(5,)), layers.Dense(1)])
    model.compile(optimizers.Adam(0.01, weight_decay=0.1), "mse", metrics=["mae"])
    return model


def with_everything():
    model = Sequential(
        [
            layers.Input(shape=(5,), name="start"),
            layers.Dense(6, "tanh", kernel_initializer="he_normal", name="first"),
            layers.BatchNormalization(),
            layers.Dropout(0.3, seed=4),
            layers.Dense(1, "sigmoid", use_bias=False),
        ],
        dtype="float64",
    )
    model.layers[0].trainable = False
    model.compile(optimizers.SGD(0.1, momentum=0.9), "huber")
    return model


def regularised():
    model = Sequential(
        [layers.Dense(3, kernel_regularizer="l2", bias_constraint="non_neg", input_shape=(5,))]
    )
    model.add(layers.Dense(1, activity_regularizer="l1"))
    model.compile("adam", losses.LogCosh())
    return model


def own_loss():
    model = Sequential([layers.Dense(1, input_shape=(5,))])
    model.compile("sgd", lambda y, p: (y - p) ** 2)
    return model


def not_compiled():
    return Sequential([layers.Dense(2, input_shape=(5,)), layers.Dense(1)])


def graph():
    x = layers.Input((5,))
    y = layers.Dense(1)(layers.Concatenate()([x, layers.Dense(3, "relu")(x)]))
    model = Model(x, y)
    model.compile("rmsprop", "mae")
    return model


def drawn(seed):
    return initializers.GlorotUniform(seed=seed)


def looks(model):
    """What can be seen of a model beside its numbers."""
    return [
        (layer.name, layer.trainable, [(v.name, v.shape, v.trainable) for v in layer.weights])
        for layer in model.layers
    ] + [model.input_shape, model.output_shape, model.count_params(), model.dtype]


@pytest.mark.parametrize("make", [plain, with_everything, regularised, not_compiled])
def test_a_replica_is_what_constructing_it_anew_gives(engine, make):
    utils.set_random_seed(3)
    anew = [make() for _ in range(3)]
    utils.set_random_seed(3)
    first = make()
    found = [first, first.replicate()]
    found.append(found[1].replicate())
    assert found[2].parameters.tobytes() != found[1].parameters.tobytes()
    for mine, other in zip(found, anew, strict=True):
        assert looks(mine) == looks(first)
        assert mine.parameters.tobytes() == other.parameters.tobytes()
        assert mine.seed == other.seed
        if mine.compiled:
            histories = [m.fit(X, Y, epochs=2, verbose=0).history for m in (mine, other)]
            assert histories[0] == histories[1]
        assert mine.parameters.tobytes() == other.parameters.tobytes()
        assert mine.predict(X).tobytes() == other.predict(X).tobytes()


@pytest.mark.parametrize("make", [plain, with_everything, regularised, own_loss, graph])
def test_replicas_share_no_number(make):
    model = make()
    model.fit(X, Y, epochs=2, verbose=0)
    before = model.parameters.tobytes(), model.optimizer.iterations
    twin = model.replicate()
    assert looks(twin) == looks(model)
    assert twin.optimizer.iterations == 0
    assert twin.history is None
    assert twin.optimizer.get_config() == model.optimizer.get_config()
    twin.optimizer.learning_rate = 0.5
    twin.fit(X, Y, epochs=3, verbose=0)
    twin.layers[-1].set_weights([w + 1 for w in twin.layers[-1].get_weights()])
    assert (model.parameters.tobytes(), model.optimizer.iterations) == before
    assert not np.shares_memory(twin.parameters, model.parameters)
    for layer, other in zip(model.layers, twin.layers, strict=True):
        assert layer is not other
    assert float(model.optimizer.learning_rate) != 0.5


def test_a_replica_is_a_whole_model(tmp_path):
    model = plain()
    twin = model.replicate()
    twin.fit(X, Y, verbose=0)
    twin.save(tmp_path / "twin.safetensors")
    twin.add(layers.Dense(2))
    assert twin.predict(X).shape == (60, 2)
    assert model.predict(X).shape == (60, 1)
    twin.pop()
    twin.compile("sgd", "mae", metrics=[metrics.MeanSquaredError()])
    twin.train_on_batch(X, Y)
    part = Model(twin.inputs, twin.layers[0].output)
    np.testing.assert_array_equal(part.layers[-1].kernel, twin.layers[0].kernel)
    assert model.layers[0].output.node.layer is model.layers[0]


def test_models_go_when_nobody_holds_them(engine):
    kept = []
    gc.collect()
    gc.disable()
    try:
        for make in (plain, with_everything, graph, lambda: plain().replicate()):
            model = make()
            history = model.fit(X, Y, validation_data=(X, Y), verbose=0)
            model.train_on_batch(X, Y)
            model.evaluate(X, Y, verbose=0)
            model.predict(X)
            kept += [weakref.ref(model), weakref.ref(model.parameters)]
            kept += [weakref.ref(layer) for layer in model.layers]
            assert history.model is model
            del model
            assert history.model is None
            assert [reference for reference in kept if reference() is not None] == []
    finally:
        gc.enable()


def test_a_thousand_replicas_take_little_memory_beside_their_numbers():
    model = plain()
    model.replicate().fit(X, Y, verbose=0)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        many = [model.replicate() for _ in range(100)]
        each = (tracemalloc.get_traced_memory()[0] - before) / len(many)
    finally:
        tracemalloc.stop()
    assert each < 20_000


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads Linux' /proc")
def test_fits_in_a_loop_leave_nothing_behind():
    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def fits(n):
        for _ in range(n):
            plain().fit(X, Y, verbose=0)

    fits(300)
    before = resident()
    fits(300)
    assert resident() - before <= 128 * 1024


def test_threads_make_and_train_models_as_one_does(engine):
    def jobs(seeds, results):
        for seed in seeds:
            layer = layers.Dense(4, "relu", kernel_initializer=drawn(seed), input_shape=(5,))
            last = layers.Dense(1, kernel_initializer=drawn(seed + 1))
            model = Sequential([layer, last])
            model.compile(optimizers.Adam(0.01), "mse", metrics=["mae"])
            model.seed = seed
            history = model.fit(X, Y, epochs=2, batch_size=8, verbose=0).history
            model.train_on_batch(X[:1], Y[:1])
            results[seed] = model.parameters.tobytes(), history
            names.append(layer.name)

    names = []
    alone, together = {}, {}
    seeds = range(40 if engine != "reference" else 8)
    jobs(seeds, alone)
    threads = [threading.Thread(target=jobs, args=(seeds[k::4], together)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
    assert len(set(names)) == len(names)


def test_threads_draw_different_seeds():
    found = []

    def work():
        found.extend([Sequential().seed for _ in range(300)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1200
