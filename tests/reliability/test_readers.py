"""Readers never see half an index: each answer is that of one commit, and commits never go backwards."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from rag import intake
from rag.datatypes import Embeddings
from rag.index import dense
from rag.index.index import Index
from rag.models.fakes import HashEmbedder
from rag.pipeline import ingest
from rag.retrieval.retriever import Retriever
from tests.index.samples import open_writer
from tests.reliability import stepping
from tests.reliability.folders import ROOT, text
from tests.reliability.reading import answers

Reports = list[dict[str, int]]


def written_alone(path: Path, steps: int) -> list[dict[str, object]]:
    """The answers after each step of a writer that nobody reads beside."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dense, "tail_limit", dense.tail_limit)  # set back at the end
        stepping.small_bases()
        with open_writer(path) as writer:
            writer.commit()
            return [read(path), *(read(path) for step in range(1, steps + 1) if stepping.take(writer, step))]


def read(path: Path) -> dict[str, object]:
    with Index.open(path) as index:
        return answers(index)


def read_beside_a_writer(folder: Path, steps: int) -> Reports:
    """What two readers say that read, each in its way, while a writer takes its steps."""
    oracle, path = folder / "oracle.json", folder / "index"
    oracle.write_text(json.dumps(written_alone(folder / "alone", steps)))
    python = [sys.executable, "-m"]
    with ExitStack() as stack:
        readers = [
            stack.enter_context(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
            for how in ("kept", "afresh")
            for command in [[*python, "tests.reliability.reading", str(path), str(oracle), how]]
        ]
        assert [reader.stdout.readline() for reader in readers if reader.stdout] == ["ready\n"] * 2
        subprocess.run([*python, "tests.reliability.stepping", str(path), str(steps)], cwd=ROOT, check=True)
        outcomes = [reader.communicate()[0] for reader in readers]
        assert [reader.returncode for reader in readers] == [0, 0]
    return [json.loads(outcome) for outcome in outcomes]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    return read_beside_a_writer(tmp_path_factory.mktemp("readers"), 150)


def test_readers_beside_a_writer_see_whole_commits_only(reports: Reports) -> None:
    assert min(report["steps"] for report in reports) > 15, reports


def test_commit_numbers_never_go_backwards_for_a_reader(reports: Reports) -> None:
    assert [report["backwards"] for report in reports] == [0, 0]


@pytest.mark.slow
def test_readers_see_whole_commits_only_through_a_thousand_of_them(tmp_path: Path) -> None:
    reports = read_beside_a_writer(tmp_path, 1000)
    assert min(report["steps"] for report in reports) > 100, reports


class Asking(HashEmbedder):
    """Asks the index that is being written whenever something is embedded for it."""

    def __init__(self, index: Path) -> None:
        super().__init__(dimension=32)
        self.index = index
        self.kept: Retriever | None = None
        self.counts: list[int] = []

    def embed_texts(self, texts: Sequence[str], *, tokens: bool = False) -> Embeddings:
        fresh = Retriever.open(self.index, HashEmbedder(dimension=32))
        assert isinstance(fresh.index, Index)
        self.kept = self.kept or Retriever.open(self.index, HashEmbedder(dimension=32))
        assert isinstance(self.kept.index, Index)
        self.kept.index.refresh()
        hits = [retriever.retrieve("which machine was checked", 10**3) for retriever in (fresh, self.kept)]
        assert hits[0] == hits[1]
        assert len(hits[0]) == fresh.index.status().chunks
        self.counts.append(len({hit.source for hit in hits[0]}))
        fresh.index.close()
        return super().embed_texts(texts, tokens=tokens)


def test_questions_are_answered_while_an_ingest_is_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_TOKENS", 1)  # a commit for each chunk: the last of a file's shows the file
    docs, index = tmp_path / "docs", tmp_path / "index"
    docs.mkdir()
    for number in range(10):
        (docs / f"{number}.md").write_text(text(number), encoding="utf-8")
    embedder = Asking(index)
    ingest([docs], index, embedder)
    assert embedder.counts == sorted(embedder.counts)
    assert set(embedder.counts) == set(range(10))
    embedder.counts.clear()
    ingest([docs], index, embedder, rebuild=True)
    assert len(embedder.counts) > 10
    assert set(embedder.counts) == {10}  # the old index, to the end
    assert embedder.kept is not None
    assert isinstance(embedder.kept.index, Index)
    embedder.kept.index.close()
