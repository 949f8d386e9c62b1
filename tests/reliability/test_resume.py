"""An interrupted ingest goes on where it was: what was embedded is kept."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from rag import intake, slabs
from rag.datatypes import Embeddings
from rag.index import embeddings as embeddings_module
from rag.index.database import Database
from rag.index.index import Index
from rag.models.fakes import HashEmbedder
from rag.pipeline import ingest
from rag.text import windows
from tests.index.samples import held, open_writer, put
from tests.reliability.folders import ROOT, text
from tests.reliability.interrupted import BATCH_TOKENS, SLAB_CHUNKS

FILES = 60
BATCH_CHUNKS = 40  # of these files, that a batch of BATCH_TOKENS has at most


class Stopping(HashEmbedder):
    """Raises rather than embed more than `most` texts."""

    def __init__(self, most: float = float("inf"), error: type[BaseException] = RuntimeError) -> None:
        super().__init__(dimension=32)
        self.most = most
        self.error = error
        self.count = 0

    def embed_texts(self, texts: Sequence[str], *, tokens: bool = False) -> Embeddings:
        if self.count + len(texts) > self.most:
            raise self.error("stopped on purpose")
        self.count += len(texts)
        return super().embed_texts(texts, tokens=tokens)


class Ahead(Stopping):
    """The same, a slab ahead: what it starts is ready at once."""

    def start_texts(self, texts: Sequence[str]) -> Ready:
        return Ready(self.embed_texts(texts, tokens=True))


class Ready:
    """A job that is done."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings

    def done(self) -> bool:
        return True

    def result(self) -> Embeddings:
        return self._embeddings

    def cancel(self) -> None:
        """Nothing is left of it."""


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files for several batches of several slabs; idle embeddings are hardly kept beside what a run needs."""
    monkeypatch.setattr(intake, "BATCH_TOKENS", BATCH_TOKENS)
    monkeypatch.setattr(slabs, "SLAB_CHUNKS", SLAB_CHUNKS)
    monkeypatch.setattr(embeddings_module, "IDLE_LEAST", 2)
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number:03}.md").write_text(text(number), encoding="utf-8")
    return folder


def count_of(docs: Path) -> int:
    """Texts to embed for all files."""
    embedder = Stopping()
    ingest([docs], docs.parent / "whole", embedder)
    return embedder.count


def sound(index: Path) -> int:
    """How many files an index holds, all of them whole."""
    with Index.open(index) as opened:
        assert opened.check() == []
        places = {source.path: opened.text(source.document or "") for source in opened.all_sources()}
        assert places == {path: text(int(path[:3])) for path in places}
        return len(places)


def attempted(docs: Path, embedder: Stopping, *, rebuild: bool = False) -> bool:
    """Whether an ingest came to its end."""
    try:
        ingest([docs], docs.parent / "index", embedder, rebuild=rebuild)
    except embedder.error:
        return False
    return True


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("rebuild", [False, True])
@pytest.mark.parametrize("kind", [Stopping, Ahead])
def test_an_orderly_end_at_any_point_loses_no_embedding(
    docs: Path, error: type[BaseException], rebuild: bool, kind: type[Stopping]
) -> None:
    for seed in range(2):
        stop_at_random(docs, error, kind, rebuild=rebuild, seed=seed)


@pytest.mark.parametrize("size", [0, 2000])
def test_a_document_of_many_batches_is_committed_whole_and_its_embeddings_before(
    docs: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    if size:
        monkeypatch.setattr(windows, "WINDOW", size)
    files = sorted(docs.iterdir())
    whole = "\n\n".join(file.read_text(encoding="utf-8") for file in files[1:])
    for file in files[1:]:
        file.unlink()
    (docs / "long.md").write_text(whole, encoding="utf-8")
    count, index = count_of(docs), docs.parent / "index"
    first = Stopping(count * 2 // 3)
    assert not attempted(docs, first)
    with Index.open(index) as opened:
        assert (opened.commit, opened.check()) == (4 if size else 5, [])
        assert {source.path for source in opened.all_sources()} == {files[0].name}
    second = Stopping()
    assert attempted(docs, second)
    assert first.count + second.count == count
    with Index.open(index) as opened, Index.open(index.with_name("whole")) as wanted:
        assert opened.check(deep=True) == []
        (found,) = [source.document or "" for source in opened.all_sources() if source.path == "long.md"]
        assert opened.text(found) == whole
        chunks = opened.chunks(opened.rows_of(found))
        assert chunks == wanted.chunks(wanted.rows_of(found))
        assert len(chunks) > 2 * BATCH_CHUNKS


@pytest.mark.slow
@pytest.mark.parametrize("rebuild", [False, True])
@pytest.mark.parametrize("kind", [Stopping, Ahead])
def test_many_orderly_ends_lose_no_embedding(docs: Path, rebuild: bool, kind: type[Stopping]) -> None:
    for seed in range(2, 60):
        stop_at_random(docs, KeyboardInterrupt, kind, rebuild=rebuild, seed=seed)


def stop_at_random(docs: Path, error: type[BaseException], kind: type[Stopping], *, rebuild: bool, seed: int) -> None:
    """Ingest in as many attempts as it takes; together they embed what one would have."""
    count, index, generator, total = count_of(docs), docs.parent / "index", random.Random(seed), 0
    if rebuild:
        ingest([docs], index, Stopping())
    ended, attempts = False, 0
    while not ended:
        embedder = kind(generator.randint(0, count // 3), error)
        ended = attempted(docs, embedder, rebuild=rebuild)
        total, attempts = total + embedder.count, attempts + 1
        assert sound(index) == FILES or not (ended or rebuild), f"seed {seed}"
    assert attempts > 3
    assert total == count, f"seed {seed}: {attempts} attempts embedded {total} texts, not {count}"
    for path in (index, index.with_name("whole")):
        shutil.rmtree(path)


def started(docs: Path, pause: float, most: float) -> subprocess.Popen[str]:
    """The command line in a process of its own, as it is at work."""
    place, index = str(docs), str(docs.parent / "index")
    # Not `-m`: Python then ends by the signal itself, whatever the exit code, if an `exec` was interrupted.
    program = f"from tests.reliability.interrupted import main; main({place!r}, {index!r}, {pause!r}, float('{most}'))"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAG_")}
    return subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def embedded(lines: str) -> int:
    """The last count that the process reported."""
    return max((int(line) for line in lines.split() if line.isdecimal()), default=0)


def kill_once(docs: Path, most: int) -> None:
    """Killed when it has embedded `most` texts, an ingest embeds at most a batch of them again."""
    count = count_of(docs)
    with started(docs, 0, most) as process:
        lines, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    held_before = sound(docs.parent / "index")
    rest = Stopping()
    assert attempted(docs, rest)
    assert sound(docs.parent / "index") == FILES
    assert held_before > 0 or most < BATCH_CHUNKS
    assert count <= embedded(lines) + rest.count <= count + BATCH_CHUNKS, f"killed after {most}"


@pytest.mark.parametrize("most", [5, 77, 110])
def test_a_kill_costs_one_batch_at_most(docs: Path, most: int) -> None:
    kill_once(docs, most)


@pytest.mark.slow
@pytest.mark.parametrize("most", random.Random(0).sample(range(118), 20))
def test_a_kill_anywhere_costs_one_batch_at_most(docs: Path, most: int) -> None:
    kill_once(docs, most)


@pytest.mark.parametrize("slabs", [1, 9])
def test_control_c_ends_an_ingest_within_two_seconds_and_keeps_its_progress(docs: Path, slabs: int) -> None:
    count = count_of(docs)
    with started(docs, 0.05, float("inf")) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline() for _ in range(slabs)]
        process.send_signal(signal.SIGINT)
        asked = time.monotonic()
        assert process.wait(60) == 130
        assert time.monotonic() - asked < 2
        lines += process.stdout.readlines()
        assert process.stderr.read().endswith(
            "rag: interrupted; progress is kept, the same command goes on from there\n"
        )
    sound(docs.parent / "index")
    rest = Stopping()
    assert attempted(docs, rest)
    assert sound(docs.parent / "index") == FILES
    done = embedded(" ".join(lines))
    assert done > 0
    assert count <= done + rest.count <= count + SLAB_CHUNKS


def test_what_an_interruption_finds_half_undone_is_undone_before_the_rest_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_rows, many = Database.all, Database.many

    def interrupted(self: Database, statement: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        if statement == "ROLLBACK TO step":
            raise KeyboardInterrupt
        return all_rows(self, statement, values)

    def interrupted_many(self: Database, statement: str, rows: Iterable[Sequence[object]]) -> None:
        if "INTO token_vectors" in statement:
            raise KeyboardInterrupt
        many(self, statement, rows)

    with open_writer(tmp_path) as writer:
        put(writer, 1)
        writer.commit()
        with monkeypatch.context() as patched:
            patched.setattr(Database, "all", interrupted)
            patched.setattr(Database, "many", interrupted_many)
            with pytest.raises(KeyboardInterrupt):
                put(writer, 2)
        writer.commit(midway=True)
        put(writer, 3)
    assert held(tmp_path) == {"d1v0", "d3v0"}
