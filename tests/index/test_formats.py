"""Indexes of every format that there was, each written by the last version of rag that wrote it.

golden/format-N.zip holds what `filled(path, [1, 2, 3])`, then document 2 in another version and without document 3,
left on the disk; HashEmbedder of 32 dimensions.
"""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rag.errors import IndexDamaged, IndexMismatch, IndexMissing, IndexOutdated, SettingsError
from rag.index import dense_build, folder, upkeep
from rag.index.database import Database
from rag.index.index import Index
from rag.index.schema import FORMAT
from tests.index.samples import database_file, held, open_writer, put, source
from tests.index.test_damage import answers

GOLDEN = Path(__file__).parent / "golden"
EARLIER = range(1, FORMAT)


def golden(version: int, path: Path) -> Path:
    """The index of that format, on the disk."""
    with zipfile.ZipFile(GOLDEN / f"format-{version}.zip") as packed:
        packed.extractall(path)
    return path


def version_of(path: Path) -> int:
    connection = sqlite3.connect(database_file(path))
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return int(version)


def test_there_is_a_golden_index_of_every_format() -> None:
    assert [f"format-{version}.zip" for version in range(1, FORMAT + 1)] == sorted(
        file.name for file in GOLDEN.iterdir()
    )


def test_the_golden_index_of_this_format_is_read_and_written_as_it_is(tmp_path: Path) -> None:
    path = golden(FORMAT, tmp_path / "index")
    assert held(path) == {"d1v0", "d2v1"}
    with open_writer(path) as writer:
        put(writer, 4)
        assert writer.commit() == 3
    assert held(path) == {"d1v0", "d2v1", "d4v0"}
    assert upkeep.migrate(path) == (FORMAT, FORMAT)
    assert folder.generations(path) == [path / "gen-000001"]


@pytest.mark.parametrize("version", EARLIER)
def test_an_earlier_format_is_refused_with_the_command_that_brings_it_to_this_one(tmp_path: Path, version: int) -> None:
    path = golden(version, tmp_path / "index")
    with pytest.raises(IndexOutdated, match=rf"has format {version}, of an earlier version .* with: rag migrate"):
        Index.open(path)
    with pytest.raises(IndexOutdated, match="rag migrate"):
        open_writer(path)


@pytest.mark.parametrize("version", EARLIER)
def test_an_earlier_format_is_migrated_without_embedding(tmp_path: Path, version: int) -> None:
    path, now = golden(version, tmp_path / "index"), golden(FORMAT, tmp_path / "now")
    assert upkeep.migrate(path) == (version, FORMAT)
    upkeep.compact(now)  # as a migrated one it has a derived file of all rows
    assert held(path) == held(now)
    assert answers(path) == answers(now)
    with Index.open(path) as index, Index.open(now) as wanted:
        assert index.commit == wanted.commit == 3
        assert index.manifest.format == FORMAT
        kept = "SELECT key, vector FROM embedding WHERE released IS NULL ORDER BY key"
        assert index._rows.database.all(kept) == wanted._rows.database.all(kept)


@pytest.mark.parametrize("family", ["exact", "ivf"])
def test_a_migrated_index_is_searched_as_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    monkeypatch.setattr(dense_build, "CODES_LEAST", 2)
    path = golden(1, tmp_path / "index")
    upkeep.migrate(path, dense=family)
    with Index.open(path) as index:
        assert index.status().dense == family


def test_how_vectors_are_searched_is_one_of_the_families(tmp_path: Path) -> None:
    path = golden(1, tmp_path / "index")
    with pytest.raises(SettingsError, match="dense = 'hnsw' is not one of: auto, exact, ivf"):
        upkeep.migrate(path, dense="hnsw")
    with pytest.raises(SettingsError, match="dense = 'hnsw' is not one of: auto, exact, ivf"):
        upkeep.restore(path, tmp_path / "another", dense="hnsw")
    assert [entry.name for entry in tmp_path.iterdir()] == ["index"]


@pytest.mark.parametrize("version", EARLIER)
def test_a_migrated_index_is_written_on_and_uses_no_row_again(tmp_path: Path, version: int) -> None:
    path = golden(version, tmp_path / "index")
    with sqlite3.connect(database_file(path)) as connection:
        (used,) = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'chunk'").fetchone()
    connection.close()
    upkeep.migrate(path)
    with open_writer(path) as writer:
        put(writer, 4)
        writer.remove_source(source(1).location)
    assert held(path) == {"d2v1", "d4v0"}
    with Index.open(path) as index:
        assert min(index.rows_of("d4v0")) == used + 1


@pytest.mark.parametrize("version", EARLIER)
@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE document SET title = 'another' WHERE id = 'd1v0'", "a row of document .d1v0. does not have its"),
        ("UPDATE embedding SET vector = zeroblob(64) WHERE id = 1", "a row of embedding .1. does not have its"),
        (
            "DELETE FROM token_vectors WHERE embedding = 1",
            "Nothing was changed: .*gen-000001/index.sqlite is damaged: token vec",
        ),
    ],
)
def test_a_damaged_index_of_an_earlier_format_is_not_migrated(
    tmp_path: Path, version: int, statement: str, says: str
) -> None:
    path = golden(version, tmp_path / "index")
    with sqlite3.connect(database_file(path)) as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(IndexDamaged, match=says):
        upkeep.migrate(path)
    assert version_of(path) == version
    assert folder.generations(path) == [path / "gen-000001"]
    assert [entry.name for entry in path.iterdir() if entry.name.startswith(".")] == []


@pytest.mark.parametrize("version", EARLIER)
def test_an_index_without_the_columns_of_its_format_is_not_migrated(tmp_path: Path, version: int) -> None:
    path = golden(version, tmp_path / "index")
    with sqlite3.connect(database_file(path)) as connection:
        connection.execute("ALTER TABLE document RENAME COLUMN title TO name")
    connection.close()
    with pytest.raises(IndexDamaged, match=f"its table document is not that of format {version}"):
        upkeep.migrate(path)


def test_a_newer_format_is_not_migrated(tmp_path: Path) -> None:
    path = golden(FORMAT, tmp_path / "index")
    with sqlite3.connect(database_file(path)) as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    connection.close()
    with pytest.raises(IndexMismatch, match=f"has format {FORMAT + 1}; this version of rag reads up to {FORMAT}"):
        upkeep.migrate(path)


def test_what_is_no_index_is_not_migrated(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="There is no index"):
        upkeep.migrate(tmp_path)
    path = golden(2, tmp_path / "index")
    database_file(path).write_bytes(b"nothing like a database" * 300)
    with pytest.raises(IndexDamaged, match="is damaged"):
        upkeep.migrate(path)
    database_file(path).unlink()
    with pytest.raises(IndexDamaged, match="it is missing"):
        upkeep.migrate(path)


def test_rows_of_an_earlier_format_that_come_out_of_order_are_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = golden(1, tmp_path / "index")
    read_all = Database.all

    def backwards(self: Database, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        found = read_all(self, statement, values)
        return found[::-1] if "ORDER BY rowid LIMIT" in statement else found

    monkeypatch.setattr(Database, "all", backwards)
    with pytest.raises(IndexDamaged, match=r"the rows of \w+ are out of order"):
        upkeep.migrate(path)
