"""What jobs must not share, since one would change it under the other."""

import weakref

from fastgd._data.sources import makes_batches
from fastgd.errors import ArgumentError
from fastgd.models import Model


class Claims:
    """Who changes what: models, weights, optimizers, callbacks, and iterators that end once."""

    def __init__(self):
        self._owners = weakref.WeakKeyDictionary()  # thing -> index of a job
        self._kept = {}  # id -> (index, thing), of what has no such references

    def claim(self, index, model, given=None):
        """Note what training a job changes.

        Parameters
        ----------
        index : int
            Of the job.
        model : object with fit, or None
            None until it is made.
        given : dict, optional
            The job; left out when only its model is new.

        Raises
        ------
        ArgumentError
            If another job does so too.
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
        """The job that has claimed a thing: this one, if none has before."""
        if type(thing).__hash__ is object.__hash__:
            try:
                return self._owners.setdefault(thing, index)
            except TypeError:  # it knows no weak references
                pass
        return self._kept.setdefault(id(thing), (index, thing))[0]


def _of_model(model):
    """(Word, object) for what ``fit`` changes of a model."""
    if model is not None:
        yield "model", model
    if isinstance(model, Model):
        if model.optimizer is not None:
            yield "optimizer", model.optimizer
        if model.built:
            yield "vector of weights", model.network().home
            for metric in model.metrics:
                if not metric.compiled:
                    yield f"metric {metric.name!r}", metric


def _of_job(given):
    """The same for what else a job has."""
    if given is None:
        return
    callbacks = given.get("callbacks")
    for callback in callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]:
        if callback is not None and not callable(callback):
            yield f"callback {type(callback).__name__}", callback
    x = given["x"]
    if makes_batches(x, given.get("y")) and hasattr(x, "__next__"):
        yield "x, an iterator,", x
