"""Writes an index until it is killed: `python -m tests.index.writing PATH FIRST`.

Step n puts documents and takes some away, as `expected(n)` says, and commits; each commit is reported on stdout.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rag.index import dense
from tests.index.samples import open_writer, put, source


def expected(step: int) -> set[str]:
    """The documents of the index after that step."""
    held: set[str] = set()
    for number in range(1, step + 1):
        held.add(f"d{number}v0")
        held.add(f"d{1000 + number}v0")
        if number > 3:
            held.discard(f"d{number - 3}v0")
    return held


def main(path: Path, first: int) -> None:
    """Commit one step after the other, for ever."""
    dense.tail_limit = lambda base: min(base, 8)  # so that derived files come and go
    with open_writer(path) as writer:
        print("open", flush=True)
        for step in range(first, 10**6):
            put(writer, step)
            put(writer, 1000 + step)
            if step > 3:
                writer.remove_source(source(step - 3).location)
            writer.commit()
            print(step, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
