"""What a program of this process asks of the disk through Python; stands in where no system calls can be recorded.

What SQLite writes is not heard: of an index there is CURRENT, the folders and the derived files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import pytest

from tests.reliability.power_workload import place_of
from tests.reliability.recording import MakeFolder, Open, Operation, Remove, Rename, Said, Sync, Write


class Listener:
    """Hears the operations on the files under `folder`, from its construction until the patches are undone."""

    def __init__(self, folder: Path, patches: pytest.MonkeyPatch) -> None:
        self.operations: list[Operation] = []
        self._folder = folder
        self._handles: dict[int, tuple[int, Path]] = {}
        self._opened = 0
        self._really: dict[str, Callable[..., Any]] = {}
        for name in ("open", "close", "fsync", "replace", "rename", "unlink", "mkdir", "rmdir"):
            self._really[name] = getattr(os, name)
            patches.setattr(os, name, getattr(self, f"_{name}"))
        self._really["Path.open"] = Path.open
        patches.setattr(Path, "open", lambda path, *rest, **named: self.open_file(path, *rest, **named))

    def say(self, line: str) -> None:
        """A line of what the program says."""
        self.operations.append(Said(line))

    def open_file(self, path: Path, mode: str = "r", *rest: Any, **named: Any) -> Any:
        """As Path.open; a file that is written is heard."""
        file = self._really["Path.open"](path, mode, *rest, **named)
        if mode != "w+b" or (inside := self._inside(path)) is None:
            return file
        self._opened += 1
        self.operations.append(Open(self._opened, inside, create=True, empty=True))
        self._handles[file.fileno()] = (self._opened, path)
        return Heard(file, self._opened, self.operations)

    def _open(self, path: Any, flags: int, *rest: Any, **named: Any) -> int:
        descriptor: int = self._really["open"](path, flags, *rest, **named)
        self._handles.pop(descriptor, None)
        if (inside := self._inside(path, named.get("dir_fd"))) is not None:
            self._opened += 1
            self.operations.append(Open(self._opened, inside, bool(flags & os.O_CREAT), bool(flags & os.O_TRUNC)))
            self._handles[descriptor] = (self._opened, self._folder / inside)
        return descriptor

    def _close(self, descriptor: int) -> None:
        self._handles.pop(descriptor, None)
        self._really["close"](descriptor)

    def _fsync(self, descriptor: int) -> None:
        self._really["fsync"](descriptor)
        if descriptor in self._handles:
            self.operations.append(Sync(self._handles[descriptor][0], place_of(sys._getframe(1))))

    def _replace(self, old: Any, new: Any) -> None:
        self._really["replace"](old, new)
        before, after = self._inside(old), self._inside(new)
        if before is not None and after is not None:
            self.operations.append(Rename(before, after, place_of(sys._getframe(1))))

    _rename = _replace

    def _mkdir(self, path: Any, *rest: Any, **named: Any) -> None:
        self._really["mkdir"](path, *rest, **named)
        if (inside := self._inside(path, named.get("dir_fd"))) is not None:
            self.operations.append(MakeFolder(inside))

    def _unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        self._gone("unlink", path, dir_fd)

    def _rmdir(self, path: Any, *, dir_fd: int | None = None) -> None:
        self._gone("rmdir", path, dir_fd)

    def _gone(self, call: str, path: Any, dir_fd: int | None) -> None:
        inside = self._inside(path, dir_fd)
        self._really[call](path, **({} if dir_fd is None else {"dir_fd": dir_fd}))
        if inside is not None and not _of_sqlite(inside):
            self.operations.append(Remove(inside))

    def _inside(self, path: Any, dir_fd: int | None = None) -> PurePosixPath | None:
        if dir_fd is not None and dir_fd not in self._handles:
            return None
        base = Path() if dir_fd is None else self._handles[dir_fd][1]
        whole = (base / os.fspath(path)).absolute()
        return PurePosixPath(whole.relative_to(self._folder).as_posix()) if whole.is_relative_to(self._folder) else None


class Heard:
    """A file that is written from its start, as `atomic.Draft` opens it."""

    def __init__(self, file: BinaryIO, handle: int, operations: list[Operation]) -> None:
        self._file = file
        self._handle = handle
        self._operations = operations

    def write(self, data: bytes) -> int:
        """As a file does."""
        self._operations.append(Write(self._handle, self._file.tell(), data))
        return self._file.write(data)

    def close(self) -> None:
        """As a file does."""
        self._file.close()

    def flush(self) -> None:
        """As a file does."""
        self._file.flush()

    def fileno(self) -> int:
        """As a file does."""
        return self._file.fileno()


def _of_sqlite(path: PurePosixPath) -> bool:
    return path.name.startswith("index.sqlite")
