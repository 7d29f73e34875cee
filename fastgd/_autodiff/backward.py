"""The way back through the notes of a tape, and the gradients collected on it."""

import numpy as np

from fastgd.errors import ShapeError


class Gradients:
    """Gradients by slot: ``(key, None)``, or ``(key of a flat vector, slice of it)``.

    owners: the flat vectors by key. Their gradients are fresh arrays of the same layout.
    """

    def __init__(self, owners):
        self._owners = owners
        self._arrays = {}
        self._parts = {}  # key of a flat vector -> the slices that got a contribution

    def add(self, slot, gradient):
        """Add a contribution."""
        key, where = slot
        if where is None:
            # Never in place: the array may be the gradient of another slot as well.
            so_far = self._arrays.get(key)
            self._arrays[key] = gradient if so_far is None else so_far + gradient
            return
        if key not in self._parts:
            self._parts[key] = []
            owner = self._owners[key]
            self._arrays[key] = np.zeros(owner.size, owner.dtype)
        self._arrays[key][where] += gradient.reshape(-1)
        self._parts[key].append(where)

    def walk(self, nodes, wanted):
        """Go through the nodes that depend on a key in `wanted`, from the last to the first."""
        depends = set()
        for key, links, _ in nodes:
            for _, slot, _ in links:
                if slot[0] in wanted or slot[0] in depends:
                    depends.add(key)
                    break
        for key, links, backward in reversed(nodes):
            if key not in depends or key not in self._arrays:
                continue
            # All that was computed from it comes later, so the gradient is complete.
            d = self._arrays[key] if key in wanted else self._arrays.pop(key)
            gradients = backward(d)
            for i, slot, like in links:
                if gradients[i] is None:
                    continue
                gradient = np.asarray(gradients[i])
                if gradient.shape != like.shape:
                    raise ShapeError(
                        f"backward returned a gradient of shape {gradient.shape} for "
                        f"parents[{i}] of shape {like.shape}"
                    )
                if gradient.dtype != like.dtype:
                    gradient = gradient.astype(like.dtype)
                self.add(slot, gradient)

    def result(self, slot, source, zero):
        """Return the gradient of `source`; without one None, or zeros if `zero`."""
        if slot is not None and slot[0] in self._arrays:
            key, where = slot
            if where is None:
                return np.array(self._arrays[key])
            if any(p.start < where.stop and where.start < p.stop for p in self._parts[key]):
                return self._arrays[key][where].reshape(source.shape)
        return np.zeros(source.shape, source.dtype) if zero else None


def leaves(structure):
    """Return the items of nested lists, tuples and dicts in one list."""
    if isinstance(structure, dict):
        structure = structure.values()
    elif not isinstance(structure, (list, tuple)):
        return [structure]
    return [leaf for item in structure for leaf in leaves(item)]


def map_structure(function, structure):
    """Return nested lists, tuples and dicts with ``function(item)`` for every item."""
    if isinstance(structure, dict):
        return {name: map_structure(function, item) for name, item in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)([map_structure(function, item) for item in structure])
    return function(structure)
