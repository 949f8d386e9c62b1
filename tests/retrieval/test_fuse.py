"""The fusion formula: what it promises for any input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.retrieval.fuse import DEFAULT, Fusion, fuse_first, fuse_late, reciprocal_ranks, zscores

NONE = np.zeros(3, np.float32)


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


scores = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=50).map(lambda x: np.array(x, dtype=np.float32))


@given(scores)
def test_z_scores_have_mean_zero_and_keep_the_order(values: np.ndarray) -> None:
    z = zscores(values)
    assert z.dtype == np.float32
    assert np.isfinite(z).all()
    assert abs(float(z.mean())) < 1e-2
    order = np.argsort(values, kind="stable")
    assert (np.diff(z[order]) >= -1e-4).all()


def test_z_scores_of_equal_values_are_zero() -> None:
    assert not zscores(np.full(7, 0.83, dtype=np.float32)).any()
    assert not zscores(np.full(3, 43.644814, dtype=np.float32)).any()  # their mean in single precision is another
    assert len(zscores(np.zeros(0, dtype=np.float32))) == 0


def test_a_candidate_gains_by_terms_as_far_as_it_holds_the_question() -> None:
    dense = np.array([0.9, 0.8, 0.85], dtype=np.float32)
    lexical = np.array([0.0, 0.0, 30.0], dtype=np.float32)
    assert np.argmax(fuse_first(dense, lexical, NONE, NONE, mass=900.0)) == 0
    assert np.argmax(fuse_first(dense, lexical, NONE, NONE, mass=30.0)) == 2
    np.testing.assert_array_equal(
        fuse_first(dense, lexical, NONE, NONE, mass=30.0), fuse_first(dense, lexical, NONE, NONE, mass=3.0)
    )


def test_a_question_without_terms_is_judged_by_its_meaning() -> None:
    dense = np.array([0.9, 0.8], dtype=np.float32)
    np.testing.assert_array_equal(fuse_first(dense, NONE[:2], NONE[:2], NONE[:2], mass=0.0), zscores(dense))


def test_late_interaction_outweighs_the_two_legs() -> None:
    first = np.array([1.0, 0.0, -1.0], dtype=np.float32)
    late = np.array([0.1, 0.2, 0.9], dtype=np.float32)
    assert np.argmax(fuse_late(first, late)) == 2
    np.testing.assert_allclose(fuse_late(first, late), first + DEFAULT.late * zscores(late), rtol=1e-6)


def test_what_is_held_as_it_was_typed_outweighs_likeness() -> None:
    dense = np.array([0.9, 0.8, 0.7], dtype=np.float32)
    exact = np.array([0.0, 0.0, 1.0], dtype=np.float32)
    assert np.argmax(fuse_first(dense, NONE, exact, NONE, mass=0.0)) == 2
    assert np.argmax(fuse_first(dense, NONE, exact / np.float32(10), NONE, mass=0.0)) == 0


def test_a_document_that_is_named_goes_before_its_like() -> None:
    """By a fixed amount: what is far less like the question stays behind."""
    dense, named = floats(0.9, 0.89, 0.1), floats(0, 1, 1)
    order = np.argsort(-fuse_first(dense, NONE, NONE, named, mass=0.0))
    assert order.tolist() == [1, 2, 0]
    assert np.argsort(-fuse_first(dense, NONE, NONE, (named / 4).astype(np.float32), mass=0.0)).tolist() == [1, 0, 2]


def test_a_weight_of_nothing_takes_a_leg_out() -> None:
    dense, lexical, exact = floats(0.1, 0.9, 0.2), floats(9, 0, 0), floats(0, 0, 1)
    alone = Fusion(lexical=0, exact=0, named=0, late=0)
    np.testing.assert_array_equal(fuse_first(dense, lexical, exact, NONE, 9.0, alone), zscores(dense))
    assert np.argmax(fuse_first(dense, lexical, exact, NONE, 9.0, Fusion(dense=0, exact=0))) == 0
    np.testing.assert_array_equal(fuse_late(dense, lexical, alone), dense)


def test_ranks_are_fused_as_published_where_that_is_asked_for() -> None:
    """Equal values share a rank, and a leg that did not find a candidate adds nothing."""
    ranks = Fusion("rrf")
    np.testing.assert_allclose(reciprocal_ranks(floats(0.5, 0.9, 0.5)), [1 / 62, 1 / 61, 1 / 62], rtol=1e-6)
    first = fuse_first(floats(0.9, 0.8, 0.7), floats(0, 3, 5), NONE, NONE, mass=1.0, fusion=ranks)
    np.testing.assert_allclose(first, [1 / 61, 1 / 62 + 1 / 62, 1 / 63 + 1 / 61], rtol=1e-6)
    np.testing.assert_allclose(fuse_late(first, floats(2, 1, 3), ranks) - first, [1 / 62, 1 / 63, 1 / 61], rtol=1e-5)


def test_ranks_count_what_is_held_as_typed_too() -> None:
    with_exact = fuse_first(floats(0.9, 0.8), floats(0, 0), floats(0, 1), NONE[:2], 1.0, Fusion("rrf"))
    np.testing.assert_allclose(with_exact, [1 / 61, 1 / 62 + 1 / 61], rtol=1e-6)
    with_names = fuse_first(floats(0.9, 0.8), floats(0, 0), NONE[:2], floats(0, 1), 1.0, Fusion("rrf"))
    np.testing.assert_array_equal(with_names, with_exact)


@pytest.mark.parametrize("wrong", [{"method": "rff"}, {"late": -1.0}, {"dense": float("nan")}, {"exact": float("inf")}])
def test_a_fusion_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"rff|from 0 on"):
        Fusion(**wrong)
