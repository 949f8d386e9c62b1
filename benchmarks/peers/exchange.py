"""What run.py and the scripts of the peers hand each other: a folder with the texts, their vectors and the rankings.

    chunks.jsonl      {"documents": [names], "text"}, a chunk's number is its line; several names for equal documents
    questions.jsonl   {"_id", "text"}
    chunks.npy        (chunks, d) float32, unit rows; questions.npy the same of the questions
    PEER.json         mode → question's id → documents, best first: what a peer's script answers (rag.json: rag)

Needs nothing but the standard library and numpy, which every peer's environment has.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Search = Callable[[str, int], Sequence[int]]
"""A question's text and a depth → numbers of chunks, best first."""

DOCUMENTS = 10  # that are judged per question


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk's text, as it is embedded, and the documents that it is of."""

    documents: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the set."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Task:
    """What a peer is given; the vectors are in the order of the texts."""

    chunks: tuple[Chunk, ...]
    questions: tuple[Question, ...]
    chunk_vectors: NDArray[np.float32]
    question_vectors: NDArray[np.float32]

    @property
    def passages(self) -> dict[str, list[float]]:
        """The vector of each chunk's text."""
        return dict(zip((chunk.text for chunk in self.chunks), self.chunk_vectors.tolist(), strict=True))

    @property
    def queries(self) -> dict[str, list[float]]:
        """The vector of each question's text."""
        return dict(zip((question.text for question in self.questions), self.question_vectors.tolist(), strict=True))


def write_task(folder: Path, task: Task) -> None:
    """Lay out what a peer's script reads."""
    chunks = ({"documents": chunk.documents, "text": chunk.text} for chunk in task.chunks)
    _write_lines(folder / "chunks.jsonl", chunks)
    _write_lines(folder / "questions.jsonl", ({"_id": each.id, "text": each.text} for each in task.questions))
    np.save(folder / "chunks.npy", task.chunk_vectors, allow_pickle=False)
    np.save(folder / "questions.npy", task.question_vectors, allow_pickle=False)


def write_rankings(folder: Path, peer: str, rankings: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Leave what was found, for `read_rankings`."""
    (folder / f"{peer}.json").write_text(json.dumps(rankings), encoding="utf-8")


def read_rankings(folder: Path, peer: str) -> dict[str, dict[str, list[str]]]:
    """Mode → question's id → documents, as a peer's script answered."""
    found: dict[str, dict[str, list[str]]] = json.loads((folder / f"{peer}.json").read_text(encoding="utf-8"))
    return found


def modes(depths: Sequence[int]) -> list[str]:
    """The names of what every peer answers: a hybrid's order depends on how deep it looks, exact vectors' does not."""
    return ["dense", *(f"hybrid {depth}" for depth in depths)]


def answer(peer: str, build: Callable[[Task], tuple[Search, Search]]) -> None:
    """The whole of a peer's script, FOLDER DEPTH...: `build` makes its dense and its hybrid search of a task."""
    folder, depths = Path(sys.argv[1]), [int(word) for word in sys.argv[2:]]
    task = _read_task(folder)
    dense, hybrid = build(task)
    searches = [(dense, min(depths)), *((hybrid, depth) for depth in depths)]
    rankings = {
        mode: {question.id: _ranked(task, search, question.text, depth) for question in task.questions}
        for mode, (search, depth) in zip(modes(depths), searches, strict=True)
    }
    write_rankings(folder, peer, rankings)


def _ranked(task: Task, search: Search, question: str, depth: int) -> list[str]:
    """A document ranks where its best chunk does; the search goes deeper until there are 10, as rag's does."""
    documents = _documents(task, search(question, depth))
    while len(documents) < DOCUMENTS and depth < len(task.chunks):
        depth *= 2
        documents = _documents(task, search(question, depth))
    return documents[:DOCUMENTS]


def _documents(task: Task, numbers: Sequence[int]) -> list[str]:
    return list(dict.fromkeys(name for number in numbers for name in task.chunks[number].documents))


def _read_task(folder: Path) -> Task:
    return Task(
        tuple(Chunk(tuple(row["documents"]), row["text"]) for row in _lines(folder / "chunks.jsonl")),
        tuple(Question(row["_id"], row["text"]) for row in _lines(folder / "questions.jsonl")),
        np.load(folder / "chunks.npy", allow_pickle=False),
        np.load(folder / "questions.npy", allow_pickle=False),
    )


def _lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def _write_lines(path: Path, rows: Iterable[object]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
