"""The file: safetensors, with a document in its metadata and a checksum over all.

The metadata hold one entry, ``"fastgd"``: a JSON object with the format's version, the
checksum and the document. It is one entry because their order in a safetensors file is
arbitrary, and the same model should give the same bytes.

The checksum is SHA-256 over the content, not over the file's bytes: the canonical JSON of
version and document, and of each tensor in the order of names its name, type, shape and
values, each with its length before it. So another program may write the same content anew.
"""

import contextlib
import fcntl
import hashlib
import json
import math
import os
import re
import secrets
import stat

import numpy as np

from fastgd._data.arguments import path_name
from fastgd._data.ranges import RANGES
from fastgd.errors import (
    ArgumentError,
    DataError,
    DataTypeError,
    FastgdError,
    FileError,
    UnknownNameError,
)

KEY = "fastgd"
#: The newest format. Version 3 may have a ledger of private training, and version 2 ranges of
#: data; a file is of the lowest version that holds what it has, for older ones to read it.
VERSION = 3
#: Begins the name of a weight, behind the number of a model if there are several.
WEIGHTS = "weights/"
#: Begins the name of a part of the optimizer's state.
OPTIMIZER = "optimizer/"
#: The longest header, in bytes: that of safetensors. JSON takes more room than its text does.
LONGEST_HEADER = 100_000_000
#: What safetensors calls the data types that NumPy has.
DTYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4",
    "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip


def pack(document, tensors):
    """Return the bytes of a file for a document, a dict as JSON, and a dict of arrays."""
    import safetensors.numpy

    # safetensors writes the memory of an array as it is
    tensors = {name: np.asarray(tensors[name], order="C") for name in sorted(tensors)}
    if (name := _not_finite(tensors)) is not None:
        raise DataError(f"{name}: it holds NaN or infinity, and no such model can be loaded")
    version = 2 if any(RANGES in name for name in tensors) else 1
    if isinstance(document, dict) and "privacy" in document:
        version = VERSION
    head = {"version": version, "document": document}
    note = _json(head | {"sha256": _digest(head, tensors)})
    return safetensors.numpy.save(tensors, metadata={KEY: note})


def unpack(data, path):
    """Return (document, tensors) of the bytes of a file; else raise a FileError.

    The tensors are read-only views of the bytes. Nothing is allocated by a size that the file
    states: each has to fit into the bytes that are there.
    """
    try:
        header, start = _header(data)
        tensors = _tensors(header, memoryview(data).toreadonly()[start:])
    except Exception as error:  # arbitrary bytes may raise anything
        raise FileError(f"{path}: {_guess(data)} ({error})") from error
    note = header.get("__metadata__", {}).get(KEY)
    if note is None:
        raise FileError(f"{path}: a safetensors file that fastgd did not write")
    try:
        head = _parsed(note)
        version, digest = head["version"], head.pop("sha256")
        whole = type(version) is int and digest == _digest(head, tensors)
    except Exception as error:
        raise FileError(f"{path}: the file is damaged: its metadata cannot be read") from error
    if type(version) is int and version > VERSION:
        raise FileError(
            f"{path}: written in format version {version} by a newer fastgd; this one reads "
            f"up to {VERSION}"
        )
    if not whole:
        raise FileError(f"{path}: the file is damaged: its content does not fit its checksum")
    if type(version) is not int or version < 1 or set(head) != {"version", "document"}:
        raise FileError(f"{path}: no file of version 1 to {VERSION}: its metadata are others")
    if (name := _not_finite(tensors)) is not None:
        raise FileError(f"{path}: {name} holds NaN or infinity")
    return head["document"], tensors


