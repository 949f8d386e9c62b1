from __future__ import annotations

import math
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import IndexDamaged
from rag.index import lexical, lexical_bm25, lexical_check
from rag.index import lexical_changes as changes
from rag.index import lexical_postings as postings
from rag.index.database import Database, open_writer
from rag.index.schema import SCHEMA, checksum
from rag.text.terms import terms

TEXTS = [
    "The kx-204-b pump was repaired on Monday",
    "The kx-204-c pump was inspected on Tuesday",
    "机器学习是人工智能的一个分支",
    "The valve and the pump were painted blue, 1,200.5 times",
    "人工智能改变了世界 and the valve",
]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_writer(tmp_path / "index.sqlite", create=True)
    lexical.add(opened, enumerate(TEXTS, start=10))
    yield opened
    opened.close()


def bm25(query: str, texts: list[str]) -> list[float]:
    """The formula in the docstring of the module, by hand."""
    cut = [Counter(terms(text)) for text in texts]
    lengths = [sum(counts.values()) for counts in cut]
    mean = sum(lengths) / max(1, len(lengths))
    scores = [0.0] * len(texts)
    held = {term: sum(term in counts for counts in cut) for term in terms(query)}
    telling = any(0 < 2 * n <= len(texts) for n in held.values())
    for term, n in held.items():
        if not n or (telling and 2 * n > len(texts)):
            continue
        idf = max(math.log((len(texts) - n + 0.5) / (n + 0.5)), 1e-6)
        for place, counts in enumerate(cut):
            tf = counts[term]
            scores[place] += idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * lengths[place] / mean))
    return scores


@pytest.mark.parametrize("query", ["kx-204-b", "valve painted", "人工智能的分支", "Monday valve 世界", "1,200.5"])
def test_scores_are_bm25(database: Database, query: str) -> None:
    wanted = {row: score for row, score in enumerate(bm25(query, TEXTS), start=10) if score > 0}
    rows, scores = lexical.search(database, query, 10, len(TEXTS))
    assert dict(zip(rows.tolist(), scores.tolist(), strict=True)) == pytest.approx(wanted, rel=1e-5)
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)
    every = np.array([14, 10, 11, 12, 13, 99])
    again = lexical.scores(database, query, every, len(TEXTS))
    assert again.tolist() == pytest.approx([wanted.get(int(row), 0.0) for row in every], rel=1e-5)


def test_the_k_best_are_given(database: Database) -> None:
    rows, _ = lexical.search(database, "kx-204-b valve", 1, len(TEXTS))
    assert rows.tolist() == [10]
    assert not len(lexical.search(database, "kx-204-b", 0, len(TEXTS))[0])


@pytest.mark.parametrize("query", ["", "  ?!", "zeppelin", '"', "a* OR b", "NEAR(x, y)", "terms:pump^2"])
def test_a_query_is_never_syntax(database: Database, query: str) -> None:
    rows, scores = lexical.search(database, query, 5, len(TEXTS))
    assert len(rows) == len(scores)
    assert lexical.scores(database, query, np.array([10]), len(TEXTS)).shape == (1,)


def test_a_query_of_common_terms_alone_still_finds(database: Database) -> None:
    rows, scores = lexical.search(database, "the", 5, len(TEXTS))
    assert set(rows.tolist()) == {10, 11, 13, 14}
    assert (scores > 0).all()


def test_no_rows_give_no_scores(database: Database) -> None:
    assert lexical.scores(database, "pump", np.empty(0, np.int64), len(TEXTS)).shape == (0,)


def test_of_a_long_query_the_rarest_terms_count(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexical, "MOST_TERMS", 1)
    assert lexical.search(database, "valve Monday", 5, len(TEXTS))[0].tolist() == [10]


def test_removed_rows_are_not_found_and_do_not_count(database: Database) -> None:
    lexical.remove(database, [10])
    lexical.remove(database, [10, 999])  # not there: nothing
    lexical.add(database, [])
    assert 10 not in lexical.search(database, "kx-204-b Monday", 5, 4)[0]
    assert lexical.mass(database, "Monday", 4) == lexical.mass(database, "zeppelin", 4)
    assert list(lexical_check.damage(database)) == []


def test_numbers_and_identifiers_count_as_they_are_typed(database: Database) -> None:
    rows = np.arange(10, 15)

    def exact(query: str) -> list[float]:
        return [float(share) for share in lexical.exact(database, query, rows, len(TEXTS))]

    assert exact("kx-204-b") == [1, 0, 0, 0, 0]
    assert 0 < exact("KX 204 C")[0] == exact("KX 204 C")[1] < 1  # typed apart, it is three words, one a number
    assert exact("1,200.5") == [0, 0, 0, 1, 0]
    assert exact("pump") == exact("") == [0] * 5
    mixed = exact("the pump kx-204-c and the zeppelin kx-204-b")
    assert mixed[2:] == [0, 0, 0]
    assert mixed[0] == mixed[1]
    assert 0 < mixed[0] < 0.5
    assert lexical.exact(database, "kx-204-b", rows[:0], len(TEXTS)).shape == (0,)
    assert lexical.exact(database, "kx-204-b", rows[::-1], len(TEXTS)).tolist() == [0, 0, 0, 0, 1]


