"""What a model thinks is not its answer, however its pieces are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.generation.thoughts import without_thoughts


def split(text: str, cuts: list[int], *, expected: bool = False) -> tuple[str, str]:
    ends = sorted({min(cut, len(text)) for cut in cuts} | {len(text)})
    pieces = [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    thoughts: list[str] = []
    return "".join(without_thoughts(iter(pieces), thoughts, expected=expected)), "".join(thoughts)


@pytest.mark.parametrize(
    ("text", "expected", "answer", "thought"),
    [
        ("It is 5.", False, "It is 5.", ""),
        ("It is 5.", True, "It is 5.", ""),
        ("<think>Hm, 5?</think>It is 5.", False, "It is 5.", "Hm, 5?"),
        ("<think>Hm, 5?</think>It is 5.", True, "It is 5.", "Hm, 5?"),
        ("Hm, 5?</think>It is 5.", True, "It is 5.", "Hm, 5?"),
        ("<think>Hm, and so on", False, "", "Hm, and so on"),
        ("<think>a</think>b<think>c</think>d", False, "bd", "ac"),
        ("1 < 2 and <thin ice", False, "1 < 2 and <thin ice", ""),
        ("", True, "", ""),
    ],
)
@given(cuts=st.lists(st.integers(0, 40)))
def test_thoughts_are_kept_apart(text: str, expected: bool, answer: str, thought: str, cuts: list[int]) -> None:
    assert split(text, cuts, expected=expected) == (answer, thought)


def test_an_answer_is_passed_on_as_it_comes() -> None:
    pieces = iter(["It ", "is ", "5."])
    assert next(without_thoughts(pieces, [])) == "It "
