"""Writes an index step by step: `python -m tests.reliability.stepping PATH STEPS`.

Each step is one commit, and no two leave the same documents: what a reader sees says which commit it is.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from rag.index import dense, upkeep
from rag.index.writer import Writer
from tests.index.samples import open_writer, put, source

DOCUMENTS = 10
REORGANISED = 50  # steps from one reorganisation to the next


@cache
def versions(step: int) -> dict[int, int]:
    """The version of each document after a step; 0 where it is not there."""
    if step == 0:
        return dict.fromkeys(range(DOCUMENTS), 0)
    gone = {(step + 5) % DOCUMENTS: 0} if step % 3 == 0 else {}
    return {**versions(step - 1), step % DOCUMENTS: step, **gone}


def expected(step: int) -> set[str]:
    """The ids of the documents after a step."""
    return {f"d{number}v{version}" for number, version in versions(step).items() if version}


def take(writer: Writer, step: int) -> int:
    """One step and its commit."""
    put(writer, step % DOCUMENTS, step)
    if step % 3 == 0:
        writer.remove_source(source((step + 5) % DOCUMENTS).location)
    return writer.commit()


def reorganise(path: Path, step: int) -> None:
    """Move what the index holds into another generation, without a step of its own."""
    if step // REORGANISED % 2 == 0:
        upkeep.compact(path)
        return
    with open_writer(path, rebuild=True) as writer:
        for number, version in versions(step).items():
            if version:
                put(writer, number, version)


def small_bases() -> None:
    """Let derived files come and go."""
    dense.tail_limit = lambda base: min(base, 8)


def main(path: Path, steps: int) -> None:
    """All steps, with a reorganisation now and then."""
    small_bases()
    for first in range(1, steps + 1, REORGANISED):
        with open_writer(path) as writer:
            for step in range(first, min(first + REORGANISED, steps + 1)):
                take(writer, step)
        if step < steps:
            reorganise(path, step)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
