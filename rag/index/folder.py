"""The index as a folder.

    INDEX/
      CURRENT               names the generation in use; replaced atomically, the switch of a rebuild
      REDACT                what is taken out of documents, where something is: known even if a database is damaged
      writer.lock           see lock.py
      gen-000001/
        index.sqlite        the truth
        dense-<sha>.faiss   derived from it, immutable
      quarantine/           what was found damaged and was replaced: moved there, never removed

A generation is complete in itself. `rag ingest --rebuild` fills the next one beside the one that is being read,
and switches at its end. Nothing in the folder holds a path of its own, so it can be moved and copied while no
writer is at work.
"""

from __future__ import annotations

import contextlib
import re
from itertools import chain, count
from pathlib import Path

from rag.errors import IndexDamaged, IndexMissing, IndexProblem, shell_quoted
from rag.index import atomic, lock

CURRENT = "CURRENT"
DATABASE = "index.sqlite"
QUARANTINE = "quarantine"
REDACT = "REDACT"
_KEEP = "KEEP"  # in a generation: it goes to quarantine, not away
_COPY = "COPY"  # in a generation: it was made whole beside the one in use, and is no rebuild to go on from
_GENERATION = re.compile(r"gen-([0-9]{6})")
_TEMPORARY = re.compile(rf"\.(gen-[0-9]{{6}}|{CURRENT}\.[0-9]+){re.escape(atomic.TEMPORARY)}")


def flag(path: Path) -> str:
    """What a command needs to be about the index at `path`."""
    return f"--index {shell_quoted(str(path))}"


def current(path: Path) -> Path:
    """The folder of the generation in use. Raises IndexMissing, IndexDamaged, IndexProblem."""
    try:
        name = (path / CURRENT).read_bytes()[:100].decode("ascii", "replace").strip()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise IndexMissing(f"There is no index at {path}. Make one with: rag ingest FOLDER {flag(path)}") from error
    except OSError as error:
        raise IndexProblem(
            f"{path / CURRENT} cannot be read: {error.strerror}. Check the disk and the folder's permissions."
        ) from error
    if not _GENERATION.fullmatch(name):
        raise IndexDamaged(
            f"{path / CURRENT} is damaged: it should name a folder such as gen-000001 and holds {name!r}. "
            f"Make the index anew from the source files with: rag ingest FOLDER --rebuild {flag(path)}"
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
    names = [each.name for each in generations(path)]
    number = int(max(names, default="gen-000000").removeprefix("gen-")) + 1
    while any(_is_one_bit_from(f"gen-{number:06d}", name) for name in names):
        number += 1
    return path / f"gen-{number:06d}"


def generations(path: Path) -> list[Path]:
    """All generations that are there, highest first."""
    return sorted((entry for entry in path.iterdir() if _GENERATION.fullmatch(entry.name)), reverse=True)


def unpublished(path: Path) -> list[Path]:
    """Generations other than the one in use, highest first: a rebuild that was interrupted, or one that was left."""
    used = _used(path)
    return [entry for entry in generations(path) if entry.name != used]


def interrupted(path: Path) -> list[Path]:
    """Rebuilds that were interrupted, highest first: newer than the one in use. An older one was left by a publish.

    Where CURRENT is damaged, any may be the one in use, and is as good as a rebuild to go on from.
    """
    used = _used(path)
    found = (entry for entry in unpublished(path) if not _GENERATION.fullmatch(used) or entry.name > used)
    return [entry for entry in found if not (entry / _COPY).exists()]


def _used(path: Path) -> str:
    """What CURRENT says, whatever it is; "" where it is missing."""
    return (path / CURRENT).read_text("ascii", "replace").strip() if exists(path) else ""


def claim(path: Path) -> None:
    """Make the folder where it is missing. Raises IndexProblem where it holds files that are not an index's.

    Hidden files (.gitignore, .DS_Store) may be there.
    """
    make(path)
    if exists(path):
        return
    for entry in path.iterdir():
        ours = entry.name in (lock.NAME, QUARANTINE) or _GENERATION.fullmatch(entry.name)
        if not ours and not entry.name.startswith("."):
            raise IndexProblem(
                f"{path} is not an index and holds other files, such as {entry.name}; nothing was written there. "
                f"Name another folder with: rag ingest ... --index PATH"
            )


def make(path: Path) -> None:
    """Make the folder and those above it, with durable names: a commit is lost with the folder that it lies in.

    Until the index is published it may be one that a killed writer made, so that its name is not durable yet.
    """
    path = path.absolute()
    unsure = [place for place in (path, *path.parents) if not place.exists()] or [path]
    atomic.make_folders(path)
    if not exists(path):
        for place in unsure:
            with contextlib.suppress(PermissionError):  # a folder that may not be read cannot be opened for this
                atomic.sync_folder(place.parent)


def keep(generation: Path) -> None:
    """Mark a generation as one that is to be put into quarantine where it would be removed."""
    atomic.write(generation / _KEEP, b"damaged: kept by rag for whoever wants to look into it\n")


def mark_copy(generation: Path) -> None:
    """Mark a generation as one that no rebuild goes on from, should it not come to be published."""
    atomic.write(generation / _COPY, b"made whole by rag compact, restore or migrate\n")


def set_aside(bad: Path, path: Path) -> Path:
    """Move a damaged file or generation to the quarantine of the index at `path`; where it is now.

    A power loss may undo that: then the next writer does it again.
    """
    quarantine = path / QUARANTINE
    atomic.make_folders(quarantine)
    names = chain([bad.name], (f"{bad.name}.{number}" for number in count(1)))
    place = next(quarantine / name for name in names if not (quarantine / name).exists())
    atomic.move(bad, place)
    return place


def sweep(path: Path, *, keep: Path, derived: str) -> None:
    """Remove what no commit names: other generations than `keep`, its derived files but one, temporary files.

    What a reader holds open on Windows cannot be removed; the next writer tries again.
    """
    left = [generation for generation in unpublished(path) if generation != keep] if _is_known(path) else []
    for generation in left:
        # Out of sight in one step, so that nobody opens a generation that is half removed.
        with contextlib.suppress(OSError):
            _put_away(generation, path)
    if left:
        atomic.sync_folder(path)
    for entry in path.iterdir():  # where there may be files of the user's
        if _TEMPORARY.fullmatch(entry.name):
            atomic.discard(entry)
    for entry in keep.iterdir():
        if _is_temporary(entry) or (entry.suffix == ".faiss" and entry.name != derived):
            atomic.discard(entry)


def _put_away(generation: Path, path: Path) -> None:
    if (generation / _KEEP).exists():
        set_aside(generation, path)
    else:
        atomic.move(generation, path / f".{generation.name}{atomic.TEMPORARY}")


def _is_known(path: Path) -> bool:
    """Whether it is clear which generation is in use; where CURRENT is damaged, any of them may be the only one."""
    try:
        return not exists(path) or current(path).is_dir()
    except IndexDamaged:
        return False


def _is_one_bit_from(name: str, other: str) -> bool:
    return sum((ord(one) ^ ord(two)).bit_count() for one, two in zip(name, other, strict=True)) == 1


def _is_temporary(entry: Path) -> bool:
    return entry.name.startswith(".") and entry.suffix == atomic.TEMPORARY
