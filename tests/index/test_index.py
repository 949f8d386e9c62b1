from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from rag.errors import IndexDamaged, IndexMismatch, IndexMissing, IndexProblem
from rag.index import dense, upkeep
from rag.index.chunking import Chunking
from rag.index.index import Index
from rag.index.schema import PART
from rag.index.writer import Writer
from rag.models.fakes import HashEmbedder
from rag.protocols import Store
from rag.text.context import embedded_text
from rag.text.terms import terms
from tests.index.samples import (
    CHUNKING,
    EMBEDDER,
    database_file,
    dense_file,
    filled,
    held,
    open_writer,
    put,
    put_text,
    source,
)
from tests.index.test_damage import altered

QUESTION = "Which valve of machine 3 was checked at 21 degrees?"


def open_index(path: Path) -> Index:
    return Index.open(path, embedder=EMBEDDER, chunking=CHUNKING)


def test_the_legs_agree_with_each_other_on_any_rows(tmp_path: Path) -> None:
    query = EMBEDDER.embed_query(QUESTION, tokens=True)
    with open_index(filled(tmp_path)) as index:
        store: Store = index
        rows, scores = store.search_dense(query.vectors[0], 100)
        assert len(rows) == index.status().chunks
        assert store.dense_scores(query.vectors[0], rows[::-1]).tolist() == pytest.approx(
            scores[::-1].tolist(), abs=1e-5
        )
        texts = [embedded_text(chunk) for chunk in store.chunks(rows.tolist())]
        exact = EMBEDDER.embed_texts(texts).vectors @ query.vectors[0]
        assert scores.tolist() == pytest.approx(exact.tolist(), abs=2e-3)
        found, bm25 = store.search_lexical(QUESTION, 5)
        assert store.lexical_scores(QUESTION, found).tolist() == pytest.approx(bm25.tolist())
        assert store.mass("zeppelin weather") > store.mass("zeppelin") > store.mass("?") == 0
        late = store.late_scores(query.tokens[0], rows)
        assert late.shape == rows.shape
        assert store.late_scores(query.tokens[0], np.empty(0, np.int64)).shape == (0,)
        assert store.chunks([]) == []


def test_a_search_in_some_languages_gives_chunks_in_those(tmp_path: Path) -> None:
    vector = EMBEDDER.embed_query(QUESTION).vectors[0]
    with open_index(filled(tmp_path)) as index:
        spoken = index.languages()
        assert sum(spoken.values()) == index.status().chunks
        for language, count in spoken.items():
            for _ in range(2):
                rows, _ = index.search_dense(vector, 1000, index.rows_in([language]))
                assert index.languages_of(rows) == [language] * count
        assert len(index.search_dense(vector, 10, index.rows_in(["xx"]))[0]) == 0


def test_rows_know_their_document(tmp_path: Path) -> None:
    with open_index(filled(tmp_path)) as index:
        rows = index.rows_where(())
        assert index.documents_of(rows) == [chunk.document for chunk in index.chunks(rows.tolist())]


def test_a_vector_of_another_dimension_is_refused(tmp_path: Path) -> None:
    with open_index(filled(tmp_path)) as index, pytest.raises(ValueError, match=r"has 5 numbers, those of .* have 32"):
        index.search_dense(np.zeros(5, np.float32), 1)
    with open_index(tmp_path) as index, pytest.raises(ValueError, match=r"are \(1, 5\), not \(t, 32\)"):
        index.late_scores(np.zeros((1, 5), np.float32), np.array([1]))


