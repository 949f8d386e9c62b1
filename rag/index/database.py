"""Connections to one index's SQLite database, and what its errors mean for the user.

One writer, under the lock of lock.py, is the only one that ever checkpoints; readers are read-only connections.
(SQLite before 3.51.3 can lose a commit when a checkpoint and another connection's write meet; here they never do.)
No `mmap_size`: a file that shrinks under a memory map kills the process.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from rag.errors import IndexBusy, IndexDamaged, IndexMismatch, IndexOutdated, IndexProblem, RagError
from rag.index import folder
from rag.index.schema import APPLICATION, FORMAT, SCHEMA

T = TypeVar("T")

_OLDEST_SQLITE = (3, 37)  # STRICT tables
_BUSY_S = 10.0
_OF_SQLITE = re.compile("CREATE TABLE sqlite_sequence[( ]")
_READER_CACHE = "PRAGMA cache_size = -32768"  # postings of common terms come again with every question
# What SQLite says where its shared memory, which grows by so many bytes, or a new file finds no room.
_OF_SPACE = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
_SHARED_MEMORY = 32768
_OF_PLACE = (errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.ENAMETOOLONG)
_WRITER_SETTINGS = ("synchronous = full", "fullfsync = on", "foreign_keys = on", "cache_size = -65536")


class Database:
    """A connection whose statements run one at a time, whatever the thread, and whose errors are explained."""

    def __init__(self, connection: sqlite3.Connection, file: Path, *, frozen: bool = False) -> None:
        """`frozen` is one that is read as if nobody could change it."""
        self.file = file
        self._stamp = _stamp(file) if frozen else ()
        self._connection = connection
        self._turn = threading.RLock()
        self._held: dict[str, tuple[object, Any]] = {}
        self._pinned = False

    def pin(self) -> None:
        """Begin a transaction, in place of one that was begun so: what is read from now on is of one state."""
        with self._turn, explained(self.file):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._connection.execute("BEGIN")
            self._pinned = True

    def all(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows that the statement gives. Raises RagError as `explained` does."""
        with self._turn, self._explained():
            self._require_pin()
            return self._connection.execute(statement, values).fetchall()

    def each(self, statement: str, rows: Iterable[Sequence[object]]) -> list[list[tuple[Any, ...]]]:
        """All rows that the statement gives for each row of values."""
        with self._turn, self._explained():
            self._require_pin()
            return [self._connection.execute(statement, values).fetchall() for values in rows]

    def many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Run the statement once for each row of values."""
        with self._turn, explained(self.file):
            self._connection.executemany(statement, rows)

    @property
    def stale(self) -> bool:
        """Whether a frozen one has been changed all the same, by one who may write there."""
        return bool(self._stamp) and _stamp(self.file) != self._stamp

    def _require_pin(self) -> None:
        """Raise where SQLite has ended the pinned transaction, as it does after some errors of the disk."""
        if self._pinned and not self._connection.in_transaction:
            raise IndexProblem(
                f"{self.file} could not be read a moment ago, and the state that was read is let go of: another could "
                f"be mixed with it. Check the disk, then run the same command again."
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with explained(self.file):
                yield
        except IndexDamaged as error:
            if self.stale:
                raise IndexBusy(
                    f"{self.file} was changed while it was read; who may not write in its folder cannot keep an older "
                    f"state. Run the same command again."
                ) from error
            raise

    def kept(self, name: str, make: Callable[[], T]) -> T:
        """What `make` gives, or that it raises nothing: for what is too much to read for each question.

        It is made again when another connection has committed.
        """
        version = self.all("PRAGMA data_version")
        if name not in self._held or self._held[name][0] != version:
            self._held[name] = version, make()
        value: T = self._held[name][1]
        return value

    def copy(self, to: Path) -> None:
        """Write what this connection sees, its transaction's state and no later one, to a new file."""
        with self._turn, explained(to), closing(sqlite3.connect(to)) as target:
            self._require_pin()
            self._connection.backup(target)

    def compact(self, to: Path) -> None:
        """Write what the rows hold to a new file, and nothing of what was deleted; outside of a transaction."""
        with self._turn, explained(to):
            self._connection.execute("VACUUM INTO ?", (str(to),))

    @property
    def changes(self) -> int:
        """Rows changed since the connection was opened."""
        return self._connection.total_changes

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open; SQLite closes it by itself after some errors."""
        return self._connection.in_transaction

    def close(self) -> None:
        """Give the connection back; a transaction that is open is undone."""
        with self._turn:
            self._connection.close()


def open_reader(file: Path) -> Database:
    """A read-only connection. Raises IndexDamaged, IndexMismatch, IndexProblem.

    On a medium that cannot be written SQLite cannot make its shared-memory file; where no writer left a log
    either, the database is read as one that nobody changes.
    """
    if not file.is_file():
        raise damaged(file, "it is missing")
    frozen = not os.access(file.parent, os.W_OK) and not Path(f"{file}-wal").exists()
    database = _connect(file, "mode=ro&immutable=1" if frozen else "mode=ro", frozen=frozen)
    try:
        _check_header(database)
        database.all(_READER_CACHE)
    except RagError:
        database.close()
        raise
    return database


def open_outdated(file: Path) -> tuple[Database, int]:
    """A read-only connection to a database of an earlier format, and that format. Raises IndexProblem.

    The format is that of this version where there is nothing to do.
    """
    if not file.is_file():
        raise damaged(file, "it is missing")
    database = _connect(file, "mode=ro")
    try:
        application, version = _header(database)
        if application != APPLICATION or version >= FORMAT:
            _check_header(database)
    except RagError:
        database.close()
        raise
    return database, version


def open_writer(file: Path, *, create: bool = False) -> Database:
    """A connection that may write; the caller holds the writer's lock. `create` makes the file and its tables.

    Raises IndexDamaged, IndexMismatch, IndexProblem.
    """
    if not create and not file.is_file():
        raise damaged(file, "it is missing")
    database = _connect(file, "mode=rwc" if create else "mode=rw")
    try:
        if not create:
            _check_header(database)
        if database.all("PRAGMA journal_mode = wal") != [("wal",)]:
            raise IndexProblem(
                f"{file.parent} lies on a file system that SQLite cannot write safely (no write-ahead log). "
                f"Put the index on a local disk: rag ingest ... --index PATH"
            )
        for setting in _WRITER_SETTINGS:
            database.all(f"PRAGMA {setting}")
        if create:
            _create(database)
        else:  # what a killed writer left in the log is read from it, whether or not it has reached the disk
            database.all("PRAGMA wal_checkpoint")
    except RagError:
        database.close()
        raise
    return database


def damaged(file: Path, what: str) -> IndexDamaged:
    """The error for bytes that are not those that were committed."""
    return IndexDamaged(
        f"{file} is damaged: {what}. What it says cannot be trusted. List the damage with: rag check {_flag(file)}, "
        f"and make the index anew from the source files with: rag ingest FOLDER --rebuild {_flag(file)}"
    )


def _flag(file: Path) -> str:
    """What a command needs to be about the index whose database this is; `file` may be its folder, too."""
    return folder.flag(file.parent.parent if file.suffix == ".sqlite" else file)


@contextmanager
def explained(file: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into those a user can act on; defects of ours pass through."""
    try:
        yield
    except sqlite3.Error as error:
        problem = _of_sqlite(error, file)
        if problem is None:
            raise
        raise problem from error
    except UnicodeDecodeError as error:  # a name or a message of SQLite's own that is not UTF-8 any more
        raise damaged(file, "it holds text that is not UTF-8") from error
    except OSError as error:
        raise _of_system(error, file) from error


