"""HashEmbedder keeps the promises of `rag.protocols.Embedder`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.models.fakes import HashEmbedder
from rag.protocols import Embedder


def test_equal_words_give_equal_vectors_whatever_their_order_and_case() -> None:
    embedder: Embedder = HashEmbedder()
    one = embedder.embed_texts(["the red pump"]).vectors[0]
    other = embedder.embed_query("PUMP red the").vectors[0]
    assert one @ other == pytest.approx(1.0, abs=1e-6)


def test_texts_that_share_words_are_nearer_than_texts_that_share_none() -> None:
    near, far, query = HashEmbedder(256).embed_texts(["the pump leaks", "ein ganz anderer Satz", "the pump"]).vectors
    assert near @ query > far @ query + 0.3


def test_chinese_is_compared_by_characters() -> None:
    embedder = HashEmbedder()
    assert embedder.count_tokens(["水泵的pump"]) == [4]
    assert embedder.token_offsets("水泵 pump") == [(0, 1), (1, 2), (3, 7)]


@given(st.lists(st.text(), max_size=4))
def test_vectors_are_unit_rows_and_tokens_are_one_row_per_token(texts: list[str]) -> None:
    embedder = HashEmbedder(48, max_tokens=10_000)
    found = embedder.embed_texts(texts, tokens=True)
    assert found.vectors.shape == (len(texts), 48)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)
    assert [len(rows) for rows in found.tokens] == embedder.count_tokens(texts)
    for text, rows in zip(texts, found.tokens, strict=True):
        assert rows.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
        assert len(embedder.token_offsets(text)) == len(rows)


def test_a_text_longer_than_max_tokens_is_refused_with_the_counts() -> None:
    embedder = HashEmbedder(max_tokens=5)
    assert embedder.embed_texts(["a b c"]).vectors.shape == (1, 64)
    with pytest.raises(ValueError, match="text 1 has 6 tokens, the model takes 5"):
        embedder.embed_texts(["a", "a b c d"])


def test_a_long_question_is_cut_to_max_tokens() -> None:
    embedder = HashEmbedder(max_tokens=5)
    assert len(embedder.embed_query("a b c d e f", tokens=True).tokens[0]) == 3


def test_the_fingerprint_tells_dimensions_apart() -> None:
    assert HashEmbedder(64).fingerprint == HashEmbedder(64, max_tokens=9).fingerprint != HashEmbedder(32).fingerprint


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="dimension=0"):
        HashEmbedder(0)
