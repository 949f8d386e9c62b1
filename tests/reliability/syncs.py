"""Reads in a trace what a sync that failed has lost: the kernel forgets those pages, and the next sync says yes.

So nothing is trusted to a file whose sync failed: no state may be reported after that. The database itself is the one
exception, as its log still holds what was lost: that must be written again before the log goes.

SQLite does not look at whether the folder could be synced in which it made its log (by `fdatasync`), so neither do we.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_PAGE = 4096
_LINE = re.compile(r"^(?:\d+ +)?(?P<call>\w+)\((?P<rest>.*)\) += (?P<result>-?\d+)")
_FILE = re.compile(r"^\d+<(?P<path>[^>]*)>")
_REPORT = re.compile(r'^1<[^>]*>, "\d')
_LOG = "-wal"


@dataclass(slots=True)
class _File:
    dirty: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)


class Syncs:
    """What a traced run of the workload did about the files under `path`."""

    def __init__(self, path: Path) -> None:
        self.failed: list[str] = []
        """Files and folders whose sync failed, by name."""
        self.trusted: list[str] = []
        """What had been lost and was relied on: each a defect."""
        self._path = path
        self._files: dict[str, _File] = defaultdict(_File)

    def follow(self, trace: str) -> None:
        """Take in the calls, a line each."""
        for line in trace.splitlines():
            if (call := _LINE.match(line)) is None:
                continue
            if call["call"] == "write" and _REPORT.match(call["rest"]):
                self._trust("a state was reported", lambda name: not name.endswith(".sqlite"))
            elif str(self._path) in line:
                self._take(call["call"], call["rest"], int(call["result"]))
        self._trust("it ended", lambda name: name.endswith(".sqlite") and name + _LOG not in self._files)

    def _trust(self, when: str, needed: Callable[[str], bool]) -> None:
        self.trusted += [f"{name} when {when}" for name, file in self._files.items() if file.lost and needed(name)]

    def _take(self, call: str, rest: str, result: int) -> None:
        names = re.findall('"([^"]*)"', rest)
        where = found["path"] if (found := _FILE.match(rest)) else ""
        if call in ("unlink", "unlinkat") and result == 0:
            self._files.pop(f"{where}/{names[0]}" if where else names[0], None)
        elif call == "rename" and result == 0:
            self._files[names[1]] = self._files.pop(names[0], _File())
        elif call in ("fsync", "fdatasync"):
            self._sync(where, result, by_sqlite=call == "fdatasync")
        elif call in ("write", "pwrite64"):
            pages = _pages(call, rest, result)
            self._files[where].dirty |= pages
            if where.endswith(".sqlite"):
                self._files[where].lost -= pages

    def _sync(self, name: str, result: int, *, by_sqlite: bool) -> None:
        file = self._files[name]
        if result < 0:
            self.failed.append(Path(name).name)
            file.lost |= file.dirty
            if not Path(name).suffix and not by_sqlite:
                file.lost.add(0)
        file.dirty = set()


def _pages(call: str, rest: str, result: int) -> set[int]:
    """The pages of the file that a write touched; `write` makes small new files, from their start."""
    start = int(rest.rsplit(", ", 1)[1]) if call == "pwrite64" else 0
    return set(range(start // _PAGE, (start + result - 1) // _PAGE + 1)) if result > 0 else set()
