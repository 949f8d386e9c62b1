"""Batches hold every text once, within the budget, with little padding."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag.models.batches import by_length


@given(st.lists(st.integers(1, 512), max_size=300), st.integers(1, 5000))
def test_every_text_is_in_one_batch_within_budget_and_waste(lengths: list[int], budget: int) -> None:
    batches = by_length(lengths, budget=budget, waste=0.05)
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        width = max(lengths[position] for position in batch)
        assert width * len(batch) <= budget or len(batch) == 1
        assert sum(lengths[position] for position in batch) >= 0.95 * width * len(batch)


def test_equal_lengths_fill_the_budget() -> None:
    assert [len(batch) for batch in by_length([100] * 90, budget=4000)] == [40, 40, 10]
