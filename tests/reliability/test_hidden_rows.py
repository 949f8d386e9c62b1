"""A checksum says that a row that is read is right, not that none is missing: what is absent is looked for twice."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.errors import IndexDamaged
from rag.index import dense_build
from rag.index import embeddings as embeddings_module
from rag.index.filters import parse_filter
from rag.index.index import Index
from tests.index.samples import EMBEDDER, database_file, dense_file, filled, open_writer, put, source
from tests.index.test_damage import altered, problems
from tests.reliability import everything

PAGE = 4096
VECTOR = EMBEDDER.embed_query("machine 1").vectors[0]

Verb = Callable[[Index], object]


def nearest(index: Index) -> object:
    return index.search_dense(VECTOR, 3)


def late(index: Index) -> object:
    return index.late_scores(EMBEDDER.embed_query("machine 1", tokens=True).tokens[0], np.array([1, 2]))


def scored(index: Index) -> object:
    return index.lexical_scores("valve", np.array([1, 2]))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An index of two commits as large: the second has no derived file of its own, and a source more."""
    with open_writer(tmp_path / "index") as writer:
        put(writer, 1)
        writer.put_source(replace(source(1), path="copy.md"))
        everything.put_varied(writer, 5)
        writer.commit()
        put(writer, 2)
        writer.commit()
        writer.put_source(replace(source(2), path="another.md"))
    return tmp_path / "index"


def flipped(path: Path, tree: str, found: bytes, bit: int = 1) -> Path:
    """The index with a bit flipped in the first place that holds these bytes in a table or an index of one page."""
    file = database_file(path)
    with closing(sqlite3.connect(file)) as connection:
        ((root,),) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (tree,)).fetchall()
    data = bytearray(file.read_bytes())
    place = data.index(found, (root - 1) * PAGE, root * PAGE)
    data[place] ^= 1 << bit
    file.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("tree", "found", "verb"),
    [
        ("sqlite_autoindex_lexical_term_1", b"valv", lambda index: index.search_lexical("valve", 3)),
        ("sqlite_autoindex_lexical_term_1", b"valv", lambda index: index.mass("valve")),
        ("sqlite_autoindex_lexical_term_1", b"valv", lambda index: index.rows_having([["valv"]])),
        ("sqlite_autoindex_document_1", b"d1v0", lambda index: index.text("d1v0")),
        ("source_document", b"d1v0", lambda index: index.sources("d1v0")),
        ("chunk_document", b"d1v0", lambda index: index.rows_of("d1v0")),
        ("chunk_document", b"d1v0", lambda index: index.rows_where(parse_filter("source = m1.md"))),
        ("chunk_language", b"en", lambda index: index.languages()),
        ("chunk_language", b"en", lambda index: index.rows_in(["en"])),
        ("chunk_language", b"en", lambda index: index.rows_where(parse_filter("language = en"))),
        ("chunk", b"en", lambda index: index.languages()),
        ("chunk", b"Part 1", lambda index: index.rows_where(parse_filter("heading ~ part 1"))),
        ("document", b"finance", lambda index: index.rows_where(parse_filter("department = finance"))),
        ("source", b"indexed", lambda index: index.status()),
    ],
)
def test_what_an_index_or_a_column_has_lost_is_noticed(path: Path, tree: str, found: bytes, verb: Verb) -> None:
    with Index.open(path) as index:
        verb(index)
    flipped(path, tree, found)
    with Index.open(path) as index, pytest.raises(IndexDamaged, match=r"is damaged: .* rag check"):
        verb(index)
    assert problems(path)


@pytest.mark.parametrize(
    ("statement", "verb", "says"),
    [
        ("DELETE FROM embedding WHERE id = (SELECT max(id) FROM embedding)", nearest, "a vector .None. does not have"),
        ("UPDATE chunk SET row = 0 WHERE row = 1", nearest, "vectors of its chunks are missing"),
        ("UPDATE chunk SET embedding = 2 WHERE row = 1", late, "a chunk .1. does not have"),
        ("DELETE FROM lexical_entry WHERE row = 1", scored, "knows of row 1 is missing"),
        ("DELETE FROM commits WHERE number > 1", lambda index: index.mass("valve"), "its last commit 15"),
        ("DELETE FROM source WHERE path = 'another.md'", lambda index: index.status(), "its last commit .3, 5, 24."),
    ],
)
def test_rows_that_are_gone_are_noticed_by_the_questions_that_need_them(
    path: Path, statement: str, verb: Verb, says: str
) -> None:
    altered(path, statement)
    with Index.open(path) as index:
        with pytest.raises(IndexDamaged, match=says):
            verb(index)
        assert index.check()


