"""Which documents a question names by their paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.index.index import Index
from rag.index.names import COMMON, Names
from rag.models.fakes import HashEmbedder
from rag.pipeline import ingest

QUARTERS = [
    (f"reports/{year} Q{number} ACME.pdf", f"{year}-{number}") for year in (2022, 2023) for number in (1, 2, 3, 4)
]


def test_a_document_is_named_as_far_as_it_is_singled_out() -> None:
    named = Names.of(QUARTERS).named("ACME, Q3 2022")
    assert named["2022-3"] == 1.0
    assert 0 < named["2022-1"] < named["2023-3"] < 0.5  # a quarter tells more than a year of two
    assert "2023-1" not in named


def test_what_all_are_called_names_none() -> None:
    assert Names.of(QUARTERS).named("Where are the reports of ACME?") == {}
    assert Names.of(QUARTERS[:1]).named("What did ACME earn in Q1 2022?") == {}
    assert Names.of([]).named("What did ACME earn?") == {}
    assert Names.of(QUARTERS).named("") == {}


def test_half_a_name_is_less_than_a_name() -> None:
    """Of what one in eight takes, a word that half of them have gives a third; squared it is a ninth."""
    named = Names.of(QUARTERS).named("2023")
    assert set(named) == {"2023-1", "2023-2", "2023-3", "2023-4"}
    assert list(named.values()) == pytest.approx([1 / 9] * 4)


def test_a_question_that_says_more_than_a_name_means_the_document_less() -> None:
    names = Names.of(QUARTERS)
    assert names.named("Q3 2022")["2022-3"] == 1.0
    assert names.named("Q3 2022 revenue dividend")["2022-3"] == pytest.approx(2 / 3)


def test_a_document_has_the_names_of_all_its_places_and_folders() -> None:
    places = [("acme/msa.pdf", "a"), ("borough/msa.pdf", "b"), ("old/Calder.pdf", "b"), ("failed.pdf", None)]
    names = Names.of(places)
    assert names.count == 2
    assert names.named("Calder") == names.named("Borough") == {"b": 1.0}
    assert names.named("failed") == {}
    assert set(Names.of([("2024.q3/a.md", "a"), ("2024.q2/a.md", "b")]).named("Q3")) == {"a"}


def test_a_record_has_the_name_of_its_file_whatever_is_in_its_own() -> None:
    """And a number sign in the name of a file begins no record."""
    names = Names.of([("notes.jsonl#2024/acme", "one"), ("notes.jsonl#acme", "two"), ("#3 Penrose.md", "three")])
    assert names.named("ACME 2024") == {}
    assert set(names.named("the notes")) == {"one", "two"}
    assert names.named("Penrose") == {"three": 1.0}


def test_a_number_alone_names_nothing_unless_it_is_a_year() -> None:
    names = Names.of([(f"manual/part {number}.md", str(number)) for number in range(1, 30)] + [("1998.md", "year")])
    assert names.named("How hot does it get at 12 volts?") == {}
    assert names.named("Part 12")["12"] == 1.0
    assert names.named("1998") == {"year": 1.0}


def test_a_word_of_very_many_only_tells_those_apart_that_rarer_words_name() -> None:
    places = [(f"{2000 + at % 2}/log {at}.txt", str(at)) for at in range(2 * COMMON + 2)]
    names = Names.of([*places, ("2000/ACME.md", "old"), ("2001/ACME.md", "new")])
    assert names.named("What happened in 2001?") == {}
    named = names.named("ACME in 2001")
    assert named["new"] == 1.0 > named["old"] > 0.25
    assert set(named) == {"new", "old"}


def test_an_index_names_what_its_commit_has(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for name in ("acme", "borough"):
        (docs / f"{name}.md").write_text(f"The notice is {len(name)} weeks.\n", encoding="utf-8")
    ingest([docs], tmp_path / "index", HashEmbedder(8))
    with Index.open(tmp_path / "index") as index:
        (own,) = index.named("What did ACME sign?")
        assert [source.path for source in index.sources(own)] == ["acme.md"]
        (docs / "acme.md").rename(docs / "calder.md")
        assert index.named("What did Calder sign?") == {}
        ingest([docs], tmp_path / "index", HashEmbedder(8))
        assert index.refresh()
        assert index.named("What did ACME sign?") == {}
        assert index.named("Calder") == {own: 1.0}
