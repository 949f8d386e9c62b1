"""A folder of Markdown files that changes, and what an index of it must say."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from rag.index.chunking import Chunking
from rag.index.index import Index
from rag.models.fakes import HashEmbedder
from rag.retrieval.retriever import Retriever

ROOT = Path(__file__).parents[2]
CHUNKING = Chunking(max_tokens=30, context_tokens=10)
QUESTIONS = ("pump valve checked", "machine 3 at 21 degrees", "机器零件状态")
MOST_FILES = 16  # fewer than the removals that have to be confirmed
_WORDS = ["pump", "valve", "seal", "motor", "gauge", "filter", "piston", "rotor", "sensor", "relay", "cable", "panel"]


class Embedder(HashEmbedder):
    """Brings its mean token vector along, so that scores do not depend on what was embedded first."""

    token_mean = np.full(32, 0.01, np.float32)


EMBEDDER = Embedder(dimension=32)


def text(number: int) -> str:
    """A document of some chunks, in two scripts, unlike that of any other number."""
    parts = [f"# Machine {number}"]
    for place in range(1 + number % 4):
        word = _WORDS[(number + 3 * place) % len(_WORDS)]
        parts.append(
            f"## Part {place}\n\nThe {word} kx-{number}-{place} was checked at {7 * number + place} degrees \U0001f600."
            f" 机器{number}的零件{place}状态正常。"
        )
    return "\n\n".join(parts) + "\n"


class Folder:
    """A folder that is changed at random; `texts` are its files as they should be."""

    def __init__(self, path: Path, generator: random.Random) -> None:
        self.path = path
        self.texts: dict[str, str] = {}
        self._generator = generator
        self._number = 0
        path.mkdir()

    def change(self, changes: int) -> None:
        """So many changes: files come, go, change, get other names, are copied."""
        for _ in range(changes):
            self._change_one()

    def _change_one(self) -> None:
        names = sorted(self.texts)
        if len(names) < 6:
            self._write(self._new_name(), self._new_text())
            return
        kinds = ("add", "edit", "edit", "remove", "rename", "copy") if len(names) < MOST_FILES else ("edit", "remove")
        kind, name = self._generator.choice(kinds), self._generator.choice(names)
        if kind in ("add", "copy"):
            self._write(self._new_name(), self._new_text() if kind == "add" else self.texts[name])
        elif kind == "edit":
            self._write(name, self._new_text())
        elif kind == "remove":
            self._remove(name)
        else:
            other = self._new_name()
            (self.path / name).rename(self.path / other)
            self.texts[other] = self.texts.pop(name)

    def _new_name(self) -> str:
        free = sorted({f"{letter}{number}.md" for letter in "ab" for number in range(MOST_FILES)} - set(self.texts))
        return self._generator.choice(free)

    def _new_text(self) -> str:
        self._number += 1
        return text(self._number)

    def _write(self, name: str, content: str) -> None:
        # A new file in the place of the old one: its inode differs however coarse the clock of the file system is.
        beside = self.path / ".new"
        beside.write_text(content, encoding="utf-8")
        beside.replace(self.path / name)
        self.texts[name] = content

    def _remove(self, name: str) -> None:
        (self.path / name).unlink()
        del self.texts[name]


def held(index: Index) -> dict[str, str]:
    """The text of every source by its path, after checking that the index is sound and holds nothing else."""
    assert index.check() == []
    sources = index.all_sources()
    found = {source.path: index.text(source.document or "") for source in sources}
    assert len(found) == len(sources)
    documents = {source.document or "" for source in sources}
    assert len(documents) == index.status().documents == len(set(found.values()))
    chunks = [chunk for document in documents for chunk in index.chunks(index.rows_of(document))]
    assert len({chunk.id for chunk in chunks}) == len(chunks) == index.status().chunks
    return found


def answers(index: Index) -> dict[str, dict[str, float]]:
    """Everything that the index finds and its score, by names that do not depend on its rows."""
    found: dict[str, dict[str, float]] = {}
    for question in QUESTIONS:
        vector = EMBEDDER.embed_query(question).vectors[0]
        legs = {"dense": index.search_dense(vector, 10**6), "lexical": index.search_lexical(question, 10**6)}
        for leg, (rows, scores) in legs.items():
            assert np.all(np.diff(scores) <= 0), f"{leg} answers to {question!r} are not best first"
            ids = [chunk.id for chunk in index.chunks(rows.tolist())]
            found[f"{leg}: {question}"] = dict(zip(ids, scores.tolist(), strict=True))
        hits = Retriever(index, EMBEDDER).retrieve(question, 10**3)
        found[f"hits: {question}"] = {
            f"{hit.chunk.id} {sorted([hit.source, *hit.copies])} {hit.text}": hit.score for hit in hits
        }
    return found


def same(found: dict[str, dict[str, float]], wanted: dict[str, dict[str, float]]) -> bool:
    """Whether two indexes answer alike; scores may differ by what the order of a sum makes of them."""
    return all(
        found[leg].keys() == scores.keys()
        and np.allclose([found[leg][name] for name in scores], list(scores.values()), atol=1e-3)
        for leg, scores in wanted.items()
    )
