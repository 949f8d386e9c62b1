"""Source code: what is a definition, in which language, and what belongs to it."""

import pytest

from rag.text.code import blocks


def outline(text: str) -> list[tuple[str, ...]]:
    """The path of definitions that each block stands under, repeated ones once."""
    path: list[tuple[int, str]] = []
    found: list[tuple[str, ...]] = []
    for block in blocks(text):
        if block.kind == "heading":
            path = [*(each for each in path if each[0] < block.level), (block.level, block.title)]
        titles = tuple(title for _, title in path if title)
        if titles not in found:
            found.append(titles)
    return found


PYTHON = '''\
"""A winch.

class NotOne:
"""

import os


# Hauls things.
@dataclass
class Winch(Base):
    """It hauls."""

    async def haul(self, line: str) -> int:
        def inner():
            return 1

        return 2

    def slack(
        self,
        line,
    ):
        return 3


if __name__ == "__main__":
    Winch()
'''


def test_python_definitions_nest_and_end_with_their_indentation() -> None:
    assert outline(PYTHON) == [
        (),
        ("class Winch",),
        ("class Winch", "def haul"),
        ("class Winch", "def haul", "def inner"),
        ("class Winch", "def slack"),
    ]
    assert blocks(PYTHON)[-1].title == ""


def test_comments_and_decorators_belong_to_what_they_stand_above() -> None:
    heading = next(block for block in blocks(PYTHON) if block.title == "class Winch")
    assert PYTHON[heading.start : heading.end] == "# Hauls things.\n@dataclass\nclass Winch(Base):"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "export class Winch extends Base {\n  haul(line) {\n    return 1;\n  }\n\n  slack() {\n    go();\n  }\n}\n",
            "function slack",
        ),
        ("export const haul = async (line: string): Promise<void> => {\n  go();\n};\n", "function haul"),
        ("interface Line {\n  length: number;\n}\n", "interface Line"),
        ("type Options = {\n  a: 1;\n};\n", "type Options"),
        ("package a\n\nfunc (w *Winch) Haul(n int) error {\n\treturn nil\n}\n", "func Haul"),
        ("type Winch struct {\n\tN int\n}\n", "type Winch"),
        ("pub fn haul<T>(line: &T) -> u8 {\n    1\n}\n", "fn haul"),
        ("impl<T> Haul for Winch<T> {\n    fn go() {\n    }\n}\n", "impl <T> Haul for Winch<T>"),
        ("static int haul(struct line *line)\n{\n    return 0;\n}\n", "function haul"),
        ("static int\nhaul(struct line *line)\n{\n    return 0;\n}\n", "function haul"),
        ("int Winch::haul(Line& line) {\n  return 0;\n}\n", "function Winch::haul"),
        ("class Winch : public Base {\npublic:\n  void haul() {\n    go();\n  }\n};\n", "function haul"),
        (
            "public sealed class Winch {\n    public async Task<int> Haul(int n) {\n        go();\n    }\n}\n",
            "function Haul",
        ),
        ("data class Winch(val n: Int) {\n    suspend fun haul(): Int {\n        go()\n    }\n}\n", "fun haul"),
        ("module Deck\n  class Winch\n    def haul!(line)\n      1\n    end\n  end\nend\n", "def haul!"),
        ("haul() {\n  echo 1\n}\n", "function haul"),
        ("local function haul(line)\n  return 1\nend\n", "function haul"),
        ("haul <- function(line) {\n  1\n}\n", "function haul"),
        ("CREATE TABLE IF NOT EXISTS winch (\n  id INT\n);\n", "table winch"),
        ("message Winch {\n  int32 id = 1;\n}\n", "message Winch"),
        ('resource "aws_winch" "deck" {\n  id = 1\n}\n', "resource aws_winch deck"),
        ("sub haul {\n    1;\n}\n", "sub haul"),
        ("function y = haul(x)\n  y = 1;\nend\n", "function haul"),
        ("<?php\nclass Winch {\n    public static function haul($x) {\n        go();\n    }\n}\n", "function haul"),
        ("func haul(_ line: Line) -> Int {\n    1\n}\n", "func haul"),
    ],
)
def test_definitions_of_many_languages(text: str, expected: str) -> None:
    assert expected in [block.title for block in blocks(text)]


@pytest.mark.parametrize(
    "text",
    [
        "if (a) {\n  b();\n}\n",
        "for (int i = 0; i < n; i++) {\n  b();\n}\n",
        "return haul(line) {\n",
        "haul(line);\n",
        "x = class_of(y)\n",
        "sort.Slice(keys, func(i int) bool {\n    return true\n})\n",
        "# class of its own\n    x\n",
        "/*\nclass Winch {\n    x\n*/\n",
        "class of problems that we\n    know\n",
        "typedef int winch;\n",
        "def haul(line): return 1\nx = 2\n",
    ],
)
def test_lines_that_define_nothing(text: str) -> None:
    assert [block.title for block in blocks(text) if block.title] == []


def test_code_is_cut_at_blank_lines() -> None:
    assert [block.kind for block in blocks("a = 1\n\nb = 2\n")] == ["code", "code"]