def of_disk(error: BaseException) -> bool:
    """Whether an explained error is one of the disk, or of a sync that failed for whatever reason."""
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR
    return isinstance(cause, OSError) and cause.errno == errno.EIO


def _of_sqlite(error: sqlite3.Error, file: Path) -> RagError | None:
    # Errors that Python raises itself (text that is not UTF-8 any more) carry no code.
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    # A length or a format in the file that SQLite cannot read is of no statement of ours.
    of_format = primary == sqlite3.SQLITE_TOOBIG or str(error) == "unsupported file format"
    if of_format or primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(file, str(error))
    if primary is None and isinstance(error, sqlite3.OperationalError):
        return damaged(file, str(error).splitlines()[0])
    if primary == sqlite3.SQLITE_FULL or (primary in _OF_SPACE and _is_full(file.parent)):
        return _full(file)
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return IndexBusy(f"{file} is locked by another program. Close it, then run the same command again.")
    if primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return IndexProblem(f"{file} cannot be read or written: {error}. Check the disk and the folder's permissions.")
    return None


def _of_system(error: OSError, file: Path) -> RagError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(file)
    if error.errno in _OF_PLACE:
        return IndexProblem(f"{error.filename or file} cannot be used: {error.strerror}. Name another place.")
    return IndexProblem(
        f"{error.filename or file} cannot be read or written: {error.strerror}. "
        f"Check the disk and the folder's permissions."
    )


