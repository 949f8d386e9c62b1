"""What a program asks of the disk: its system calls, as strace sees them, with their data and in their order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
_FOLLOWED = "openat,write,pwrite64,ftruncate,truncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat"
_ALSO = "mkdir,mkdirat,rmdir,lseek,close"
_UNKNOWN = (
    "open,creat,writev,pwritev,pwritev2,fallocate,link,linkat,symlink,symlinkat,sendfile,copy_file_range,dup,dup2"
)
_LINE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)")
_HEX = re.compile(r'^"((?:\\x[0-9a-f]{2})*)"$')
_DESCRIPTOR = re.compile(r"^(AT_FDCWD|\d+)(?:<(.*)>)?(?:\(deleted\))?$")
_UNFINISHED = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")


@dataclass(frozen=True, slots=True)
class Open:
    """A file or a folder is opened, perhaps made or emptied; `handle` names it in what follows."""

    handle: int
    path: PurePosixPath
    create: bool
    empty: bool


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes at an offset."""

    handle: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Resize:
    """The file becomes so long; cut, or filled with zeros."""

    handle: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """fsync or fdatasync of a file or a folder; `place` is the line of `rag` that asked for it, "" for SQLite's own."""

    handle: int
    place: str


@dataclass(frozen=True, slots=True)
class Rename:
    """Old name, new name; `place` is the line of `rag` that asked for it."""

    old: PurePosixPath
    new: PurePosixPath
    place: str


@dataclass(frozen=True, slots=True)
class Remove:
    """A file or an empty folder goes."""

    path: PurePosixPath


@dataclass(frozen=True, slots=True)
class MakeFolder:
    """A folder comes."""

    path: PurePosixPath


@dataclass(frozen=True, slots=True)
class Said:
    """A line of standard output."""

    line: str


Operation = Open | Write | Resize | Sync | Rename | Remove | MakeFolder | Said


@cache
def refusal() -> str:
    """Why nothing can be recorded here; "" where it can."""
    if sys.platform != "linux" or shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-f", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else f"strace may not follow a process here: {tried.stderr.strip()[:200]}"


