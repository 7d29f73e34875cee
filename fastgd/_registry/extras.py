"""Libraries that fastgd does not need, but some of its functions do."""

import contextlib
from collections.abc import Iterator

from fastgd.errors import MissingExtraError

#: Module -> the extra of ``pyproject.toml`` that installs it; others are installed by name.
EXTRAS = {
    "cloudpickle": "cluster", "dp_accounting": "privacy", "graphviz": "plot-model",
    "joblib": "cluster", "matplotlib": "plot", "narwhals": "frames", "pyarrow": "arrow",
    "shap": "shap", "sklearn": "sklearn", "tensorboardX": "tensorboard", "tqdm": "tqdm",
}  # fmt: skip


@contextlib.contextmanager
def needed_by(what: str) -> Iterator[None]:
    """Say what to install if an import in a ``with`` block does not find its module.

    Examples
    --------
    >>> from fastgd._registry.extras import needed_by
    >>> with needed_by("painting"):
    ...     import no_such_library
    Traceback (most recent call last):
        ...
    fastgd.errors.MissingExtraError: painting needs no_such_library: pip install no_such_library
    """
    try:
        yield
    except ModuleNotFoundError as error:
        module = (error.name or str(error)).split(".")[0]
        if module == "fastgd":
            raise
        wanted = f'"fastgd[{EXTRAS[module]}]"' if module in EXTRAS else module
        raise MissingExtraError(
            f"{what} needs {module}: pip install {wanted}", name=error.name
        ) from error
