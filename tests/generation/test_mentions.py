"""What a text names, and whether another text names it too."""

from __future__ import annotations

import pytest

from rag.generation.mentions import identifiers, stands_alone


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
