"""The index as a folder.

    INDEX/
      CURRENT               names the generation in use; replaced atomically, the switch of a rebuild
      writer.lock           see lock.py
      gen-000001/
        index.sqlite        the truth
        dense-<sha>.faiss   derived from it, immutable

A generation is complete in itself. `rag ingest --rebuild` fills the next one beside the one that is being read,
and switches at its end. Nothing in the folder holds a path of its own, so it can be moved and copied while no
writer is at work.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from pathlib import Path

from rag.errors import IndexDamaged, IndexMissing, IndexProblem
from rag.index import atomic, lock

CURRENT = "CURRENT"
DATABASE = "index.sqlite"
_GENERATION = re.compile(r"gen-([0-9]{6})")


def current(path: Path) -> Path:
    """The folder of the generation in use. Raises IndexMissing, IndexDamaged."""
    try:
        name = (path / CURRENT).read_bytes()[:100].decode("ascii", "replace").strip()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise IndexMissing(f"There is no index at {path}. Make one with: rag ingest FOLDER --index {path}") from error
    if not _GENERATION.fullmatch(name):
        raise IndexDamaged(
            f"{path / CURRENT} is damaged: it should name a folder such as gen-000001 and holds {name!r}. "
            f"Make the index anew with: rag ingest --rebuild"
        )
    return path / name


def exists(path: Path) -> bool:
    """Whether an index has been made at `path`, sound or not."""
    return (path / CURRENT).is_file()


def publish(generation: Path) -> None:
    """Make a generation the one that is read from now on."""
    atomic.write(generation.parent / CURRENT, f"{generation.name}\n".encode())


def following(path: Path) -> Path:
    """A folder for a generation after the highest that is there; not made yet.

    No flipped bit of CURRENT makes the name of one that is there of its name, or the other way round: an interrupted
    rebuild would be read in place of the index.
    """
    names = [entry.name for entry in path.iterdir() if _GENERATION.fullmatch(entry.name)]
    number = int(max(names, default="gen-000000").removeprefix("gen-")) + 1
    while any(_is_one_bit_from(f"gen-{number:06d}", name) for name in names):
        number += 1
    return path / f"gen-{number:06d}"


def unpublished(path: Path) -> list[Path]:
    """Generations other than the one in use, highest first: a rebuild that was interrupted, or one that was left."""
    used = (path / CURRENT).read_text("ascii", "replace").strip() if exists(path) else ""
    found = (entry for entry in path.iterdir() if _GENERATION.fullmatch(entry.name) and entry.name != used)
    return sorted(found, reverse=True)


def claim(path: Path) -> None:
    """Make the folder where it is missing. Raises IndexProblem where it holds files that are not an index's.

    Hidden files (.gitignore, .DS_Store) may be there.
    """
    path.mkdir(parents=True, exist_ok=True)
    if exists(path):
        return
    for entry in path.iterdir():
        if not entry.name.startswith(".") and entry.name != lock.NAME and not _GENERATION.fullmatch(entry.name):
            raise IndexProblem(
                f"{path} is not an index and holds other files, such as {entry.name}; nothing was written there. "
                f"Name another folder with: rag ingest ... --index PATH"
            )


def sweep(path: Path, *, keep: Path, derived: str) -> None:
    """Remove what no commit names: other generations than `keep`, its derived files but one, temporary files.

    What a reader holds open on Windows cannot be removed; the next writer tries again.
    """
    for generation in unpublished(path):
        if generation != keep:
            # Out of sight in one step, so that no reader opens a generation that is half removed.
            with contextlib.suppress(OSError):
                generation.rename(path / f".{generation.name}{atomic.TEMPORARY}")
    for entry in [*path.iterdir(), *keep.iterdir()]:
        if entry.is_dir() and _is_temporary(entry):
            shutil.rmtree(entry, ignore_errors=True)
        elif _is_temporary(entry) or (entry.suffix == ".faiss" and entry.name != derived):
            with contextlib.suppress(OSError):
                entry.unlink()


def _is_one_bit_from(name: str, other: str) -> bool:
    return sum((ord(one) ^ ord(two)).bit_count() for one, two in zip(name, other, strict=True)) == 1


def _is_temporary(entry: Path) -> bool:
    return entry.name.startswith(".") and entry.suffix == atomic.TEMPORARY
