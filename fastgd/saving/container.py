"""The file: safetensors, with a document in its metadata and a checksum over all.

The metadata hold one entry, ``"fastgd"``: a JSON object with the format's version, the
checksum and the document. It is one entry because their order in a safetensors file is
arbitrary, and the same model should give the same bytes.

The checksum is SHA-256 over the content, not over the file's bytes: the canonical JSON of
version and document, and of each tensor in the order of names its name, type, shape and
values, each with its length before it. So another program may write the same content anew.
"""

import contextlib
import hashlib
import json
import os
import secrets
import stat

import numpy as np

from fastgd.errors import ArgumentError, DataTypeError, FileError

KEY = "fastgd"
#: The format that is written, and the newest that is read.
VERSION = 1


def pack(document, tensors):
    """Return the bytes of a file for a document, a dict as JSON, and a dict of arrays."""
    import safetensors.numpy

    # safetensors writes the memory of an array as it is
    tensors = {name: np.asarray(tensors[name], order="C") for name in sorted(tensors)}
    head = {"version": VERSION, "document": document}
    note = _json(head | {"sha256": _digest(head, tensors)})
    return safetensors.numpy.save(tensors, metadata={KEY: note})


def unpack(data, path):
    """Return (document, read-only tensors) of the bytes of a file; else raise a FileError."""
    import safetensors.numpy

    try:
        tensors = safetensors.numpy.load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except Exception as error:  # arbitrary bytes may raise anything
        raise FileError(f"{path}: {_guess(data)} ({error})") from error
    note = header.get("__metadata__", {}).get(KEY)
    if note is None:
        raise FileError(f"{path}: a safetensors file that fastgd did not write")
    try:
        head = json.loads(note)
        version = head["version"]
        digest = head.pop("sha256")
    except Exception as error:
        raise FileError(f"{path}: the file is damaged: its metadata cannot be read") from error
    if version != VERSION:
        raise FileError(
            f"{path}: written in format version {version!r} by a newer fastgd; this one reads "
            f"up to {VERSION}"
        )
    if digest != _digest(head, tensors):
        raise FileError(f"{path}: the file is damaged: its content does not fit its checksum")
    return head["document"], tensors


def _guess(data):
    """Return what a file that cannot be read might be."""
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
    """Return the bytes of a file, or of an object with ``read``."""
    if hasattr(path, "read"):
        return path.read()
    with open(_checked(path), "rb") as file:
        return file.read()


def write(path, data, overwrite=True):
    """Write a file so that at any moment either the old one or the new one is there.

    The bytes go to a new file in the same folder, which is synced and then takes the name; the
    folder is synced too. The permissions of an old file and a symbolic link to it are kept.
    After a crash the new file may be left behind, named ``.<name>.<hex>.tmp``.
    """
    if hasattr(path, "write"):
        path.write(data)
        return
    path = os.path.realpath(_checked(path))
    mode = _mode(path)
    if mode is not None and not overwrite:
        raise FileExistsError(f"{path}: there is such a file already, and overwrite is False")
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name[:200]}.{secrets.token_hex(8)}.tmp")
    # 0o666 less the umask, as for any new file
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(descriptor, mode)
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


def _checked(path):
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise DataTypeError(f"filepath: expected a path, got {path!r}")
    return os.fsdecode(path)


def _mode(path):
    """Return the permissions of a file; None if there is no such file."""
    try:
        found = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found):
        raise ArgumentError(f"filepath: {path} is there already and is no file")
    return stat.S_IMODE(found)
