"""The only place that changes what is on the disk, but for SQLite and the lock; files whole or not at all, durable.

    bytes ─→ temporary file ─fsync→ re-read, compare the hash ─rename→ fsync of the folder

A crash at any point leaves the old file or the new one, and perhaps a `*.tmp` that the next writer sweeps.
Windows cannot flush a folder: there a power cut may forget the rename, and the old file is found.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import sys
import time
from pathlib import Path

if sys.platform == "win32":  # pragma: no cover
    _FULL_FLUSH = None
else:
    import fcntl

    _FULL_FLUSH: int | None = getattr(fcntl, "F_FULLFSYNC", None)

TEMPORARY = ".tmp"
_RENAME_TRIES = 20
_RENAME_PAUSE_S = 0.05


class Draft:
    """A file in the making, out of sight until `take` gives it its name; without that it is removed in the end."""

    def __init__(self, path: Path) -> None:
        """`path` is where it will be, or beside it, and what it is called meanwhile."""
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
        self._written = hashlib.sha256()
        self._taken = False
        self.file = self._temporary.open("w+b")

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._taken:
            with contextlib.suppress(OSError):  # what is buffered may find no room
                self.file.close()
            self._temporary.unlink(missing_ok=True)

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`."""
        self._written.update(data)
        self.file.write(data)

    def take(self, path: Path) -> str:
        """Let the file be at `path`, durably; its SHA-256. Raises OSError, with `path` as it was before."""
        self.file.flush()
        _flush(self.file.fileno())
        self.file.close()
        if (wanted := self._written.hexdigest()) != digest(self._temporary):
            raise OSError(errno.EIO, "the bytes read back are not those written", str(path))
        _rename(self._temporary, path)
        self._taken = True
        sync_folder(path.parent)
        return wanted


def write(path: Path, data: bytes | memoryview) -> str:
    """The SHA-256 of `data`, which is at `path` when this returns. Raises OSError, with `path` as it was before."""
    with Draft(path) as draft:
        draft.write(data)
        return draft.take(path)


def place(folder: Path, to: Path) -> None:
    """Give a folder, which is durable, its name. Raises OSError where that cannot be, or cannot be made durable."""
    _rename(folder, to)
    sync_folder(to.parent)


def make_folder(path: Path) -> None:
    """Make a folder. Its name is durable after the next `sync_folder` of the one above it. Raises OSError."""
    path.mkdir()


def make_folders(path: Path) -> None:
    """The same with those above it, all of them where they are missing."""
    path.mkdir(parents=True, exist_ok=True)


def move(entry: Path, to: Path) -> None:
    """Give a file or a folder another name in one step, which a power loss may undo until a sync. Raises OSError."""
    entry.rename(to)


def remove(file: Path) -> None:
    """Remove a file. Raises OSError."""
    file.unlink()


def discard(entry: Path) -> None:
    """Remove a file, or a folder with all that is in it, as far as it is there and can be."""
    with contextlib.suppress(OSError):
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink()


def digest(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable; nothing to do on Windows, which has no such call."""
    if sys.platform == "win32":  # pragma: no cover
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _flush(descriptor)
    finally:
        os.close(descriptor)


def _flush(descriptor: int) -> None:
    """Down to the medium. On macOS `fsync` stops at the drive's cache; not all its file systems have the other call."""
    if _FULL_FLUSH is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, _FULL_FLUSH)
            return
    os.fsync(descriptor)


def _rename(temporary: Path, path: Path) -> None:
    """Replace `path`. Windows refuses while a reader has the old file open, for the moment that it reads it."""
    for _ in range(_RENAME_TRIES if _refuses_open_files() else 0):
        with contextlib.suppress(PermissionError):
            temporary.replace(path)
            return
        time.sleep(_RENAME_PAUSE_S)
    temporary.replace(path)


def _refuses_open_files() -> bool:
    return sys.platform == "win32"
