"""Which of the hits' units come first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from rag.datatypes import Chunk, Hit, Reading, Scores
from rag.generation.evidence import NAMED, PLACE, rank, read
from rag.text.context import embedded_text

SLIP = "# Winches\n\n## Badger KX-204\n\n- speed: 12 m/min\n- pull: 3 t\n\n## Badger BR-77\n\n- speed: 21 m/min\n"


def hit(text: str, heading: tuple[str, ...] = ()) -> Hit:
    chunk = Chunk(text[:8], "d", 0, len(text), text, heading)
    return Hit(chunk, 1.0, Scores(), "/docs/d.md", text, 0, len(text), markup="markdown")


def reading(of: Hit, favourite: str) -> Reading:
    """One that finds the answer most likely where `favourite` stands, and a little everywhere else."""
    text = embedded_text(of.chunk, of.text)
    starts = np.full(len(text), 0.1 / len(text), np.float32)
    starts[text.index(favourite)] += 0.9
    offsets = tuple((place, place + 1) for place in range(len(text)))
    return Reading(2.0, offsets, starts, starts)


def first(question: str, text: str, favourite: str, heading: tuple[str, ...] = ()) -> str:
    one = hit(text, heading)
    return rank(question, [one], [reading(one, favourite)])[0].text


def test_of_values_with_one_name_the_one_under_the_heading_that_is_asked_for_comes_first() -> None:
    assert first("How fast is the winch Badger KX-204?", SLIP, "21 m/min") == "speed: 12 m/min"
    assert first("How fast is the winch Badger BR-77?", SLIP, "12 m/min") == "speed: 21 m/min"
    neighbours = SLIP.replace("BR-77", "KX-205")
    assert first("How fast is the winch Badger KX-204?", neighbours, "21 m/min") == "speed: 12 m/min"


def test_what_the_reader_finds_stays_first_where_the_headings_do_not_tell() -> None:
    assert first("How fast is the winch Badger?", SLIP, "21 m/min") == "speed: 21 m/min"
    assert first("What does the winch Badger KX-204 pull?", SLIP, "pull") == "pull: 3 t"
    assert first("How fast is the Badger KX-204, the BR-77 of the yard?", SLIP, "12 m/min") == "speed: 12 m/min"


def test_sentences_stay_where_the_reader_puts_them() -> None:
    text = "# Badger KX-204\n\nSpeed: see the plate.\n\n# Badger BR-77\n\nSpeed: ask the crew.\n"
    assert first("How fast is the Badger KX-204?", text, "ask") == "Speed: ask the crew."


SALES = (
    "| | 2023 | 2022 |\n| --- | --- | --- |\n| Tablets | 7,168 | 10,435 |\n| Services | 20,907 | 19,821 |\n"
    "| Net sales | 1,204 | 1,195 |\n| Total net sales | 94,836 | 97,278 |\n"
)


def test_of_a_tables_rows_the_one_whose_name_the_question_says_comes_first() -> None:
    asked = "What were the total net sales in 2023?"
    assert first(asked, SALES, "7,168") == "| Total net sales | 94,836 | 97,278 |"
    other = SALES + "\n| | 2023 |\n| --- | --- |\n| Bikes | 12 |\n| Total | 29 |\n"
    assert first(asked, other, "12 |") == "| Total | 29 |", "of the reader's table, not of another one"


def test_the_readers_row_stays_where_the_question_says_its_name_or_none() -> None:
    assert first("What were the services and tablets in 2023?", SALES, "7,168") == "| Tablets | 7,168 | 10,435 |"
    assert first("How much did the slates bring in in 2023?", SALES, "7,168") == "| Tablets | 7,168 | 10,435 |"
    named = SALES.replace("| Total net", "| Tablets | 1 | 2 |\n| Total net")
    assert first("Total net sales?", named, "| 1 |") == "| Total net sales | 94,836 | 97,278 |"


MANUALS = (
    "| Language | Territory | Signs |\n| --- | --- | --- |\n| German | Germany | ISO 8859-1 |\n"
    "| German | Switzerland | ISO 646 |\n| German | Germany | ISO 646 |\n| Japanese | Japan | JIS |\n"
)


def test_of_rows_that_are_named_alike_the_one_that_holds_more_of_the_question_comes_first() -> None:
    right = "| German | Germany | ISO 646 |"
    assert first("Which is the manual for Germany in ISO 646?", MANUALS, "Germany | ISO 8859") == right
    assert first("Which is the manual for Germany in ISO 646?", MANUALS, "Switzerland") == right
    assert first("Which manual is in JIS?", MANUALS, "Switzerland") == "| German | Switzerland | ISO 646 |", "not more"


def test_a_row_without_a_name_is_never_the_one_that_is_asked_for() -> None:
    bare = "| | 2023 |\n| --- | --- |\n| Tablets | 7 |\n| | 19 |\n| … | 21 |\n"
    assert first("What were the slates in 2023?", bare, "7 |") == "| Tablets | 7 |"


class Told:
    """A reader that finds an answer in everything, at its first character, and keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        self.given += passages
        starts = [np.eye(1, len(text), dtype=np.float32)[0] for text in passages]
        return [
            Reading(2.0, tuple((at, at + 1) for at in range(len(text))), start, start)
            for text, start in zip(passages, starts, strict=True)
        ]


def test_a_hit_is_read_under_what_the_question_calls_its_document() -> None:
    """And those of documents that are not named are less likely, as far as another is."""
    plain = hit("The notice is 5 weeks.", ("Agreement", "Notice"))
    hits = [plain, replace(plain, called="acme", scores=Scores(named=1.0)), replace(plain, scores=Scores(named=0.25))]
    reader = Told()
    readings = read("What is the notice of ACME?", hits, reader)
    assert reader.given[:2] == [
        "Agreement › Notice\nThe notice is 5 weeks.",
        "acme › Agreement › Notice\nThe notice is 5 weeks.",
    ]
    behind = [2.0 - reading.answered for reading in readings]
    assert behind == pytest.approx([NAMED, PLACE, 2 * PLACE + 0.75 * NAMED])


def test_a_quote_is_placed_where_it_stands_though_a_name_was_read_in_front_of_it() -> None:
    named = replace(hit("The lid is red. The notice is 5 weeks."), called="acme", scores=Scores(named=1.0))
    text = "acme\nThe lid is red. The notice is 5 weeks."
    starts = np.zeros(len(text), np.float32)
    starts[text.index("The notice")] = 1.0
    found = Reading(2.0, tuple((at, at + 1) for at in range(len(text))), starts, starts)
    best = rank("What is the notice of ACME?", [named], [found])[0]
    assert (best.text, best.unit.context) == ("The notice is 5 weeks.", "acme")
    assert named.text[best.start : best.end] == best.text
