"""What jobs must not share, since one would change it under the other."""

import weakref

from fastgd._data.sources import makes_batches
from fastgd.errors import ArgumentError
from fastgd.models import Model


class Ownership:
    """Note which job changes which object: model, weights, optimizer, callback, iterator."""

    def __init__(self):
        self._owners = weakref.WeakKeyDictionary()  # object -> index of a job
        self._others = {}  # id -> (index, object), of objects without weak references

    def claim(self, index, model, given=None):
        """Note the objects that training a job changes; refuse those of another job.

        The model is None until it is made; then `given`, the job, is left out.
        """
        for word, thing in [*_of_model(model), *_of_job(given)]:
            owner = self._owner(thing, index)
            if owner != index:
                hint = ", as model.replicate makes them" if isinstance(thing, Model) else ""
                raise ArgumentError(
                    f"job {index}: its {word} is that of job {owner} too: each needs its "
                    f"own{hint}"
                )

    def _owner(self, thing, index):
        """Return the job that owns an object: this one, if none has claimed it before."""
        if type(thing).__hash__ is object.__hash__:
            try:
                return self._owners.setdefault(thing, index)
            except TypeError:  # its class has no weak references
                pass
        return self._others.setdefault(id(thing), (index, thing))[0]


def _of_model(model):
    """Yield (word, object) for what ``fit`` changes of a model."""
    if model is not None:
        yield "model", model
    if isinstance(model, Model):
        if model.optimizer is not None:
            yield "optimizer", model.optimizer
        if model.built:
            yield "vector of weights", model.assembly().arena
            for metric in model.metrics:
                if not metric.compiled:
                    yield f"metric {metric.name!r}", metric


def _of_job(given):
    """Yield the same for the callbacks and the data of a job."""
    if given is None:
        return
    callbacks = given.get("callbacks")
    for callback in callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]:
        if callback is not None and not callable(callback):
            yield f"callback {type(callback).__name__}", callback
    x = given["x"]
    if makes_batches(x, given.get("y")) and hasattr(x, "__next__"):
        yield "x, an iterator,", x