def _is_full(place: Path) -> bool:
    with suppress(OSError):
        if sys.platform != "win32" and (disk := os.statvfs(place)).f_files and not disk.f_favail:
            return True
        return shutil.disk_usage(place).free < _SHARED_MEMORY
    return False


def _full(file: Path) -> IndexProblem:
    return IndexProblem(
        f"The disk that holds {file.parent} is full. The index keeps its last commit; free some space, "
        f"then run the same command again: what was committed is not done twice."
    )


def _stamp(file: Path) -> tuple[object, ...]:
    """What changes when a database does."""
    try:
        status = file.stat()
    except OSError:
        return (None,)
    return status.st_mtime_ns, status.st_size, Path(f"{file}-wal").exists()


def _connect(file: Path, mode: str, *, frozen: bool = False) -> Database:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise IndexProblem(
            f"This Python carries SQLite {sqlite3.sqlite_version}, and an index needs 3.37 or newer. "
            f"Use a Python from python.org, conda or uv: uv python install 3.12"
        )
    with explained(file):
        connection = sqlite3.connect(
            f"{file.absolute().as_uri()}?{mode}",
            uri=True,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
    database = Database(connection, file, frozen=frozen)
    database.all("PRAGMA trusted_schema = off")
    return database


def _header(database: Database) -> tuple[int, int]:
    return database.all("PRAGMA application_id")[0][0], database.all("PRAGMA user_version")[0][0]


def _check_header(database: Database) -> None:
    application, version = _header(database)
    if application == APPLICATION and version > FORMAT:
        raise IndexMismatch(
            f"{database.file} has format {version}; this version of rag reads up to {FORMAT} and would misread it. "
            f"Upgrade rag, or make another index beside it with: rag ingest FOLDER --index OTHER"
        )
    if application == APPLICATION and 0 < version < FORMAT:
        raise IndexOutdated(
            f"{database.file} has format {version}, of an earlier version of rag; this one reads format {FORMAT}. "
            f"Bring it to that, without embedding anything again, with: rag migrate {_flag(database.file)}"
        )
    if application != APPLICATION or version < 1:
        raise damaged(database.file, "it is not the database of an index")
    made = {_flat(sql) for (sql,) in database.all("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")}
    others = made - set(map(_flat, SCHEMA))
    if not made.issuperset(map(_flat, SCHEMA)) or not all(_OF_SQLITE.match(sql) for sql in others):
        raise damaged(database.file, "its tables are not those of an index")


def _flat(sql: str) -> str:
    return " ".join(sql.split())


def _create(database: Database) -> None:
    database.all("BEGIN IMMEDIATE")
    for statement in SCHEMA:
        database.all(statement)
    database.all(f"PRAGMA application_id = {APPLICATION}")
    database.all(f"PRAGMA user_version = {FORMAT}")
    database.all("COMMIT")
