from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import IndexMismatch, IndexProblem
from rag.index import atomic, folder, generation
from rag.index.chunking import Chunking
from rag.index.index import Index
from rag.index.split import split
from rag.index.writer import Writer
from rag.models.fakes import HashEmbedder
from rag.text.context import embedded_text
from tests.index.samples import CHUNKING, EMBEDDER, database_file, document, filled, held, open_writer, put, source

OTHER = HashEmbedder(dimension=48)
FINER = Chunking(20, 5)


def rebuild(path: Path) -> Writer:
    return Writer.open(path, embedder=OTHER, chunking=FINER, rebuild=True)


def put_other(writer: Writer, number: int) -> None:
    chunks = split(document(number), OTHER, FINER)
    embeddings = OTHER.embed_texts([embedded_text(chunk) for chunk in chunks], tokens=True)
    writer.put(document(number), chunks, embeddings)
    writer.put_source(source(number))


def test_an_index_that_cannot_be_described_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise IndexProblem("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(generation, "_describe", fails)
        with pytest.raises(IndexProblem, match="the disk is full"):
            open_writer(tmp_path / "index")
    assert not list((tmp_path / "index").glob("gen-*"))
    assert held(filled(tmp_path / "index", [1])) == {"d1v0"}


def test_the_old_index_is_read_until_the_rebuild_is_done(tmp_path: Path) -> None:
    path = filled(tmp_path, [1, 2])
    with Index.open(path) as reader:
        with rebuild(path) as writer:
            assert writer.known() == {}
            put_other(writer, 1)
            writer.commit()
            assert held(path) == {"d1v0", "d2v0"}
            assert not reader.refresh()
            put_other(writer, 3)
        assert reader.manifest.dimension == 32
        assert reader.text("d2v0") == document(2).text
        assert reader.refresh()
        assert (reader.manifest.dimension, reader.manifest.chunking) == (48, FINER)
        assert {found.document for found in reader.all_sources()} == {"d1v0", "d3v0"}
        assert reader.check() == []
    with pytest.raises(IndexMismatch, match="built with other weights"):
        Index.open(path, embedder=EMBEDDER)
    with rebuild(path):
        pass
    assert sorted(entry.name for entry in path.iterdir()) == ["CURRENT", "gen-000004", "writer.lock"]


def test_commits_go_on_counting_across_a_rebuild(tmp_path: Path) -> None:
    path = filled(tmp_path, [1])
    for number in (2, 3, 4):
        with open_writer(path) as writer:
            put(writer, number)
    with Index.open(path) as reader:
        assert reader.commit == 4
        with rebuild(path) as writer:
            put_other(writer, 1)
            assert writer.commit() == 5
        assert reader.refresh()
        assert reader.commit == 5
        with rebuild(path) as writer:
            pass
        assert reader.refresh()
        assert reader.commit == 6


def test_what_a_rebuild_could_not_carry_over_goes_to_quarantine(tmp_path: Path) -> None:
    path = filled(tmp_path, [1])
    damaged = database_file(path).read_bytes()
    with open_writer(path, rebuild=True) as writer:
        writer.keep_replaced()
        put(writer, 4)
    assert held(path) == {"d4v0"}
    assert (path / "quarantine" / "gen-000001" / "index.sqlite").read_bytes() == damaged
    with open_writer(path, rebuild=True) as writer:
        put(writer, 5)
    assert sorted(entry.name for entry in path.iterdir()) == ["CURRENT", "gen-000004", "quarantine", "writer.lock"]


@pytest.mark.parametrize("name", [b"gen-000009\n", b"nothing"])
def test_no_generation_is_removed_while_it_is_unclear_which_is_in_use(tmp_path: Path, name: bytes) -> None:
    path = filled(tmp_path, [1])
    (path / "CURRENT").write_bytes(name)
    with rebuild(path) as writer:
        writer.keep_replaced()
        writer.commit()
        assert (path / "gen-000001" / "index.sqlite").is_file()
        put_other(writer, 2)
    assert sorted(entry.name for entry in path.iterdir()) == ["CURRENT", "gen-000002", "quarantine", "writer.lock"]
    assert (path / "quarantine" / "gen-000001" / "index.sqlite").is_file()


def test_an_interrupted_rebuild_goes_on_where_it_was(tmp_path: Path) -> None:
    path = filled(tmp_path, [1, 2])

    def interrupted() -> None:
        with rebuild(path) as writer:
            put_other(writer, 1)
            writer.commit()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert held(path) == {"d1v0", "d2v0"}
    with rebuild(path) as writer:
        assert list(writer.known()) == [source(1).location]
        put_other(writer, 2)
    with Index.open(path, embedder=OTHER, chunking=FINER) as index:
        assert len(index.all_sources()) == 2


def test_a_rebuild_with_other_settings_than_the_interrupted_one_starts_anew(tmp_path: Path) -> None:
    path = filled(tmp_path, [1])
    half = generation.open_rebuild(path, OTHER, FINER)
    half.close()
    (path / "gen-000003").mkdir()
    with open_writer(path, rebuild=True) as writer:
        put(writer, 4)
    assert held(path) == {"d4v0"}
    assert database_file(path).parent.name == "gen-000004"


def test_a_generation_that_was_left_is_no_interrupted_rebuild(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path, [1])
    with monkeypatch.context() as patched:
        patched.setattr(folder, "sweep", lambda *_, **__: None)  # as when a kill, or a reader on Windows, prevents it
        with open_writer(path, rebuild=True) as writer:
            put(writer, 2)
    assert [left.name for left in folder.unpublished(path)] == ["gen-000001"]
    with open_writer(path, rebuild=True) as writer:
        put(writer, 3)
    assert held(path) == {"d3v0"}


def test_an_ordinary_writer_drops_an_interrupted_rebuild(tmp_path: Path) -> None:
    path = filled(tmp_path, [1])
    generation.open_rebuild(path, OTHER, FINER).close()
    assert len(folder.unpublished(path)) == 1
    with open_writer(path):
        pass
    assert folder.unpublished(path) == []
    assert held(path) == {"d1v0"}


def test_a_rebuild_where_there_is_no_index_makes_one(tmp_path: Path) -> None:
    with open_writer(tmp_path / "new", rebuild=True) as writer:
        put(writer, 1)
    assert held(tmp_path / "new") == {"d1v0"}


def test_a_rebuild_replaces_a_database_that_cannot_be_opened(tmp_path: Path) -> None:
    path = filled(tmp_path, [1])
    database_file(path).write_bytes(b"nothing like a database" * 500)
    with open_writer(path, rebuild=True) as writer:
        put(writer, 1)
    assert held(path) == {"d1v0"}


def test_a_reader_that_meets_the_switch_opens_the_new_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path, [1])
    read = folder.current

    def stale_once(where: Path) -> Path:
        found = read(where)
        monkeypatch.setattr(folder, "current", read)
        with open_writer(path, rebuild=True) as writer:
            put(writer, 2)
        return found

    monkeypatch.setattr(folder, "current", stale_once)
    with Index.open(path, embedder=EMBEDDER, chunking=CHUNKING) as index:
        assert [found.document for found in index.all_sources()] == ["d2v0"]


def test_a_generation_is_durable_before_a_rebuild_could_go_on_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filled(tmp_path, [1])
    found: list[list[str]] = []

    def look(synced: Path) -> None:
        if synced == path:
            found.append([entry.name for entry in (path / "gen-000002").iterdir()])

    monkeypatch.setattr(atomic, "sync_folder", look)
    generation.open_rebuild(path, OTHER, FINER).close()
    assert found == [[]]
