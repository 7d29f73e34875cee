"""A penalty on what passes by."""

from fastgd import regularizers
from fastgd._data.validation import number
from fastgd.layers.base import Layer


class ActivityRegularization(Layer):
    """The input itself; l1 sum |x| + l2 sum x^2 of each row joins the loss, as their mean.

    Parameters
    ----------
    l1, l2 : float
        At least 0.
    **kwargs
        As for every layer.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.ActivityRegularization(l2=0.1)([[1.0, 2.0]])
    array([[1., 2.]], dtype=float32)
    """

    def __init__(self, l1=0.0, l2=0.0, **kwargs):
        super().__init__(**kwargs)
        self.l1 = number(l1, "l1", 0)
        self.l2 = number(l2, "l2", 0)

    def emit(self, table, source):
        return table.penalized(source, regularizers.L1L2(self.l1, self.l2))

    def get_config(self):
        return super().get_config() | {"l1": self.l1, "l2": self.l2}