def _header(data):
    """Return the header of a safetensors file, a dict, and where its tensors begin."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > min(len(data) - 8, LONGEST_HEADER):
        raise ValueError(f"its header would be {size} bytes long")
    header = _parsed(bytes(data[8 : 8 + size]))
    if not isinstance(header, dict) or not isinstance(header.get("__metadata__", {}), dict):
        raise ValueError("its header or metadata are no dict")
    return header, 8 + size


def _tensors(header, data):
    """Return name -> view of the bytes that each tensor has in a header."""
    end, tensors = 0, {}
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    for name, entry in sorted(entries.items(), key=lambda pair: pair[1]["data_offsets"]):
        dtype, shape = np.dtype(DTYPES[entry["dtype"]]), entry["shape"]
        start, stop = entry["data_offsets"]
        if not all(type(n) is int and n >= 0 for n in (start, stop, *shape)):
            raise ValueError(f"{name}: its place or shape are no whole numbers")
        if start != end or stop - start != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{name}: shape {shape} does not fit {stop - start} bytes")
        tensors[name] = np.frombuffer(data[start:stop], dtype).reshape(shape)
        end = stop
    if end != len(data):
        raise ValueError(f"it holds {len(data)} bytes of tensors, and its header says {end}")
    return tensors


def _parsed(text):
    """Return what JSON says, if it says each thing once and in finite numbers."""
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_refused)


def _unique(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refused(constant):
    raise ValueError(f"{constant} is no JSON")


def _not_finite(tensors):
    """Return the name of the first array of a model that is not finite, else None."""
    for name, array in tensors.items():
        of_model = (WEIGHTS in name or OPTIMIZER in name) and array.dtype.kind == "f"
        # two numbers, for an array of booleans would take memory
        ends = (array.min(initial=0), array.max(initial=0)) if of_model else ()
        if not all(map(math.isfinite, ends)):
            return name
    return None


@contextlib.contextmanager
def errors_of(path, *passed):
    """Turn whatever the content of a file leads to into a FileError that names the file.

    passed : the errors that stay what they are, beside that of an unknown class
    """
    try:
        yield
    except (UnknownNameError, Warning, *passed):
        raise
    except FileError as error:
        raise FileError(f"{path}: {error}") from error.__cause__
    except FastgdError as error:
        raise FileError(f"{path}: {_short(error)}") from error
    except Exception as error:
        raise FileError(
            f"{path}: no model can be made of it: {type(error).__name__}: {_short(error)}"
        ) from error


def _short(error):
    """Return the message of an error, which may quote all of a file."""
    text = str(error)
    return text if len(text) <= 2000 else f"{text[:1000]} ... {text[-1000:]}"


def _guess(data):
    """Return what a file that cannot be read might be."""
    data = bytes(data[:8])
    if data.startswith(b"PK\x03\x04"):
        return "a zip archive, such as Keras' .keras files are, and no file of fastgd"
    if data.startswith(b"\x89HDF"):
        return "an HDF5 file, such as Keras writes, and no file of fastgd"
    return "no file of fastgd, or cut short or damaged"


def _json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _digest(head, tensors):
    found = hashlib.sha256()
    parts = [_json(head).encode()]
    for name, array in sorted(tensors.items()):
        parts.append(_json([name, array.dtype.name, list(array.shape)]).encode())
        parts.append(array.reshape(-1).view(np.uint8))
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.hexdigest()


def read(path):
    """Return the bytes of a file, or of an object with ``read``.

    Only a regular file is read, for others may have no end, and only if it begins as a model
    does: so nothing large is read in vain.
    """
    if hasattr(path, "read"):
        data = path.read()
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise DataTypeError(
                f"filepath: expected a file opened to read bytes, but it gave {type(data)}"
            )
        return data
    path = path_name(path, "filepath")
    size = os.stat(path)  # before opening, which may wait for a pipe's other end
    if not stat.S_ISREG(size.st_mode):
        raise FileError(f"{path}: no regular file")
    with open(path, "rb", buffering=0) as file:  # without a buffer there is one copy
        begin = file.read(8)
        if int.from_bytes(begin, "little") > min(size.st_size, LONGEST_HEADER):
            raise FileError(f"{path}: {_guess(begin)}")
        file.seek(0)
        try:
            return file.readall()
        except MemoryError as error:
            raise FileError(f"{path}: {size.st_size} bytes do not fit into memory") from error


def write(path, data, overwrite=True):
    """Write a file so that at any moment either the old one or the new one is there.

    The bytes go to a new file in the same folder, which is synced and then takes the name; the
    folder is synced too. A symbolic link to an old file is kept, and so are its owner and
    permissions as far as the system lets us. A crash leaves the new file behind, named
    ``.<name>.<hex>.tmp``; the next write of that name removes it.
    """
    if hasattr(path, "write"):
        path.write(data)
        return
    path = os.path.realpath(path_name(path, "filepath"))
    old = _status(path)
    if old is not None and not overwrite:
        raise FileExistsError(f"{path}: there is such a file already, and overwrite is False")
    folder, name = os.path.split(path)
    stem = _stem(name)
    _remove_leftovers(folder, stem)
    # 0o666 less the umask, as for any new file
    temporary, descriptor = _new_file(folder, stem, 0o666 if old is None else 0o600)
    # It stays open, and thereby locked, until it has its name.
    with open(descriptor, "wb") as file:
        try:
            if old is not None:
                _take_over(descriptor, old)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
            if overwrite:
                os.replace(temporary, path)
            else:
                os.link(temporary, path)  # unlike os.replace, it refuses a name that is taken
                os.unlink(temporary)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stem(name):
    """Return what temporary files of a name begin with: of at most 255 bytes, as all names."""
    return f".{os.fsencode(name)[:200].decode(errors='ignore')}."


def _new_file(folder, stem, mode):
    """Return the path and the descriptor of a new temporary file, which is locked."""
    while True:
        path = os.path.join(folder, f"{stem}{secrets.token_hex(8)}.tmp")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with contextlib.suppress(OSError):  # not every file system has locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)  # another process removed it before it was locked


def _remove_leftovers(folder, stem):
    """Remove the temporary files that no process holds a lock of: those who wrote them died."""
    pattern = re.compile(re.escape(stem) + "[0-9a-f]{16}[.]tmp")
    for name in os.listdir(folder):
        if pattern.fullmatch(name):
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(path)
                finally:
                    os.close(descriptor)


def _take_over(descriptor, old):
    """Give a new file the owner and permissions of an old one, and nobody more than before."""
    new, mode = os.fstat(descriptor), stat.S_IMODE(old.st_mode) & 0o777
    for owner, group in ((old.st_uid, old.st_gid), (-1, old.st_gid)):
        if (new.st_uid, new.st_gid) == (old.st_uid, old.st_gid):
            break
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, owner, group)
            new = os.fstat(descriptor)
    if new.st_gid != old.st_gid:  # the new group were others, and the old group now are
        shared = (mode >> 3) & mode & 0o7
        mode = mode & 0o700 | shared << 3 | shared
    os.fchmod(descriptor, mode)


def _status(path):
    """Return the status of a file; None if there is no such file."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise ArgumentError(f"filepath: {path} is there already and is no file")
    return found
