"""Counts of how files ended."""

from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.ledger import COUNTED, counts, problems
from rag.datatypes import Source, State

sources = st.lists(st.builds(Source, st.just("/r"), st.text(max_size=3), st.sampled_from(State), stale=st.booleans()))


@given(sources, st.integers(0, 5))
def test_every_file_is_in_exactly_one_count(outcomes: list[Source], removed: int) -> None:
    files = counts(outcomes, removed=removed)
    assert files["seen"] == len(outcomes) == sum(files[name] for name in COUNTED)
    assert files["removed"] == removed
    assert files["stale"] == sum(source.stale for source in outcomes)


def test_problems_are_what_failed_was_skipped_or_is_stale() -> None:
    outcomes = [
        Source("/r", "d", State.UNSUPPORTED),
        Source("/r", "c", State.INDEXED),
        Source("/r", "b", State.EMPTY),
        Source("/r", "a", State.ENCRYPTED, stale=True),
    ]
    assert [source.path for source in problems(outcomes)] == ["a", "d"]
    assert counts(outcomes) == {
        "seen": 4, "indexed": 1, "unchanged": 0, "empty": 1, "duplicate": 0, "failed": 1, "skipped": 1, "removed": 0,
        "stale": 1,
    }  # fmt: skip
