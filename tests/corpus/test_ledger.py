"""How files and pages ended, counted, and what mends what did not go well."""

from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.ledger import COUNTED, alike, counts, fix_of, left_out, page_counts, page_problems, problems
from rag.datatypes import FOLDED, LEFT_OUT, Document, Page, Source, State

reasons = st.sampled_from(
    ["", "damaged", "line 3: bad", "line 77: bad", f"{LEFT_OUT}hidden", f"{LEFT_OUT}node_modules"]
)
sources = st.lists(
    st.builds(
        lambda path, state, reason, stale: Source(
            "/r", path, State.SKIPPED if reason.startswith(LEFT_OUT) else state, reason=reason, stale=stale
        ),
        st.text(max_size=3),
        st.sampled_from(State),
        reasons,
        st.booleans(),
    )
)


@given(sources, st.integers(0, 5))
def test_every_file_is_in_exactly_one_count(outcomes: list[Source], removed: int) -> None:
    files = counts(outcomes, removed=removed)
    assert files["seen"] == len(outcomes) == sum(files[name] for name in COUNTED)
    assert files["removed"] == removed
    assert files["stale"] == sum(source.stale for source in outcomes)


@given(sources)
def test_what_failed_or_was_skipped_is_a_problem_or_left_out_by_a_rule(outcomes: list[Source]) -> None:
    fresh = [source for source in outcomes if not source.stale]
    files, wrong = counts(fresh), problems(fresh)
    assert len(wrong) + sum(left_out(fresh).values()) == files["failed"] + files["skipped"]


@given(sources)
def test_each_problem_is_told_under_one_cause_with_what_to_do(outcomes: list[Source]) -> None:
    wrong = problems(outcomes)
    causes = alike(wrong)
    assert sorted(id(each) for cause in causes for each in cause.sources) == sorted(map(id, wrong))
    assert [len(cause.sources) for cause in causes] == sorted((len(cause.sources) for cause in causes), reverse=True)
    assert all(len({(each.state, each.stale) for each in cause.sources}) == 1 for cause in causes)


def test_problems_are_what_failed_was_skipped_or_is_stale() -> None:
    outcomes = [
        Source("/r", "d", State.UNSUPPORTED),
        Source("/r", "c", State.INDEXED),
        Source("/r", "b", State.EMPTY),
        Source("/r", "a", State.ENCRYPTED, stale=True),
        Source("/r", ".git", State.SKIPPED, reason=f"{LEFT_OUT}hidden"),
    ]
    assert [source.path for source in problems(outcomes)] == ["a", "d"]
    assert left_out(outcomes) == {"hidden": 1}
    assert counts(outcomes) == {
        "seen": 5, "indexed": 1, "unchanged": 0, "empty": 1, "duplicate": 0, "failed": 1, "skipped": 2, "removed": 0,
        "stale": 1,
    }  # fmt: skip


def test_causes_that_differ_in_their_numbers_alone_are_one() -> None:
    wrong = [Source("/r", str(n), State.FAILED, reason=f"damaged at byte {n}") for n in range(30)]
    wrong.append(Source("/r", "x", State.NEEDS_EXTRA, reason="needs pptx", fix="pip install"))
    first, second = alike(wrong)
    assert (len(first.sources), first.reason) == (30, "damaged at byte 0")
    assert (second.state, second.fix) == (State.NEEDS_EXTRA, "pip install")


def test_every_state_that_needs_someone_says_what_to_do() -> None:
    told_by_its_reader = {State.TOO_LARGE, State.NEEDS_EXTRA}
    for state in set(State) - told_by_its_reader:
        assert bool(fix_of(Source("/r", "a", state))) == (FOLDED[state] in ("failed", "skipped"))
    assert fix_of(Source("/r", "a", State.FAILED, fix="rename it")) == "rename it"
    assert "link" in fix_of(Source("/r", "a", State.SKIPPED, reason="a link to nothing"))
    assert "link" not in fix_of(Source("/r", "a", State.SKIPPED, reason="minified, by its name"))


def test_a_page_ends_in_one_state() -> None:
    pages = (Page(1, 0, 3), Page(2, 3, 5), Page(3, 5, 5, state=State.NEEDS_OCR), Page(4, 5, 5, "iv", State.FAILED))
    document = Document("0", "abc  ", pages=pages)
    assert [document.ended(page) for page in pages] == [State.INDEXED, State.EMPTY, State.NEEDS_OCR, State.FAILED]


def test_pages_without_text_are_told_with_their_numbers() -> None:
    read = {1, 4, 6}
    pages = [Page(number, 0, 0, state=None if number in read else State.NEEDS_OCR) for number in range(1, 10)]
    (found,) = page_problems(Source("/r", "a.pdf", State.INDEXED), [*pages, Page(10, 0, 0)])
    assert (found.path, found.state) == ("a.pdf", State.NEEDS_OCR)
    assert found.reason == "page 2-3, 5, 7-9 of 10: a picture without text"
    assert found.fix
    assert page_problems(found, [Page(1, 0, 0)]) == []


def test_pages_that_are_too_many_are_named_with_what_to_do() -> None:
    pages = [Page(1, 0, 3), *(Page(number, 3, 3, state=State.TOO_LARGE) for number in range(2, 9))]
    (found,) = page_problems(Source("/r", "a.pdf", State.INDEXED), pages)
    assert (found.reason, found.fix) == (
        "page 2-8 of 8: not read, since the file has too many to recognise, or takes too long",
        "split the file",
    )


def test_a_page_with_several_places_on_it_counts_once() -> None:
    """Such as the lines of a picture, and the rows of a sheet."""
    places = (Page(1, 0, 3, "line 1"), Page(1, 3, 6, "line 2"), Page(2, 6, 6), Page(3, 6, 6, state=State.NEEDS_OCR))
    assert page_counts(Document("d", "One. Two.", pages=places)) == {
        State.INDEXED: 1, State.EMPTY: 1, State.NEEDS_OCR: 1,
    }  # fmt: skip