def record(folder: Path, *arguments: str, may_fail: bool = False) -> list[Operation]:
    """What `python -m ARGUMENTS` does to the files under `folder`, which is empty; paths are those below it."""
    log = folder.parent / f"{folder.name}.log"
    # Not every processor has each of them: `?` lets strace pass over those.
    calls = ",".join(f"?{call}" for call in ",".join((_FOLLOWED, _ALSO, _UNKNOWN)).split(","))
    tracer = ["strace", "-f", "-y", "-xx", "-s", "4000000", "-e", f"trace={calls}", "-o", str(log)]
    subprocess.run(
        [*tracer, sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if may_fail else None,
        check=not may_fail,
    )
    with log.open(encoding="ascii") as lines:
        return Parser(folder).operations(lines)


class Parser:
    """Reads one log. Raises NotImplementedError for a call on the folder's files that has no operation here."""

    def __init__(self, folder: Path) -> None:
        self._folder = PurePosixPath(folder.resolve())
        self._handles: dict[int, int] = {}
        self._positions: dict[int, int] = {}
        self._opened = 0
        self._place = ""
        self._operations: list[Operation] = []

    def operations(self, lines: Iterable[str]) -> list[Operation]:
        """All of them."""
        begun: dict[str, str] = {}
        for line in lines:
            if found := _UNFINISHED.match(line):
                begun[found[1]] = found[0].removesuffix(" <unfinished ...>")
                continue
            if found := _RESUMED.match(line):
                line = begun.pop(found[1]) + found[2]
            if (call := _LINE.match(line)) and int(call[4]) >= 0:
                self._take(call[2], call[3].split(", "), int(call[4]))
        return self._operations

    def _take(self, call: str, values: list[str], result: int) -> None:
        if call in ("rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir"):
            self._name(call, values)
        elif call == "openat":
            self._open(values, result)
        elif call == "truncate":
            if self._below(_text(values[0])) is not None:
                self._operations.append(Open(self._next(), self._inside(_text(values[0])), create=False, empty=False))
                self._operations.append(Resize(self._opened, int(values[1])))
        elif (descriptor := _number(values[0])) == 1 and call == "write":
            self._say(bytes.fromhex(_hex(values[1])).decode())
        elif descriptor in self._handles:
            self._use(call, values, result, descriptor)
        elif call not in ("lseek", "close"):
            self._refuse(call, values[:1] if call in ("write", "pwrite64") else values)

    def _refuse(self, call: str, values: list[str]) -> None:
        """Raise where a call that has no operation is about the folder."""
        folder = str(self._folder).encode().hex()
        if any(folder in value.replace("\\x", "") for value in values):
            raise NotImplementedError(f"{call}({', '.join(value[:200] for value in values)})")

    def _name(self, call: str, values: list[str]) -> None:
        """A call that changes names."""
        paths = list(_paths(values))
        inside = [self._below(path) for path in paths]
        if not any(inside):
            return
        first, last = self._inside(paths[0]), self._inside(paths[-1])
        if call.startswith("rename"):
            self._operations.append(Rename(first, last, self._place))
            self._place = ""
        else:
            self._operations.append(MakeFolder(first) if call.startswith("mkdir") else Remove(first))

    def _open(self, values: list[str], descriptor: int) -> None:
        (path,) = _paths(values[:2])
        self._handles.pop(descriptor, None)
        if (inside := self._below(path)) is not None:
            flags = values[2].split("|")
            self._operations.append(Open(self._next(), inside, "O_CREAT" in flags, "O_TRUNC" in flags))
            self._handles[descriptor] = self._opened
            self._positions[descriptor] = 0

    def _use(self, call: str, values: list[str], result: int, descriptor: int) -> None:
        handle = self._handles[descriptor]
        if call == "close":
            del self._handles[descriptor]
        elif call == "lseek":
            self._positions[descriptor] = result
        elif call == "write":
            self._operations.append(Write(handle, self._positions[descriptor], _data(values[1], result)))
            self._positions[descriptor] += result
        elif call == "pwrite64":
            self._operations.append(Write(handle, int(values[3]), _data(values[1], result)))
        elif call == "ftruncate":
            self._operations.append(Resize(handle, int(values[1])))
        elif call in ("fsync", "fdatasync"):
            self._operations.append(Sync(handle, self._place))
            self._place = ""
        else:
            raise NotImplementedError(f"{call}({', '.join(value[:200] for value in values)})")

    def _say(self, text: str) -> None:
        for line in text.splitlines():
            if line.startswith("site "):
                self._place = line.removeprefix("site ")
            self._operations.append(Said(line))

    def _next(self) -> int:
        self._opened += 1
        return self._opened

    def _below(self, path: str) -> PurePosixPath | None:
        pure = PurePosixPath(os.path.normpath(path))
        return pure.relative_to(self._folder) if pure.is_relative_to(self._folder) else None

    def _inside(self, path: str) -> PurePosixPath:
        if (inside := self._below(path)) is None:
            raise NotImplementedError(f"a name that moves into or out of the folder: {path}")
        return inside


def _paths(values: list[str]) -> Iterable[str]:
    """The paths of a call, each with the folder before it that it is relative to."""
    base = ""
    for value in values:
        if found := _HEX.match(value):
            yield f"{base}/{_text(value)}" if base and not _text(value).startswith("/") else _text(value)
            base = ""
        elif (found := _DESCRIPTOR.match(value)) and found[2]:
            base = bytes.fromhex(found[2].replace("\\x", "")).decode()


def _hex(value: str) -> str:
    if not (found := _HEX.match(value)):
        raise NotImplementedError(f"not a whole string: {value[:80]} ... {value[-20:]}")
    return found[1].replace("\\x", "")


def _text(value: str) -> str:
    return bytes.fromhex(_hex(value)).decode()


def _data(value: str, count: int) -> bytes:
    return bytes.fromhex(_hex(value))[:count]


def _number(value: str) -> int:
    found = _DESCRIPTOR.match(value)
    return int(found[1]) if found and found[1].isdigit() else -1
