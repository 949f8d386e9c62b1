"""Words of the question in a passage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.cli.highlight import highlighted


def marked(text: str, question: str) -> str:
    return "".join(f"[{piece}]" if held else piece for piece, held in highlighted(text, question))


@pytest.mark.parametrize(
    ("text", "question", "shown"),
    [
        (
            "The ropes are replaced every 18 months.",
            "How often is the rope replaced?",
            "The [ropes] are [replaced] every 18 months.",
        ),
        ("渡轮每天早上七点从青屿码头出发。", "青屿的渡轮几点出发？", "[渡轮]每天早上七点从[青屿]码头[出发]。"),
        ("Part KX-204, not KX-240.", "KX-204", "Part [KX-204], not [KX-240]."),
        ("nothing of it", "zebra", "nothing of it"),
        ("", "zebra", ""),
        ("zebra", "zebra", "[zebra]"),
    ],
)
def test_words_of_the_question_are_marked(text: str, question: str, shown: str) -> None:
    assert marked(text, question) == shown


@given(st.text(max_size=60), st.text(max_size=20))
def test_the_pieces_are_the_text(text: str, question: str) -> None:
    pieces = highlighted(text, question)
    assert "".join(piece for piece, _ in pieces) == text
    assert all(piece for piece, _ in pieces)
