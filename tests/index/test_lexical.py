from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.index import lexical, lexical_check
from rag.index.database import Database, open_writer
from rag.index.schema import SCHEMA
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
    mean = sum(lengths) / len(lengths)
    scores = [0.0] * len(texts)
    for term in dict.fromkeys(terms(query)):
        n = sum(term in counts for counts in cut)
        if not 0 < 2 * n <= len(texts):
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
@given(st.lists(st.text(min_size=1), min_size=2, max_size=2, unique=True))
def test_different_terms_are_different_tokens(pair: list[str]) -> None:
    first, second = map(lexical.escape, pair)
    assert first != second


@settings(deadline=None)
@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=6, unique=True))
def test_any_term_is_one_token_that_finds_its_text(made: list[str]) -> None:
    database = open_memory()
    entry = " ".join(map(lexical.escape, made))
    database.all("INSERT INTO lexical (rowid, terms) VALUES (1, ?)", (entry,))
    held = {term: count for term, _, count in database.all("SELECT * FROM lexical_terms")}
    assert held == {lexical.escape(term): 1 for term in made}
    database.close()


def open_memory() -> Database:
    database = Database(sqlite3.connect(":memory:"), Path("memory"))
    for statement in SCHEMA:
        database.all(statement)
    return database
