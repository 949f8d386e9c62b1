"""Clocks do not matter: commits are ordered by their numbers, files are compared and not dated."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.index.index import Index
from rag.retrieval.retriever import Retriever
from tests.reliability.ledger import Ledger, dump

YEAR_S = 31_556_952
# 1970, 2100, before 1970, 2020, 2096, the first second, 1938
MOMENTS = (1.5, 130.0 * YEAR_S, -5.0, 50.2 * YEAR_S, 126.0 * YEAR_S, 0.0, -32.0 * YEAR_S)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> Iterator[float]:
    """A system clock that is in another century each time it is read."""
    moments = itertools.cycle(MOMENTS)
    monkeypatch.setattr(time, "time", lambda: next(moments))
    monkeypatch.setattr(time, "time_ns", lambda: int(next(moments) * 10**9))
    return moments


def content(word: str) -> bytes:
    return f"# Part\n\nThe {word} turns.\n".encode()


@pytest.mark.usefixtures("jumping")
def test_commits_follow_each_other_while_the_clock_jumps(ledger: Ledger) -> None:
    commits = []
    for step in range(3 * len(MOMENTS)):
        ledger.write(f"{step % 4}.md", content(f"lot{step}"))
        ledger.ingest()  # compares the index with the files
        commits.append(ledger.commit)
        with Index.open(ledger.index) as index:
            assert index.commit == ledger.commit
            found = index.chunks(index.search_lexical(f"lot{step}", 5)[0].tolist())
            assert f"lot{step} " in found[0].text
            assert not any(f"lot{step - 4} " in chunk.text for chunk in found)
            assert index.status().updated in MOMENTS
    assert commits == sorted(set(commits))


@pytest.mark.usefixtures("jumping")
def test_a_rebuild_is_the_newer_one_whatever_the_clock_says(ledger: Ledger) -> None:
    for step in range(len(MOMENTS)):
        ledger.write("a.md", content(f"lot{step}"))
        ledger.ingest(rebuild=step % 2 == 1)
        with Index.open(ledger.index) as index:
            assert index.search_lexical(f"lot{step}", 5)[0].size == 1


def test_a_reader_moves_to_the_newer_commit_whatever_the_clock_says(ledger: Ledger, jumping: Iterator[float]) -> None:
    ledger.ingest()
    with Index.open(ledger.index) as index:
        for step in range(len(MOMENTS)):
            ledger.write("a.md", content(f"lot{step}"))
            ledger.ingest()
            assert index.refresh()
            assert index.commit == ledger.commit
            assert not index.refresh()


@pytest.mark.parametrize("first", MOMENTS)
@pytest.mark.parametrize("second", MOMENTS)
def test_a_change_is_seen_whatever_the_times_of_a_file(ledger: Ledger, first: float, second: float) -> None:
    for moment, word in ((first, "motor"), (second, "gauges")):
        ledger.write("a.md", content(word))
        os.utime(ledger.docs / "a.md", (moment, moment))
        ledger.ingest()


def test_a_file_from_any_century_is_indexed_and_found_by_its_date(ledger: Ledger) -> None:
    for name, year in {"a.md": 1970, "b.md": 2100, "c.md": 1902, "d.md": 2400}.items():
        ledger.write(name, content("motor"[: year % 5 + 1] + f"in{year}"))
        moment = (year - 1970) * YEAR_S + 5_000_000
        os.utime(ledger.docs / name, (moment, moment))
    ledger.ingest_alone()
    with Index.open(ledger.index) as index:
        retriever = Retriever(index, ledger.embedder)
        late = {hit.source for hit in retriever.retrieve("turns", where="modified >= 2100-01-01")}
        early = {hit.source for hit in retriever.retrieve("turns", where="modified < 1971-01-01")}
    assert {Path(source).name for source in late} == {"b.md", "d.md"}
    assert {Path(source).name for source in early} == {"a.md", "c.md"}


@pytest.mark.parametrize("age_ns", [0, 15_000_000, -15_000_000])
@pytest.mark.parametrize("whole_seconds", [False, True])
def test_a_change_within_the_tick_of_an_ingest_is_seen(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, age_ns: int, whole_seconds: bool
) -> None:
    moment = 1_700_000_000 * 10**9 + (0 if whole_seconds else 123_456_789)
    ledger.write("a.md", content("motor"))
    os.utime(ledger.docs / "a.md", ns=(moment, moment))
    with monkeypatch.context() as patched:
        patched.setattr(time, "time_ns", lambda: moment + age_ns * (100 if whole_seconds else 1))
        ledger.ingest_alone()
        before = dump(ledger.index)
        ledger.ingest_alone()
    assert dump(ledger.index) == before
    if not whole_seconds:
        ledger.ingest_alone()  # long after
        assert dump(ledger.index) == before
    ledger.rewrite("a.md", content("gauge"), replaced=False)
    assert (ledger.docs / "a.md").stat().st_mtime_ns == moment
    ledger.ingest_alone()
    with Index.open(ledger.index) as index:
        assert index.search_lexical("gauge", 5)[0].size == 1
        assert index.search_lexical("motor", 5)[0].size == 0


def test_a_file_system_of_whole_seconds_is_read_again_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 1_700_000_000 * 10**9
    ledger.write("a.md", content("motor"))
    os.utime(ledger.docs / "a.md", ns=(moment, moment))
    with monkeypatch.context() as patched:
        patched.setattr(time, "time_ns", lambda: moment)
        ledger.ingest_alone()
    ledger.ingest_alone()  # long after
    settled = dump(ledger.index)
    with monkeypatch.context() as patched:
        patched.setattr("rag.intake.content", lambda *_: pytest.fail("again"))
        ledger.ingest_alone()
    assert dump(ledger.index) == settled


def test_a_change_that_keeps_a_time_long_past_is_seen_by_verify_alone(ledger: Ledger) -> None:
    ledger.write("a.md", content("motor"))
    ledger.ingest()
    ledger.rewrite("a.md", content("gauge"), replaced=False)
    ledger.ingest()
    assert ledger.known["a.md"].held == content("motor")
    ledger.ingest(verify=True)
    assert ledger.known["a.md"].held == content("gauge")
