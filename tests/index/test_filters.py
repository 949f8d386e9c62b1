"""A filter lets exactly those chunks through that it describes, in both legs, however few they are."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.datatypes import Condition, Metadata, Source, State
from rag.errors import FilterError, IndexDamaged
from rag.index import lexical
from rag.index.filters import FIELDS, date_of, holds, parse_filter, source_holds
from rag.index.index import Index
from tests.index.samples import CHUNKING, EMBEDDER, database_file, filled, open_writer, put

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(lambda text: text.strip() == text)


def passes(filter_: str, source: Source, own: Metadata = ()) -> bool:
    return source_holds(source, own, parse_filter(filter_))


def at(path: str, root: str = "/home/ada/docs", **values: object) -> Source:
    return Source(root, path, State.INDEXED, "d", **values)  # type: ignore[arg-type]


@given(
    st.lists(
        st.sampled_from(["source", "heading"]).flatmap(
            lambda field: st.builds(
                Condition,
                st.just(field),
                st.sampled_from(FIELDS[field]),
                st.lists(WORDS.filter(lambda text: "[" not in text), min_size=1).map(tuple),
            )
        )
    )
)
def test_a_filter_is_read_as_it_was_written(conditions: list[Condition]) -> None:
    def quoted(value: str) -> str:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    written = ",".join(f"{each.field}{each.operator} {' | '.join(map(quoted, each.values))} " for each in conditions)
    assert list(parse_filter(written)) == conditions


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("format > pdf", r"format does not take '>': its operators are = !="),
        ("format == pdf", r"format does not take '=='"),
        ("Author == Ada", r"author does not take '==': its operators are = != ~ !~ < <= > >="),
        ("format pdf", r"'format pdf' cannot be read as a filter. Write a field, an operator and a value"),
        ("format = pdf language = en", r"cannot be read as a filter"),
        ("format =", r"cannot be read as a filter"),
        ("format = pdf,, language = en", r"', language = en' cannot be read|cannot be read as a filter"),
        ('source = "a', r"cannot be read as a filter"),
        ("modified = soon", r"'soon' is no date. Write a day, a month or a year: 2024-05-31, 2024-05, 2024"),
        ("modified > 2024-13", r"'2024-13' is no date"),
        ("modified > 0000", r"'0000' is no date"),
        ("source = [z-a]", r"'\[z-a\]' is no pattern for a file: bad character range z-a"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_can(text: str, complaint: str) -> None:
    with pytest.raises(FilterError, match=complaint):
        parse_filter(text)


@pytest.mark.parametrize(
    ("pattern", "there", "not_there"),
    [
        ("report.pdf", ["report.pdf", "a/b/report.pdf"], ["report.pdf.md", "my report.pdf"]),
        ("*.md", ["x.md", "a/x.md"], ["x.mdx", "md"]),
        ("minutes", ["minutes/a.md", "a/minutes/b/c.txt"], ["minutes.md", "old minutes/a.md"]),
        ("minutes/", ["minutes/a.md"], ["minutes.md"]),
        ("docs", ["a.md"], []),
        ("ada", [], ["a.md"]),
        ("docs/a.md", ["a.md"], ["b/a.md"]),
        ("./a/x.md", ["a/x.md"], ["x.md"]),
        ("a/*/c.md", ["a/b/c.md", "x/a/b/c.md"], ["a/c.md", "a/b/b/c.md"]),
        ("a/**/c.md", ["a/c.md", "a/b/c.md", "a/b/b/c.md"], ["a/b/c.txt"]),
        ("a/**", ["a/c.md", "a/b/c.md"], ["c.md"]),
        ("/home/ada/docs/a", ["a/x.md"], ["b/x.md", "home/ada/docs/b/x.md"]),
        ("20?[34]-[!q]*", ["2023-a.md", "2024-b.md"], ["2025-a.md", "2023-q.md", "2023-/a.md"]),
        ("[[]x].md", ["[x].md"], ["x.md"]),
        ("\\d.md", ["\\d.md"], ["1.md"]),
    ],
)
def test_a_file_is_named_by_itself_by_a_folder_or_by_a_pattern(
    pattern: str, there: list[str], not_there: list[str]
) -> None:
    for path in there:
        assert passes(f"source = {pattern}", at(path)), path
        assert not passes(f"source != {pattern}", at(path)), path
    for path in not_there:
        assert not passes(f"source = {pattern}", at(path)), path


def test_a_format_is_named_by_suffix_or_by_reader() -> None:
    assert passes("format = PDF", at("a.Pdf", reader="pdf/1"))
    assert passes("format = .md|txt", at("a.md", reader="markdown/1"))
    assert passes("format = markdown", at("a.md", reader="markdown/1"))
    assert not passes("format = md", at("md", reader="text/1"))


def test_dates_are_days_months_and_years() -> None:
    noon = datetime.datetime(2024, 2, 29, 12).astimezone()
    source = at("a.md", mtime_ns=int(noon.timestamp() * 1e9))
    for true in (
        "= 2024",
        "= 2024-02",
        "= 2024-02-29",
        "!= 2024-02-28",
        ">= 2024-02",
        "<= 2024-02",
        "> 2023",
        "< 2024-03",
    ):
        assert passes(f"modified {true}", source), true
    for false in ("= 2023|2025", "> 2024-02", "< 2024-02", "> 2024", "!= 2024-02", "<= 2024-02-28", ">= 2024-03"):
        assert not passes(f"modified {false}", source), false
    for unknown in ("= 2024", "> 1970", "< 2100"):
        assert not passes(f"modified {unknown}", at("a.md"))
    assert passes("modified <= 2024-12", source)


OWN = (
    *(("author", "Ada Lovelace"), ("author", "Grace"), ("year", "2023"), ("date", "2024-05-31 10:00")),
    *(("price", "12.50"), ("title", "2024 Report"), ("expires", "9999-12-31")),
)


@pytest.mark.parametrize(
    ("filter_", "passing"),
    [
        ("author = ada lovelace", True),
        ("author = Ada", False),
        ("author = Ada | GRACE", True),
        ("author != Ada", True),
        ("author != Grace", False),
        ("Author ~ love", True),
        ("author !~ love", False),
        ("author > A", False),
        ("year >= 2023", True),
        ("year < 2023", False),
        ("year <= 2022|2023", True),
        ("price > 9", True),
        ("price < 100", True),
        ("price = 12.5", False),
        ("date = 2024-05", True),
        ("date = 2024", True),
        ("date > 2024-04", True),
        ("date < 2024-05", False),
        ("date >= 2024-05-31", True),
        ("date < 2024-99", False),
        ("title = 2024", False),
        ("expires > 2024", True),
        ("meta.source = x", False),
        ("missing = x", False),
        ("missing < 3", False),
        ("missing != x", True),
    ],
)
def test_metadata_is_compared_as_texts_numbers_and_dates(filter_: str, passing: bool) -> None:
    assert passes(filter_, at("a.md"), OWN) is passing


def test_a_date_in_metadata_that_is_none_comes_neither_before_nor_after() -> None:
    assert not passes("date > 2020", at("a.md"), (("date", "2024-99"),))


def test_the_users_word_stands_over_the_sidecars_over_the_documents_own() -> None:
    source = at(
        "a.md", given=(("status", "final"),), sidecar=(("status", "draft"), ("year", "2024"), ("source", "scan"))
    )
    assert passes("status = final, year = 2024, author = Grace, meta.source = scan, source = a.md", source, OWN)
    assert not passes("status = draft", source, OWN)
    assert not passes("year = 2023", source, OWN)


def test_headings_are_compared_whatever_their_case_width_and_accents() -> None:
    heading = "Café ＲＵＬＥＳ\0Opening hours"
    for true in ("= cafe rules", "= OPENING HOURS", "~ hours", "!= hours", "!~ zoo", "= zoo | opening hours"):
        (condition,) = parse_filter(f"heading {true}")
        assert holds(condition, heading), true
    for false in ("= hours", "!~ Cafe", "~ zoo"):
        (condition,) = parse_filter(f"heading {false}")
        assert not holds(condition, heading), false


def test_both_legs_give_the_chunks_that_pass_and_no_others(tmp_path: Path) -> None:
    question = "Which valve of machine 3 was checked at 21 degrees?"
    vector = EMBEDDER.embed_query(question).vectors[0]
    with Index.open(filled(tmp_path), embedder=EMBEDDER, chunking=CHUNKING) as index:
        everything = index.rows_where(())
        assert len(everything) == index.status().chunks
        chunks = index.chunks(everything.tolist())
        source = index.sources(chunks[0].document)[0]
        heading = next(chunk.heading[-1] for chunk in chunks if chunk.heading)
        for text, expected in (
            (f'source = "{source.path}"', [chunk.document == chunks[0].document for chunk in chunks]),
            (f'source != "{source.path}"', [chunk.document != chunks[0].document for chunk in chunks]),
            (f'heading = "{heading}"', [heading in chunk.heading for chunk in chunks]),
            (
                f'heading != "{heading}", language = en',
                [heading not in c.heading and c.language == "en" for c in chunks],
            ),
            ("language = xx", [False] * len(chunks)),
        ):
            rows = index.rows_where(parse_filter(text))
            assert rows.tolist() == everything[np.array(expected)].tolist(), text
            assert index.rows_where(parse_filter(text)) is rows
            assert sorted(index.search_dense(vector, 1000, rows)[0].tolist()) == rows.tolist()
            found, scores = index.search_lexical(question, 1000, rows)
            whole, all_scores = index.search_lexical(question, 1000)
            among = np.isin(whole, rows)
            assert found.tolist() == whole[among].tolist()
            assert scores.tolist() == all_scores[among].tolist()


def test_a_key_that_no_document_has_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        made = put(writer, 1)
        writer.put_source(Source("/corpus", "b.md", State.DUPLICATE, made.id, given=(("team", "red"),)))
        writer.put_source(Source("/corpus", "c.md", State.DUPLICATE, made.id, sidecar=(("author", "Ada"),)))
    with Index.open(tmp_path) as index:
        assert len(index.rows_where(parse_filter("team = red"))) == index.status().chunks
        assert len(index.rows_where(parse_filter("team = red, author = Ada"))) == 0  # no one file has both
        for text, hint in (
            ("lang = en", "did you mean language. There are source, format, language, heading, modified"),
            ("auther = Ada", "did you mean author. "),
            ("colour = red", "There are .*, author, team"),
        ):
            with pytest.raises(FilterError, match=f"there is no field '{text.split()[0]}' to filter by: {hint}"):
                index.rows_where(parse_filter(text))


def test_a_document_in_two_places_passes_where_one_place_does(tmp_path: Path) -> None:
    with open_writer(tmp_path) as writer:
        made = put(writer, 1)
        writer.put_source(Source("/corpus", "elsewhere/copy.txt", State.DUPLICATE, made.id, reader="text/1"))
    with Index.open(tmp_path) as index:
        assert len(index.rows_where(parse_filter("source = elsewhere"))) == index.status().chunks
        assert len(index.rows_where(parse_filter("source = elsewhere, format = md"))) == 0


def test_metadata_that_cannot_be_read_is_damage(tmp_path: Path) -> None:
    path = filled(tmp_path, [1])
    with sqlite3.connect(database_file(path)) as connection:
        connection.execute("UPDATE document SET metadata = 'x'")
    connection.close()
    with Index.open(path) as index, pytest.raises(IndexDamaged, match=r"a document .d1v0. does not have its checksum"):
        index.rows_where(parse_filter("author = Ada"))


def test_of_many_selections_the_latest_are_kept(tmp_path: Path) -> None:
    with Index.open(filled(tmp_path, [1])) as index:
        first = index.rows_in(["en"])
        for number in range(40):
            assert len(index.rows_in([f"x{number}"])) == 0
        assert index.rows_in(["en"]) is not first
        assert index.rows_in(["en"]).tolist() == first.tolist()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    with Index.open(filled(tmp_path_factory.mktemp("many"), range(25))) as index:
        yield index


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.sampled_from([1, 2, 7, 50]), st.integers(0, 6), st.integers(0, 40))
def test_the_lexical_leg_gives_the_best_that_pass_however_few_pass(
    many: Index, k: int, every: int, few: int, first: int
) -> None:
    question = "valve kx-3-1 machine 7 checked"
    rows = many.rows_where(())[first::every]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lexical, "FEW", few)
        found, scores = many.search_lexical(question, k, rows)
    whole, all_scores = many.search_lexical(question, 10_000)
    among = np.isin(whole, rows)
    assert found.tolist() == whole[among][:k].tolist()
    assert scores.tolist() == all_scores[among][:k].tolist()


def test_the_lexical_leg_finds_what_passes_far_below_the_best(many: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexical, "FEW", 0)
    whole, scores = many.search_lexical("valve kx-3-1 machine 7 checked", 10_000)
    rows = np.setdiff1d(many.rows_where(()), whole[:10])
    found, given = many.search_lexical("valve kx-3-1 machine 7 checked", 3, rows)
    assert found.tolist() == whole[10:13].tolist()
    assert given.tolist() == scores[10:13].tolist()


@pytest.mark.parametrize(
    ("own", "date"),
    [
        ((("date", "2024-05-31 10:00"), ("updated", "2025")), "2025"),
        ((("updated", "soon"), ("date", "2024-05")), "2024-05"),
        ((("date", "2024-99"), ("published", "2023-01-02")), "2023-01-02"),
        ((("date", "2024-99"), ("author", "2020")), ""),
        ((), ""),
    ],
)
def test_the_most_telling_date_of_the_metadata_counts(own: Metadata, date: str) -> None:
    assert date_of(Source("/docs", "a.md", State.INDEXED, "d"), own) == date
    given = Source("/docs", "a.md", State.INDEXED, "d", given=(("updated", "2026-01"),))
    assert date_of(given, own) == "2026-01"
