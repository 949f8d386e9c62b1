"""Retrieval figures against values worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.evaluation.metrics import difference, figure, per_query


def test_the_figures_of_a_ranking_are_those_of_the_definitions() -> None:
    ranking = {"q": ["x", "a", "y", "z", "w", "b"]}
    values = per_query(ranking, {"q": {"a": 1, "b": 1, "c": 1}})
    gained = 1 / math.log2(3) + 1 / math.log2(7)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert values["ndcg@10"]["q"] == pytest.approx(gained / ideal)
    assert values["recall@5"]["q"] == pytest.approx(1 / 3)
    assert values["recall@10"]["q"] == pytest.approx(2 / 3)
    assert values["mrr@10"]["q"] == pytest.approx(1 / 2)


def test_nothing_below_the_tenth_counts_not_even_for_mrr() -> None:
    values = per_query({"q": [f"x{n}" for n in range(10)] + ["a"]}, {"q": {"a": 1}})
    assert {name: each["q"] for name, each in values.items()} == dict.fromkeys(values, 0.0)


@given(st.permutations([f"d{n}" for n in range(10)]), st.integers(0, 9))
def test_our_order_counts_whatever_the_names_are(order: list[str], place: int) -> None:
    values = per_query({"q": order}, {"q": {order[place]: 1}})
    assert values["mrr@10"]["q"] == pytest.approx(1 / (place + 1))


def test_a_query_that_found_nothing_scores_zero_and_one_that_is_not_judged_is_left_out() -> None:
    values = per_query({"none": [], "other": ["a"]}, {"none": {"a": 1}})
    assert {name: dict(each) for name, each in values.items()} == {name: {"none": 0.0} for name in values}


def test_graded_judgements_weigh_by_their_grade() -> None:
    values = per_query({"q": ["a", "b"]}, {"q": {"a": 1, "b": 2}})
    assert values["ndcg@10"]["q"] == pytest.approx((1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3)))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_an_interval_holds_its_mean_and_stays_within_the_values(values: list[float]) -> None:
    found = figure(values)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    assert figure(values) == found


def test_the_interval_of_a_coin_is_the_binomial_one() -> None:
    found = figure([0.0, 1.0] * 200)
    assert found.mean == 0.5
    assert found.high - found.low == pytest.approx(2 * 1.96 * math.sqrt(0.25 / 400), rel=0.05)


def test_slabs_do_not_change_how_many_samples_are_drawn() -> None:
    big = [float(n % 2) for n in range(30_000)]
    found = figure(big)
    assert found.high - found.low == pytest.approx(2 * 1.96 * math.sqrt(0.25 / 30_000), rel=0.1)


def test_a_mean_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        figure([])


def test_a_difference_is_taken_query_by_query() -> None:
    """A small gain on every query is sure, though the values themselves spread widely."""
    one = [n / 100 for n in range(100)]
    found = difference(one, [value + 0.01 for value in one])
    assert found.mean == pytest.approx(found.low) == pytest.approx(found.high) == pytest.approx(0.01)
    assert (found.better, found.worse, found.equal) == (100, 0, 0)
    assert found.p == pytest.approx(1 / 2001)


def test_a_difference_of_nothing_is_chance_and_few_changes_prove_little() -> None:
    same = difference([0.5, 1.0], [0.5, 1.0])
    assert (same.mean, same.p, same.equal) == (0.0, 1.0, 2)
    # Of three changes the same way, a quarter of all draws are as large.
    assert difference([0.0] * 50, [1.0] * 3 + [0.0] * 47).p == pytest.approx(0.25, abs=0.03)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30))
def test_turning_a_difference_round_changes_its_sign_alone(pairs: list[tuple[float, float]]) -> None:
    one, other = zip(*pairs, strict=True)
    there, back = difference(one, other), difference(other, one)
    assert (there.better, there.worse, there.equal) == (back.worse, back.better, back.equal)
    assert there.mean == pytest.approx(-back.mean)
    assert there.p == back.p
    assert 0 < there.p <= 1
