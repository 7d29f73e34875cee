"""Hold the structure of inputs and outputs: one tensor, a list or a dict."""

from fastgd.errors import DataTypeError
from fastgd.layers.symbolic import KerasTensor


class Structure:
    """Hold how a model's inputs, or its outputs, are given: one, a list or a dict.

    Parameters
    ----------
    tensors : KerasTensor, or list, tuple or dict of KerasTensor
    argument : str
        For messages.

    Attributes
    ----------
    tensors : list of KerasTensor
    keys : list of str, or None
        Those of a dict.
    single : bool
        Whether it was one tensor, in no list.
    """

    def __init__(self, tensors, argument):
        self.single = isinstance(tensors, KerasTensor)
        self.keys = list(tensors) if isinstance(tensors, dict) else None
        if self.single:
            tensors = [tensors]
        elif self.keys is not None:
            tensors = list(tensors.values())
        if not isinstance(tensors, (list, tuple)) or not tensors:
            raise DataTypeError(
                f"{argument}: expected symbolic tensors, or a list or dict of them, "
                f"got {tensors!r}"
            )
        for tensor in tensors:
            if not isinstance(tensor, KerasTensor):
                raise DataTypeError(
                    f"{argument}: expected symbolic tensors, as Input gives, got {tensor!r}"
                )
        self.tensors = list(tensors)

    def of(self, items):
        """Return items, one for each tensor, in the structure of the tensors."""
        if self.single:
            return items[0]
        return list(items) if self.keys is None else dict(zip(self.keys, items, strict=True))
