"""What a text names, and whether another text names it too."""

from __future__ import annotations

import pytest

from rag.generation.mentions import identifiers, names, stands_alone
from tests.timing import growth


@pytest.mark.parametrize(
    ("identifier", "ground", "there"),
    [
        ("sr8040", "膜元件SR-8040已更换", True),
        ("sr8040", "SR 8040, SR-8041", True),
        ("kx3", "KX-3은 새 부품이다", True),
        ("kx3", "部品KX-3を使う", True),
        ("kx3", "part KX-30", False),
        ("kx3", "part KX-3-B", False),
        ("kx3", "part AKX-3", False),
        ("kx3", "part KX\u20113", True),
        ("kx3", "part KX\u20113\u2011B", False),
        ("kx3", "KX-3-B, AKX-3 and KX-3", True),
        ("d2", "清泉D2，清泉D20", True),
        ("d2", "清泉D20", False),
    ],
)
def test_an_identifier_stands_alone_between_characters_without_spaces(
    identifier: str, ground: str, there: bool
) -> None:
    assert stands_alone(identifier, ground) is there


def test_identifiers_are_closed_up() -> None:
    assert identifiers("Part KX-204 B of the SR-8040, 12 mm, at ada@example.org") == [
        "kx204",
        "sr8040",
        "adaexampleorg",
    ]


def test_names_are_those_that_open_no_sentence() -> None:
    assert names("Ada met Bea.\n\n- **Cleo** came: Dan and Edna") == ["bea", "edna"]


def test_names_of_a_long_text_are_found_in_linear_time() -> None:
    assert growth(names, "Alpha Beta Gamma " * 200, "Alpha Beta Gamma " * 1600) < 20