def test_a_commit_or_a_codec_that_is_hidden_is_noticed_when_the_index_is_opened(path: Path) -> None:
    file = database_file(path)
    good = file.read_bytes()
    with closing(sqlite3.connect(file)) as connection:
        roots = dict(connection.execute("SELECT name, rootpage FROM sqlite_schema").fetchall())
    for tree, left in (("commits", 2), ("commits", 0), ("codec", 0)):
        cells = (roots[tree] - 1) * PAGE + 3
        file.write_bytes(good[:cells] + bytes([0, left]) + good[cells + 2 :])
        with pytest.raises(IndexDamaged, match=f"its {tree} cannot all be read"):
            Index.open(path)
    for statement, says in (("DELETE FROM commits", "its commits are"), ("DELETE FROM codec", "its token codecs are")):
        file.write_bytes(good)
        with pytest.raises(IndexDamaged, match=says):
            Index.open(altered(path, statement))


def test_a_format_that_sqlite_does_not_know_is_damage(path: Path) -> None:
    data = bytearray(database_file(path).read_bytes())
    data[47] ^= 8  # the schema format number, of 1 to 4
    database_file(path).write_bytes(data)
    with pytest.raises(IndexDamaged, match="unsupported file format"):
        Index.open(path)


def test_the_status_does_not_quote_a_derived_file_that_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"EXACT_LIMIT": 2, "STEPS": ((1, 5),), "RECALL_LEAST": 0.0}.items():
        monkeypatch.setattr(dense_build, name, value)
    path = filled(tmp_path)
    with Index.open(path) as index:
        assert (index.status().dense, index.status().recall > 0) == ("ivf", True)
    file = dense_file(path)
    file.write_bytes(file.read_bytes().replace(b'"effort": 5', b'"effort": 4'))
    with Index.open(path) as index:
        assert (index.status().dense, index.status().recall) == ("exact", 1.0)


def test_no_document_is_removed_because_an_index_has_lost_its_source(path: Path) -> None:
    flipped(path, "source_document", b"d2v0")
    with open_writer(path) as writer:
        put(writer, 3)
    with closing(sqlite3.connect(database_file(path))) as connection:
        held = {name for (name,) in connection.execute("SELECT id FROM document NOT INDEXED")}
    assert held == {"d1v0", "d2v0", "d3v0", "d5v0"}
    assert problems(path)


@pytest.mark.parametrize("table", ["chunk", "document", "source"])
def test_no_commit_counts_what_was_lost_before_it(path: Path, table: str) -> None:
    altered(path, f"DELETE FROM {table} WHERE rowid = 1")
    with pytest.raises(IndexDamaged, match=r"documents, sources and chunks, its last commit .3, 5, 24."):
        open_writer(path)


@pytest.mark.parametrize("value", ["3", "'x'", "NULL"])
def test_no_row_is_used_again(path: Path, value: str) -> None:
    altered(path, f"UPDATE sqlite_sequence SET seq = {value}")
    with open_writer(path) as writer:
        with pytest.raises(IndexDamaged, match="and row 24 is in use"):
            put(writer, 3)
        assert writer.counts.added == 0
    assert problems(path)


def test_no_embedding_that_is_needed_is_dropped_as_idle(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings_module, "IDLE_LEAST", 0)
    altered(path, "UPDATE embedding SET released = 1 WHERE id < 5")
    with open_writer(path) as writer:
        put(writer, 3)
    assert problems(path) == []


def test_no_flipped_bit_of_current_leads_to_an_interrupted_rebuild(tmp_path: Path) -> None:
    path = filled(tmp_path / "index", [1])
    for _ in range(6):
        open_writer(path, rebuild=True).close()
        name = int.from_bytes((path / "CURRENT").read_bytes().strip())
        led_to = {(name ^ 1 << bit).to_bytes(10).decode("latin-1") for bit in range(80)}
        assert led_to.isdisjoint(entry.name for entry in path.iterdir())
        with open_writer(path, rebuild=True) as writer:
            put(writer, 1)


@pytest.mark.parametrize("table", ["embedding", "token_vectors"])
def test_an_embedding_that_is_kept_for_later_is_checked_as_well(path: Path, table: str) -> None:
    with open_writer(path) as writer:
        writer.remove_source(source(2).location)
        writer.remove_source("/corpus/another.md")
    assert problems(path) == []
    altered(path, f"UPDATE {table} SET crc = crc + 1 WHERE rowid = (SELECT max(id) FROM embedding)")
    assert any("does not have its checksum" in problem for problem in problems(path))


def test_a_row_that_became_a_deleted_one_is_noticed(tmp_path: Path) -> None:
    path = filled(tmp_path / "index", range(3))
    with open_writer(path) as writer:
        writer.remove_source(source(1).location)
    with Index.open(path) as index:
        (chunk,) = index.chunks([19])
        assert 18 not in index.search_dense(VECTOR, 99)[0]
    data = bytearray(database_file(path).read_bytes())
    begins = [match.start() for match in re.finditer(chunk.id.encode(), data)]
    # In the table's cell the row stands before the header of the record, whose first byte is its length.
    (place,) = {
        at - size - 1
        for at in begins
        for size in range(11, 17)
        if data[at - size - 1 : at - size + 1] == bytes([19, size])
    }
    data[place] ^= 1
    database_file(path).write_bytes(data)
    with Index.open(path) as index, pytest.raises(IndexDamaged, match="the rows of its chunks are not the same"):
        nearest(index)
