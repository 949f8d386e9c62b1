"""Text in whole characters, and ends that are found across pieces."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.models.decoding import limited, text_pieces, thoughts_first, until


def decode_bytes(ids: Sequence[int]) -> str:
    """One id, one byte: every character beyond ASCII comes in parts."""
    return bytes(ids).decode("utf-8", errors="replace")


def decode_words(ids: Sequence[int]) -> str:
    """As SentencePiece does: words with a space before them, which the first one loses."""
    return "".join(f" w{number}" for number in ids)[1:]


@given(st.text())
def test_pieces_join_to_the_text_and_never_hold_half_a_character(text: str) -> None:
    text = text.replace("\ufffd", "")
    pieces = list(text_pieces(iter(text.encode("utf-8", "ignore")), decode_bytes))
    assert "".join(pieces) == text.encode("utf-8", "ignore").decode()
    assert all(pieces)
    assert not any("\ufffd" in piece for piece in pieces)


@given(st.lists(st.integers(0, 255)))
def test_pieces_of_any_bytes_join_to_their_decoding(values: list[int]) -> None:
    assert "".join(text_pieces(iter(values), decode_bytes)) == decode_bytes(values).rstrip("\ufffd")


@given(st.lists(st.integers(0, 9)))
def test_pieces_keep_the_spaces_that_decoding_takes_from_the_first_word(values: list[int]) -> None:
    assert "".join(text_pieces(iter(values), decode_words)) == decode_words(values)


def test_a_character_is_emitted_once_its_last_byte_is_there() -> None:
    assert list(text_pieces(iter("aé桥".encode()), decode_bytes)) == ["a", "é", "桥"]
    assert list(text_pieces(iter("a桥".encode()[:-1]), decode_bytes)) == ["a"]


def test_ids_end_before_a_stop_and_at_the_limit() -> None:
    assert list(limited(iter([5, 6, 2, 7]), {2}, 10)) == [5, 6]
    assert list(limited(iter([5, 6, 7]), {2}, 2)) == [5, 6]


@given(st.text(alphabet="ab\n:"), st.integers(1, 3), st.sets(st.sampled_from(["\na:", "aab", "ba"])))
def test_text_ends_before_the_first_stop_however_it_is_cut(text: str, size: int, stops: set[str]) -> None:
    emitted = list(until(iter(cut(text, size)), stops))
    assert "".join(emitted) == min((text.partition(stop)[0] for stop in stops), key=len, default=text)
    assert all(emitted)


def cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 50])
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("It is 96 m. STOP And", "It is 96 m. "),
        ("<think>\nHm, < 100? STOP\n</think>\n\n96 m.STOP", "<think>\nHm, < 100? STOP\n</think>\n\n96 m."),
        ("\n <think></think>It is <think>96</think> STOP m.", "<think></think>It is <think>96</think> "),
        ("<think>Hm, STOP and so on", "<think>Hm, STOP and so on"),
        ("<th", "<th"),
        ("", ""),
    ],
)
def test_a_stop_ends_the_answer_and_not_the_thought_before_it(text: str, wanted: str, size: int) -> None:
    pieces = list(thoughts_first(iter(cut(text, size)), ["STOP"]))
    assert "".join(pieces) == wanted
    assert all(pieces)


def test_thoughts_may_be_begun_by_the_prompt() -> None:
    pieces = thoughts_first(iter(["Hm.", "</th", "ink>", "96 m"]), [], thinking=True)
    assert "".join(pieces) == "<think>Hm.</think>96 m"
