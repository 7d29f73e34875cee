"""Several models as one: the average of their predictions."""

import functools
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from fastgd import config
from fastgd._data.arguments import listed
from fastgd._data.validation import array_of, boolean
from fastgd._engine.sizes import most_jobs
from fastgd._registry import custom
from fastgd._typing import Array, CustomObjects, Data
from fastgd.errors import ArgumentError, DataTypeError, FileError, ShapeError
from fastgd.many import shared_data
from fastgd.many.class_columns import classes_of, placed, union
from fastgd.models import Model
from fastgd.saving import container, state

#: The most predicted values that are held at a time: the rows are predicted in blocks.
BLOCK = 1 << 22


class Ensemble:
    """Average the predictions of models.

    Parameters
    ----------
    models : list
        Models of one input and one output, or estimators with ``predict_proba`` or
        ``predict``; their outputs have the same shape. They are the attribute ``models``.
        The columns of estimators with ``classes_`` are put in the order of ``classes``: a
        model that has not seen a class gives it the probability 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, many, utils
    >>> utils.set_random_seed(1)
    >>> models = [Sequential([layers.Dense(1, input_shape=(3,))]) for _ in range(5)]
    >>> ensemble = many.Ensemble(models)
    >>> x = np.ones((4, 3))
    >>> mean, std = ensemble.predict(x, return_std=True)
    >>> mean.shape, bool(np.allclose(mean, np.mean([m.predict(x) for m in models], axis=0)))
    ((4, 1), True)
    """

    def __init__(self, models: Iterable[Any]):
        self.models = listed(models, "models", most_jobs(), "a list of models")
        if not self.models:
            raise ArgumentError("models: expected at least one, got none")
        for place, model in enumerate(self.models):
            if not hasattr(model, "predict"):
                raise DataTypeError(f"models: expected a model at place {place}, got {model!r}")
            if hasattr(model, "classes_") and not hasattr(model, "predict_proba"):
                raise DataTypeError(
                    f"models: {type(model).__name__} at place {place} gives classes, but no "
                    "probabilities that could be averaged"
                )

    @property
    def classes(self) -> Array | None:
        """All classes that estimators know, in the order of the columns; None of networks."""
        return union([classes_of(model, place) for place, model in enumerate(self.models)])

    def __len__(self) -> int:
        return len(self.models)

    def __repr__(self):
        return f"<Ensemble of {len(self)} models>"

    def predict(self, x: Data, *, return_std: bool = False, n_jobs: int | None = None) -> Any:
        """Return the mean of the models' outputs: of probabilities, not of classes.

        The models predict side by side. Sums are taken in double precision and in the models'
        order: a row has the same output, bit for bit, with any other rows and threads.

        Parameters
        ----------
        x : array, frame or CSR matrix, shape (n, features)
        return_std : bool
            Return the standard deviation across the models too, sqrt(mean((p - mean)^2)), as
            ``numpy.std`` has it.
        n_jobs : int, optional
            Threads, see ``config.threads``.

        Returns
        -------
        ndarray, shape (n, outputs), or a pair of such
            (n,) where the models give that; of the models' data type.

        Raises
        ------
        ShapeError
            If the models' outputs differ in shape.
        ArgumentError, DataTypeError
            If classes differ and their columns cannot be aligned; for x that gives batches.
        """
        return_std = boolean(return_std, "return_std")
        threads = min(config.threads(n_jobs), len(self))
        shared_data.share_pair((x, None))  # refuses batches
        x = x if hasattr(x, "shape") else array_of(x, "x")
        if not x.shape:
            raise ShapeError(f"x: expected rows, got {x!r}")
        count, classes = x.shape[0], self.classes
        width = outputs_of(self.models[0], x[:1]).size if classes is None else len(classes)
        step = max(1, BLOCK // (len(self) * max(width, 1)))
        with ThreadPoolExecutor(threads) as pool:
            run = map if threads == 1 else pool.map
            parts = [
                _moments(
                    list(run(functools.partial(outputs_of, x=part, every=classes), self.models))
                )
                for part in (x[at : at + step] for at in range(0, max(count, 1), step))
            ]
        mean, std = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
        return (mean, std) if return_std else mean

    def predict_classes(self, x: Data, *, n_jobs: int | None = None) -> Array:
        """Return the class of the greatest mean output; 0 or 1, above 1/2, of a single output.

        It is an int64, or one of the estimators' ``classes_``; the arguments are as for
        ``predict``.
        """
        mean = self.predict(x, n_jobs=n_jobs)
        classes = self.classes
        columns = 1 if mean.ndim < 2 else mean.shape[1]
        several = columns > 1 or (classes is not None and len(classes) == columns)
        places = mean.argmax(axis=1) if several else (mean.reshape(-1) > 0.5).astype(np.int64)
        return places if classes is None else classes[places]

    def save(self, filepath: Any, overwrite: bool = True) -> None:
        """Write all models into one file, see ``fastgd.saving.save_model``.

        Examples
        --------
        >>> import io
        >>> from fastgd import Sequential, layers, many
        >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
        >>> file = io.BytesIO()
        >>> many.Ensemble([model, model]).save(file)
        >>> _ = file.seek(0)
        >>> many.Ensemble.load(file)
        <Ensemble of 2 models>
        """
        overwrite = boolean(overwrite, "overwrite")
        arrays: dict[str, Array] = {}
        for place, model in enumerate(self.models):
            if not isinstance(model, Model):
                raise DataTypeError(
                    f"models: {type(model).__name__} at place {place} is no model of fastgd: "
                    "pickle the ensemble"
                )
            arrays |= {f"{place}/{k}": a for k, a in state.arrays_of(model).items()}
        document = {"ensemble": [state.document_of(model) for model in self.models]}
        container.write(filepath, container.pack(document, arrays), overwrite)

    @classmethod
    def load(cls, filepath: Any, custom_objects: CustomObjects | None = None,
             compile: bool = True) -> "Ensemble":  # fmt: skip
        """Return the ensemble in a file of ``save``.

        Arguments and errors are those of ``fastgd.saving.load_model``.
        """
        compile = boolean(compile, "compile")
        document, arrays = container.unpack(container.read(filepath), filepath)
        documents = document.get("ensemble") if isinstance(document, dict) else None
        if not isinstance(documents, list):
            raise FileError(f"{filepath}: the file holds no ensemble")
        with custom.custom_object_scope(custom_objects), container.errors_of(filepath):
            return cls(
                [
                    state.model_from(one, state.part(arrays, f"{place}/"), compile)
                    for place, one in enumerate(documents)
                ]
            )


def outputs_of(model, x, numbers=None, every=None):
    """Return the outputs of a model to average, for some rows or all; probabilities if any.

    every: the classes that there is a column for; by default those that the model knows.
    """
    method = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    outputs = np.asarray(shared_data.predict(model, x, numbers, method))
    return outputs if every is None else placed(outputs, classes_of(model, 0), every, method)


def _moments(outputs):
    """Return mean and standard deviation over a list of arrays of the same shape."""
    shapes = {array.shape for array in outputs}
    if len(shapes) > 1:
        raise ShapeError(f"models: their outputs differ in shape: {sorted(shapes)}")
    # not np.mean: it adds up in another order where there is one row
    mean = sum(outputs, np.zeros(outputs[0].shape)) / len(outputs)
    std = np.sqrt(sum(((array - mean) ** 2 for array in outputs), 0.0) / len(outputs))
    kind = np.result_type(np.float32, *outputs)
    return mean.astype(kind), std.astype(kind)
