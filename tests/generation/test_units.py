"""What of a hit can be quoted, and what stands above it: by its document's markup, not by its looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rag.datatypes import Chunk, Hit, Markup, Scores
from rag.generation.readable import readable
from rag.generation.units import units
from rag.generation.verify import Ground, Verdict, claim_of, verify
from rag.index.index import Index
from rag.models.fakes import HashEmbedder
from rag.pipeline import ingest
from rag.retrieval.retriever import Retriever
from tests.timing import growth

CODE = """\
# Retry rules of the courier.

def fetch(url, timeout=45):
    # a page is asked for at most seven times
    return 7

def upload(path):
    return 2
"""


def hit(text: str, markup: Markup, heading: tuple[str, ...] = (), start: int = 0) -> Hit:
    chunk = Chunk("c", "d", start, start + len(text), text, heading)
    return Hit(chunk, 1.0, Scores(), "/docs/d", text, start, start + len(text), markup=markup)


def contexts(text: str, markup: Markup, heading: tuple[str, ...] = ()) -> dict[str, str]:
    return {unit.text: unit.context for unit in units([hit(text, markup, heading)])}


def test_a_comment_of_code_is_a_line_of_it_and_no_heading() -> None:
    found = contexts(CODE, "code")
    assert found["# a page is asked for at most seven times"] == "def fetch"
    assert found["# Retry rules of the courier."] == ""
    assert found["return 2"] == "def upload"


def test_the_same_text_in_markdown_has_that_heading() -> None:
    assert contexts("# Retry rules\n\nSeven times.\n", "markdown") == {"Seven times.": "Retry rules"}


def test_the_hit_of_a_search_knows_its_documents_markup(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "retry.py").write_text(CODE, encoding="utf-8")
    embedder = HashEmbedder()
    ingest([tmp_path / "docs"], tmp_path / "index", embedder)
    with Index.open(tmp_path / "index", embedder=embedder) as index:
        found = units(Retriever(index, embedder).retrieve("courier page seven times", 3))
    assert "def fetch" in {unit.context for unit in found}
    assert "# Retry rules of the courier." in {unit.text for unit in found}


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("markdown", "# Pumps\n\n## MP-12\n\n### Limits\n\n- flow: 40\n\n## MP-15\n\n- flow: 65\n"),
        ("yaml", "Pumps:\n  MP-12:\n    Limits:\n      flow: 40\n  MP-15:\n    flow: 65\n"),
        ("json", '{"Pumps": {\n"MP-12": {\n"Limits": {\n"flow": 40}},\n"MP-15": {\n"flow": 65}}}'),
    ],
)
def test_a_unit_stands_under_all_its_headings(markup: Markup, text: str) -> None:
    found = contexts(text, markup)
    assert {path for unit, path in found.items() if "40" in unit} == {"Pumps › MP-12 › Limits"}
    assert {path for unit, path in found.items() if "65" in unit} == {"Pumps › MP-15"}


def test_all_values_of_a_section_of_data_are_one_unit_with_their_names() -> None:
    text = "MP-12:\n  flow: 40 l/min\n  pressure: 6 bar\nMP-15:\n  flow: 65 l/min\n  pressure: 8 bar\n"
    found = units([hit(text, "yaml")])
    assert [unit.text for unit in found] == [text[: text.index("MP-15")].rstrip(), text[text.index("MP-15") :].rstrip()]
    assert [unit.name for unit in found] == ["flow, pressure"] * 2
    assert all(unit.hit.text[unit.start : unit.end] == unit.text for unit in found)
    assert {unit.name for unit in units([hit("limits:\n  - one of a kind\n  - and another\n", "yaml")])} == {""}


def continued(text: str, *, chunk_from: int) -> Hit:
    """A hit whose chunk continues a table and begins there in its text."""
    own = text[chunk_from:]
    chunk = Chunk("c", "d", chunk_from, len(text), own, (), "| Berth | Price |")
    return Hit(chunk, 1.0, Scores(), "/docs/d.md", text, 0, len(text), markup="markdown")


@pytest.mark.parametrize(
    ("before", "headers"),
    [
        ("", ["| Berth | Price |"]),
        ("| A | 1 |\n", ["| Berth | Price |"] * 2),  # joined to rows of the same table
        ("| Berth | Price |\n|---|---|\n| A | 1 |\n", ["| Berth | Price |"] * 2),  # to its beginning
        ("| A | 1 |\n\n| Berth | Price |\n|---|---|\n", ["", "| Berth | Price |"]),  # to the end of another
    ],
)
def test_a_row_is_cited_with_the_header_of_its_own_table(before: str, headers: list[str]) -> None:
    text = f"{before}| B | 2 |"
    found = [unit.citation(1) for unit in units([continued(text, chunk_from=len(before))])]
    assert [(each.quote[2], each.table_header) for each in found] == list(
        zip("AB"[-len(headers) :], headers, strict=True)
    )
    assert all(text[each.start : each.end] == each.quote for each in found)


def test_a_row_that_only_heads_others_is_no_unit() -> None:
    rows = "| Net sales: | | |\n| Products | 63 | 61 |\n| Prices: no tax | | |\n| 销售额： | | |\n| Services | 19 | |\n"
    found = units([hit(f"| | 2022 | 2021 |\n| --- | --- | --- |\n{rows}", "markdown")])
    assert [unit.text.split(" |")[0] for unit in found] == ["| Products", "| Prices: no tax", "| Services"]
    assert [unit.text for unit in units([hit("| Net sales: |\n| --- |\n| Note: |\n", "markdown")])] == ["| Note: |"]


def test_headings_that_the_text_does_not_begin_with_stand_above_those_in_it() -> None:
    found = contexts("## MP-12\n\n- flow: 40\n", "markdown", ("Pumps", "MP-12"))
    assert found == {"flow: 40": "Pumps › MP-12"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("- speed: 12 m/min", "speed"),
        ("- Speed of the drum: 12 m/min", "speed of the drum"),
        ("转速：300转/分", "转速"),
        ("- oil_change: 19 months", "oil change"),
        ("The speed is 12 m/min.", ""),
        ("- Answer: We do not sail at night.", ""),
        ("- https://example.org/pump", ""),
        ("12:30 the ferry leaves", ""),
    ],
)
def test_a_value_has_a_name_and_a_sentence_none(text: str, name: str) -> None:
    assert [unit.name for unit in units([hit(text, "markdown")])] == [name]


FEES = (
    "The deposit is 500 euros\n\nIt is paid back within thirty days after the keys were handed over to the caretaker.\n"
)


def test_a_short_line_in_the_midst_of_a_plain_text_is_no_title_and_can_be_quoted() -> None:
    assert [unit.text for unit in units([hit(FEES, "plain")])] == [FEES.split("\n\n")[1].strip()]
    assert {unit.text: unit.context for unit in units([hit(FEES, "plain", ("Flats",), start=4000)])} == {
        "The deposit is 500 euros": "Flats",
        "It is paid back within thirty days after the keys were handed over to the caretaker.": "Flats",
    }


def test_a_title_behind_blank_lines_is_one() -> None:
    text = FEES.replace("The deposit is 500 euros", "Deposit")
    assert [unit.context for unit in units([hit(text, "plain", ("Deposit",), start=2)])] == ["Deposit"]


def test_a_heading_in_the_midst_of_a_text_stands_where_it_does() -> None:
    text = "Keys are handed over on the first day of the month.\n\nDeposit\n=======\n\nIt is 500 euros.\n"
    first, second = units([hit(text, "plain", ("Flats",), start=4000)])
    assert (first.context, second.context, second.text) == ("Flats", "Flats › Deposit", "It is 500 euros.")


def test_records_that_are_lines_are_units_by_themselves() -> None:
    records = ['{"name": "Ada"}', '{"name": "Bob", "town": "Oslo, Norway, where he lives since 2019"}', '{"id": 7}']
    found = units([hit("\n".join(records), "lines", start=4000)])
    assert [unit.text for unit in found] == records
    assert [unit.text for unit in units([hit("\n".join(records), "lines")])] == records


def verified_by(ground: str) -> Verdict:
    return verify("The pump weighs 5 kg.", [Ground((1,), ground)])


def test_a_line_of_dashes_is_looked_at_in_linear_time() -> None:
    assert growth(lambda text: units([hit(text, "plain")]), "-" * 150 + "x", "-" * 1200 + "x") < 20


@pytest.mark.parametrize(("work", "sign"), [(readable, "`"), (claim_of, " "), (verified_by, ".")])
def test_signs_without_end_are_looked_at_in_linear_time(work: Callable[[str], object], sign: str) -> None:
    assert growth(work, f"x{sign * 2_000}x", f"x{sign * 16_000}x") < 20


def test_below_a_title_that_tildes_underline_no_code_begins() -> None:
    text = "The main area\n~~~~~~~~~~~~~\n\nPackages in **main**\n\n- must not need a package\n  outside of it.\n"
    found = units([hit(text, "plain")])
    assert "code" not in {unit.kind for unit in found}
    assert "must not need a package outside of it." in [unit.shown for unit in found]


def test_a_title_is_a_heading_and_not_what_the_question_calls_the_document() -> None:
    text = "# Notice\n\nIt is 5 weeks.\n"
    for called in ("", "acme", "notice"):
        named = replace(hit(text, "markdown", ("Agreement", "Notice")), called=called)
        assert {unit.title for unit in units([named])} == {"Agreement"}
    (unit,) = units([replace(hit("It is 5 weeks.", "markdown"), called="acme")])
    assert (unit.title, unit.context) == ("", "acme")
