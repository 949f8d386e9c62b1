"""Folders → files, sorted, one at a time; what is no file to read ends here in a named state."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.corpus.metadata import described_by
from rag.corpus.readers import reader_for, too_large
from rag.datatypes import Source, State
from rag.errors import CorpusError

LEFT_OUT = {
    "node_modules",
    "bower_components",
    "__pycache__",
    "__MACOSX",
    "site-packages",
    "venv",
    "Thumbs.db",
    "desktop.ini",
}
"""Names of folders and files that nobody writes by hand; hidden ones (`.git`, `.venv`) are left out too."""


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

    Hidden files and folders, `LEFT_OUT`, indexes and what lies in `exclude` are passed over, unless named in `paths`.
    Raises CorpusError for a root that does not exist (before anything is given out) and for a folder that cannot be
    listed.
    """
    roots = sorted({_root(path) for path in paths})
    return _walk(roots, {path.resolve() for path in exclude})


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
        for path in _below(root, exclude) if root.is_dir() else [root]:
            if path not in seen:
                seen.add(path)
                outcome = _looked_at(folder, path)
                if outcome is not None:
                    yield outcome


def _below(root: Path, exclude: set[Path]) -> Iterator[Path]:
    """Everything under a folder that is not a folder itself, sorted by name in each folder."""
    waiting = [root]
    while waiting:
        path = waiting.pop()
        if path != root and (path.is_symlink() or not path.is_dir() or _shown(path.name) != path.name):
            yield path
            continue
        try:
            entries = sorted(os.scandir(path), key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            raise CorpusError(
                f"the folder {_shown(str(path))} cannot be read ({error.strerror or error}). Nothing was removed "
                "from the index; make the folder readable"
            ) from error
        waiting.extend(Path(entry.path) for entry in entries if not _left_out(entry, exclude))


def left_out(name: str) -> bool:
    """Whether a file or folder of that name is passed over below a root."""
    return name.startswith((".", "~$")) or name in LEFT_OUT


def _is_index(entry: os.DirEntry[str]) -> bool:
    """Whether an index lies there, or a snapshot of one: what it holds are no documents."""
    try:
        path = Path(entry.path)
        return entry.is_dir(follow_symlinks=False) and (path / "CURRENT").is_file() and any(path.glob("gen-*"))
    except OSError:
        return False


def _left_out(entry: os.DirEntry[str], exclude: set[Path]) -> bool:
    if left_out(entry.name) or Path(entry.path) in exclude or _is_index(entry):
        return True
    try:
        attributes = getattr(entry.stat(follow_symlinks=False), "st_file_attributes", 0)
    except OSError:
        return False
    return bool(attributes & getattr(stat, "FILE_ATTRIBUTE_HIDDEN", 0) and os.name == "nt")


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
