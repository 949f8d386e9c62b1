"""Chunks on their way to vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from rag import intake, slabs
from rag.datatypes import Chunk, Embeddings
from rag.index.chunking import Chunking
from rag.index.index import Index
from rag.index.writer import Writer
from rag.models.fakes import HashEmbedder
from rag.pipeline import ingest
from rag.slabs import Slabs


class Job:
    """Done when the test says so; notes what becomes of it."""

    def __init__(self, embedder: StartingEmbedder, texts: Sequence[str]) -> None:
        self.texts = list(texts)
        self.ready = self.cancelled = False
        self._embedder = embedder
        self._asked = 0

    def done(self) -> bool:
        self._asked += 1
        return self.ready or self._asked > self._embedder.patience

    def result(self) -> Embeddings:
        if len(self._embedder.jobs) > self._embedder.most:
            raise RuntimeError("out of memory")
        return self._embedder.embed_texts(self.texts, tokens=True)

    def cancel(self) -> None:
        self.cancelled = True


class StartingEmbedder(HashEmbedder):
    """Has threads of its own, as it were; fails once more than `most` jobs were started.

    A job is done when it was asked `patience` times.
    """

    patience = 10**9

    def __init__(self, most: float = float("inf")) -> None:
        super().__init__(dimension=32)
        self.most = most
        self.jobs: list[Job] = []

    def start_texts(self, texts: Sequence[str]) -> Job:
        self.jobs.append(Job(self, texts))
        return self.jobs[-1]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slabs, "SLAB_CHUNKS", 2)


def chunks(count: int) -> list[Chunk]:
    return [Chunk(f"c{n}", "d", 0, 9, f"text {n:04}", tokens=n) for n in range(count)]


def test_a_step_waits_for_nothing_and_the_longest_come_first(tmp_path: Path) -> None:
    embedder = StartingEmbedder()
    with Writer.open(tmp_path / "index", embedder=embedder, chunking=Chunking()) as writer:
        found = Slabs(writer, embedder, chunks(7))
        found.step()
        found.step()
        assert [job.texts for job in embedder.jobs] == [["text 0006", "text 0005"], ["text 0004", "text 0003"]]
        assert (found.done, found.total) == (0, 7)
        embedder.jobs[1].ready = True
        found.step()
        assert found.done == 0
        embedder.jobs[0].ready = True
        found.step()
        assert (found.done, found.tokens) == (4, 18)
        assert len(embedder.jobs) == 4
        found.wait()
        found.wait()
        assert (found.done, found.tokens) == (7, 21)


def test_equal_texts_and_those_that_are_kept_are_not_embedded(tmp_path: Path) -> None:
    embedder = StartingEmbedder()
    with Writer.open(tmp_path / "index", embedder=embedder, chunking=Chunking()) as writer:
        Slabs(writer, embedder, chunks(2)).wait()
        found = Slabs(writer, embedder, [*chunks(3), *chunks(3)])
        assert found.total == 1
        found.wait()
        assert embedder.jobs[-1].texts == ["text 0002"]


def test_at_the_end_what_is_ready_is_kept_and_nothing_begun(tmp_path: Path) -> None:
    embedder = StartingEmbedder()
    with Writer.open(tmp_path / "index", embedder=embedder, chunking=Chunking()) as writer:
        found = Slabs(writer, embedder, chunks(9))
        found.step()
        embedder.jobs[0].ready = True
        found.end()
        found.step()
        assert found.done == 2
    assert [job.cancelled for job in embedder.jobs] == [True, True]


def test_an_ingest_that_fails_cancels_the_rest_and_keeps_what_was_embedded(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"{number}.txt").write_text(f"Shelf {number} holds ropes.\n", encoding="utf-8")
    failing = StartingEmbedder(most=3)
    with pytest.raises(RuntimeError, match="out of memory"):
        ingest([tmp_path], tmp_path / "index", failing)
    assert [job.cancelled for job in failing.jobs] == [False, False, True, True]
    again = StartingEmbedder()
    ingest([tmp_path], tmp_path / "index", again)
    assert sum(len(job.texts) for job in again.jobs) == 9 - 4
    with Index.open(tmp_path / "index") as index:
        assert index.status().chunks == 9


def test_a_copy_of_what_is_embedded_later_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """b is gathered, and its copy seen, when the batch of a is committed."""
    monkeypatch.setattr(intake, "BATCH_TOKENS", 20)
    docs = tmp_path / "docs"
    docs.mkdir()
    same = "Fifty days of leave are given to everyone who works at the harbour.\n"
    texts = {
        "a": "Ropes are kept in the shed behind the slipway for the winter.\n" * 3,
        "b": same,
        "c": same,
        "d": "Oars.\n",
    }
    for name, text in texts.items():
        (docs / f"{name}.txt").write_text(text, encoding="utf-8")
    embedder = StartingEmbedder()
    embedder.patience = 4
    report = ingest([docs], tmp_path / "index", embedder)
    assert report.files["indexed"] == 3
    assert report.files["duplicate"] == 1
    with Index.open(tmp_path / "index") as index:
        assert index.check() == []
        assert {source.path for source in index.all_sources() if source.document} == {f"{name}.txt" for name in texts}
