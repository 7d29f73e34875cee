"""Numbers of the other byte order give what native ones give."""

import numpy as np
import pytest

from fastgd import constraints, gradient_descent, initializers, linear, optimizers
from fastgd.layers import Dense
from fastgd.models import Sequential

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_constraints(dtype):
    values = RNG.normal(size=(30, 20)).astype(dtype)
    kept = values.copy()
    for constraint in (
        constraints.UnitNorm(), constraints.NonNeg(), constraints.MaxNorm(0.5),
        constraints.MinMaxNorm(0.1, 0.5),
    ):  # fmt: skip
        expected = constraint(values)
        for _ in range(200):  # writes past the buffer are met sooner or later
            found = constraint(values.astype(f">{dtype}"))
            assert found.dtype == values.dtype
            np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(values, kept)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_training_and_gradients(dtype, engine):
    x = RNG.normal(size=(40, 3)).astype(dtype)
    y = x.sum(axis=1)

    def weights(order):
        model = Sequential([Dense(4, "relu", input_shape=(3,)), Dense(1)])
        model.layers[0].set_weights(
            [np.ones((3, 4), order + dtype), np.zeros(4, order + dtype)]
        )
        model.layers[1].set_weights(
            [np.ones((4, 1), order + dtype), np.zeros(1, order + dtype)]
        )
        model.compile("sgd", "mse")
        model.fit(x.astype(order + dtype), y.astype(order + dtype), shuffle=False, verbose=0,
                  sample_weight=np.ones(40, order + dtype))  # fmt: skip
        return model.parameters.copy()

    np.testing.assert_allclose(weights(">"), weights("<"), rtol=1e-6)
    theta = np.zeros(3)
    swapped_x, swapped_y = x.astype(">" + dtype), y.astype(">" + dtype)
    np.testing.assert_allclose(
        gradient_descent(swapped_x, swapped_y, theta.astype(">f8"), 0.01, 5),
        gradient_descent(x, y, theta, 0.01, 5), rtol=1e-5,
    )  # fmt: skip
    np.testing.assert_allclose(
        linear.LinearModel().fit(swapped_x, swapped_y).coef,
        linear.LinearModel().fit(x, y).coef, rtol=1e-5,
    )  # fmt: skip


def test_variables_of_the_other_byte_order_are_refused():
    variable = np.ones(3, ">f4")
    with pytest.raises(TypeError):
        optimizers.SGD(0.1).apply_gradients([(np.ones(3, "f4"), variable)])
    np.testing.assert_array_equal(variable, 1)
    assert initializers.Ones()((2,), dtype="float32").dtype.isnative
