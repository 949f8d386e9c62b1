"""What keeps an index in order: compact, snapshot, restore, migrate.

    the index ─copy→ .gen-000002.tmp ─last commit, check, fsync→ gen-000002 ─CURRENT→ what is read from now on

Each makes something whole beside what is there and lets it take its place in one step. What is there is not touched
before that, and a copy that `rag check` would complain of never takes its place.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rag.errors import IndexDamaged, IndexMissing, IndexProblem, RagError, shell_quoted
from rag.index import atomic, checking, commits, folder, generation, lexical, migration
from rag.index.database import Database, explained, open_outdated, open_writer
from rag.index.dense_build import require_family
from rag.index.embeddings import drop_idle
from rag.index.index import Index
from rag.index.lock import WriterLock
from rag.index.records import Commit
from rag.index.rows import Rows
from rag.index.schema import FORMAT
from rag.index.status import weight

_WHOLE = "whole.sqlite"


def compact(path: Path, *, dense: str = "auto") -> tuple[int, int]:
    """Write the index anew without what nothing needs any more; its bytes before and after.

    What is left out: texts that were removed, to their last byte; embeddings kept for files that may come back; rows
    of search structures that are stale. What lies in quarantine stays. Readers keep the state that they have. Needs
    room for two copies. `dense` is as in `Writer.open`. Raises IndexMissing, IndexBusy, IndexDamaged,
    SettingsError, with the index as it was.
    """
    require_family(dense)
    with _locked(path), _room(path, old := folder.current(path)) as room:
        before, whole = weight(old), room / _WHOLE
        with contextlib.closing(open_writer(old / folder.DATABASE)) as database:
            database.compact(whole)
        with contextlib.closing(open_writer(whole)) as database:
            _tidy(database)
            database.compact(room / folder.DATABASE)
        atomic.remove(whole)
        _switch(path, room, _finish(room, dense=dense))
        return before, weight(folder.current(path))


def snapshot(path: Path, to: Path) -> int:
    """Write a copy of the index as it is now to a new folder, which is an index itself; its commit's number.

    A writer may be at work meanwhile: the copy is that of one commit. Raises IndexMissing, IndexDamaged, and
    IndexProblem where there is something at `to`, or where it lies in the folder of an index, which removes what it
    does not know.
    """
    with explained(to):
        _require_room(to)
    with Index.open(path) as index, explained(to):
        folder.make(to.parent)
        with _temporary(to.with_name(f".{to.name}.{os.getpid()}{atomic.TEMPORARY}"), path) as room:
            atomic.make_folder(own := room / folder.current(path).name)
            commit = _checked(own) if index.copy(own) else _finish(own)
            folder.publish(own)
            atomic.place(room, to)
    return commit.number


def restore(taken: Path, path: Path, *, replace: bool = False, dense: str = "auto") -> int:
    """Make the index at `path` what a snapshot holds; the commit's number, higher than the last that can be read.

    `replace` allows there to be an index already; where that is damaged it goes to quarantine. `dense` is as in
    `Writer.open`. Raises IndexMissing, IndexBusy, IndexDamaged, SettingsError, and IndexProblem where there is one
    and `replace` is not said.
    """
    require_family(dense)
    with _taken(taken) as index, explained(path):
        folder.claim(path)
        with _locked(path, new=True):
            generation.require_not_lost(path)
            if folder.exists(path) and not replace:
                raise IndexProblem(
                    f"There is an index at {path}; nothing was changed. To put the snapshot in its place: "
                    f"rag restore {shell_quoted(str(taken))} {folder.flag(path)} --replace"
                )
            with _room(path, folder.current(taken)) as room:
                index.copy(room)
                commit = _finish(room, after=generation.newest_commit(path), dense=dense)
                _switch(path, room, commit, keep=_damaged(path))
    return commit.number


def migrate(path: Path, *, dense: str = "auto") -> tuple[int, int]:
    """Bring an index of an earlier format to this one, embedding nothing again; the formats before and after.

    `dense` is as in `Writer.open`. Raises IndexMissing, IndexBusy, SettingsError, IndexMismatch for a newer format,
    IndexDamaged with the index as it was.
    """
    require_family(dense)
    with _locked(path):
        old = folder.current(path)
        database, version = open_outdated(old / folder.DATABASE)
        with contextlib.closing(database), _room(path, old) as room:
            if version < FORMAT:
                migration.require_tables(database, version)
                with contextlib.closing(open_writer(room / folder.DATABASE, create=True)) as new:
                    migration.carry_over(database, version, new)
                _switch(path, room, _finish(room, dense=dense))
    return version, FORMAT


def _require_room(to: Path) -> None:
    """Raise IndexProblem where a snapshot cannot be put."""
    if to.exists() or to.is_symlink():
        raise IndexProblem(f"{to} is there already; nothing was written. Name a new folder: rag snapshot FOLDER")
    if within := next((above for above in to.resolve().parents if folder.exists(above)), None):
        raise IndexProblem(
            f"{to} lies in the index {within}, which would remove it some day; nothing was written. "
            f"Name a folder outside of it: rag snapshot FOLDER"
        )


@contextmanager
def _locked(path: Path, *, new: bool = False) -> Iterator[None]:
    """The writer's lock on an index that is there, or that is `new`."""
    if not new:
        folder.current(path)
    with explained(path):
        lock = WriterLock(path)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _room(path: Path, of: Path) -> Iterator[Path]:
    """A folder for a copy of the generation `of`, to be the next one of the index at `path`; see `_temporary`."""
    room = path / f".{folder.following(path).name}{atomic.TEMPORARY}"
    atomic.discard(room)  # of one who was killed
    with _temporary(room, of):
        yield room


