"""What a killed process would leave, without killing one: copies of the folder before each thing that a writer does.

A copy shows the files as any other process sees them at that moment, which is what is left of them when this one dies.
Shared memory (`-shm`) is left out: whoever opens a database alone makes it anew, and Windows lets nobody else read it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rag.index.database import Database

_OF_FILES = ("fsync", "replace", "rename", "unlink", "rmdir", "mkdir", "truncate", "open")
_OF_DATABASE = ("all", "many", "each", "close")


class Moments:
    """Copies the folder at `path` into `copies`, once for each content and number of states `reached`."""

    def __init__(self, path: Path, copies: Path) -> None:
        self.reached = 0
        self.found: list[tuple[Path, int, str]] = []
        """Each copy, the states reached before it, and what was about to be done."""
        self._path = path
        self._copies = copies
        self._seen: set[tuple[str, int]] = set()
        self._busy = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Copy before each call, until this is left."""
        with ExitStack() as stack:
            for owner, names in ((os, _OF_FILES), (Database, _OF_DATABASE)):
                for name in names:
                    stack.enter_context(patch.object(owner, name, self._before(getattr(owner, name), name)))
            yield

    def _before(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        def copied(*arguments: Any, **named: Any) -> Any:
            if not self._busy:
                self._busy = True
                self._copy(f"{name}{arguments[-2:]!r}"[:200])
                self._busy = False
            return call(*arguments, **named)

        return copied

    def _copy(self, doing: str) -> None:
        if (key := (_content(self._path), self.reached)) not in self._seen:
            self._seen.add(key)
            copy = self._copies / str(len(self.found))
            if self._path.exists():
                shutil.copytree(self._path, copy, ignore=shutil.ignore_patterns("*-shm"))
            self.found.append((copy, self.reached, doing))


def _content(path: Path) -> str:
    """A hash of all names and bytes under `path` that are copied."""
    total = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        total.update(str(file).encode())
        if file.is_file() and not file.name.endswith("-shm"):
            total.update(file.read_bytes())
    return total.hexdigest()
