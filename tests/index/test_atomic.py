from __future__ import annotations

import errno
import hashlib
import os
import sys
from pathlib import Path

import pytest

from rag.index import atomic


def test_what_is_written_is_there_with_its_hash(tmp_path: Path) -> None:
    assert atomic.write(tmp_path / "a", b"data") == hashlib.sha256(b"data").hexdigest()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"data"
    assert atomic.digest(tmp_path / "a") == hashlib.sha256(b"data").hexdigest()


@pytest.mark.parametrize("broken", ["fsync", "digest", "replace"])
def test_a_failure_at_any_step_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    atomic.write(tmp_path / "a", b"old")

    def fails(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if broken == "digest":
        monkeypatch.setattr(atomic, "digest", lambda _path: "another")
    else:
        monkeypatch.setattr(os if broken == "fsync" else Path, broken, fails)
    with pytest.raises(OSError, match=r"No space left|not those written"):
        atomic.write(tmp_path / "a", b"new")
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("a", b"old")]


def test_a_rename_that_windows_refuses_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = [PermissionError(), PermissionError()]
    replace = Path.replace

    def refused_twice(self: Path, target: Path) -> Path:
        if refusals:
            raise refusals.pop()
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refused_twice)
    monkeypatch.setattr(atomic, "_RENAME_PAUSE_S", 0)
    monkeypatch.setattr(atomic, "_refuses_open_files", lambda: True)
    atomic.write(tmp_path / "a", b"data")
    assert (tmp_path / "a").read_bytes() == b"data"


def test_a_rename_that_stays_refused_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "refused")

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(PermissionError, match="refused"):
        atomic.write(tmp_path / "a", b"data")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fcntl")
def test_on_macos_the_drive_is_flushed_and_fsync_stands_in_where_it_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    asked: list[str] = []

    def full_flush(descriptor: int, command: int) -> int:
        asked.append(f"full flush {command}")
        if len(asked) > 2:
            raise OSError(errno.ENOTSUP, "not supported")
        return 0

    monkeypatch.setattr(atomic, "_FULL_FLUSH", 51)
    monkeypatch.setattr(fcntl, "fcntl", full_flush)
    monkeypatch.setattr(os, "fsync", lambda descriptor: asked.append("fsync"))
    atomic.write(tmp_path / "a", b"data")
    assert asked == ["full flush 51"] * 2
    atomic.write(tmp_path / "b", b"data")
    assert asked[2:] == ["full flush 51", "fsync"] * 2
