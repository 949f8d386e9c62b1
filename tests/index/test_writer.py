from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.datatypes import Document, Embeddings, Source, State
from rag.errors import IndexBusy, IndexMismatch, SettingsError
from rag.index import documents as documents_module
from rag.index import embeddings as embeddings_module
from rag.index import upkeep
from rag.index.chunking import Chunking
from rag.index.embeddings import embedding_key
from rag.index.index import Index
from rag.index.late import TokenCodec
from rag.index.split import split
from rag.index.writer import Counts, Writer
from rag.models.fakes import HashEmbedder
from rag.text.context import embedded_text
from tests.index.samples import CHUNKING, EMBEDDER, dense_file, document, filled, held, open_writer, put, source


def test_a_family_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="dense = 'hnsw' is not one of: auto, exact, ivf"):
        open_writer(tmp_path / "new", dense="hnsw")
    assert not (tmp_path / "new").exists()
    with pytest.raises(SettingsError, match="dense = 'IVF'"):
        upkeep.compact(filled(tmp_path / "index", [1]), dense="IVF")


def test_a_new_index_is_empty_and_sound(tmp_path: Path) -> None:
    with open_writer(tmp_path / "new" / "index") as writer:
        assert writer.counts == Counts(0, 0, 0)
    with Index.open(tmp_path / "new" / "index", embedder=EMBEDDER, chunking=CHUNKING) as index:
        assert (index.commit, index.all_sources(), index.check()) == (0, [], [])
        assert len(index.search_dense(EMBEDDER.embed_query("x").vectors[0], 5)[0]) == 0
        assert len(index.search_lexical("x", 5)[0]) == 0


