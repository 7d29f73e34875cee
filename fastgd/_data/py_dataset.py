"""Data that is made batch by batch."""

import collections
import itertools
import queue
import threading

from fastgd._data.validation import boolean, positive_int


class PyDataset:
    """What sources of batches are derived from.

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
    ...     def __getitem__(self, index):
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

    def __init__(self, workers=1, use_multiprocessing=False, max_queue_size=10):
        self.workers = positive_int(workers, "workers")
        self.use_multiprocessing = boolean(use_multiprocessing, "use_multiprocessing")
        self.max_queue_size = positive_int(max_queue_size, "max_queue_size")

    def __getitem__(self, index):
        """Batch ``index``."""
        raise NotImplementedError

    @property
    def num_batches(self):
        """The number of batches; None where there is no end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError("give __len__ or num_batches")

    def on_epoch_begin(self):
        """Called before each epoch."""

    def on_epoch_end(self):
        """Called after each epoch."""

    def __iter__(self):
        count = self.num_batches
        for index in itertools.count() if count is None else range(count):
            yield self[index]

    def in_order(self, order):
        """The batches in the order ``order(number of batches)``, made ahead by the workers."""
        count = self.num_batches
        indices = itertools.count() if count is None else iter(order(count).tolist())
        if self.workers <= 1:
            return map(self.__getitem__, indices)
        return self._made_ahead(indices)

    def _made_ahead(self, indices):
        jobs, ahead = queue.SimpleQueue(), collections.deque()
        threads = [threading.Thread(target=_work, args=(jobs,)) for _ in range(self.workers)]
        try:
            for thread in threads:
                thread.start()
            for index in itertools.islice(indices, self.max_queue_size):
                ahead.append(_Job(self, index))
                jobs.put(ahead[-1])
            while ahead:
                batch = ahead.popleft().result()
                for index in itertools.islice(indices, 1):
                    ahead.append(_Job(self, index))
                    jobs.put(ahead[-1])
                yield batch
        finally:
            for job in ahead:
                job.wanted = False
            for _ in threads:
                jobs.put(None)
            for thread in threads:
                thread.join()


class _Job:
    """A batch that a worker makes."""

    def __init__(self, dataset, index):
        self.dataset, self.index = dataset, index
        self.wanted = True
        self.batch = self.error = None
        self.done = threading.Event()

    def run(self):
        try:
            self.batch = self.dataset[self.index] if self.wanted else None
        except BaseException as error:  # it is raised where the batch is needed
            self.error = error
        self.done.set()

    def result(self):
        self.done.wait()
        if self.error is not None:
            raise self.error
        return self.batch


def _work(jobs):
    for job in iter(jobs.get, None):
        job.run()


#: The name it had in Keras 2.
Sequence = PyDataset
