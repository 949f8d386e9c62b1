"""All that a writer does to an index, step by step: `python -m tests.reliability.workload PATH`.

A step reaches states, and yields each one just after its commit, as the documents that the index now holds; nothing
stands for "the same as before". Each state's number is then reported on stdout, and the error of a step that is
refused too. A step that is run again after it was cut short ends in the same state as one that ran through.
"""

from __future__ import annotations

import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from rag.errors import RagError
from rag.index import dense, upkeep
from rag.index.database import explained
from rag.index.schema import FORMAT
from rag.index.writer import Writer
from tests.index.samples import open_writer, put, source

REFUSED = 3
"""The exit status of a workload that a RagError ended."""

GOLDEN = Path(__file__).parents[1] / "index" / "golden"
State = frozenset[str]
Step = Callable[[Path], Iterator[str]]


def beside(path: Path, name: str) -> Path:
    """A folder beside the index whose name begins with that of the index, so that calls on its files are heard too."""
    return path.with_name(f"{path.name}-{name}")


def clear(path: Path) -> None:
    """Remove what a workload has made."""
    for each in (path, *(beside(path, name) for name in ("taken", "old", "unpacked"))):
        shutil.rmtree(each, ignore_errors=True)


def _remove(writer: Writer, number: int) -> None:
    writer.remove_source(source(number).location)


def _new(path: Path) -> Iterator[str]:
    """The writer stays open over its commits: the second adds to the tail, the third writes the derived file anew."""
    with open_writer(path) as writer:
        put(writer, 1)
        writer.commit()
        yield "d1v0"
        put(writer, 2)
        writer.commit()
        yield "d1v0 d2v0"
        put(writer, 3)
        put(writer, 4)
        writer.commit()
        yield "d1v0 d2v0 d3v0 d4v0"


def _changed(path: Path) -> Iterator[str]:
    """With checkpoints between the commits, and pages that leave the cache before theirs."""
    with open_writer(path) as writer:
        writer._database.all("PRAGMA wal_autocheckpoint = 20")
        writer._database.all("PRAGMA cache_size = 10")
        put(writer, 1, version=1)
        _remove(writer, 2)
        writer.commit()
        yield "d1v1 d3v0 d4v0"
        put(writer, 5, paragraphs=3)
        put(writer, 3, version=1)
        writer.commit()
        yield "d1v1 d3v1 d4v0 d5v0"


def _emptied(path: Path) -> Iterator[str]:
    """Nothing is left for a derived file to hold."""
    with open_writer(path) as writer:
        for number in (1, 3, 4, 5):
            _remove(writer, number)
        writer.commit()
        yield ""
        put(writer, 6)
        writer.commit()
        yield "d6v0"


def _unchanged(path: Path) -> Iterator[str]:
    """A writer that has nothing to do."""
    with open_writer(path) as writer:
        put(writer, 6)
    yield "d6v0"


def _rebuilt(path: Path) -> Iterator[str]:
    """Commits of the new generation are no states of the index until its end publishes them."""
    with open_writer(path, rebuild=True) as writer:
        put(writer, 7)
        writer.commit()
        put(writer, 8, version=2)
    yield "d7v0 d8v2"


def _added(path: Path) -> Iterator[str]:
    with open_writer(path) as writer:
        put(writer, 9)
    yield "d7v0 d8v2 d9v0"


def _compacted(path: Path) -> Iterator[str]:
    upkeep.compact(path)
    yield "d7v0 d8v2 d9v0"


def _restored(path: Path) -> Iterator[str]:
    if not (taken := beside(path, "taken")).exists():
        upkeep.snapshot(path, taken)
    with open_writer(path) as writer:
        _remove(writer, 7)
    yield "d8v2 d9v0"
    upkeep.restore(taken, path, replace=True)
    yield "d7v0 d8v2 d9v0"


def _migrated(path: Path) -> Iterator[str]:
    """An index of an earlier format takes the place of this one, unless it has done so; it is no state of its own."""
    if not (old := beside(path, "old")).exists():
        with explained(old), zipfile.ZipFile(GOLDEN / f"format-{FORMAT - 1}.zip") as packed:
            packed.extractall(beside(path, "unpacked"))
            beside(path, "unpacked").rename(old)
    if (old / "CURRENT").read_text() == "gen-000001\n":
        upkeep.migrate(old)
    upkeep.restore(old, path, replace=True)
    yield "d1v0 d2v1"


STEPS: dict[str, Step] = {
    "new": _new,
    "changed": _changed,
    "emptied": _emptied,
    "unchanged": _unchanged,
    "rebuilt": _rebuilt,
    "added": _added,
    "compacted": _compacted,
    "restored": _restored,
    "migrated": _migrated,
}


@contextmanager
def small_tails() -> Iterator[None]:
    """Make derived files come and go with a few documents."""
    with patch.object(dense, "tail_limit", lambda base: min(base, 8)):
        yield


def run(path: Path, first: int = 0) -> Iterator[tuple[str, State]]:
    """Each state that the steps from number `first` on reach, with the step's name."""
    with small_tails():
        for name, step in list(STEPS.items())[first:]:
            for state in step(path):
                yield name, frozenset(state.split())


def insist(path: Path, _first: int = 0) -> Iterator[tuple[str, State]]:
    """A caller who does not take no for an answer, and goes on with a writer that has failed."""

    def commit() -> None:
        put(writer, number)
        writer.commit()

    with small_tails(), open_writer(path) as writer:
        for number in range(1, 5):
            try:
                commit()
            except RagError:
                commit()
            yield "insist", frozenset(f"d{done}v0" for done in range(1, number + 1))


WORKLOADS = {"run": run, "insist": insist}


def main(path: Path, name: str = "run") -> int:
    """Run a workload and report the number of each state, from 1."""
    try:
        for number, _ in enumerate(WORKLOADS[name](path), start=1):
            print(number, flush=True)
    except RagError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