def test_what_was_put_is_there_after_the_commit(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        made = put(writer, 1)
        count = writer.counts.added
        assert writer.commit() == 1
        assert writer.counts == Counts(count, 0, count)
    with Index.open(tmp_path) as index:
        assert index.document("d1v0") == made
        assert index.sources("d1v0") == [source(1)]
        rows = index.rows_of("d1v0")
        assert index.chunks(rows) == split(made, EMBEDDER, CHUNKING)
        assert [page.label for page in index.pages("d1v0", 3, 4)] == ["Sheet!A2:B2"]
        assert index.text("d1v0", 2, 9) == made.text[2:9]


def test_a_commit_without_changes_is_the_same_commit(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        put(writer, 1)
        assert [writer.commit(), writer.commit()] == [1, 1]
        put(writer, 1)
        assert writer.commit() == 1
        writer.remove_source("/nowhere")
        assert writer.commit() == 1
    with open_writer(tmp_path) as writer:
        put(writer, 1)
        assert (writer.commit(), writer.counts.added, writer.counts.removed) == (1, 0, 0)


def test_an_exception_undoes_what_is_not_committed(tmp_path: Path) -> None:
    def interrupted() -> None:
        with open_writer(tmp_path) as writer:
            put(writer, 1)
            writer.commit()
            put(writer, 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert held(tmp_path) == {"d1v0"}


def test_a_changed_document_replaces_the_old_one_at_its_place(tmp_path: Path) -> None:
    filled(tmp_path, [1, 2])
    with open_writer(tmp_path) as writer:
        put(writer, 1, version=2)
        writer.commit()
        assert writer.counts.added == writer.counts.removed > 0
        assert not writer.has_document("d1v0")
    assert held(tmp_path) == {"d1v2", "d2v0"}


def test_a_document_put_again_with_other_chunks_is_replaced(tmp_path: Path) -> None:
    filled(tmp_path, [1])
    shorter = Document("d1v0", document(1).text[:40], "markdown")
    with open_writer(tmp_path) as writer:
        before = writer.counts.total
        chunks = split(shorter, EMBEDDER, CHUNKING)
        writer.put(shorter, chunks, EMBEDDER.embed_texts([embedded_text(chunk) for chunk in chunks], tokens=True))
        writer.commit()
        assert writer.counts == Counts(len(chunks), before, len(chunks))
        assert writer.index.text("d1v0") == shorter.text
    assert held(tmp_path) == {"d1v0"}


def test_the_same_document_with_other_chunks_is_replaced(tmp_path: Path) -> None:
    filled(tmp_path, [1])
    with open_writer(tmp_path) as writer:
        chunks = split(document(1), EMBEDDER, CHUNKING)
        writer.put(document(1), chunks[:1])
        assert writer.counts.total == 1
    assert held(tmp_path) == {"d1v0"}


def test_equal_files_are_one_document_until_the_last_is_gone(tmp_path: Path) -> None:
    copy = replace(source(1), path="copy.md", state=State.DUPLICATE)
    with open_writer(tmp_path) as writer:
        put(writer, 1)
        writer.put_source(copy)
        writer.commit()
        assert writer.index.sources("d1v0") == [copy, source(1)]
        writer.remove_source(source(1).location)
        writer.commit()
        assert writer.has_document("d1v0")
        writer.remove_source(copy.location)
        writer.commit()
        assert writer.counts.total == 0
    assert held(tmp_path) == set()


def test_a_document_without_a_source_goes_at_the_commit(tmp_path: Path) -> None:
    made = document(1)
    chunks = split(made, EMBEDDER, CHUNKING)
    with open_writer(tmp_path) as writer:
        writer.put(made, chunks, EMBEDDER.embed_texts([embedded_text(chunk) for chunk in chunks], tokens=True))
        assert writer.has_document(made.id)
        writer.commit()
        assert not writer.has_document(made.id)
        assert writer.counts == Counts(len(chunks), len(chunks), 0)


def test_sources_without_a_document_keep_their_reasons(tmp_path: Path) -> None:
    failed = Source("/corpus", "a.pdf", State.ENCRYPTED, reason="needs a password", fix="remove it", mtime_ns=-5)
    odd = Source("", 'https://example.org/"x"\udcff', State.SKIPPED, reason='"quoted"', inode=2**127)
    with open_writer(tmp_path) as writer:
        writer.put_source(failed)
        writer.put_source(odd)
        writer.put_source(replace(failed, reason="still needs a password"))
    with open_writer(tmp_path) as writer:
        assert writer.known() == {
            failed.location: replace(failed, reason="still needs a password"),
            odd.location: odd,
        }
        assert writer.commit() == 1


def test_text_is_kept_to_the_character(tmp_path: Path) -> None:
    text = 'a\0b \U0001f600 \ud800 é e\u0301\r\n\u2028 "end" \ufeff' * 3
    made = Document("odd", text, title='"\udcfe')
    chunks = split(made, EMBEDDER, CHUNKING)
    with open_writer(tmp_path) as writer:
        writer.put(made, chunks, EMBEDDER.embed_texts([embedded_text(chunk) for chunk in chunks], tokens=True))
        writer.put_source(replace(source(1), document="odd"))
    with Index.open(tmp_path) as index:
        assert index.document("odd") == made
        assert index.chunks(index.rows_of("odd")) == chunks
        assert index.check() == []


def test_nothing_is_embedded_twice(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        chunks = split(put(writer, 1), EMBEDDER, CHUNKING)
        keys = [writer.key(chunk) for chunk in chunks]
        assert writer.cached([*keys, "unknown"]) == set(keys)
        assert keys[0] == embedding_key(embedded_text(chunks[0]), EMBEDDER.fingerprint)
        writer.remove_source(source(1).location)
        writer.commit()
        assert writer.counts.total == 0
    with open_writer(tmp_path) as writer:
        assert writer.cached(keys) == set(keys)
        writer.put(document(1), chunks)
        writer.put_source(source(1))
    assert held(tmp_path) == {"d1v0"}
    query = EMBEDDER.embed_query("machine 1", tokens=True)
    with Index.open(tmp_path) as index:
        rows, scores = index.search_dense(query.vectors[0], 1)
        wanted = EMBEDDER.embed_texts([embedded_text(index.chunks(rows.tolist())[0])]).vectors[0] @ query.vectors[0]
        assert scores[0] == pytest.approx(wanted, abs=1e-3)


def test_embeddings_are_kept_in_slabs_and_put_by_document(tmp_path: Path) -> None:
    documents = [document(number) for number in (1, 2, 1)]
    with open_writer(tmp_path) as writer:
        chunks = {writer.key(chunk): chunk for made in documents for chunk in split(made, EMBEDDER, CHUNKING)}
        texts = [embedded_text(chunk) for chunk in chunks.values()]
        writer.keep(list(chunks), EMBEDDER.embed_texts(texts, tokens=True))
        writer.keep([], Embeddings(np.empty((0, 32), np.float32)))
        for number in (1, 2):
            writer.put(document(number), split(document(number), EMBEDDER, CHUNKING))
            writer.put_source(source(number))
    assert held(tmp_path) == {"d1v0", "d2v0"}


@pytest.mark.parametrize("slab", [2, 4, 1000])
def test_documents_are_put_together_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slab: int) -> None:
    monkeypatch.setattr(documents_module, "_SLAB", slab)
    long = replace(document(2, paragraphs=9), id="d2v0")
    made = [document(1), document(2), document(3), long, document(4)]
    cut = [(each, split(each, EMBEDDER, CHUNKING)) for each in made]
    with open_writer(tmp_path) as writer:
        kept = {writer.key(chunk): embedded_text(chunk) for _, chunks in cut[:-1] for chunk in chunks}
        writer.keep(list(kept), EMBEDDER.embed_texts(list(kept.values()), tokens=True))
        with pytest.raises(ValueError, match="chunks of document d4v0 have no embedding"):
            writer.put_all(cut)
        assert writer.counts == Counts()
        writer.put_all(cut[:-1])
        assert writer.counts == Counts(sum(len(cut[at][1]) for at in range(4)), len(cut[1][1]), writer.counts.total)
        for number in (1, 2, 3):
            writer.put_source(source(number))
        writer.commit()
        writer.put_all(cut[2:-1])
        assert writer.commit() == 1
    with Index.open(tmp_path) as index:
        assert index.check(deep=True) == []
        assert index.document("d2v0") == long
        assert index.chunks(index.rows_of("d2v0")) == cut[3][1]


def test_what_was_undone_is_not_taken_for_there(tmp_path: Path) -> None:
    first, second = (Document("same", f"The {state} pump is running.") for state in ("old", "new"))
    cut = {each.text: (each, split(each, EMBEDDER, CHUNKING)) for each in (first, second)}
    unknown = document(1), split(document(1), EMBEDDER, CHUNKING)
    with open_writer(tmp_path) as writer:
        for made, chunks in cut.values():
            writer.keep([writer.key(chunk) for chunk in chunks], EMBEDDER.embed_texts([made.text], tokens=True))
        writer.put_source(Source("/corpus", "same.txt", State.INDEXED, "same", digest="same"))
        writer.put(*cut[first.text])
        writer.commit()
        with pytest.raises(ValueError, match="have no embedding"):
            writer.put_all([cut[second.text], cut[second.text], unknown])
        writer.put(*cut[second.text])
    with Index.open(tmp_path) as index:
        assert index.text("same") == second.text


def test_idle_embeddings_are_bounded_and_the_latest_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings_module, "IDLE_LEAST", 4)
    with open_writer(tmp_path) as writer:
        keys = {}
        for number in (1, 2):
            keys[number] = [writer.key(chunk) for chunk in split(put(writer, number), EMBEDDER, CHUNKING)]
        put(writer, 3)
        writer.commit()
        for number in (1, 2):
            writer.remove_source(source(number).location)
            writer.commit()
        assert not writer.cached(keys[1])
        assert writer.cached(keys[2])
    assert held(tmp_path) == {"d3v0"}


def test_what_does_not_fit_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    made = document(1)
    chunks = split(made, EMBEDDER, CHUNKING)
    good = EMBEDDER.embed_texts([embedded_text(chunk) for chunk in chunks], tokens=True)
    with open_writer(tmp_path) as writer:
        with pytest.raises(ValueError, match="is not a slice of document d1v0"):
            writer.put(made, [replace(chunks[0], document="other")], good)
        with pytest.raises(ValueError, match="is not a slice of document d1v0"):
            writer.put(made, [replace(chunks[0], start=chunks[0].start + 1, end=chunks[0].end + 1)], good)
        with pytest.raises(ValueError, match=r"vectors are .*, not \(1, 32\)"):
            writer.put(made, chunks[:1], good)
        with pytest.raises(ValueError, match="embed with tokens=True"):
            writer.put(made, chunks, Embeddings(good.vectors))
        with pytest.raises(ValueError, match="have no embedding, such as"):
            writer.put(made, chunks)
        assert writer.counts == Counts()
        assert writer.commit() == 0


def test_a_source_of_a_document_that_is_not_there_fails_the_commit_and_undoes_it(tmp_path: Path) -> None:
    import sqlite3

    with open_writer(tmp_path) as writer:
        put(writer, 1)
        writer.commit()
        put(writer, 2)
        writer.put_source(replace(source(3), document="nowhere"))
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            writer.commit()
        assert writer.counts.added == writer.counts.total
        put(writer, 4)
    assert held(tmp_path) == {"d1v0", "d4v0"}


def test_a_second_writer_and_other_settings_are_refused(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        put(writer, 1)
        with pytest.raises(IndexBusy, match="is being written by process"):
            open_writer(tmp_path)
    with pytest.raises(IndexMismatch, match="rag ingest --rebuild"):
        Writer.open(tmp_path, embedder=HashEmbedder(dimension=16), chunking=CHUNKING)
    with pytest.raises(IndexMismatch, match="30 tokens and 10 of heading context, but 31 and 10"):
        Writer.open(tmp_path, embedder=EMBEDDER, chunking=Chunking(31, 10))
    assert held(tmp_path) == {"d1v0"}


class Centred(HashEmbedder):
    """Brings its mean token vector along."""

    token_mean = np.full(32, 0.01, np.float32)


def test_the_mean_token_vector_comes_from_the_model_where_it_has_one(tmp_path: Path) -> None:
    with Writer.open(tmp_path, embedder=Centred(32), chunking=CHUNKING) as writer:
        put(writer, 1)
        (codec,) = writer.index._codecs.values()
    assert (codec.seen, codec.mean.tolist()) == (0, Centred.token_mean.tolist())


def test_a_mean_of_few_tokens_gives_way_to_one_of_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings_module, "MEAN_TOKENS", 100)
    with open_writer(tmp_path) as writer:
        put(writer, 1, paragraphs=1)
        put(writer, 2, paragraphs=1)
        put(writer, 3, paragraphs=8)
        put(writer, 4, paragraphs=8)
        codecs = writer.index._codecs
        assert [(number, codec.seen >= 100) for number, codec in codecs.items()] == [(1, False), (2, True)]
    query = EMBEDDER.embed_query("the machine 1 was checked", tokens=True)
    with Index.open(tmp_path) as index:
        rows = np.array(index.rows_of("d1v0") + index.rows_of("d4v0"))
        scores = index.late_scores(query.tokens[0], rows)
        assert scores.shape == rows.shape
        for row, score in zip(rows, scores, strict=True):
            ((number, blob),) = index._rows.token_vectors([int(row)])
            assert codecs[number].score(query.tokens[0], [blob])[0] == pytest.approx(score, abs=1e-6)
        assert isinstance(codecs[1], TokenCodec)
        assert index.check() == []


def test_a_damaged_derived_file_goes_to_quarantine_and_is_made_anew(tmp_path: Path) -> None:
    path = filled(tmp_path, [1])
    sound, name = dense_file(path).read_bytes(), dense_file(path).name
    for number in range(3):
        dense_file(path).write_bytes(b"nothing like it %d" % number)
        with open_writer(path):
            pass
        assert dense_file(path).read_bytes() == sound
    kept = {entry.name: entry.read_bytes() for entry in (path / "quarantine").iterdir()}
    names = [name, f"{name}.1", f"{name}.2"]
    assert kept == {each: b"nothing like it %d" % number for number, each in enumerate(names)}
    assert held(path) == {"d1v0"}
