"""The fields that docs/json.md lists are those that the commands give."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Run = Callable[..., Result]

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")


def section(title: str) -> list[tuple[str, str]]:
    """The rows of the table under a heading, without its header."""
    (table,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return re.findall(r"^\| (`.+?) \| (.+) \|$", table, re.MULTILINE)


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def fields(title: str) -> list[str]:
    return [name for cell, _ in section(title) for name in names(cell)]


def given(result: Result) -> Any:
    return json.loads(result.stdout)


OTHERS = {name: told for cell, told in section("The other commands") for name in names(cell)}


def test_a_hit_a_citation_an_answer_and_a_run_have_the_fields_that_are_listed(indexed: Run) -> None:
    answer = given(indexed("ask", "How often is the rope replaced?", "--json"))
    assert sorted(answer) == sorted(fields("rag ask"))
    assert sorted(answer["hits"][0]) == sorted(fields("A hit"))
    assert sorted(answer["citations"][0]) == sorted(fields("A citation"))
    assert sorted(given(indexed("ingest", "docs", "--json"))) == sorted(fields("rag ingest"))
    turn = given(indexed("chat", "--no-save", "--json", stdin="How often is the rope replaced?\n"))
    assert sorted(turn) == sorted([*fields("rag ask"), "searched"])
    compared = given(indexed("compare", "docs/winch.txt", "docs/ferry.md", "--json"))
    assert sorted(compared) == sorted([*fields("rag ask"), "documents", "lines"])
    assert sorted(compared["lines"][0]) == ["by", "citations", "heading", "kind", "quantities", "texts"]


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("rag search", ["rope"]),
        ("rag similar", ["docs/winch.txt"]),
        ("rag duplicates", []),
        ("rag show", ["docs/winch.txt"]),
        ("rag ls", []),
        ("rag status", []),
        ("rag status --problems", []),
        ("rag rm", ["docs/winch.txt"]),
        ("rag check", []),
        ("rag compact", []),
        ("rag snapshot", ["backup"]),
        ("rag migrate", []),
        ("rag models", []),
        ("rag config", []),
    ],
)
def test_another_command_gives_the_fields_that_are_listed(indexed: Run, command: str, arguments: list[str]) -> None:
    found = given(indexed(*command.split()[1:], *arguments, "--json"))
    listed = names(re.split(r"[:;]", OTHERS[command])[0])
    assert sorted(found) == sorted(listed)
    if command == "rag ls":
        assert sorted(found["sources"][0]) == sorted(names(OTHERS[command])[1:])


def test_every_command_is_on_the_page(rag: Run) -> None:
    for name in re.findall(r"^ {2}(\w+) {2,}", rag("--help").stdout, re.MULTILINE):
        assert f"rag {name}" in PAGE
