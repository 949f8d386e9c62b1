"""Rows that were changed behind the index's back, table by table. Damage at random: tests/reliability."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from operator import methodcaller
from pathlib import Path
from typing import Any

import pytest

from rag.errors import IndexDamaged
from rag.index.database import Database, open_reader
from rag.index.index import Index
from rag.index.rows import Rows
from rag.index.schema import checksum
from tests.index.samples import EMBEDDER, database_file, document, filled

VECTORS = methodcaller("vectors", EMBEDDER.dimension)
QUESTION = "Which valve of machine 3 was checked at 21 degrees?"


def answers(path: Path) -> dict[str, object]:
    """What the index says, through every verb that reads rows."""
    query = EMBEDDER.embed_query(QUESTION, tokens=True)
    with Index.open(path) as index:
        rows, scores = index.search_dense(query.vectors[0], 8)
        sources = index.all_sources()
        return {
            "lexical": [values.tolist() for values in index.search_lexical(QUESTION, 8)],
            "scores": index.lexical_scores(QUESTION, rows).tolist(),
            "words": (index.mass(QUESTION), index.exact(QUESTION, rows).tolist()),
            "dense": (rows.tolist(), scores.tolist(), index.late_scores(query.tokens[0], rows).tolist()),
            "chunks": index.chunks(rows.tolist()),
            "sources": [index.sources(source.document or "") for source in sources],
            "texts": [index.text(source.document or "") for source in sources],
        }


def problems(path: Path) -> list[str]:
    """What `rag check` says."""
    try:
        with Index.open(path) as index:
            return index.check()
    except IndexDamaged as error:
        return [str(error)]


def altered(path: Path, *statements: str) -> Path:
    """The index with its rows changed behind its back."""
    connection = sqlite3.connect(database_file(path))
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE document_text SET text = CAST(replace(text, 'Machine', 'machine') AS BLOB)", "of the text of a doc"),
        ("UPDATE document_text SET number = 1", "a part of the text of document d1v0 is missing"),
        ("UPDATE document_text SET number = 1", "1 parts of texts that are longer than their documents"),
        ("DELETE FROM document_text", "a part of the text of document d1v0 is missing"),
        ("UPDATE document_text SET document = 'another'", "names a document that is not there"),
        ("UPDATE document SET characters = characters - 1", "a document .d1v0. does not have its checksum"),
        ("UPDATE document SET title = 'another'", "a document .d1v0. does not have its checksum"),
        ("UPDATE chunk SET start = start + 1 WHERE row = 2", "a chunk .2. does not have its checksum"),
        ("UPDATE chunk SET embedding = (SELECT max(id) FROM embedding) WHERE row = 1", "a chunk .1. does not have"),
        ("UPDATE embedding SET vector = zeroblob(64) WHERE id = 1", "a vector .1. does not have its checksum"),
        ("UPDATE token_vectors SET data = zeroblob(100) WHERE embedding = 1", "token vectors .1. does not have"),
        ("UPDATE codec SET data = zeroblob(9)", "a token codec .1. does not have"),
        ("UPDATE source SET state = 'failed'", "a source .* does not have its checksum"),
        ("UPDATE manifest SET value = '33' WHERE key = 'dimension'", "the manifest .dimension. does not have"),
        ("DELETE FROM manifest WHERE key = 'codec'", "its manifest is not complete .'codec'."),
        ("UPDATE commits SET chunks = chunks + 1", "a commit .1. does not have its checksum"),
        ("UPDATE lexical_entry SET terms = zeroblob(6) WHERE row = 2", "a row of lexical_entry .2. does not have"),
        ("UPDATE lexical_term SET chunks = chunks + 1 WHERE id = 1", "a row of lexical_term .1. does not have"),
        ("UPDATE lexical_size SET terms = 7", "a row of lexical_size .1. does not have its checksum"),
        ("DELETE FROM lexical_size", "a wrong length of its entries"),
        ("DELETE FROM lexical_term WHERE id = 1", "does not count the chunks of its terms"),
        ("DELETE FROM lexical_entry WHERE row = 1", "1 chunks that lexical search does not know"),
        ("DELETE FROM lexical_entry WHERE row = 1", "does not count the chunks of its terms"),
        ("INSERT INTO lexical_entry VALUES (99, x'', 0)", "1 lexical entries without a chunk"),
        ("DELETE FROM token_vectors WHERE embedding = 1", "1 embeddings without token vectors"),
        ("DELETE FROM embedding WHERE id = 1", "1 chunks without an embedding"),
        ("DELETE FROM source", "1 documents without a source"),
        ("DELETE FROM source", r"it has .1, 0, 9. documents, sources and chunks, its last commit .1, 1, 9."),
        ("DELETE FROM document", "names a document that is not there"),
        ("DELETE FROM chunk WHERE row = 1", "1 lexical entries without a chunk"),
    ],
)
def test_what_was_changed_behind_the_indexs_back_is_named(tmp_path: Path, statement: str, says: str) -> None:
    path = altered(filled(tmp_path, [1]), statement)
    found = problems(path)
    assert any(re.search(says, problem) for problem in found), found
    assert all("rag ingest" in problem for problem in found)


def rows_with_right_checksums(path: Path, table: str, change: Callable[[list[Any]], None], key: str) -> Path:
    """The index with a row that was changed together with its checksum."""
    connection = sqlite3.connect(database_file(path))
    cursor = connection.execute(f"SELECT * FROM {table} LIMIT 1")
    names = [column[0] for column in cursor.description if column[0] not in ("crc", "released")]
    row = dict(zip((column[0] for column in cursor.description), cursor.fetchone(), strict=True))
    values = [row[name] for name in names]
    change(values)
    assignments = ", ".join(f"{name} = ?" for name in (*names, "crc"))
    crc = checksum(table, *values)
    connection.execute(f"UPDATE {table} SET {assignments} WHERE {key} = ?", (*values, crc, row[key]))
    connection.commit()
    connection.close()
    return path


@pytest.mark.parametrize(
    ("table", "key", "column", "value", "says"),
    [
        ("chunk", "row", 3, 10**6, "is not a part of its document"),
        ("chunk", "row", 2, "nowhere", "is not a part of its document"),
        ("embedding", "id", 2, b"short", "a vector has not 32 numbers"),
        ("token_vectors", "embedding", 2, b"short", "token vectors cannot be decoded"),
        ("token_vectors", "embedding", 1, 9, "token vectors cannot be decoded"),
        ("codec", "number", 1, b"short", "not a token codec"),
    ],
)
def test_rows_that_make_no_sense_are_damage_though_their_checksums_hold(
    tmp_path: Path, table: str, key: str, column: int, value: object, says: str
) -> None:
    def change(values: list[Any]) -> None:
        values[column] = value

    path = rows_with_right_checksums(filled(tmp_path, [1]), table, change, key)
    assert any(says in problem for problem in problems(path))
    if table != "embedding":  # the vectors that are searched are those of the derived file
        with pytest.raises(IndexDamaged, match=says):
            answers(path)


def test_missing_rows_are_noticed_by_the_questions_that_need_them(tmp_path: Path) -> None:
    vector = EMBEDDER.embed_query(QUESTION).vectors[0]
    path = altered(filled(tmp_path / "a", [1]), "DELETE FROM chunk WHERE row = 1")
    with Index.open(path) as index, pytest.raises(IndexDamaged, match="1 chunks are missing"):
        index.search_dense(vector, 5)
    with Index.open(altered(filled(tmp_path / "b", [1]), "DELETE FROM source")) as index:
        with pytest.raises(IndexDamaged, match="1 sources are missing"):
            index.all_sources()
        with pytest.raises(IndexDamaged, match="1 sources are missing"):
            index.named("What is d1 about?")
        with pytest.raises(IndexDamaged, match="document d1v0 has no source"):
            index.sources("d1v0")
        assert index.sources("nowhere") == []
        assert index.document("d1v0") == document(1)


def test_a_sound_index_has_nothing_to_say(tmp_path: Path) -> None:
    assert problems(filled(tmp_path)) == []


def test_pages_that_lead_back_to_where_they_were_read_are_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Index.open(filled(tmp_path, [1, 2])) as index:
        every = Database.all

        def back(database: Database, statement: str, values: Sequence[Any] = ()) -> list[Any]:
            return every(database, statement, (0, *values[1:]) if "c.row > ?" in statement else values)

        monkeypatch.setattr(Database, "all", back)
        with pytest.raises(IndexDamaged, match="the embeddings of its chunks are not the same"):
            list(index._rows.vector_slabs(32, 3))


@pytest.mark.parametrize(
    ("asked", "wrong", "verb", "says"),
    [
        ("source NOT INDEXED", lambda found: [*found, found[-1]], Rows.all_sources, "a source is there twice"),
        ("source NOT INDEXED", lambda found: [*found, found[-1]], Rows.places, "a source is there twice"),
        ("INDEXED BY chunk_embedding", lambda found: found[1:], VECTORS, "embeddings of its chunks are not the same"),
        ("sqlite_autoindex_document", lambda _: [(9,)], Rows.document_metadata, "documents are missing or there twice"),
        ("document WHERE rowid", lambda _: [], Rows.document_metadata, r"the document at \d is not found there"),
    ],
)
def test_what_sqlite_finds_in_one_place_and_not_in_another_is_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, wrong: Any, verb: Callable[[Rows], Any], says: str
) -> None:
    file = database_file(filled(tmp_path, [1, 2]))
    with closing(open_reader(file)) as sound:
        verb(Rows(sound))
    database = open_reader(file)
    read_all = database.all

    def lying(statement: str, values: Sequence[object] = ()) -> Any:
        found = read_all(statement, values)
        return wrong(found) if asked in statement else found

    monkeypatch.setattr(database, "all", lying)
    with pytest.raises(IndexDamaged, match=says):
        verb(Rows(database))
    database.close()
