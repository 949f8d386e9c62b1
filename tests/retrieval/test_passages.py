"""Passages over a real index: neighbours joined, editions of one text collapsed into the newest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise, permutations
from pathlib import Path

import pytest

from rag.datatypes import Hit
from rag.index.chunking import Chunking
from rag.index.index import Index
from rag.models.fakes import HashEmbedder
from rag.pipeline import ingest
from rag.retrieval.passages import passages
from rag.retrieval.retriever import Retriever

RULE = (
    "The rope of the Badger winch is replaced every {} months by the crew of the yard, before the spring tides. "
    "Two people hold the drum while a third one leads the new rope in, and nobody stands between winch and quay."
)
Found = Callable[..., list[Hit]]


@pytest.fixture
def found(tmp_path: Path) -> Found:
    """Passages for a question over files that are given by name; small chunks."""

    def search(files: dict[str, str], question: str, k: int = 5, size: int = 128) -> list[Hit]:
        for name, text in files.items():
            (tmp_path / "docs").mkdir(exist_ok=True)
            (tmp_path / "docs" / name).write_text(text, encoding="utf-8")
        chunking = Chunking(max_tokens=size, context_tokens=8)
        ingest([tmp_path / "docs"], tmp_path / "index", HashEmbedder(512), chunking=chunking)
        with Index.open(tmp_path / "index") as index:
            return Retriever(index, HashEmbedder(512)).retrieve(question, k, joined=True)

    return search


def dated(date: str, months: int) -> str:
    return f"---\ndate: {date}\n---\n{RULE.format(months)}\n"


def names(hits: list[Hit]) -> list[str]:
    return [Path(hit.source).name for hit in hits]


def test_the_newest_edition_stands_for_the_older_ones(found: Found) -> None:
    files = {"a.md": dated("2022-03-01", 24), "b.md": dated("2024-03", 12), "c.md": dated("2023", 18)}
    (hit,) = found(files, "How often is the rope of the winch replaced?")
    assert (names([hit]), hit.date, hit.newest) == (["b.md"], "2024-03", True)
    assert [(Path(each.source).name, each.date) for each in hit.alike] == [("c.md", "2023"), ("a.md", "2022-03-01")]
    assert "every 12 months" in hit.text


def test_editions_may_differ_in_all_their_numbers(found: Found) -> None:
    rule = "Receipts are handed in within {} days. Meals are paid up to {} euros, hotels up to {} euros a night."
    numbers = {"2023-02-01": (30, 25, 110), "2025-02-01": (60, 32, 140)}
    files = {f"{date}.md": f"---\ndate: {date}\n---\n{rule.format(*each)}\n" for date, each in numbers.items()}
    (hit,) = found(files, "when are receipts handed in")
    assert (names([hit]), hit.date) == (["2025-02-01.md"], "2025-02-01")
    (hit,) = found(files, "receipts within 30 days")
    assert names([hit]) == ["2023-02-01.md"]


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ("Keep the samples at -5 °C in the dark.", "Keep the samples at 5 °C in the dark.", 2),
        ("A night on the quay costs $12 a boat.", "A night on the quay costs €12 a boat.", 2),
        ("Loads < 5 t are lifted by hand.", "Loads > 5 t are lifted by hand.", 2),
        ("- Keep **the samples** at 5 °C, in the dark.", "Keep the samples at 5 °C in the dark!", 1),
    ],
)
def test_a_sign_that_says_something_else_is_for_the_reader_to_see(
    found: Found, one: str, other: str, count: int
) -> None:
    assert len(found({"a.md": one, "b.md": other}, "samples night quay loads")) == count


def test_the_edition_that_is_asked_for_by_its_number_stays_in_front(found: Found) -> None:
    files = {"a.md": dated("2022-03-01", 24), "b.md": dated("2024-03-01", 12)}
    (hit,) = found(files, "rope replaced every 24 months")
    assert names([hit]) == ["a.md"]
    assert not hit.newest
    assert [each.date for each in hit.alike] == ["2024-03-01"]


def test_a_newer_text_of_the_same_form_does_not_stand_for_the_one_that_was_asked_for(found: Found) -> None:
    """Invoices are dated and alike, and no editions of each other: a word of the question tells them apart."""
    months = {"2024-03-01": ("March", 120), "2024-04-01": ("April", 95), "2024-05-01": ("May", 310)}
    rest = (
        "to be paid within thirty days to the account that is named on the back of this sheet, in one sum; the works "
        "thank the yard for its custom, and ask to have complaints in writing before the month is out."
    )
    files = {
        f"{date}.md": f"---\ndate: {date}\n---\nInvoice of Acme for {month}. The total is {total} crowns, {rest}"
        for date, (month, total) in months.items()
    }
    (hit,) = found(files, "total of the Acme invoice for March")
    assert names([hit]) == ["2024-03-01.md"]
    assert {each.date for each in hit.alike} == {"2024-04-01", "2024-05-01"}
    assert not hit.newest


def test_without_dates_only_the_same_words_are_the_same_text(found: Found) -> None:
    files = {
        **{"a.txt": RULE.format(24), "b.txt": RULE.format(12), "c.txt": RULE.format(12).upper()},
        **{"d.txt": RULE.format(12).replace("is replaced", "is not replaced"), "e.txt": "!!! ???", "f.txt": "→ ← ↑ ★"},
    }
    hits = found(files, "How often is the rope of the winch replaced?", k=9)
    assert len(hits) == 5
    assert sorted(len(hit.alike) for hit in hits) == [0, 0, 0, 0, 1]
    assert not any(hit.newest for hit in hits)


def test_two_that_disagree_are_never_one_through_a_third(tmp_path: Path) -> None:
    """Each is an edition of the older text, but they are of one year and say two things."""
    texts = {"a.md": ("2022", "twelve"), "b.md": ("2024", "eighteen"), "c.md": ("2024", "twenty")}
    (tmp_path / "docs").mkdir()
    for name, (date, months) in texts.items():
        text = f"---\ndate: {date}\n---\n{RULE.format(months)}\n"
        (tmp_path / "docs" / name).write_text(text, encoding="utf-8")
    ingest([tmp_path / "docs"], tmp_path / "index", HashEmbedder(), chunking=Chunking(128, 8))
    with Index.open(tmp_path / "index") as index:
        hits = Retriever(index, HashEmbedder()).retrieve("rope", 3)
        for order in permutations(hits):
            found = passages(index, "rope", order, 3)
            assert len(found) == 2
            assert all({each.date for each in hit.alike} <= {"2022", "2024"} - {hit.date} for hit in found)


@pytest.mark.parametrize(("one", "other"), [("2024", "2024-03"), ("2024-03", "2024-03-09"), ("2024", "2024")])
def test_dates_that_may_be_the_same_day_say_nothing_of_which_is_newer(found: Found, one: str, other: str) -> None:
    hits = found({"a.md": dated(one, 24), "b.md": dated(other, 12)}, "How often is the rope of the winch replaced?")
    assert [(hit.alike, hit.newest) for hit in hits] == [((), False), ((), False)]


def test_editions_of_several_chunks_are_counted_once_each(found: Found) -> None:
    steps = " ".join(f"Step {n}: turn the winch drum once and look at the rope for broken strands." for n in range(6))
    files = {
        f"{year}.md": f"---\ndate: {year}\n---\n{steps} {RULE.format(year % 100)}\n" for year in (2021, 2022, 2023)
    }
    hits = found(files, "turn the winch drum and look at the rope", k=3, size=64)
    assert any(hit.end - hit.start > len(hit.chunk.text) for hit in hits)
    for hit in hits:
        sources = [each.source for each in hit.alike]
        assert len(sources) == len(set(sources)) <= 2
        assert not hit.newest or hit.date == "2023"


def test_texts_of_one_subject_are_not_collapsed(found: Found) -> None:
    files = {"a.txt": RULE.format(24), "b.txt": "The winch of the Badger has a rope of 240 m that the crew inspects."}
    assert [hit.alike for hit in found(files, "rope of the winch")] == [(), ()]


SECTION = "# Winch\n\n{}\n\n# Crane\n\n{}\n"
LONG = " ".join(f"Step {n}: turn the winch drum once and look at the rope." for n in range(12))


def test_neighbours_of_one_section_are_one_passage_with_the_texts_own_characters(found: Found) -> None:
    text = SECTION.format(LONG, "The crane has a hook.")
    hits = found({"a.md": text}, "turn the winch drum and look at the rope", k=3, size=48)
    joined = [hit for hit in hits if hit.end - hit.start > len(hit.chunk.text)]
    assert joined
    for hit in hits:
        assert hit.text == text[hit.start : hit.end]
        assert not ("Step" in hit.text and "hook" in hit.text)
    spans = sorted((hit.start, hit.end) for hit in hits)
    assert all(one[1] <= two[0] for one, two in pairwise(spans))


def test_a_passage_has_three_chunks_at_most(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(LONG, encoding="utf-8")
    ingest([tmp_path / "a.txt"], tmp_path / "index", HashEmbedder(), chunking=Chunking(26, 8))
    with Index.open(tmp_path / "index") as index:
        in_order = sorted(Retriever(index, HashEmbedder()).retrieve("drum", 20), key=lambda hit: hit.start)
        found = passages(index, "drum", in_order, 20)
        thirds = [in_order[at : at + 3] for at in range(0, len(in_order), 3)]
        assert [(hit.start, hit.end) for hit in found] == [(three[0].start, three[-1].end) for three in thirds]


def test_what_stands_far_behind_is_not_joined(tmp_path: Path) -> None:
    """Of ten hits wanted one at a time, only the second may be a part of the first."""
    (tmp_path / "a.txt").write_text(LONG, encoding="utf-8")
    ingest([tmp_path / "a.txt"], tmp_path / "index", HashEmbedder(), chunking=Chunking(26, 8))
    with Index.open(tmp_path / "index") as index:
        hits = Retriever(index, HashEmbedder()).retrieve("drum", 10)
        assert len(hits) > 4
        in_order = sorted(hits, key=lambda hit: hit.start)
        (passage,) = passages(index, "drum", in_order, 1)
        assert (passage.start, passage.end) == (in_order[0].start, in_order[1].end)


def test_joining_keeps_what_either_stood_for(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(LONG, encoding="utf-8")
    ingest([tmp_path / "a.txt"], tmp_path / "index", HashEmbedder(), chunking=Chunking(26, 8))
    with Index.open(tmp_path / "index") as index:
        one, two = sorted(Retriever(index, HashEmbedder()).retrieve("drum", 10), key=lambda hit: hit.start)[:2]
        elsewhere = replace(two, source="/docs/b.txt")
        (passage,) = passages(index, "drum", [one, replace(two, alike=(elsewhere,))], 1)
        assert passage.alike == (elsewhere,)


def test_copies_of_parts_that_are_joined_are_joined_where_they_continue_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(LONG, encoding="utf-8")
    ingest([tmp_path / "a.txt"], tmp_path / "index", HashEmbedder(), chunking=Chunking(26, 8))
    with Index.open(tmp_path / "index") as index:
        hits = sorted(Retriever(index, HashEmbedder()).retrieve("drum", 10), key=lambda hit: hit.start)
        one, two, three, _, far = (replace(each, source="/docs/b.txt") for each in hits[:5])
        pair = [replace(hits[0], alike=(one,)), replace(hits[1], alike=(two,))]
        (passage,) = passages(index, "drum", pair, 1)
        assert [(each.start, each.end) for each in passage.alike] == [(one.start, two.end)]
        (passage,) = passages(index, "drum", [pair[0], replace(hits[1], alike=(far, three))], 1)
        spans = [(each.start, each.end) for each in passage.alike]
        assert spans == [(each.start, each.end) for each in (one, far, three)], "nothing of what lies between is a copy"


def test_the_edition_that_the_question_names_stands_for_the_others(found: Found) -> None:
    files = {
        f"rules {year}.md": dated(f"{year}-01-01", months) for year, months in ((2022, 24), (2023, 18), (2024, 12))
    }
    (hit,) = found(files, "How often is the rope of the winch replaced by the rules of 2022?")
    assert (names([hit]), hit.newest) == (["rules 2022.md"], False)
    (hit,) = found(files, "How often is the rope of the winch replaced?")
    assert (names([hit]), hit.newest) == (["rules 2024.md"], True)
