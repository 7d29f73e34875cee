"""Give data to workers once: in files that they map into memory, or through a Dask client."""

import contextlib
import itertools
import os
import pickle
import shutil
import struct
import tempfile
import uuid
import weakref
from collections import Counter

import numpy as np

from fastgd.many.executors.messages import keys_of_data, pickled
from fastgd.models.replica import Blueprint

#: Where buffers begin in an image, in bytes.
ALIGNMENT = 64
#: So many data sets are kept that no task needs any more.
KEPT = 64


def image(thing, key_of=None):
    """Return a list of bytes and buffers that, one behind the other, are a thing to load."""
    buffers = []
    content = pickled(thing, key_of, buffers)
    raw = [buffer.raw() for buffer in buffers]
    head = pickle.dumps((content, [part.nbytes for part in raw]))
    parts, at = [struct.pack("<Q", len(head)), head], 8 + len(head)
    for part in raw:
        parts += [b"\0" * (-at % ALIGNMENT), part]
        at += -at % ALIGNMENT + part.nbytes
    return parts


def contents(view):
    """Return the pickle and the buffers of an image, which stay where they are."""
    view = memoryview(view).toreadonly()
    (length,) = struct.unpack("<Q", view[:8])
    content, sizes = pickle.loads(view[8 : 8 + length])
    buffers, at = [], 8 + length
    for size in sizes:
        at += -at % ALIGNMENT
        buffers.append(view[at : at + size])
        at += size
    return content, buffers


class _Data:
    """Keep the keys of data that a run gave to workers: tuples that begin with its token.

    An object stays alive as long as its key, so that its id stays its own.
    """

    stop_file: str | None = None
    #: How often all data were sent anew.
    renewals = 0

    def __init__(self):
        self.token = uuid.uuid4().hex
        self._known = {}  # id -> (object, key), those used last behind the others
        self._things = {}  # key -> object
        self._users, self._common = Counter(), set()
        self._numbers, self._blueprints = itertools.count(), {}

    def key_of(self, thing):
        """Return the key of data; give them to the workers if they are new."""
        found = self._known.pop(id(thing), None)
        if found is None:
            found = thing, self._give(thing)
            self._things[found[1]] = thing
        self._known[id(thing)] = found
        return found[1]

    def key_of_context(self, context):
        """Return the key of a Context, which is kept to the end, as are the data in it."""

        def key_of(part):
            self._common.add(key := self.key_of(part))
            return key

        return self._send(image(context, keys_of_data(key_of)))

    def blueprint(self, key):
        """Return the Blueprint of the model with a key."""
        if key not in self._blueprints:
            self._blueprints[key] = Blueprint(self._things[key])
        return self._blueprints[key]

    def hold(self, keys):
        """Keep the data of a task."""
        self._users.update(set(keys))

    def release(self, keys):
        """Forget the data of a task, unless others need them, or they are among the latest."""
        self._users.subtract(set(keys))
        for name, (_, key) in list(self._known.items())[:-KEPT]:
            if self._users[key] <= 0 and key not in self._common:
                del self._known[name], self._users[key], self._things[key]
                self._blueprints.pop(key, None)
                self._forget(key)

    def renew(self):
        """Do nothing: files outlive workers."""

    def _give(self, thing):
        if type(thing) in (np.ndarray, np.memmap):
            thing = np.ascontiguousarray(thing)  # only then it is a buffer
        return self._send(image(thing))


class Spool(_Data):
    """Write data into files of a folder, which is made, and removed by ``close``.

    folder: the one to make it in; None for a temporary one of this machine. There, a memory map
    is read where it is.
    """

    def __init__(self, folder=None):
        super().__init__()
        self._shared = folder is not None
        if self._shared:
            os.makedirs(folder, exist_ok=True)
        self._folder = tempfile.mkdtemp(prefix="fastgd-", dir=folder)
        self._removed = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self.stop_file = os.path.join(self._folder, "stop")

    def _give(self, thing):
        place = None if self._shared else _place_of_map(thing)
        return super()._give(thing) if place is None else (self.token, "map", *place)

    def _send(self, parts):
        path = os.path.join(self._folder, f"{next(self._numbers)}.data")
        with open(path, "wb") as file:
            file.writelines(parts)
        return self.token, "file", path

    def _forget(self, key):
        if key[1] == "file":
            os.remove(key[2])

    def attached(self, keys):
        """Return what a task has to carry: nothing."""
        return []

    def stop(self):
        """Tell the workers that the run has stopped."""
        with contextlib.suppress(OSError), open(self.stop_file, "wb"):
            pass

    def close(self):
        """Remove the files; workers that still read them may go on."""
        self._removed()


def _place_of_map(thing):
    """Return where a contiguous part of a mapped file is; None for any other array.

    A map of mode "c" may have been changed in memory alone.
    """
    if type(thing) is not np.memmap or thing.filename is None or thing.mode == "c":
        return None
    if not thing.flags.c_contiguous:
        return None
    whole = thing
    while type(whole.base) is np.memmap:
        whole = whole.base
    at = thing.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    return os.path.abspath(thing.filename), thing.dtype.str, thing.shape, whole.offset + at


class Scattered(_Data):
    """Give data to a Dask client, which sends them to each of its workers."""

    def __init__(self, client):
        super().__init__()
        self._client, self._futures, self._parts = client, {}, {}

    def _send(self, parts):
        key = self.token, "sent", next(self._numbers)
        self._parts[key] = parts  # the buffers are those of the data
        self._scatter(key)
        return key

    def _scatter(self, key):
        content = b"".join(self._parts[key])
        self._futures[key] = self._client.scatter(content, broadcast=True, hash=False)

    def _forget(self, key):
        del self._futures[key], self._parts[key]

    def renew(self):
        """Send all data anew: some may have been lost with a worker."""
        self.renewals += 1
        for key in list(self._parts):
            self._scatter(key)

    def attached(self, keys):
        """Return pairs of a key and the future of its image: of a task's, and of the run's."""
        needed = dict.fromkeys([*keys, *self._common])
        return [(key, self._futures[key]) for key in needed]

    def stop(self):
        """Do nothing: workers end the tasks that they have begun."""

    def close(self):
        """Let the cluster forget the data; a worker does when it works for other runs."""
        self._futures.clear()
        self._parts.clear()
