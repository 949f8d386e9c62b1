"""Jupyter notebooks: cells in order, what they print bounded, pictures left out."""

import json
from collections.abc import Mapping

import pytest

from rag.corpus.readers import READERS, Unread
from rag.corpus.readers.textual.notebook import LONGEST_OUTPUT
from rag.datatypes import Document, State, place_at


def read(cells: object, **metadata: object) -> Document:
    data = json.dumps({"nbformat": 4, "metadata": metadata, "cells": cells}).encode()
    outcome = READERS[".ipynb"].read(data, "a.ipynb")
    assert isinstance(outcome, Document), outcome
    return outcome


def markdown(source: object) -> dict[str, object]:
    return {"cell_type": "markdown", "source": source}


def code(source: str, *outputs: Mapping[str, object]) -> dict[str, object]:
    return {"cell_type": "code", "source": [source], "outputs": outputs}


def test_cells_come_in_order_with_their_numbers() -> None:
    printed = {"output_type": "stream", "text": ["4 t\n"]}
    found = read([markdown(["# Winch\n", "起锚机"]), code("haul()", printed), markdown("")], title="Deck")
    assert found.text == "# Winch\n起锚机\n\n```\nhaul()\n```\n\n```\n4 t\n```\n"
    assert (found.title, found.markup) == ("Deck", "markdown")
    assert place_at(found.pages, found.text.index("4 t")) == "cell 2"


def test_output_is_text_alone_and_bounded() -> None:
    drawn = {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "<Figure size 640x480>"}}
    table = {"output_type": "execute_result", "data": {"text/html": "<b>", "text/plain": ["a  b"]}}
    failed = {"output_type": "error", "ename": "ValueError", "evalue": "\x1b[31mno\x1b[0m", "traceback": ["..."]}
    long = {"output_type": "stream", "text": "x" * 100_000}
    found = read([code("a", drawn), code("b", table), code("c", failed), code("d", long)])
    assert "AAAA" not in found.text
    assert "Figure" not in found.text
    assert "a  b" in found.text
    assert "ValueError: no" in found.text
    assert found.text.count("x") == LONGEST_OUTPUT


@pytest.mark.parametrize(("open_", "ending"), [("```python", "```"), ("~~~~", "~~~~"), ("<!-- note", "-->")])
def test_what_a_cell_leaves_open_ends_with_it(open_: str, ending: str) -> None:
    found = read([markdown(f"{open_}\na"), markdown("# Next")])
    assert found.text == f"{open_}\na\n{ending}\n\n# Next\n"


def test_older_notebooks_hold_worksheets() -> None:
    data = {
        "nbformat": 3,
        "worksheets": [
            {"cells": [{"cell_type": "heading", "level": 2, "source": "Old"}, {"cell_type": "code", "input": "x"}]}
        ],
    }
    outcome = READERS[".ipynb"].read(json.dumps(data).encode(), "a.ipynb")
    assert isinstance(outcome, Document)
    assert outcome.text == "## Old\n\n```\nx\n```\n"


@pytest.mark.parametrize(
    "data", [b"{", b"[]", b'{"cells": 3}', b"[" * 100_000, b'{"cells": [1, {"cell_type": 4, "source": {}}, ']
)
def test_what_is_no_notebook_has_a_reason(data: bytes) -> None:
    outcome = READERS[".ipynb"].read(data, "a.ipynb")
    assert isinstance(outcome, Unread)
    assert outcome.state is State.FAILED
    assert outcome.reason.startswith("not a notebook")


def test_odd_cells_are_passed_over() -> None:
    assert read([1, None, {"cell_type": 4, "source": {"a": 1}}, {"outputs": 3}, markdown("kept")]).text == "kept\n"