def test_mass_is_the_sum_of_idf_over_distinct_terms_known_or_not(database: Database) -> None:
    absent, once = math.log(5.5 / 0.5 + 1), math.log(4.5 / 1.5 + 1)
    assert lexical.mass(database, "Monday Monday zeppelin", 5) == pytest.approx(once + absent)
    assert lexical.mass(database, "?", 5) == 0


@settings(deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=8), min_size=1, max_size=6, unique=True
    )
)
def test_any_term_is_known_as_itself(made: list[str]) -> None:
    database = open_memory()
    changes.add(database, [(1, dict.fromkeys(made, 1)), (2, {made[0]: 2})])
    found = postings.known(database, [*made, "".join(made) + "x"])
    assert {term: held.chunks for term, held in found.items()} == {term: 1 + (term == made[0]) for term in made}
    assert len({held.number for held in found.values()}) == len(made)
    database.close()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments and pages so small that a few chunks make many."""
    for name, value in {"GRAIN": 4, "FOLD": 2, "LARGEST": 32, "PAGE": 8}.items():
        monkeypatch.setattr(changes, name, value)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("entry_cost", [0, 1500, 10**9], ids=["entries", "either", "postings"])
@pytest.mark.parametrize("seed", range(6))
def test_after_any_changes_the_best_are_those_of_the_formula(
    monkeypatch: pytest.MonkeyPatch, seed: int, entry_cost: int
) -> None:
    monkeypatch.setattr(lexical_bm25, "_ENTRY_COST", entry_cost)
    monkeypatch.setattr(lexical, "FEW", 3)
    generator, database, held = random.Random(seed), open_memory(), dict[int, str]()
    row = generator.randint(0, 9)
    for _ in range(40):
        texts = {row + place: some_words(generator, 12) for place in range(generator.randint(0, 7))}
        lexical.add(database, texts.items())
        held |= texts
        row += len(texts)
        gone = generator.sample(sorted(held), min(len(held), generator.choice([0, 0, 2, 4, 9])))
        lexical.remove(database, gone)
        held = {key: text for key, text in held.items() if key not in gone}
        assert_as_the_formula(database, held, generator)
    assert list(lexical_check.damage(database)) == []
    lexical.remove(database, list(held))
    assert not any(database.all(f"SELECT 1 FROM {table}") for table in ("lexical_term", "lexical_posting"))
    database.close()


def some_words(generator: random.Random, most: int) -> str:
    """Words by something like Zipf's law; numbers, since these have one term each."""
    return " ".join(f"{int(1000 * generator.random() ** 6)}" for _ in range(generator.randint(0, most)))


def assert_as_the_formula(database: Database, held: dict[int, str], generator: random.Random) -> None:
    query, k = some_words(generator, 6), generator.choice([1, 3, 10, 1000])
    every = sorted(held)
    wanted = dict(zip(every, bm25(query, [held[row] for row in every]), strict=True))
    among = np.array(sorted(generator.sample(every, generator.randint(0, len(every)))), np.int64)
    for rows, only in ((every, None), (among.tolist(), among)):
        best = sorted((row for row in rows if wanted[row] > 0), key=lambda row: (-float(f"{wanted[row]:.9g}"), row))[:k]
        found, scores = lexical.search(database, query, k, len(held), only)
        assert found.tolist() == best
        assert scores.tolist() == pytest.approx([wanted[row] for row in best], rel=1e-6)
    again = lexical.scores(database, query, np.array([*every[::-1], 10**6]), len(held))
    assert again.tolist() == pytest.approx([*(wanted[row] for row in every[::-1]), 0.0], rel=1e-6)


@pytest.mark.usefixtures("small")
def test_equal_chunks_come_in_the_order_of_their_rows() -> None:
    database = open_memory()
    lexical.add(database, [(row, "alpha beta" if row % 2 else "gamma delta") for row in range(1, 60)])
    rows, scores = lexical.search(database, "beta", 7, 59)
    assert rows.tolist() == [1, 3, 5, 7, 9, 11, 13]
    assert len(set(scores.tolist())) == 1
    database.close()


@pytest.mark.usefixtures("small")
def test_postings_that_are_not_found_are_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexical_bm25, "_ENTRY_COST", 10**9)
    database = open_memory()
    lexical.add(database, [(row, f"alpha {row}") for row in range(1, 60)])
    database.all("DELETE FROM lexical_posting WHERE place < ?", (postings.place(1, 0),))
    with pytest.raises(IndexDamaged, match="is not in 59 chunks"):
        lexical.search(database, "alpha", 7, 59)
    database.close()


