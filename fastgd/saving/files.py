"""Bytes into files, completely or not at all."""

import contextlib
import os
import secrets
import stat

from fastgd.errors import ArgumentError, DataTypeError


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

    A FileExistsError says that ``overwrite`` is False, an ArgumentError that the path is that
    of a folder or a device. After any OSError the old file is there as it was.
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
    _sync_folder(folder)


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


def _sync_folder(folder):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
