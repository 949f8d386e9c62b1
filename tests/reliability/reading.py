"""Reads an index while it is written: `python -m tests.reliability.reading PATH ORACLE kept|afresh`.

Every answer must be that of one step of `ORACLE`, and steps must not go backwards. Says at its end what it saw.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rag.errors import IndexMissing
from rag.index.index import Index
from tests.index.samples import EMBEDDER
from tests.reliability.stepping import expected, versions

QUESTIONS = ("checked version", "machine 3 valve", "零件状态")
PATIENCE_S = 600


def answers(index: Index) -> dict[str, Any]:
    """What the index says through every leg of a search, by names that do not depend on its rows."""
    sources = index.all_sources()
    found: dict[str, Any] = {
        "sources": {source.location: source.document for source in sources},
        "texts": {source.document: index.text(source.document or "") for source in sources},
    }
    for question in QUESTIONS:
        vector = EMBEDDER.embed_query(question).vectors[0]
        legs = {"dense": index.search_dense(vector, 10**6), "lexical": index.search_lexical(question, 10**6)}
        for leg, (rows, scores) in legs.items():
            ids = [chunk.id for chunk in index.chunks(rows.tolist())]
            found[f"{leg}: {question}"] = dict(zip(ids, map(float, scores), strict=True))
    return found


def same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether two answers are the same, but for what the order of a sum makes of a score."""
    return found.keys() == wanted.keys() and all(
        found[part].keys() == values.keys()
        and (
            np.allclose([found[part][name] for name in values], list(values.values()), atol=1e-3)
            if ":" in part
            else found[part] == values
        )
        for part, values in wanted.items()
    )


class Reader:
    """Compares what it reads with the oracle: the answers after each step, in their order."""

    def __init__(self, path: Path, oracle: list[dict[str, Any]]) -> None:
        self.path = path
        self.oracle = oracle
        self.steps = {frozenset(expected(step)): step for step in range(len(oracle))}
        self.step = self.reads = self.backwards = 0
        self.place = ("", 0)
        self.seen: set[int] = set()

    def look(self, index: Index) -> None:
        """All answers are those of one step, which is no earlier than the one before."""
        found = answers(index)
        step = self.steps[frozenset(found["texts"])]
        assert same(found, self.oracle[step]), f"what was read is not step {step}"
        assert step >= self.step, f"step {step} was read after {self.step}"
        place = place_of(index)
        assert place >= self.place, f"{place} was read after {self.place}"
        self.backwards += index.commit < self.place[1]
        self.step, self.place = step, place
        self.seen.add(step)
        self.reads += 1

    def kept(self) -> None:
        """One index that is refreshed; between two refreshes it stays where it is."""
        with opened(self.path) as index:
            for _ in self._until_the_end():
                self.look(index)
                place = self.place
                self.look(index)
                assert place == self.place
                assert index.refresh() == (place_of(index) != place)
                with opened(self.path) as fresh:
                    assert place_of(fresh) >= place_of(index)
            assert index.check() == []

    def afresh(self) -> None:
        """An index for each question."""
        for _ in self._until_the_end():
            with opened(self.path) as index:
                self.look(index)

    def _until_the_end(self) -> Iterator[None]:
        deadline = time.monotonic() + PATIENCE_S
        while self.step < len(self.oracle) - 1:
            assert time.monotonic() < deadline, f"still at step {self.step} after {PATIENCE_S} s"
            yield


def place_of(index: Index) -> tuple[str, int]:
    """The generation and the commit that an index shows."""
    return index._rows.database.file.parent.name, index.commit


def opened(path: Path) -> Index:
    """The index, once it is there."""
    while True:
        try:
            return Index.open(path)
        except IndexMissing:
            time.sleep(0.01)


def main(path: Path, oracle: Path, how: str) -> None:
    """Read to the last step."""
    reader = Reader(path, json.loads(oracle.read_text()))
    versions(0)
    print("ready", flush=True)
    {"kept": reader.kept, "afresh": reader.afresh}[how]()
    print(json.dumps({"reads": reader.reads, "steps": len(reader.seen), "backwards": reader.backwards}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