@pytest.mark.usefixtures("small")
def test_sound_rows_that_disagree_are_damage() -> None:
    database = open_memory()
    lexical.add(database, [(row, f"alpha {row}") for row in range(1, 30)])
    assert list(lexical_check.damage(database)) == []
    elsewhere = postings.place(10_000, 1), np.array([1, 1, 1, 5], "<u4").tobytes()
    database.all("INSERT INTO lexical_posting VALUES (?, ?, ?)", (*elsewhere, checksum("lexical_posting", *elsewhere)))
    assert list(lexical_check.damage(database)) == ["the lexical index has postings that are in no segment"]
    database.all("DELETE FROM lexical_posting WHERE place = ?", elsewhere[:1])
    first = postings.segments(database)[0]
    values = first.start, first.stop, first.made, (first.lengths + 1).astype("<u2").tobytes()
    database.all(
        "INSERT OR REPLACE INTO lexical_segment VALUES (?, ?, ?, ?, ?)", (*values, checksum("lexical_segment", *values))
    )
    (problem,) = lexical_check.damage(database)
    assert "does not hold the terms of its entries" in problem
    database.close()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("harm", "says"),
    [
        ("DELETE FROM lexical_posting WHERE place < 1 << 34", "segment of row 0 does not hold the terms"),
        ("DELETE FROM lexical_term WHERE id = (SELECT max(id) FROM lexical_term)", "does not count the chunks"),
        ("DELETE FROM lexical_size", "a wrong length of its entries"),
    ],
)
def test_what_is_lost_is_told_by_a_check(harm: str, says: str) -> None:
    database = open_memory()
    lexical.add(database, [(row, f"alpha {row}") for row in range(1, 60)])
    database.all(harm)
    problems = list(lexical_check.damage(database))
    assert any(says in problem for problem in problems), problems
    database.close()


@pytest.mark.usefixtures("small")
def test_lost_postings_are_damage_to_a_phrase_and_to_a_merge_too() -> None:
    database = open_memory()
    lexical.add(database, [(row, f"alpha {row}") for row in range(1, 60)])
    first = postings.segments(database)[0]
    low, high = postings.place(first.start, 0), postings.place(first.start + 1, 0)
    database.all("DELETE FROM lexical_posting WHERE place >= ? AND place < ?", (low, high))
    with pytest.raises(IndexDamaged, match="is not in 59 chunks"):
        lexical.having(database, [("alpha",)])
    with pytest.raises(IndexDamaged, match="are missing"):
        lexical.remove(database, range(1, 25))
    database.close()


@pytest.mark.usefixtures("small")
def test_chunks_without_terms_are_settled_as_others_are() -> None:
    database = open_memory()
    lexical.add(database, [(row, "") for row in range(1, 30)])
    assert postings.settled(database) == 28
    assert list(lexical_check.damage(database)) == []
    lexical.add(database, [(row, "alpha") for row in range(30, 70)])
    assert lexical.search(database, "alpha", 100, 69)[0].tolist() == list(range(30, 70))
    lexical.remove(database, range(1, 70))
    assert list(lexical_check.damage(database)) == []
    assert not database.all("SELECT 1 FROM lexical_segment")
    database.close()


@pytest.mark.usefixtures("small")
def test_rows_that_have_every_word_in_any_of_its_forms() -> None:
    database = open_memory()
    lexical.add(database, [(row, f"alpha {'beta' if row % 2 else 'gamma'} {row}") for row in range(1, 30)])
    lexical.remove(database, [4, 5, 28])

    def having(*words: tuple[str, ...]) -> list[int]:
        return [int(row) for row in lexical.having(database, words)]

    even = [row for row in range(1, 30) if row % 2 == 0 and row not in (4, 28)]
    assert having(("alpha",), ("gamma",)) == even
    assert having(("gamma", "7", "delta")) == sorted([*even, 7])
    assert having(("29",)) == [29]  # in no segment yet
    assert having(("alpha",), ("delta",)) == having(("beta",), ("gamma",)) == having(("5",)) == having() == []
    database.close()


def test_a_chunk_has_a_term_at_most_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    database = open_memory()
    lexical.add(database, [(1, "alpha " * (postings.MOST + 9))])
    changes.add(database, [(row, {"beta": 70_000}) for row in range(2, 400)])
    assert lexical.search(database, "alpha", 5, 399)[0].tolist() == [1]
    assert list(lexical_check.damage(database)) == []
    database.close()


def open_memory() -> Database:
    database = Database(sqlite3.connect(":memory:", isolation_level=None), Path("memory"))
    for statement in SCHEMA:
        database.all(statement)
    return database


def test_what_no_index_of_sqlites_finds_is_called_damage() -> None:
    lost: Any = SimpleNamespace(all=lambda *_: [("x",)], file=Path("index.sqlite"))
    with pytest.raises(IndexDamaged, match="segments of lexical search cannot be read"):
        postings.settled(lost)
    with pytest.raises(IndexDamaged, match="terms of lexical search are not found"):
        postings._require_terms(lost)
