"""Keras by ``fit``, on the back end that KERAS_BACKEND names."""

from fastgd.bench import threads
from fastgd.bench.side import FittedNetwork, prediction_side, training_side
from fastgd.bench.workloads import EPSILON
from frameworks.pytorch import torch_module


def keras_module():
    """Return Keras, its back end held to the number of threads."""
    import keras

    if keras.backend.backend() == "torch":
        torch_module()
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads.held())
        tf.config.threading.set_inter_op_parallelism_threads(threads.held())
    return keras


def model_of(keras, widths, dtype):
    """Return a ReLU network without a last activation: the losses take logits."""
    hidden = [keras.layers.Dense(w, activation="relu", dtype=dtype) for w in widths[1:-1]]
    last = keras.layers.Dense(widths[-1], dtype=dtype)
    return keras.Sequential([keras.Input((widths[0],), dtype=dtype), *hidden, last])


class Network(FittedNetwork):
    """A model of Keras."""

    def __init__(self, workload):
        keras = keras_module()
        keras.config.set_floatx(workload.dtype)
        model = model_of(keras, workload.widths, workload.dtype)
        if workload.optimizer == "adam":
            optimizer = keras.optimizers.Adam(workload.rate, epsilon=EPSILON)
        else:
            optimizer = keras.optimizers.SGD(workload.rate)
        losses = keras.losses
        loss = {
            "mse": losses.MeanSquaredError(),
            "binary_crossentropy": losses.BinaryCrossentropy(from_logits=True),
            "categorical_crossentropy": losses.CategoricalCrossentropy(from_logits=True),
        }[workload.loss]
        model.compile(optimizer=optimizer, loss=loss)
        optimizer.build(model.trainable_variables)
        self.fresh = [keras.ops.convert_to_numpy(v) for v in optimizer.variables]
        super().__init__(model, workload.batch_size)

    def restart(self, weights):
        """Start again from these weights."""
        self.model.set_weights(weights)
        for variable, value in zip(self.model.optimizer.variables, self.fresh, strict=True):
            variable.assign(value)


def training(workload):
    """Time an epoch of ``fit``."""
    return training_side(workload, Network(workload))


def prediction(workload):
    """Time calls of ``predict_on_batch``, the faster way."""
    model = model_of(keras_module(), workload.widths, workload.dtype)
    model.set_weights(workload.weights())
    return prediction_side(workload, model.predict_on_batch)