def test_a_reader_stays_at_its_commit_until_it_refreshes(tmp_path: Path) -> None:
    vector = EMBEDDER.embed_query(QUESTION).vectors[0]
    with open_index(filled(tmp_path)) as index:
        before = index.search_lexical(QUESTION, 50), index.all_sources(), index.text("d3v0")
        with open_writer(tmp_path) as writer:
            writer.remove_source(source(3).location)
            put(writer, 9)
        assert index.commit == 1
        assert index.all_sources() == before[1]
        assert index.text("d3v0") == before[2]
        assert index.search_lexical(QUESTION, 50)[0].tolist() == before[0][0].tolist()
        old, _ = index.search_dense(vector, 100)
        assert set(index.rows_of("d3v0")) <= set(old.tolist())
        assert index.refresh()
        assert index.commit == 2
        assert not set(index.rows_of("d9v0")) - set(index.search_dense(vector, 100)[0].tolist())
        with pytest.raises(KeyError, match="d3v0"):
            index.text("d3v0")
        assert not index.refresh()


def test_a_reader_keeps_its_derived_file_though_the_writer_removes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from rag.index import dense

    monkeypatch.setattr(dense, "tail_limit", lambda _base: 0)
    with open_index(filled(tmp_path)) as index:
        with open_writer(tmp_path) as writer:
            put(writer, 9)
        rows, _ = index.search_dense(EMBEDDER.embed_query(QUESTION).vectors[0], 100)
        assert len(rows) == index.status().chunks
    assert not caplog.records


def test_a_reader_whose_derived_file_is_removed_before_it_is_opened_takes_the_newer_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from rag.index import dense
    from rag.index import index as index_module

    filled(tmp_path)
    monkeypatch.setattr(dense, "tail_limit", lambda _base: 0)
    opened = index_module._opened

    def too_late(file: Path) -> BinaryIO | None:
        monkeypatch.setattr(index_module, "_opened", opened)
        with open_writer(tmp_path) as writer:
            put(writer, 9)
        assert not file.exists()
        return opened(file)

    monkeypatch.setattr(index_module, "_opened", too_late)
    with open_index(tmp_path) as index:
        assert index.commit == 2
        assert index.check() == []
        index.search_dense(EMBEDDER.embed_query(QUESTION).vectors[0], 100)
    assert not caplog.records


def test_the_writers_view_sees_the_open_transaction(tmp_path: Path) -> None:
    filled(tmp_path, [1])
    vector = EMBEDDER.embed_query("machine 7").vectors[0]
    with open_writer(tmp_path) as writer:
        put(writer, 7)
        view = writer.index
        rows = view.rows_of("d7v0")
        assert set(rows) <= set(view.search_dense(vector, 100)[0].tolist())
        assert set(view.search_lexical("kx-7-0", 5)[0].tolist()) & set(rows)
        assert not view.refresh()
        view.close()
        with open_index(tmp_path) as reader:
            assert [found.document for found in reader.all_sources()] == ["d1v0"]
    assert held(tmp_path) == {"d1v0", "d7v0"}


def test_other_settings_are_refused_with_the_command(tmp_path: Path) -> None:
    filled(tmp_path, [1])
    with pytest.raises(
        IndexMismatch, match=r"built with other weights or prompts of embedder 'hash'.*rag ingest --rebuild"
    ):
        Index.open(tmp_path, embedder=HashEmbedder(dimension=16))
    other = HashEmbedder(dimension=16)
    other.name = "another"
    with pytest.raises(
        IndexMismatch, match=r"built with embedder 'hash', but 'another' is selected.*Set embedder = 'hash'"
    ):
        Index.open(tmp_path, embedder=other)
    with pytest.raises(IndexMismatch, match="30 tokens and 10 of heading context, but 320 and 64 are selected"):
        Index.open(tmp_path, chunking=Chunking())
    with Index.open(tmp_path) as index:
        assert index.manifest.embedder == "hash"
        assert index.manifest.chunking == CHUNKING


def test_where_there_is_no_index_the_message_says_how_to_make_one(tmp_path: Path) -> None:
    for missing in (tmp_path, str(tmp_path / "no" / "where"), Path(__file__) / "x"):  # a text is taken too (README.md)
        with pytest.raises(IndexMissing, match=r"There is no index at .*: rag ingest FOLDER --index"):
            Index.open(missing)


