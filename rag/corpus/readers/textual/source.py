"""Source code: the text as it is, unless nobody wrote it: minified files and lock files are left out by rule."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from rag.corpus.readers.plain import text_of
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import State

LONG_LINES = 1000
"""Characters of a line, on the average, from which on a file of code is taken to be packed by a machine."""
_SHORTEST_PACKED = 5000
_LOCKS = (
    "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock composer.lock cargo.lock "
    "poetry.lock uv.lock pdm.lock pipfile.lock gemfile.lock go.sum flake.lock podfile.lock mix.lock"
)
LOCKS = frozenset(_LOCKS.split())
"""Names of files in which a package manager notes what it has installed."""
_PACKED = re.compile(r"[.-]min\.\w+\Z|\.bundle\.js\Z|\.map\Z", re.IGNORECASE)


def parse_source(data: bytes, path: str) -> Content | Unread:
    """The text as it is; skipped where it is minified."""
    rule = left_out(path)
    if rule:
        return rule
    text = text_of(data)
    if isinstance(text, Unread):
        return text
    if len(text) > _SHORTEST_PACKED and len(text) > LONG_LINES * (1 + text.count("\n") + text.count("\r")):
        return Unread(State.SKIPPED, f"minified: lines of more than {LONG_LINES} characters, which nobody wrote")
    return Content(text, "code")


def left_out(path: str) -> Unread | None:
    """Why a file of that name is not read, where a machine wrote it for machines."""
    name = PurePosixPath(path).name
    if name.lower() in LOCKS:
        return Unread(State.SKIPPED, "a lock file, which a package manager wrote")
    return Unread(State.SKIPPED, "minified, by its name") if _PACKED.search(name) else None
