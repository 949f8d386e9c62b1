"""What survives: full disks, commits that fail, folders that are taken away. (Kills: tests/reliability.)"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from rag.errors import IndexProblem, RagError
from rag.index import atomic, dense
from rag.index.database import Database
from rag.index.index import Index
from tests.index.samples import database_file, dense_file, filled, held, open_writer, put


def full(*_: object) -> str:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_fills_while_a_derived_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path, [1])
    derived = dense_file(path)
    monkeypatch.setattr(dense, "tail_limit", lambda _base: 0)
    with open_writer(path) as writer:
        put(writer, 2)
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(IndexProblem, match=r"disk that holds .* is full. The index keeps its last commit"):
                writer.commit()
        assert held(path) == {"d1v0"}
        assert dense_file(path) == derived
        assert writer.counts.added == 0
        put(writer, 3)
    assert held(path) == {"d1v0", "d3v0"}


def test_a_disk_that_fills_while_rows_are_written(tmp_path: Path) -> None:
    path = filled(tmp_path, [1])
    with open_writer(path) as writer:
        (pages,) = writer._database.all("PRAGMA page_count")[0]
        writer._database.all(f"PRAGMA max_page_count = {pages + 3}")
        with pytest.raises(IndexProblem, match="is full"):  # noqa: PT012
            for number in range(2, 100):
                put(writer, number)
            writer.commit()
        assert writer.counts.added == 0
        writer._database.all("PRAGMA max_page_count = 1000000")
        assert set(writer.known()) == {"/corpus/m1.md"}
        put(writer, 2)
    assert held(path) == {"d1v0", "d2v0"}


def test_a_disk_that_is_full_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(atomic, "write", full)
        with pytest.raises(IndexProblem, match="is full"):
            open_writer(tmp_path / "index")
        patched.setattr(atomic, "sync_folder", full)
        with pytest.raises(IndexProblem, match="is full"):
            open_writer(tmp_path / "index")
    assert filled(tmp_path / "index", [1])
    assert held(tmp_path / "index") == {"d1v0"}


def test_a_rebuild_that_cannot_be_published_leaves_the_old_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filled(tmp_path, [1])
    writer = open_writer(path, rebuild=True)
    put(writer, 2)
    writer.commit()
    with monkeypatch.context() as patched:
        patched.setattr(atomic, "write", full)
        with pytest.raises(IndexProblem, match="is full"):
            writer.__exit__(None)
    assert held(path) == {"d1v0"}
    with open_writer(path, rebuild=True):
        pass
    assert held(path) == {"d2v0"}


def test_the_folder_of_an_index_that_was_taken_away_is_a_sentence(tmp_path: Path) -> None:
    path = filled(tmp_path / "index", [1])
    with Index.open(path) as index:
        database_file(path).parent.rename(tmp_path / "elsewhere")
        assert index.text("d1v0")
        (path / "CURRENT").unlink()
        with pytest.raises(RagError, match="There is no index"):
            index.refresh()


def test_a_transaction_that_sqlite_undid_itself_at_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path, [1])
    every = Database.all

    def undone(self: Database, statement: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        if statement != "COMMIT":
            return every(self, statement, values)
        every(self, "ROLLBACK")
        raise IndexProblem("the disk failed")

    with open_writer(path) as writer:
        put(writer, 2)
        with monkeypatch.context() as patched:
            patched.setattr(Database, "all", undone)
            with pytest.raises(IndexProblem, match="the disk failed"):
                writer.commit()
        put(writer, 3)
    assert held(path) == {"d1v0", "d3v0"}
