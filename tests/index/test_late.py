from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rag.index.late import TokenCodec, pooled, rotation

Floats = NDArray[np.float32]


def unit(rows: NDArray[np.floating]) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def tokens(count: int, dimension: int = 48, seed: int = 0) -> Floats:
    """Unit rows in a few groups, all with a large common part, as a model's are."""
    random = np.random.default_rng(seed)
    groups = random.standard_normal((max(count // 4, 1), dimension))
    rows = groups[random.integers(0, len(groups), count)] + 0.4 * random.standard_normal((count, dimension)) + 1.5
    return unit(rows)


def maxsim(query: Floats, text: Floats, mean: Floats) -> float:
    return float((unit(query - mean) @ unit(text - mean).T).max(axis=1).mean())


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("dimension", [48, 50, 7])
def test_scores_are_close_to_maxsim_of_the_centred_vectors(bits: int, dimension: int) -> None:
    texts = [tokens(count, dimension, seed) for seed, count in enumerate((40, 1, 90))]
    mean = np.concatenate(texts).mean(axis=0)
    codec = TokenCodec(mean, bits=bits, pool=1)
    query = unit(texts[0][:6] + 0.1)
    scores = codec.score(query, [codec.encode(text) for text in texts])
    exact = [maxsim(query, text, mean) for text in texts]
    assert scores.dtype == np.float32
    assert np.abs(scores - exact).max() < {1: 0.45, 2: 0.25, 4: 0.12}[bits]
    assert scores.argmax() == 0


@pytest.mark.parametrize(("dimension", "bits"), [(9, 1), (10, 2), (63, 4)])
def test_dimensions_that_do_not_fill_the_bytes_cost_nothing(dimension: int, bits: int) -> None:
    text, codec = tokens(20, dimension), TokenCodec(np.zeros(dimension, np.float32), bits=bits, pool=1)
    by_hand = (unit(text) @ rotation(dimension) @ codec.decode(codec.encode(text)).T).max(axis=1).mean()
    assert codec.score(text, [codec.encode(text)])[0] == pytest.approx(by_hand, abs=1e-5)


def test_a_decoded_blob_is_close_to_the_rotated_vectors() -> None:
    text = tokens(30, 64)
    mean = text.mean(axis=0)
    codec = TokenCodec(mean, bits=4, pool=1)
    wanted = unit(text - mean) @ rotation(64)
    decoded = codec.decode(codec.encode(text))
    assert (wanted * decoded).sum(axis=1).min() > 0.98


@settings(deadline=None)
@given(count=st.integers(0, 200), bits=st.sampled_from([1, 2, 4]), pool=st.sampled_from([1.0, 2.0, 3.5, 4.0]))
def test_a_blob_is_as_large_as_it_says(count: int, bits: int, pool: float) -> None:
    codec = TokenCodec(np.zeros(10, np.float32), bits=bits, pool=pool)
    blob = codec.encode(tokens(count, 10))
    rows = codec.decode(blob)
    assert len(blob) == 4 + len(rows) * -(-10 // (8 // bits))
    assert (len(rows) == 0) == (count == 0)
    assert len(rows) <= max(1, count / pool + 1)


def test_a_chunk_of_180_tokens_takes_at_most_4_5_kilobytes() -> None:
    assert len(TokenCodec(np.zeros(384, np.float32)).encode(tokens(180, 384))) <= 4500


def test_a_text_without_tokens_and_a_query_without_tokens_score_0() -> None:
    codec = TokenCodec(np.zeros(8, np.float32))
    nothing = np.empty((0, 8), np.float32)
    full, empty = codec.encode(tokens(9, 8)), codec.encode(nothing)
    assert codec.decode(empty).shape == (0, 8)
    assert codec.score(tokens(3, 8), [empty, full, empty])[[0, 2]].tolist() == [0, 0]
    assert codec.score(tokens(3, 8), [empty]).tolist() == [0]
    assert codec.score(nothing, [full]).tolist() == [0]
    assert codec.score(tokens(3, 8), []).shape == (0,)


def test_a_codec_survives_its_bytes() -> None:
    codec = TokenCodec(tokens(1, 12)[0], seen=77, bits=1, pool=2.5)
    copy = TokenCodec.from_bytes(codec.to_bytes())
    assert (copy.seen, copy.bits, copy.pool, copy.dimension) == (77, 1, 2.5, 12)
    assert copy.encode(tokens(9, 12)) == codec.encode(tokens(9, 12))


def test_what_is_not_a_codec_or_a_blob_is_refused() -> None:
    codec = TokenCodec(np.zeros(8, np.float32), bits=2)
    blob = codec.encode(tokens(9, 8))
    with pytest.raises(ValueError, match="not a token codec"):
        TokenCodec.from_bytes(codec.to_bytes()[:-1])
    with pytest.raises(ValueError, match="not a token codec"):
        TokenCodec.from_bytes(b"")
    for wrong in (b"", blob[:-1], b"\x09" + blob[1:], TokenCodec(np.zeros(8, np.float32), bits=1).encode(tokens(9, 8))):
        with pytest.raises(ValueError, match="not 2-bit token vectors of 8 dimensions"):
            codec.decode(wrong)
    with pytest.raises(ValueError, match=r"token vectors are \(9, 9\), not \(t, 8\)"):
        codec.encode(tokens(9, 9))
    with pytest.raises(ValueError, match="bits=3 must be one of"):
        TokenCodec(np.zeros(8, np.float32), bits=3)


def test_pooling_merges_what_is_alike() -> None:
    centres = unit(np.random.default_rng(1).standard_normal((5, 32)))
    rows = unit(np.repeat(centres, 6, axis=0) + 0.01 * np.random.default_rng(2).standard_normal((30, 32)))
    found = pooled(rows, 5)
    assert (found @ centres.T).max(axis=1).min() > 0.99
    assert len({int(place) for place in (found @ centres.T).argmax(axis=1)}) == 5


@settings(deadline=None)
@given(count=st.integers(1, 60), wanted=st.integers(-1, 70), kinds=st.integers(1, 5))
def test_pooling_gives_the_number_asked_for_even_of_equal_vectors(count: int, wanted: int, kinds: int) -> None:
    rows = tokens(kinds, 8)[np.arange(count) % kinds]
    found = pooled(rows, wanted)
    assert found.shape == (min(count, max(wanted, 1)), 8)
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-5


@pytest.mark.parametrize("dimension", [1, 2, 7, 64, 384])
def test_the_rotation_is_orthogonal(dimension: int) -> None:
    assert np.abs(rotation(dimension) @ rotation(dimension).T - np.eye(dimension)).max() < 1e-5


def test_the_rotation_is_the_same_everywhere() -> None:
    turned = rotation(16)
    assert np.abs(turned).min() > 1e-6  # so that no rounding turns a sign
    assert hashlib.sha256(np.packbits(turned > 0).tobytes()).hexdigest()[:16] == "9967372e80c190d9"