def test_an_index_can_be_moved_and_copied(tmp_path: Path) -> None:
    filled(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    shutil.move(tmp_path / "a", tmp_path / "with spaces? & #signs 机器")
    for place in ("copy", "with spaces? & #signs 机器"):
        assert held(tmp_path / place) == {f"d{number}v0" for number in range(5)}
        with open_writer(tmp_path / place) as writer:
            put(writer, 6)


def test_a_row_that_is_not_there_is_damage(tmp_path: Path) -> None:
    with open_index(filled(tmp_path, [1])) as index:
        for ask in (
            index.chunks,
            lambda rows: index.languages_of(np.array(rows)),
            lambda rows: index.documents_of(np.array(rows)),
            lambda rows: index.late_scores(np.zeros((1, 32), np.float32), np.array(rows)),
        ):
            with pytest.raises(IndexDamaged, match="missing"):
                ask([99999])


def test_threads_may_share_an_index(tmp_path: Path) -> None:
    query = EMBEDDER.embed_query(QUESTION, tokens=True)
    path = filled(tmp_path, range(10))
    with open_writer(path) as writer:
        writer.remove_source("/corpus/m1.md")  # FAISS is then told which rows are meant
    with open_index(path) as index:
        rows, _ = index.search_dense(query.vectors[0], 10)
        wanted = rows.tolist(), index.chunks(rows.tolist()), index.search_lexical(QUESTION, 9)[0].tolist()
        wrong: list[object] = []

        def searches() -> None:
            for _ in range(20):
                found, _ = index.search_dense(query.vectors[0], 10)
                got = found.tolist(), index.chunks(found.tolist()), index.search_lexical(QUESTION, 9)[0].tolist()
                if got != wanted:
                    wrong.append(got)

        threads = [threading.Thread(target=searches) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def test_a_derived_file_that_is_still_the_same_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read = filled(tmp_path / "index"), []
    read_base = dense.read_base

    def counted(*of: Any) -> dense.Base | None:
        read.append(of)
        return read_base(*of)

    monkeypatch.setattr(dense, "read_base", counted)
    query = EMBEDDER.embed_query("machine 7").vectors[0]
    with open_index(path) as index:
        index.search_dense(query, 3)
        with open_writer(path) as writer:
            put(writer, 7)
            writer.remove_source(source(3).location)
        assert index.refresh()
        again = index.search_dense(query, 50)
        assert len(read) == 1
        assert index.check() == []
        with open_index(path) as fresh:
            assert [each.tolist() for each in again] == [each.tolist() for each in fresh.search_dense(query, 50)]
            assert {chunk.document for chunk in fresh.chunks(again[0].tolist())} >= {"d7v0", "d2v0"}
        assert len(read) == 2
        monkeypatch.setattr(dense, "tail_limit", lambda _base: 0)
        with open_writer(path) as writer:
            put(writer, 8)
        assert index.refresh()
        index.search_dense(query, 3)
        assert len(read) == 3


def test_a_derived_file_that_is_gone_when_a_reader_moves_on_is_not_needed(tmp_path: Path) -> None:
    path = filled(tmp_path / "index")
    query = EMBEDDER.embed_query("machine 7").vectors[0]
    with open_index(path) as index:
        wanted = index.search_dense(query, 3)[0].tolist()
        with open_writer(path) as writer:
            put(writer, 9)
        dense_file(path).unlink()
        assert index.refresh()
        assert set(wanted) <= set(index.search_dense(query, 30)[0].tolist())
        assert any("is missing" in problem for problem in index.check())
        assert not index.copy(made := taken(tmp_path))
        assert [entry.name for entry in made.iterdir()] == ["index.sqlite"]
    upkeep.snapshot(path, tmp_path / "snapshot")
    with open_index(tmp_path / "snapshot") as index:
        assert index.check(deep=True) == []
        assert index.manifest.name == "hash"


def taken(tmp_path: Path) -> Path:
    (folder := tmp_path / "taken").mkdir()
    return folder


def test_of_a_long_document_only_the_parts_wanted_are_read(tmp_path: Path) -> None:
    text = "".join(f"{number} \U0001f600\u0301 b\u00fccher\ud800\n" for number in range(10_500))
    assert 2 * PART < len(text) < len(text.encode("utf-8", "surrogatepass"))
    with open_writer(tmp_path) as writer:
        put_text(writer, text)
    with open_index(tmp_path) as index:
        around = [(0, 5), (PART - 3, PART + 3), (PART, 2 * PART), (5, None), (len(text) - 2, 10**9), (9, 9), (7, 3)]
        for start, end in around:
            assert index.text("long", start, end) == text[start:end]
        assert index.document("long").text == index.text("long") == text
        assert index.head("long").characters == len(text)
    altered(tmp_path, "UPDATE document_text SET text = x'61' WHERE number = 1")
    with open_index(tmp_path) as index:
        assert index.text("long", 0, PART) == text[:PART]
        with pytest.raises(IndexDamaged, match=r"a part of the text of a document .long. does not have its checksum"):
            index.text("long", PART - 1, PART + 1)


def test_the_same_long_document_is_not_put_twice(tmp_path: Path) -> None:
    text = "".join(f"{number} pump\n" for number in range(9_000))
    with open_writer(tmp_path) as writer:
        put_text(writer, text)
        assert writer.counts.added > 500
        first = writer.commit()
        put_text(writer, text)
        assert writer.commit() == first
        put_text(writer, text[:-2] + "s\n")
        assert writer.commit() == first + 1
    with open_index(tmp_path) as index:
        assert index.text("long").endswith("pums\n")
        assert index.check(deep=True) == []


def test_status_counts_and_weighs(tmp_path: Path) -> None:
    with open_index(filled(tmp_path)) as index:
        status = index.status()
        assert (status.commit, status.documents, sum(status.sources.values())) == (1, 5, 5)
        assert status.bytes["vectors"] == 2 * 32 * status.chunks
        assert status.token_bytes == status.bytes["token vectors"] / status.chunks
        assert min(status.bytes.values()) > 0
        assert status.bytes["all files"] >= database_file(tmp_path).stat().st_size
        assert (status.dense, status.recall, status.embedder, status.dimension) == ("exact", 1.0, "hash", 32)
        assert 0 < status.created <= status.updated
    dense_file(tmp_path).unlink()
    with open_index(tmp_path) as index:
        assert index.status().bytes["dense"] == 0
    with open_writer(tmp_path / "empty"):
        pass
    with open_index(tmp_path / "empty") as index:
        assert (index.status().token_bytes, index.status().bytes["dense"], index.status().updated) == (0, 0, 0)


def test_an_index_of_another_embedder_is_not_moved_to(tmp_path: Path) -> None:
    path, other = filled(tmp_path), HashEmbedder(dimension=48)
    with Index.open(path, embedder=EMBEDDER) as reader:
        with Writer.open(path, embedder=other, chunking=CHUNKING, rebuild=True):
            pass
        with pytest.raises(IndexMismatch, match="rag ingest --rebuild"):
            reader.refresh()
        assert reader.text("d1v0")
        assert len(reader.search_dense(EMBEDDER.embed_query("pump").vectors[0], 3)[0]) == 3


# ---------------------------------------------------------------- reading ahead


def test_what_is_read_ahead_is_what_a_search_would_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, load, loads = filled(tmp_path), dense.load, []

    def slow(*values: Any) -> dense.Dense:
        time.sleep(0.2)
        loads.append(values)
        return load(*values)

    monkeypatch.setattr(dense, "load", slow)
    vector = EMBEDDER.embed_query("pump").vectors[0]
    with Index.open(path) as index:
        index.prepare()
        assert len(index.search_dense(vector, 3)[0]) == 3
        with open_writer(path) as writer:
            put(writer, 9)
        assert index.refresh()
        index.prepare()
        index.close()  # waits
        assert len(loads) == 2


def test_damage_that_is_read_ahead_is_told_by_the_search(tmp_path: Path) -> None:
    path = filled(tmp_path)
    dense_file(path).unlink()
    with sqlite3.connect(database_file(path)) as connection:
        connection.execute("UPDATE embedding SET vector = zeroblob(64) WHERE id = 1")
    connection.close()
    with Index.open(path) as index:
        index.prepare()
        with pytest.raises(IndexDamaged, match=r"a vector .1. does not have its checksum"):
            index.search_dense(EMBEDDER.embed_query("pump").vectors[0], 3)


def test_what_is_known_of_the_rows_that_were_found(tmp_path: Path) -> None:
    path = filled(tmp_path / "index", [1, 2])
    with Index.open(path) as index:
        rows = np.array(index.rows_of("d2v0"), np.int64)
        texts = [embedded_text(chunk) for chunk in index.chunks(rows.tolist())]
        wanted = EMBEDDER.embed_texts(texts).vectors
        assert index.vectors(rows).tolist() == pytest.approx(wanted, abs=1e-3)
        for vector, (near, _) in zip(wanted, index.search_dense_each(wanted, 2), strict=True):
            assert near.tolist() == index.search_dense(vector, 2)[0].tolist()
        each = [index.idf(term) for term in terms("machine nowhere")]
        assert sum(each) == pytest.approx(index.mass("machine nowhere"))
        assert 0 < each[0] < each[1]
        assert np.linalg.norm(index.token_mean) > 0
        assert index.date("d2v0") == ""
    with open_writer(tmp_path / "empty") as writer:
        assert writer.index.token_mean.tolist() == [0.0] * EMBEDDER.dimension


def test_the_date_of_a_document_is_the_newest_of_its_places(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        put(writer, 1)
        writer.put_source(replace(source(1), given=(("date", "2023-02"),)))
        writer.put_source(replace(source(1), path="copy.md", given=(("date", "2024-05-06"),)))
    with Index.open(tmp_path) as index:
        assert index.date("d1v0") == "2024-05-06"


def test_a_writer_sees_the_status_of_what_is_not_committed(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        put(writer, 1)
        assert (writer.index.status().chunks, writer.index.status().commit) == (writer.counts.total, 0)
        assert writer.counts.total > 0


def test_the_status_of_a_reader_whose_generation_was_replaced(tmp_path: Path) -> None:
    path = filled(tmp_path, [1])
    with Index.open(path) as index:
        before = index.status()
        with open_writer(path, rebuild=True) as writer:
            put(writer, 2)
        assert index.status().documents == before.documents == 1


@pytest.mark.parametrize("verb", [Index.all_sources, lambda index: index.search_lexical("machine", 3)])
def test_a_reader_whose_transaction_sqlite_has_ended_mixes_no_commits(
    tmp_path: Path, verb: Callable[[Index], object]
) -> None:
    path = filled(tmp_path / "index", [1])
    with Index.open(path) as index:
        with open_writer(path) as writer:
            put(writer, 2)
        # As SQLite does where a read fails: seen with pread64 that gave ESTALE or ETIMEDOUT.
        index._rows.database._connection.execute("ROLLBACK")
        with pytest.raises(IndexProblem, match="could not be read a moment ago"):
            verb(index)
        with pytest.raises(IndexProblem, match="could not be read a moment ago"):
            index.copy(tmp_path)
        assert index.refresh()
        assert len(index.all_sources()) == 2


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to become someone without rights"
)
def test_an_index_that_may_not_be_looked_at_is_a_sentence() -> None:
    code = (
        "import os, sys; from pathlib import Path; from rag.index.index import Index; os.setuid(65534)\n"
        "try: Index.open(Path(sys.argv[1]))\nexcept Exception as error: print(type(error).__name__, error)"
    )
    with tempfile.TemporaryDirectory() as public:
        path = filled(Path(public) / "locked" / "index", [1])
        Path(public).chmod(0o755)
        for locked in (path, path.parent):
            locked.chmod(0o700)
            done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
            assert done.stdout.startswith("IndexProblem "), done
            assert "cannot be read or written: Permission denied" in done.stdout
