"""Folders → files, sorted, one at a time; what is no file to read ends here in a named state."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.corpus import ignore
from rag.corpus.ignore import Ignore
from rag.corpus.left_out import Surroundings, rule_of
from rag.corpus.metadata import described_by
from rag.corpus.readers import reader_for, too_large
from rag.datatypes import LEFT_OUT, Source, State
from rag.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read: `root` is the absolute ingested folder, `path` relative to it, both with `/`."""

    root: str
    path: str
    location: Path
    size: int
    mtime_ns: int
    inode: int


def walk(paths: Sequence[Path], *, exclude: Sequence[Path] = ()) -> Iterator[Found | Source]:
    """The files under the paths in sorted order, each once; a `Source` for one that ended in a state at once.

    What is left out (`rag.corpus.left_out`, and the indexes in `exclude`) is a `Source` too, a folder as one with all
    that it holds; what is named in `paths` is not left out. Raises CorpusError for a root that does not exist (before
    anything is given out), and for a folder that cannot be listed or whose `.ragignore` cannot be read.
    """
    roots = sorted({_root(path) for path in paths})
    return _walk(roots, {path.resolve() for path in exclude})


def content(found: Found, most: int) -> bytes:
    """The file's bytes, one more than `most` where it has grown beyond it. Raises OSError where it cannot be read."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe in its place blocks nobody
    with os.fdopen(os.open(found.location, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is not a regular file any more")
        return file.read(most + 1)


def _root(path: Path) -> Path:
    """The path, absolute and without links; CorpusError where there is nothing or its name cannot be stored."""
    try:
        root = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise CorpusError(
            f"{_shown(str(path))} cannot be found ({getattr(error, 'strerror', None) or error}). Nothing was removed "
            "from the index; check the path"
        ) from error
    if _shown(str(root)) != str(root):
        raise CorpusError(f"the name {_shown(str(root))} is not valid UTF-8, so no index can hold it; rename it")
    return root


def _walk(roots: Sequence[Path], exclude: set[Path]) -> Iterator[Found | Source]:
    seen: set[Path] = set()
    for root in roots:
        folder = root if root.is_dir() else root.parent
        for path, rule in _below(root, exclude) if root.is_dir() else [(root, "")]:
            if path in seen or (rule and path in roots):
                continue
            seen.add(path)
            outcome = _left_out(folder, path, rule) if rule else _looked_at(folder, path)
            if outcome is not None:
                yield outcome


def _left_out(root: Path, path: Path, rule: str) -> Source:
    return Source(root.as_posix(), _shown(path.relative_to(root).as_posix()), State.SKIPPED, reason=LEFT_OUT + rule)


def _below(root: Path, exclude: set[Path]) -> Iterator[tuple[Path, str]]:
    """What is under a folder and no folder itself, sorted by name in each folder; what is left out, with the rule."""
    waiting: list[tuple[Path, str, tuple[Ignore, ...]]] = [(root, "", ())]
    while waiting:
        path, rule, ignores = waiting.pop()
        named = path == root or _shown(path.name) == path.name
        if rule or not _is_folder(path) or not named:
            yield path, rule
            continue
        entries = _listed(path)
        parts = path.relative_to(root).parts
        if any(entry.name == ignore.NAME for entry in entries):
            ignores = (*ignores, *_ignores(root, path / ignore.NAME, parts))
        around = Surroundings({entry.name for entry in entries}, parts, ignores)
        for entry in entries:
            below = Path(entry.path)
            waiting.append((below, "an index" if below in exclude else rule_of(entry, around), ignores))


def _is_folder(path: Path) -> bool:
    """Whether it is a folder and no link. Raises CorpusError where its folder can be listed, but not looked into."""
    try:
        return not path.is_symlink() and path.is_dir()
    except OSError as error:
        raise _unreadable(path.parent, error) from error


def _unreadable(folder: Path, error: OSError) -> CorpusError:
    return CorpusError(
        f"the folder {_shown(str(folder))} cannot be read ({error.strerror or error}). Nothing was removed "
        "from the index; make the folder readable"
    )


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder, last name first."""
    try:
        return sorted(os.scandir(folder), key=lambda entry: entry.name, reverse=True)
    except OSError as error:
        raise _unreadable(folder, error) from error


def _ignores(root: Path, file: Path, parts: Sequence[str]) -> list[Ignore]:
    """What a `.ragignore` says. Raises CorpusError for one that cannot be read: what it keeps out is not known."""
    try:
        status = file.stat()
        wrong = _rule(root, file, status) or (status.st_size > ignore.MOST_BYTES and "longer than 64 KiB")
        text = "" if wrong else file.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        wrong, text = error.strerror or str(error), ""
    if wrong:
        raise CorpusError(
            f"{_shown(str(file))} cannot be heeded ({wrong}). Nothing was removed from the index; mend or remove it"
        )
    return [ignore.parse(text, parts)]


def _looked_at(root: Path, path: Path) -> Found | Source | None:
    """The file, or how it ended; None for one that vanished since its folder was listed, and for a sidecar."""
    relative = path.relative_to(root).as_posix()
    described = described_by(path.name)
    if described:
        beside = os.path.isfile(path.with_name(described))  # noqa: PTH113 (never raises)
        return None if beside else _skipped(root, relative, f"describes {described}, which is not there")
    if _shown(relative) != relative:
        return Source(root.as_posix(), _shown(relative), State.FAILED, reason="its name is not UTF-8", fix="rename it")
    try:
        status = path.stat()
    except FileNotFoundError:
        return _skipped(root, relative, "a link to nothing") if path.is_symlink() else None
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        return Source(root.as_posix(), relative, State.FAILED, reason=reason, fix="check its permissions")
    rule = _rule(root, path, status)
    if rule:
        return _skipped(root, relative, rule)
    reader = reader_for(path)
    if reader is not None and status.st_size > reader.max_bytes:
        outcome = too_large(status.st_size, reader.max_bytes)
        return Source(
            root.as_posix(), relative, outcome.state, size=status.st_size, reason=outcome.reason, fix=outcome.fix
        )
    # Times after 2262 are ones that an index, like most programs, has no room for.
    changed = max(-(2**63), min(status.st_mtime_ns, 2**63 - 1))
    return Found(root.as_posix(), relative, path, status.st_size, changed, status.st_ino)


def _rule(root: Path, path: Path, status: os.stat_result) -> str:
    """Why this is not a file to read; "" where it is one."""
    if path.is_symlink():
        if stat.S_ISDIR(status.st_mode):
            return "a link to a folder, which is not followed"
        if not path.resolve().is_relative_to(root.resolve()):
            return "a link that leads out of the folder"
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    return ""


def _skipped(root: Path, relative: str, rule: str) -> Source:
    return Source(root.as_posix(), relative, State.SKIPPED, reason=rule)


def _shown(name: str) -> str:
    """A file name as text that can be stored: bytes that are not UTF-8 escaped."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