@contextmanager
def _temporary(room: Path, of: Path) -> Iterator[Path]:
    """An empty folder, out of sight; gone at the end unless it has been given its place.

    What is found wrong in it is said of the generation `of`, which it is a copy of.
    """
    with explained(room):
        atomic.make_folder(room)
    try:
        with explained(room):
            yield room
    except IndexDamaged as error:
        said = str(error).replace(str(room), str(of)).replace(_WHOLE, folder.DATABASE)
        raise IndexDamaged(f"Nothing was changed: {said}") from error
    finally:
        atomic.discard(room)


def _tidy(database: Database) -> None:
    """Drop what a copy would carry along for nothing; what is searched stays the same."""
    database.all("BEGIN IMMEDIATE")
    drop_idle(database, keep=0)
    lexical.tidy(database)
    database.all("COMMIT")


def _finish(room: Path, *, after: int = 0, dense: str = "auto") -> Commit:
    """A new commit, the only one and numbered above `after` too, with a derived file of all rows; checked.

    It counts what there is: what the last commit counted must be there.
    """
    with contextlib.closing(open_writer(room / folder.DATABASE)) as database:
        rows = Rows(database)
        rows.require_counts(rows.commit())
        database.all("BEGIN IMMEDIATE")
        with explained(room):
            following = commits.following(rows, rows.commit(), after=after)
            commit = commits.derived(rows, following, rows.manifest().dimension, dense)
        database.all("DELETE FROM commits")
        commits.record(database, commit)
        database.all("COMMIT")
    for file in room.glob("*.faiss"):
        if file.name != commit.dense:
            atomic.remove(file)
    return _checked(room)


def _checked(room: Path) -> Commit:
    """The commit of a generation. Raises IndexDamaged where it is not sound."""
    with contextlib.closing(open_writer(room / folder.DATABASE)) as database:
        rows = Rows(database)
        commit = rows.commit()
        with contextlib.ExitStack() as files:
            derived = files.enter_context((room / commit.dense).open("rb")) if commit.dense else None
            problems = checking.check(rows, derived)
    if problems:
        raise IndexDamaged(problems[0])
    return commit


def _switch(path: Path, room: Path, commit: Commit, *, keep: Sequence[Path] = ()) -> None:
    """Let a finished generation be the one that is read, and remove the others; those to `keep` go to quarantine."""
    place = folder.following(path)
    with explained(path):
        folder.mark_copy(room)
        atomic.place(room, place)
        for each in keep:
            folder.keep(each)
        folder.publish(place)
    try:
        folder.sweep(path, keep=place, derived=commit.dense)
    except OSError as error:
        raise IndexProblem(
            f"{path} is what it should be now, but what it replaced could not be removed: {error.strerror}. "
            f"Check the disk; the next rag ingest removes it."
        ) from error


def _taken(snapshot: Path) -> Index:
    """The index that a snapshot is. Raises IndexMissing where there is none, whose place is not to be filled."""
    try:
        return Index.open(snapshot)
    except IndexMissing as error:
        raise IndexMissing(
            f"There is no snapshot at {snapshot}; nothing was changed. Name a folder that rag snapshot made: "
            f"rag restore SNAPSHOT"
        ) from error


def _damaged(path: Path) -> list[Path]:
    """The generations of the index at `path`, where it is not sound."""
    if not folder.exists(path):
        return []
    try:
        with Index.open(path) as index:
            sound = not index.check()
    except RagError:
        sound = False
    return [] if sound else folder.generations(path)
