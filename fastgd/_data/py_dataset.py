"""Define data that is made batch by batch."""

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from fastgd._data.validation import boolean, positive_int
from fastgd._typing import Array


class PyDataset:
    """The base class of sources of batches.

    A subclass gives ``__getitem__``, and ``__len__`` or ``num_batches``: batch ``index`` is a
    tuple (x, y) or (x, y, sample_weight); a prediction needs x alone. Each batch is one
    compiled step, whatever its number of rows.

    Parameters
    ----------
    workers : int
        So many threads make batches ahead; with 1 each is made when it is needed.
    use_multiprocessing : bool
        Accepted as in Keras; the workers are threads. The compiled loop holds no lock, so that
        they work while it does.
    max_queue_size : int
        How many batches are made ahead.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, utils
    >>> class Squares(utils.PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index: int) -> Any:
    ...         x = np.full((8, 1), index / 3)
    ...         return x, x**2
    >>> model = Sequential([layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> model.fit(Squares(), epochs=2, verbose=0).params["steps"]
    3
    """

    # A subclass need not call __init__: these are its defaults.
    workers = 1
    use_multiprocessing = False
    max_queue_size = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False,
                 max_queue_size: int = 10):  # fmt: skip
        self.workers = positive_int(workers, "workers")
        self.use_multiprocessing = boolean(use_multiprocessing, "use_multiprocessing")
        self.max_queue_size = positive_int(max_queue_size, "max_queue_size")

    def __getitem__(self, index: int) -> Any:
        """Return batch ``index``."""
        raise NotImplementedError

    @property
    def num_batches(self) -> int | None:
        """The number of batches; None where there is no end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError("give __len__ or num_batches")

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""

    def __iter__(self) -> Iterator[Any]:
        count = self.num_batches
        for index in itertools.count() if count is None else range(count):
            yield self[index]

    def in_order(self, order: Callable[[int], Array]) -> Iterator[Any]:
        """Yield the batches in the order ``order(number)``, made ahead by the workers."""
        count = self.num_batches
        indices = itertools.count() if count is None else iter(order(count).tolist())
        if self.workers <= 1:
            return map(self.__getitem__, indices)
        return self._made_ahead(indices)

    def _made_ahead(self, indices):
        with ThreadPoolExecutor(self.workers) as pool:
            ahead = deque()

            def submit(count):
                ahead.extend(pool.submit(self.__getitem__, i) for i in islice(indices, count))

            submit(self.max_queue_size)
            try:
                while ahead:
                    batch = ahead.popleft().result()
                    submit(1)
                    yield batch
            finally:
                for future in ahead:
                    future.cancel()


#: The name it had in Keras 2.
Sequence = PyDataset
