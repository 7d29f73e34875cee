"""Make things ahead, while those before are used."""

import threading

_END = object()


def made_ahead(items):
    """Yield the items of an iterator; a thread makes each while the one before is used.

    A thread makes one item and ends. So none is left when the loop is left, however that
    happens, and none waits for a loop that does not go on. What it raises is raised here.
    """
    job = _Job(items)
    try:
        while (item := job.result()) is not _END:
            job = _Job(items)
            yield item
    finally:
        if job is not threading.current_thread():  # which may collect a loop that was left
            job.join()


class _Job(threading.Thread):
    """Make the next item of an iterator in a thread, which begins at once."""

    def __init__(self, items):
        super().__init__(name="fastgd read-ahead")  # no daemon: it ends soon, and in order
        self._items, self._item, self._error = items, _END, None
        self.start()

    def run(self):
        try:
            self._item = next(self._items, _END)
        except BaseException as error:  # whatever it is, it belongs to who asks for the item
            self._error = error

    def result(self):
        """Wait for the item and return it; _END after the last one."""
        self.join()
        if self._error is not None:
            raise self._error
        return self._item
