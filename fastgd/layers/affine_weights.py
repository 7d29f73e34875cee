"""The scale and the offset that a normalising layer may train."""

from fastgd import constraints, initializers, regularizers
from fastgd._data.validation import boolean, number
from fastgd.layers.base import Layer, Weight


class AffineWeights(Layer):
    """What batch and layer normalisation share: their epsilon, gamma and beta."""

    def __init__(
        self, epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer,
        gamma_regularizer, beta_constraint, gamma_constraint, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.epsilon = number(epsilon, "epsilon", 0)
        self.center = boolean(center, "center")
        self.scale = boolean(scale, "scale")
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    @property
    def gamma(self):
        """The factors; None without them or before building."""
        return self.variables[0] if self.scale and self.variables else None

    @property
    def beta(self):
        """What is added; None without it or before building."""
        return self.variables[int(self.scale)] if self.center and self.variables else None

    def _affine_specs(self, shape):
        gamma = Weight(
            "gamma", shape, self.gamma_initializer,
            self.gamma_regularizer, self.gamma_constraint,
        )  # fmt: skip
        beta = Weight(
            "beta", shape, self.beta_initializer, self.beta_regularizer, self.beta_constraint
        )
        return [gamma] * self.scale + [beta] * self.center

    def _offsets(self):
        """Where gamma and beta stand: arguments of a table's row."""
        return {
            "kernel": self.gamma.offset if self.scale else -1,
            "bias": self.beta.offset if self.center else -1,
        }

    def get_config(self):
        return super().get_config() | {
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": self.beta_initializer,
            "gamma_initializer": self.gamma_initializer,
            "beta_regularizer": self.beta_regularizer,
            "gamma_regularizer": self.gamma_regularizer,
            "beta_constraint": self.beta_constraint,
            "gamma_constraint": self.gamma_constraint,
        }
