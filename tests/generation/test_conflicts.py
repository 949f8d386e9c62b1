"""Evidence that contradicts evidence is kept, the newest first; what is about something else is no contradiction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.datatypes import Chunk, Hit, Scores
from rag.generation import generator as generator_module
from rag.generation.conflicts import dated, disputes, newest_first, says
from rag.generation.evidence import Evidence
from rag.generation.generator import Generator
from rag.generation.units import units
from rag.models.fakes import OverlapReader

OLD = "Full-time employees have 25 days of paid annual leave. Sick pay is 80 % of normal pay for the first 12 weeks."
NEW = (
    "Every full-time employee has 27 days of paid annual leave. Sick pay is 90 % of normal pay for the first 12 weeks."
)
QUESTION = "How many days of annual leave do full-time employees have?"


@pytest.fixture(autouse=True)
def always_confident(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator_module, "confidence", lambda signals: 0.9)


def hit(text: str, name: str, title: str = "") -> Hit:
    chunk = Chunk(name, name, 0, len(text), text, (title or name,))
    return Hit(chunk, 1.0, Scores(), f"/docs/{name}.md", text, 0, len(text), markup="markdown")


def told(one: Hit) -> list[Evidence]:
    return [Evidence(unit, 0.5) for unit in units([one])]


def found(question: str, one: Hit, other: Hit) -> list[tuple[Evidence, ...]]:
    return disputes(question, told(one), [*told(one), *told(other)])


def editions() -> tuple[Hit, Hit]:
    return hit(OLD, "leave-2023", "Leave policy, 2023 edition"), hit(NEW, "leave-2024", "Leave policy, 2024 edition")


def test_two_editions_that_differ_are_both_shown_the_newest_first() -> None:
    old, new = editions()
    answer = Generator(OverlapReader()).generate(QUESTION, [old, new])
    assert answer.sentences[0].text == "Every full-time employee has 27 days of paid annual leave."
    conflict = answer.conflicts[0]
    assert [side.date for side in conflict.sides] == ["2024", "2023"]
    quotes = {citation.number: citation.quote for citation in answer.citations}
    assert "27 days" in quotes[conflict.sides[0].citation]
    assert "25 days" in quotes[conflict.sides[1].citation]
    assert (
        conflict.text == f"2024: 27 days [{conflict.sides[0].citation}]; 2023: 25 days [{conflict.sides[1].citation}]"
    )


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_editions_of_one_year_the_later_month_is_the_newest(turned: bool) -> None:
    old, new = (replace(each, date=date) for each, date in zip(editions(), ("2024-03", "2024-09"), strict=True))
    answer = Generator(OverlapReader()).generate(QUESTION, [new, old] if turned else [old, new])
    assert [side.date for side in answer.conflicts[0].sides] == ["2024-09", "2024-03"]
    assert answer.sentences[0].text == "Every full-time employee has 27 days of paid annual leave."


def test_the_year_that_is_asked_for_stays_in_front() -> None:
    old, new = editions()
    answer = Generator(OverlapReader()).generate(f"{QUESTION[:-1]} by the 2023 edition?", [old, new])
    assert answer.sentences[0].text == "Full-time employees have 25 days of paid annual leave."
    assert answer.conflicts


def test_an_edition_that_a_hit_stands_for_is_heard_too() -> None:
    old, new = editions()
    one = replace(new, alike=(replace(old, date="2023-01-01"),), date="2024-01-01", newest=True)
    answer = Generator(OverlapReader()).generate(QUESTION, [one])
    assert [side.date for side in answer.conflicts[0].sides] == ["2024-01-01", "2023-01-01"]
    assert {citation.source for citation in answer.citations} == {"/docs/leave-2023.md", "/docs/leave-2024.md"}


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        (
            "The gearbox oil is changed every 24 months.",
            "The gearbox oil is changed every 12 months.",
            "gearbox oil changed",
        ),
        ("The pump may be started dry.", "The pump may not be started dry.", "May the pump be started dry?"),
        ("夜班补贴为每班45元。", "夜班补贴为每班60元。", "夜班补贴是多少？"),
        ("The fee is due on 5 March.", "The fee is due on 9 April.", "When is the fee due?"),
    ],
)
def test_another_value_a_negation_and_another_date_are_contradictions(one: str, other: str, question: str) -> None:
    assert found(question, hit(one, "a"), hit(other, "b"))


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        # Another machine.
        (
            "Oil of the Heron is changed every 24 months.",
            "Oil of the Wren is changed every 12 months.",
            "the Heron's oil",
        ),
        # The same, said otherwise.
        (
            "The oil is changed every 24 months.",
            "The oil is changed every twenty-four months.",
            "How often is oil changed?",
        ),
        ("The rope weighs 1,200 kg.", "The rope weighs 1200 kg.", "How much does the rope weigh?"),
        # Something else of the same thing.
        ("The rope of the winch is 40 m long.", "The rope of the winch weighs 12 kg.", "How long is the winch rope?"),
        (
            "The oil is changed every 24 months.",
            "Two men replaced the filter in 24 hours.",
            "How often is oil changed?",
        ),
        # One says more.
        ("Leave is 25 days a year.", "Leave is 25 days a year, and 30 days after ten years.", "How much leave a year?"),
    ],
)
def test_what_does_not_contradict_is_no_conflict(one: str, other: str, question: str) -> None:
    assert not found(question, hit(one, "a"), hit(other, "b"))


def test_editions_differ_in_the_year_that_they_are_of() -> None:
    one = hit("This policy is valid from 1 January 2023.", "leave-2023", "Leave policy, 2023")
    other = hit("This policy is valid from 1 January 2024.", "leave-2024", "Leave policy, 2024")
    assert not found("From when is this policy valid?", one, other)


def test_a_document_does_not_contradict_itself() -> None:
    text = "The oil is changed every 24 months. In winter the oil is changed every 12 months."
    assert not disputes("oil changed", told(hit(text, "a")), told(hit(text, "a")))


def test_a_number_that_tells_nothing_by_itself_is_shown_in_its_sentence() -> None:
    one, other = told(hit("Bays are numbered from 7 on.", "a"))[0], told(hit("Bays are numbered from 9 on.", "b"))[0]
    assert says(one, [other]) == "Bays are numbered from 7 on."


def test_when_a_text_is_of() -> None:
    assert dated(replace(hit("x", "a-2019", "Rules of 2021 and 2022"), date="2024-05")) == "2024-05"
    assert dated(hit("x", "a-2019", "Rules of 2021 and 2022")) == "2022"
    assert dated(hit("x", "a-2019", "Rules")) == "2019"
    assert dated(hit("x", "a", "Rules of article 20245")) == ""


def test_no_more_quotes_than_asked_for() -> None:
    old, new = editions()
    chosen = told(old)
    assert newest_first(QUESTION, chosen, disputes(QUESTION, chosen, told(new)), 1)[0].hit is new


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        ("Heron 65: operating manual", "Heron 40: operating manual", "What is the rotor diameter of the Heron 65?"),
        ("Pump KX-204: data sheet", "Pump KX-211: data sheet", "What is the rotor diameter of the KX-204?"),
        ("Contract of Anna Berg, terms and pay", "Contract of Otto Lind, terms and pay", "Anna Berg: which rotor?"),
        ("Minutes of the board, May 2024", "Minutes of the board, July 2024", "What was the rotor diameter in May?"),
    ],
)
def test_what_is_newer_and_about_another_thing_is_not_put_in_front(one: str, other: str, question: str) -> None:
    asked = replace(hit("The rotor diameter is 6.8 m.", "a", one), date="2023")
    rival = replace(hit("The rotor diameter is 5.2 m.", "b", other), date="2024")
    chosen = told(asked)
    disputed = disputes(question, chosen, [*told(asked), *told(rival)])
    assert newest_first(question, chosen, disputed, 3) == chosen


def test_an_edition_that_lacks_what_the_question_names_is_not_put_in_front() -> None:
    old = replace(hit("The fee of berth B7 is 25 days of rent.", "a-2023", "Harbour fees 2023"), date="2023")
    new = replace(hit("The fee of a berth is 27 days of rent.", "b-2024", "Harbour fees 2024"), date="2024")
    question = "What is the fee of berth B7?"
    disputed = disputes(question, told(old), [*told(old), *told(new)])
    assert disputed
    assert newest_first(question, told(old), disputed, 3) == told(old)


def table(header: str, *rows: str, name: str, title: str = "") -> Hit:
    lines = [f"| {header} |", "|" + "---|" * (header.count("|") + 1), *(f"| {row} |" for row in rows)]
    return hit("\n".join(lines), name, title)


PRICES = "Price list, yacht harbour"
THIRD, SECOND = "| Three months ended July 1, 2023", "| Three months ended April 1, 2023"


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        (  # One line of two price lists.
            table("Berth | Per day", "Guest berth, 12 m | 18 crowns", name="prices-2023", title=f"{PRICES} 2023"),
            table("Berth | Per day", "Guest berth, 12 m | 21 crowns", name="prices-2024", title=f"{PRICES} 2024"),
            "What does a guest berth cost per day?",
        ),
        (  # The newer list has another column, and other places for the old ones.
            table(
                "Part | Price | Stock", "Shaft seal KX-7 | 45 crowns | 4", name="parts-2023", title="Spare parts 2023"
            ),
            table(
                "Part | Stock | Price", "Shaft seal KX-7 | 4 | 52 crowns", name="parts-2024", title="Spare parts 2024"
            ),
            "What does the shaft seal KX-7 cost?",
        ),
        (  # The newer edition calls the column otherwise.
            table(
                "项目 | 标准 | 备注",
                "夜班补贴 | 每班45元 | 22:00至次日6:00",
                name="值班办法-2023",
                title="值班办法 2023年版",
            ),
            table(
                "项目 | 新标准 | 备注",
                "夜班补贴 | 每班60元 | 22:00至次日6:00",
                name="值班办法-2024",
                title="值班办法 2024年版",
            ),
            "夜班补贴是多少？",
        ),
    ],
)
def test_the_same_cell_of_two_tables_with_another_value_is_a_contradiction(one: Hit, other: Hit, question: str) -> None:
    assert found(question, one, other)


@pytest.mark.parametrize(
    ("one", "other", "question"),
    [
        (  # Another period: the column's name tells.
            table(THIRD, "Total net sales | $ 81.8", name="q3", title="Form 10-Q"),
            table(SECOND, "Total net sales | $ 94.8", name="q2", title="Form 10-Q"),
            "What were total net sales?",
        ),
        (  # Another row of the same list.
            table("Berth | Per day", "Guest berth, 12 m | 18 crowns", name="prices-2023", title=f"{PRICES} 2023"),
            table("Berth | Per day", "Guest berth, 15 m | 24 crowns", name="prices-2024", title=f"{PRICES} 2024"),
            "What does a guest berth cost per day?",
        ),
        (  # Other things of the same row.
            table("Part | Least stock", "Shaft seal KX-7 | 4", name="stock", title="Spare parts 2024"),
            table("Part | Ordered", "Shaft seal KX-7 | 12", name="orders", title="Spare parts 2024"),
            "How many of the shaft seal KX-7 are there?",
        ),
        (  # Only the numbers of other columns differ.
            table("Part | Price | Page", "Shaft seal KX-7 | 45 crowns | 3", name="a", title="Spare parts 2024"),
            table("Part | Page | Price", "Shaft seal KX-7 | 3 | 45 crowns", name="b", title="Spare parts 2023"),
            "What does the shaft seal KX-7 cost?",
        ),
    ],
)
def test_rows_of_other_names_or_columns_do_not_contradict(one: Hit, other: Hit, question: str) -> None:
    assert not found(question, one, other)


def test_rows_whose_columns_nobody_knows_do_not_contradict() -> None:
    hits = [
        table("Berth | Per day", f"Guest berth, 12 m | {price}", name=name) for name, price in (("a", 18), ("b", 21))
    ]
    unnamed = [[replace(each, unit=replace(each.unit, header="")) for each in told(one)] for one in hits]
    assert not disputes("What does a guest berth cost per day?", unnamed[0], [*unnamed[0], *unnamed[1]])


def test_a_row_contradicts_a_sentence() -> None:
    one = table("Berth | Per day", "Guest berth, 12 m | 18 crowns", name="prices")
    other = hit("A guest berth of 12 m costs 21 crowns per day.", "letter")
    assert found("Guest berth: how many crowns?", one, other)


def test_what_the_question_calls_two_documents_is_no_title_that_they_share() -> None:
    one, other = "Pump KX-204: data sheet", "Pump KX-211: data sheet"
    asked = replace(hit("The rotor diameter is 6.8 m.", "a", one), called="manuals")
    rival = replace(hit("The rotor diameter is 5.2 m.", "b", other), called="manuals")
    assert not found("What is the rotor diameter of the KX-204 by the manuals?", asked, rival)


def test_what_the_question_does_not_mean_by_a_name_is_no_edition_of_what_it_means() -> None:
    """Of agreements with one title the newest does not stand for that of the customer who is named."""
    question = "How long is the notice period by the Penrose agreement of 2024?"
    asked = replace(hit("The notice period is 3 months.", "a", "Agreement"), called="penrose/agreement 2024")
    rival = replace(hit("The notice period is 6 months.", "b", "Agreement"), called="agreement 2024", date="2025")
    assert not found(question, asked, rival)
    assert found(question, replace(asked, called="agreement 2024"), rival)
    assert found(question, replace(asked, called="agreement"), rival), "numbers tell editions apart"
