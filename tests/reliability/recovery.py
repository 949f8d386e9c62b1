"""What must be true of an index that a writer has left, however it ended."""

from __future__ import annotations

from pathlib import Path

from rag.index import folder
from tests.index.samples import held
from tests.reliability import workload
from tests.reliability.workload import State

Oracle = list[tuple[str, State]]


def undisturbed(path: Path) -> Oracle:
    """The states that the workload reaches, by number, each with its step; before the first there is nothing."""
    return [("new", frozenset()), *workload.run(path)]


def documents(path: Path) -> State:
    """What the index holds, sound or the test fails; nothing where none has been made yet."""
    return frozenset(held(path)) if folder.exists(path) else frozenset()


def recover(path: Path, reached: int, oracle: Oracle) -> None:
    """The index must be at the last state that was reported or at the next one, and let a writer go on to the end."""
    following = min(reached + 1, len(oracle) - 1)
    assert documents(path) in (oracle[reached][1], oracle[following][1])
    first = list(workload.STEPS).index(oracle[following][0])
    for _ in workload.run(path, first):
        pass
    assert documents(path) == oracle[-1][1]
