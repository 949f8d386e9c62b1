from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from rag.errors import IndexBusy, IndexDamaged, IndexMismatch, IndexProblem, RagError
from rag.index import database as database_module
from rag.index.database import explained, open_reader, open_writer
from rag.index.index import Index
from rag.index.schema import FORMAT
from tests.index.samples import database_file, filled, held, put
from tests.index.samples import open_writer as open_index_writer


def sqlite_error(code: int, text: str = "what SQLite says") -> sqlite3.Error:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("raised", "kind", "says"),
    [
        (
            sqlite_error(sqlite3.SQLITE_CORRUPT),
            IndexDamaged,
            "is damaged: what SQLite says.*rag check --index .*rag ingest FOLDER --rebuild --index",
        ),
        (sqlite_error(sqlite3.SQLITE_CORRUPT | 256), IndexDamaged, "is damaged"),
        (sqlite_error(sqlite3.SQLITE_NOTADB), IndexDamaged, "is damaged"),
        (sqlite3.OperationalError("Could not decode to UTF-8 column\nmore"), IndexDamaged, "to UTF-8 column. What"),
        (UnicodeDecodeError("utf-8", b"\xe7", 0, 1, "x"), IndexDamaged, "it holds text that is not UTF-8"),
        (
            sqlite_error(sqlite3.SQLITE_FULL),
            IndexProblem,
            "disk that holds .* is full. The index keeps its last commit",
        ),
        (sqlite_error(sqlite3.SQLITE_BUSY), IndexBusy, "is locked by another program"),
        (sqlite_error(sqlite3.SQLITE_LOCKED), IndexBusy, "is locked by another program"),
        (sqlite_error(sqlite3.SQLITE_IOERR), IndexProblem, "cannot be read or written: what SQLite says"),
        (sqlite_error(sqlite3.SQLITE_READONLY), IndexProblem, "the folder's permissions"),
        (OSError(errno.ENOSPC, "No space left on device"), IndexProblem, "is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), IndexProblem, "is full"),
        (
            PermissionError(errno.EACCES, "Permission denied", "there"),
            IndexProblem,
            "there cannot be .* Permission denied",
        ),
    ],
)
def test_errors_of_the_disk_become_sentences(raised: Exception, kind: type[RagError], says: str) -> None:
    with pytest.raises(kind, match=says) as caught, explained(Path("index/index.sqlite")):
        raise raised
    assert type(caught.value) is kind
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize(
    "ours", [sqlite_error(sqlite3.SQLITE_ERROR), sqlite3.ProgrammingError("closed"), ValueError("x")]
)
def test_a_defect_of_ours_passes_through(ours: Exception) -> None:
    with pytest.raises(type(ours)) as caught, explained(Path("x")):
        raise ours
    assert caught.value is ours


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "not the database of an index"), (b"hello" * 999, "is damaged"), (None, "it is missing")],
)
def test_what_is_not_a_database_is_refused(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = filled(tmp_path / "index", [1])
    file = database_file(path)
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    for opened in (Index.open, open_index_writer):
        with pytest.raises(IndexDamaged, match=says):
            opened(path)


def test_a_database_that_was_cut_is_damage(tmp_path: Path) -> None:
    path = filled(tmp_path / "index", [1])
    file = database_file(path)
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(IndexDamaged, match="is damaged"):
        Index.open(path)
    with pytest.raises(IndexDamaged, match="is damaged"):
        open_index_writer(path)


def test_a_newer_format_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = filled(tmp_path, [1])
    with sqlite3.connect(database_file(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    for opened in (Index.open, open_index_writer):
        with pytest.raises(
            IndexMismatch, match=rf"has format 99; this version of rag reads up to {FORMAT}.*Upgrade rag"
        ):
            opened(path)


@pytest.mark.parametrize(
    "harm",
    [
        "DROP INDEX chunk_document",
        "CREATE TRIGGER t AFTER INSERT ON chunk BEGIN SELECT 1; END",
        "CREATE VIEW v AS SELECT 1",
    ],
)
def test_a_database_with_other_tables_is_refused(tmp_path: Path, harm: str) -> None:
    path = filled(tmp_path, [1])
    with sqlite3.connect(database_file(path)) as connection:
        connection.execute(harm)
    connection.close()
    with pytest.raises(IndexDamaged, match="its tables are not those of an index"):
        Index.open(path)


def test_an_old_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path, [1])
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(IndexProblem, match=r"carries SQLite .* needs 3.37 or newer"):
        Index.open(path)


def test_a_file_system_without_a_log_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = database_module.Database.all

    def without_wal(
        self: database_module.Database, statement: str, values: tuple[object, ...] = ()
    ) -> list[tuple[object, ...]]:
        return [("delete",)] if "journal_mode" in statement else every(self, statement, values)

    monkeypatch.setattr(database_module.Database, "all", without_wal)
    with pytest.raises(IndexProblem, match=r"cannot write safely .no write-ahead log."):
        open_index_writer(tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["writer.lock"]


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    reader = open_reader(database_file(filled(tmp_path, [1])))
    with pytest.raises(IndexProblem, match="attempt to write a readonly database"):
        reader.all("DELETE FROM chunk")
    reader.close()


def test_a_folder_that_cannot_be_written_is_read_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path, [1])
    file = database_file(path)
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    before = sorted(entry.name for entry in file.parent.iterdir())
    assert held(path) == {"d1v0"}
    assert sorted(entry.name for entry in file.parent.iterdir()) == before


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to become someone without rights"
)
def test_an_index_on_a_medium_without_write_access_can_be_searched() -> None:
    code = (
        "import os, sys; from pathlib import Path; from rag.index.index import Index; os.setuid(65534);"
        "print(len(Index.open(Path(sys.argv[1])).search_lexical('machine', 100)[0]) > 0)"
    )
    with tempfile.TemporaryDirectory() as public:
        path = filled(Path(public) / "index", [1])
        for entry in (Path(public), path, *path.rglob("*")):
            entry.chmod(0o555 if entry.is_dir() else 0o444)
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_a_database_of_a_writer_is_made_only_on_request(tmp_path: Path) -> None:
    with pytest.raises(IndexDamaged, match="it is missing"):
        open_writer(tmp_path / "index.sqlite")
    open_writer(tmp_path / "index.sqlite", create=True).close()
    open_writer(tmp_path / "index.sqlite").close()
    with pytest.raises(IndexProblem, match="cannot be read or written"):
        open_writer(tmp_path / "no" / "index.sqlite", create=True)


def test_who_may_not_write_moves_on_when_the_owner_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path, [1])
    with monkeypatch.context() as patched:
        patched.setattr(os, "access", lambda _path, _mode: False)
        with Index.open(path) as reader:
            assert not reader.refresh()
            for number in range(2, 30):
                with open_index_writer(path) as writer:
                    put(writer, number)
            with pytest.raises(IndexBusy, match=r"was changed while it was read.* Run the same command again"):
                reader.status()  # counts pages of which some are others now
            assert reader.refresh()
            assert reader.commit == 29
            assert reader.check() == []


def test_who_may_not_write_is_told_when_the_database_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path, [1])
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    with Index.open(path) as reader:
        database_file(path).unlink()
        with pytest.raises(IndexDamaged, match="it is missing"):
            reader.refresh()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no statvfs")
@pytest.mark.parametrize(("files", "says"), [(0, "is full"), (9, "cannot be read or written")])
def test_a_disk_without_room_for_another_file_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, says: str
) -> None:
    room = {"f_frsize": 4096, "f_blocks": 10**6, "f_bfree": 10**6, "f_bavail": 10**6}
    monkeypatch.setattr(os, "statvfs", lambda _folder: SimpleNamespace(f_files=100, f_favail=files, **room))
    with pytest.raises(IndexProblem, match=says), explained(tmp_path / "index.sqlite"):
        raise sqlite_error(sqlite3.SQLITE_CANTOPEN)
