"""How files are written: temporary files, long names, owners and permissions."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
import threading

import pytest
from problems import network

from fastgd import models
from fastgd.saving import container

HEX = "0123456789abcdef"


def test_the_next_save_removes_what_killed_ones_left(tmp_path):
    """Only leftovers of the same name go, and none that a living process writes to."""
    leftover, alive = tmp_path / f".m.{HEX}.tmp", tmp_path / f".m.{HEX[::-1]}.tmp"
    others = [tmp_path / name for name in (f".n.{HEX}.tmp", f".m.x.{HEX}.tmp", ".m.tmp",
                                           f".m.{HEX}", f".m.{HEX}.tmp.old")]  # fmt: skip
    for path in (leftover, alive, *others):
        path.write_bytes(b"part")
    link = tmp_path / f".m.{HEX[1:]}0.tmp"
    link.symlink_to(others[0])
    with open(alive, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        network().save(tmp_path / "m")
        assert not leftover.exists()
        assert all(path.read_bytes() == b"part" for path in (alive, link, *others))
    network().save(tmp_path / "m")
    assert not alive.exists()
    assert models.load_model(tmp_path / "m").built


WRITER = """
import sys
from fastgd.saving import container
for _ in range(300):
    container.write(sys.argv[1], sys.argv[2].encode() * 10_000)
"""


def test_processes_that_save_the_same_name_leave_each_other_alone(tmp_path):
    path = tmp_path / "m"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, path, letter], stderr=subprocess.PIPE)
        for letter in "ab"
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    assert set(path.read_bytes()) in ({ord("a")}, {ord("b")})
    assert os.listdir(tmp_path) == ["m"]


def test_threads_that_save_the_same_name_leave_each_other_alone(tmp_path):
    errors = []

    def write(letter):
        try:
            for _ in range(50):
                container.write(tmp_path / "m", letter * 10_000)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=[letter]) for letter in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and os.listdir(tmp_path) == ["m"]


@pytest.mark.parametrize("letter", ["m", "\xe9", "\u20ac", "\U0001f600"])
def test_a_name_may_be_as_long_as_the_system_lets_it(letter, tmp_path):
    size = len(letter.encode())
    name = letter * (255 // size) + "m" * (255 % size)
    for _ in range(2):
        network().save(tmp_path / name)
    assert os.listdir(tmp_path) == [name]
    with pytest.raises(OSError, match="too long") as caught:
        network().save(tmp_path / (name + "m"))
    assert caught.value.errno == errno.ENAMETOOLONG
    assert os.listdir(tmp_path) == [name]


def test_a_new_file_has_no_special_bits(tmp_path):
    container.write(tmp_path / "m", b"old")
    os.chmod(tmp_path / "m", 0o7754)
    container.write(tmp_path / "m", b"new")
    assert stat.S_IMODE(os.stat(tmp_path / "m").st_mode) == 0o754


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to others")
def test_owner_and_group_are_kept(tmp_path):
    container.write(tmp_path / "m", b"old")
    os.chown(tmp_path / "m", 12345, 23456)
    os.chmod(tmp_path / "m", 0o640)
    container.write(tmp_path / "m", b"new")
    found = os.stat(tmp_path / "m")
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12345, 23456, 0o640)


@pytest.mark.parametrize(
    ("old", "new"),
    [(0o640, 0o600), (0o644, 0o644), (0o664, 0o644), (0o604, 0o600), (0o750, 0o700),
     (0o755, 0o755), (0o600, 0o600)],
    ids=oct,
)  # fmt: skip
def test_where_the_group_cannot_be_kept_nobody_may_do_more(old, new, tmp_path, monkeypatch):
    """Each of the groups, whose members were others or are so now, may do what both may."""
    container.write(tmp_path / "m", b"old")
    os.chmod(tmp_path / "m", old)
    status = os.stat
    values = list(status(tmp_path / "m"))
    values[5] += 1  # another group

    def refused(*args):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refused)
    monkeypatch.setattr(container, "_status", lambda path: os.stat_result(values))
    container.write(tmp_path / "m", b"new")
    assert (tmp_path / "m").read_bytes() == b"new"
    assert stat.S_IMODE(status(tmp_path / "m").st_mode) == new


def test_nobody_else_reads_a_file_before_it_has_its_permissions(tmp_path, monkeypatch):
    container.write(tmp_path / "m", b"old")
    os.chmod(tmp_path / "m", 0o644)
    modes = []
    take_over = container._take_over
    monkeypatch.setattr(
        container, "_take_over",
        lambda descriptor, old: (
            modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode)), take_over(descriptor, old)
        ),
    )  # fmt: skip
    container.write(tmp_path / "m", b"new")
    assert modes == [0o600]
    assert stat.S_IMODE(os.stat(tmp_path / "m").st_mode) == 0o644


def test_a_file_system_without_locks_is_written_to(tmp_path, monkeypatch):
    def refused(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    (tmp_path / f".m.{HEX}.tmp").write_bytes(b"part")
    container.write(tmp_path / "m", b"new")
    assert sorted(os.listdir(tmp_path)) == [f".m.{HEX}.tmp", "m"]
