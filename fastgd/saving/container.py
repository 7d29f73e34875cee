"""The file's form: safetensors, with a document in its metadata and a checksum over all.

The metadata hold one entry, ``"fastgd"``: a JSON object with the format's version, the
checksum and the document. It is one entry because their order in a safetensors file is
arbitrary, and the same model should give the same bytes.

The checksum is SHA-256 over the content, not over the file's bytes: the canonical JSON of
version and document, and of each tensor in the order of names its name, type, shape and
values, each with its length before it. So another program may write the same content anew.
"""

import hashlib
import json

import numpy as np

from fastgd.errors import FileError

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
    for name in sorted(tensors):
        array = tensors[name]
        parts.append(_json([name, array.dtype.name, list(array.shape)]).encode())
        parts.append(array.reshape(-1).view(np.uint8))
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.hexdigest()
