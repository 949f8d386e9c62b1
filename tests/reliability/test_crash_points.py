"""A commit is all or nothing, at every system call.

The workload is killed as it enters each call that changes a file. What it would leave after a call is what it leaves
before the next one, so that no other moments are needed.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.reliability import workload
from tests.reliability.moments import Moments
from tests.reliability.recovery import Oracle, recover
from tests.reliability.tracing import KINDS, Point, Tracer

ONE_IN = {
    **{"pwrite64": 200, "write": 2, "fdatasync": 16, "fsync": 10, "openat": 18, "mkdir": 4, "rename": 3},
    **{"unlink": 10, "unlinkat": 5, "rmdir": 2, "ftruncate": 10, "truncate": 4},
}
"""Of so many such calls one is tried in the test that is always run, and of all others each."""


def kill(tracer: Tracer, point: Point, path: Path, oracle: Oracle) -> None:
    """Kill the workload as it enters that call, and look at what it leaves."""
    outcome = tracer.run(path, f"{point.call}:signal=SIGKILL:when={point.nth}", traced=point.call)
    assert outcome.status == -signal.SIGKILL, f"{point}: {outcome}"
    try:
        recover(path, outcome.reached, oracle)
    except Exception as error:
        error.add_note(f"killed before {point}, after {outcome}")
        raise
    workload.clear(path)


def sample(points: list[Point], kind: str) -> list[Point]:
    each = [[point for point in points if point.call == call][:: ONE_IN.get(call, 1)] for call in KINDS[kind]]
    return [point for chosen in each for point in chosen]


@pytest.mark.parametrize("kind", KINDS)
def test_a_writer_killed_at_a_system_call_leaves_a_whole_commit(
    tracer: Tracer, points: list[Point], oracle: Oracle, kind: str, tmp_path: Path
) -> None:
    for point in sample(points, kind):
        kill(tracer, point, tmp_path / "index", oracle)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_writer_killed_at_any_system_call_leaves_a_whole_commit(
    tracer: Tracer, points: list[Point], oracle: Oracle, kind: str, tmp_path: Path
) -> None:
    chosen = [point for point in points if point.call in KINDS[kind]]
    assert chosen
    for point in chosen:
        kill(tracer, point, tmp_path / "index", oracle)


def leave(path: Path, oracle: Oracle, *, every: int) -> int:
    """Look at every so many of the moments that a workload has; how many there are."""
    (copies := path / "copies").mkdir()
    moments = Moments(path / "index", copies)
    with moments.watched():
        for moments.reached, _ in enumerate(workload.run(path / "index"), start=1):
            pass
    for copy, reached, doing in moments.found[::every]:
        try:
            recover(copy, reached, oracle)
        except Exception as error:
            error.add_note(f"ended before {doing}, after state {reached}")
            raise
    return len(moments.found)


def test_what_a_writer_leaves_between_its_steps_is_a_whole_commit(oracle: Oracle, tmp_path: Path) -> None:
    assert leave(tmp_path, oracle, every=4) > 80


@pytest.mark.slow
def test_what_a_writer_leaves_before_any_of_its_steps_is_a_whole_commit(oracle: Oracle, tmp_path: Path) -> None:
    assert leave(tmp_path, oracle, every=1) > 80
