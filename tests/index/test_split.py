"""Chunks: what they promise of any text and any embedder, and where they are cut."""

import hashlib
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.datatypes import Chunk, Document, Markup
from rag.index.chunking import Chunking
from rag.index.pieces import Piece
from rag.index.split import split, windows
from rag.models.fakes import HashEmbedder
from rag.text import markdown
from rag.text import windows as text_windows
from rag.text.context import embedded_text

WORDS = [
    "a",
    "pump",
    "Ventil",
    "压力",
    "泵在每次启动之前必须检查。",
    "圧力",
    "1,234.5",
    "e\u0301",
    "👩‍🔧",
    "ﷺ",
    "x" * 90,
]
MARKS = [
    ". ",
    "。",
    ", ",
    "，",
    " ",
    "\n",
    "\n\n",
    "\r\n\r\n",
    "\n# ",
    "\n## ",
    "\n### ",
    "\n- ",
    "\n```\n",
    "\f",
    "\t",
]
MARKS += ["\n| a | b |\n|---|---|\n", "\n| 1 | 2 |", "\n---\n", "\n===\n", "<!--", "-->", "\u3000", "\u200b", "|"]
messy = st.lists(st.sampled_from(WORDS + MARKS), max_size=120).map("".join)
texts = st.one_of(messy, st.text(max_size=300))
SMALL = Chunking(max_tokens=24, context_tokens=8)


def document(text: str, markup: Markup = "markdown", title: str = "") -> Document:
    return Document(id="d", text=text, markup=markup, title=title)


def chunks(text: str, chunking: Chunking = SMALL, *, title: str = "", max_tokens: int = 512) -> list[Chunk]:
    return split(document(text, title=title), HashEmbedder(max_tokens=max_tokens), chunking)


def sections(text: str) -> list[tuple[str, ...]]:
    return [chunk.heading for chunk in chunks(text, Chunking())]


@settings(max_examples=300, deadline=None)
@given(texts, st.sampled_from(["plain", "markdown"]), st.sampled_from([8, 24, 320]), st.sampled_from([20, 40, 512]))
def test_every_character_lies_in_one_chunk_and_every_chunk_fits(
    text: str, markup: Markup, limit: int, max_tokens: int
) -> None:
    embedder = HashEmbedder(max_tokens=max_tokens)
    at = 0
    for chunk in split(document(text, markup, title="The title"), embedder, Chunking(limit, 8)):
        assert text[chunk.start : chunk.end] == chunk.text == chunk.text.strip()
        assert not text[at : chunk.start].strip()
        at = chunk.end
        assert [chunk.tokens] == embedder.count_tokens([chunk.text])
        assert chunk.tokens <= limit
        whole = embedded_text(chunk)
        assert whole.endswith(chunk.text)
        context, total = embedder.count_tokens([whole[: -len(chunk.text)], whole])
        assert context <= 8 * (2 if chunk.table_header else 1)
        assert total + embedder.overhead <= max_tokens
    assert not text[at:].strip()


class JoiningEmbedder(HashEmbedder):
    """Counts more tokens in a text than its offsets show, as tokenizers do that look at the neighbours."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [count + count // 4 + (count > 0) for count in super().count_tokens(texts)]


@given(messy)
def test_chunks_fit_even_where_the_tokens_of_a_part_are_more_than_in_the_whole(text: str) -> None:
    embedder = JoiningEmbedder(max_tokens=40)
    for chunk in split(document(text), embedder, SMALL):
        assert chunk.tokens <= SMALL.max_tokens
        assert embedder.count_tokens([embedded_text(chunk)])[0] + embedder.overhead <= 40


@settings(max_examples=100, deadline=None)
@given(messy, st.sampled_from(["plain", "markdown"]), st.sampled_from([60, 200, 700]))
def test_chunks_of_windows_hold_every_character_once_and_in_order(text: str, markup: Markup, window: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_windows, "WINDOW", window)
        found = list(windows(document(text * 3, markup), HashEmbedder(), SMALL))
    assert all(found)
    at = 0
    for chunk in (chunk for part in found for chunk in part):
        assert (text * 3)[chunk.start : chunk.end] == chunk.text == chunk.text.strip()
        assert chunk.tokens <= SMALL.max_tokens
        assert chunk.start >= at
        assert not (text * 3)[at : chunk.start].strip()
        at = chunk.end
    assert not (text * 3)[at:].strip()


def test_ids_tell_places_documents_and_settings_apart() -> None:
    text = "Same words here.\n\n" * 20
    first = chunks(text)
    assert first == chunks(text)
    assert len({chunk.id for chunk in first}) == len(first) > 2
    assert len(first[0].id) == 32
    assert not {chunk.id for chunk in first} & {chunk.id for chunk in chunks(text, Chunking(24, 7))}


@pytest.mark.parametrize("text", ["", " \n\t\f ", "\u3000\u2028"])
def test_blank_text_gives_no_chunk(text: str) -> None:
    assert chunks(text) == []


BODY = "The pump runs every night and rests by day, unless the valve is shut for a reason that nobody knows. " * 4


def test_a_heading_starts_a_chunk_that_knows_its_path() -> None:
    text = f"# Manual\n\n{BODY}\n\n## Start\n\n{BODY}\n\n### Cold\n\n{BODY}\n\n## Stop\n\n{BODY}"
    assert sections(text) == [
        ("Manual",),
        ("Manual", "Start"),
        ("Manual", "Start", "Cold"),
        ("Manual", "Stop"),
    ]


def test_headings_in_the_text_are_not_embedded_twice() -> None:
    text = f"# Manual\n\n## Start\n\n{BODY}\n\n## Stop\n\n{BODY}"
    first, second = chunks(text, Chunking())
    assert embedded_text(first) == first.text
    assert embedded_text(second) == f"Manual\n{second.text}"
    assert second.text.startswith("## Stop")


def test_a_chunk_further_down_a_section_carries_its_headings() -> None:
    last = chunks(f"# Manual\n\n## Start\n\n{BODY * 3}", Chunking(64, 32))[-1]
    assert last.heading == ("Manual", "Start")
    assert embedded_text(last) == f"Manual › Start\n{last.text}"


def test_the_title_stands_first() -> None:
    first, second = chunks(f"# Start\n\n{BODY}\n\n# Stop\n\n{BODY}", Chunking(), title="Pump\n manual")
    assert embedded_text(first) == f"Pump manual\n{first.text}"
    assert second.heading == ("Pump manual", "Stop")


def test_a_title_that_is_in_the_path_is_not_repeated() -> None:
    assert chunks(f"# Manual\n\n{BODY}", Chunking(), title="Manual")[0].heading == ("Manual",)


def test_small_sections_are_joined_under_what_they_have_in_common() -> None:
    text = f"# FAQ\n\n{BODY}\n\n## One?\n\nYes.\n\n## Two?\n\nNo.\n\n# Next\n\n{BODY}"
    assert sections(text) == [("FAQ",), ("FAQ",), ("Next",)]
    joined = chunks(text, Chunking())[1]
    assert joined.text == "## One?\n\nYes.\n\n## Two?\n\nNo."
    assert embedded_text(joined) == f"FAQ\n{joined.text}"


def test_a_heading_never_ends_a_chunk_that_something_follows() -> None:
    text = "".join(f"## Part {number}\n\n" + "word " * (number % 40) + ".\n\n" for number in range(200))
    for chunk in chunks(text)[:-1]:
        assert not chunk.text.splitlines()[-1].startswith("#")


def test_an_empty_last_section_joins_the_chunk_before() -> None:
    assert len(chunks(f"# A\n\n{BODY}\n\n# References\n", Chunking())) == 1


def test_outer_headings_are_dropped_first_where_the_context_is_too_long() -> None:
    text = f"# {'outermost ' * 5}\n\n## Inner part\n\n{BODY * 3}"
    last = chunks(text, Chunking(32, 6))[-1]
    assert last.heading == ("Inner part",)


def test_one_heading_that_is_too_long_is_cut_at_its_end() -> None:
    last = chunks(f"# {'word ' * 30}\n\n{BODY * 3}", Chunking(32, 6))[-1]
    assert last.heading == ("word word word word word word",)


TABLE = "| part | price |\n|------|-------|\n" + "".join(f"| P-{number} | {number} EUR |\n" for number in range(40))


def test_a_table_is_cut_between_rows_and_carries_its_header_on() -> None:
    first, *others = chunks(f"# Parts\n\n{TABLE}", Chunking(64, 32))
    assert first.table_header == ""
    assert "| part | price |" in first.text
    assert len(others) > 3
    for chunk in others:
        assert chunk.table_header == "| part | price |"
        assert chunk.text.startswith("| P-")
        assert chunk.text.endswith("EUR |")
        assert embedded_text(chunk) == f"Parts\n| part | price |\n{chunk.text}"


def test_a_table_header_that_is_too_long_is_cut_at_its_end() -> None:
    names = "|".join(f"column{number}" for number in range(40))
    dashes = "|".join("---" for _ in range(40))
    rows = "\n".join("|".join("x" for _ in range(40)) for _ in range(10))
    last = chunks(f"{names}\n{dashes}\n{rows}", Chunking(128, 16))[-1]
    assert last.table_header.startswith("column0|column1|")
    assert HashEmbedder().count_tokens([last.table_header])[0] <= 16


WIDE = " | ".join(f"Months ended in the long quarter number {number} of 2023" for number in range(4))
WIDE_TABLE = f"| | {WIDE} |\n{'|---' * 5}|\n" + "".join(f"| sales {row} {'| 12 ' * 4}|\n" for row in range(60))


@pytest.mark.parametrize(("max_tokens", "room", "column"), [(512, 32, "Months ended in…of 2023"), (100, 16, "Months…")])
def test_a_header_row_that_is_too_long_leaves_the_heading_and_a_part_of_every_column(
    max_tokens: int, room: int, column: str
) -> None:
    text = f"# Form 10-Q\n\n## Statements of operations\n\n{WIDE_TABLE}"
    others = [chunk for chunk in chunks(text, Chunking(64, 32), max_tokens=max_tokens) if chunk.table_header]
    assert len(others) > 3
    for chunk in others:
        assert chunk.heading == ("Form 10-Q", "Statements of operations")
        assert HashEmbedder().count_tokens([chunk.table_header])[0] <= room
        assert markdown.cells(chunk.table_header) == ["", *[column] * 4]


def test_chunks_of_a_text_without_tables_are_what_they_were() -> None:
    parts = [
        f"{'#' * (number % 3 + 1)} Part {'of a long name ' * (number % 5)}{number}\n\n{BODY}" for number in range(40)
    ]
    found = [
        (chunk.start, chunk.end, chunk.heading)
        for sizes in (SMALL, Chunking(64, 16), Chunking())
        for max_tokens in (40, 100, 512)
        for chunk in chunks("\n\n".join(parts), sizes, title="The title", max_tokens=max_tokens)
    ]
    assert hashlib.sha256(repr(found).encode()).hexdigest()[:16] == "f6e10c5a9c5d8175"


def test_code_is_cut_between_lines() -> None:
    code = "```python\n" + "".join(f"value_{number} = read(sensor, {number})\n" for number in range(60)) + "```\n"
    for chunk in chunks(code, Chunking(64, 16)):
        assert chunk.text.startswith(("value_", "```"))
        assert chunk.text.endswith((")", "```"))


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    for text, end in ((BODY * 5, "."), ("泵在每次启动之前必须检查一遍。" * 40, "。")):
        parts = chunks(text, Chunking(64, 16))
        assert len(parts) > 3
        assert all(part.text.endswith(end) for part in parts)


def test_a_long_sentence_is_cut_at_clauses_and_spaces() -> None:
    for part in chunks("the valve is shut, " * 100, Chunking(64, 16)):
        assert part.text.endswith(",")


def test_the_thin_end_of_a_section_is_evened_out() -> None:
    text = " ".join(f"Sentence number {number} says something." for number in range(42))
    assert [chunk.tokens for chunk in chunks(text, Chunking(200, 16))] == [120, 78, 54]


def test_a_section_that_fits_is_one_chunk_and_another_is_cut_smaller() -> None:
    sentences = [f"Sentence number {number} says something." for number in range(60)]
    text = f"# Short\n\n{' '.join(sentences[:32])}\n\n# Long\n\n{' '.join(sentences)}"
    assert [chunk.tokens for chunk in chunks(text, Chunking(200, 16))] == [194, 116, 120, 78, 48]


def test_accents_and_emoji_stay_whole() -> None:
    parts = chunks("e\u0301" * 200 + "👩‍🔧" * 200, Chunking(16, 0))
    assert len(parts) > 10
    assert not any(part.text[0] in "\u0301\u200d🔧" for part in parts)


def test_an_embedder_that_takes_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="takes 8 tokens of text, at least 16"):
        chunks("text", max_tokens=10)


def test_limits_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="max_tokens=0"):
        Chunking(max_tokens=0)


@pytest.mark.parametrize(
    "text",
    ["x" * 1_000_000, "一" * 300_000, "word " * 200_000, "# h\n\n" * 60_000, "|a|b|\n" * 60_000, "line\n" * 100_000],
    ids=["no space", "han", "words", "headings", "rows", "lines"],
)
def test_time_grows_with_the_length_alone(text: str) -> None:
    started = time.perf_counter()
    assert chunks(text, Chunking())
    assert time.perf_counter() - started < 30


# ---------------------------------------------------------------- windows

PARAGRAPH = f"{BODY}\n\n"
SECTIONS = {
    "markdown": "# Manual\n\n" + "".join(f"## Part {number}\n\n{BODY}\n\n" for number in range(60)),
    "plain": "MANUAL\n======\n\n" + "".join(f"{number}. Part\n\n{BODY}\n\n" for number in range(60)),
}


@pytest.mark.parametrize("markup", ["markdown", "plain"])
def test_chunks_of_small_sections_are_those_of_the_whole(markup: Markup, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = document(SECTIONS[markup], markup)
    expected = split(whole, HashEmbedder(), Chunking())
    monkeypatch.setattr(text_windows, "WINDOW", 3000)
    found = list(windows(whole, HashEmbedder(), Chunking()))
    assert len(found) > 8
    assert [chunk for part in found for chunk in part] == expected
    assert len({chunk.heading for chunk in expected}) > 50


def test_the_heading_path_goes_on_across_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_windows, "WINDOW", 1000)
    text = f"# Manual\n\n## Start\n\n{PARAGRAPH * 10}## Stop\n\n{BODY}"
    *found, last = list(windows(document(text), HashEmbedder(), Chunking()))
    assert len(found) > 3
    assert {chunk.heading for part in found for chunk in part} == {("Manual", "Start")}
    assert last[-1].heading == ("Manual", "Stop")


def test_a_table_carries_its_header_across_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_windows, "WINDOW", 300)
    text = f"# Parts\n\n{TABLE}\nAfter it.\n"
    found = list(windows(document(text), HashEmbedder(), Chunking(512, 32)))
    assert len(found) > 2
    first, *others = [chunk for part in found for chunk in part if chunk.text.startswith(("#", "| P-"))]
    assert first.table_header == ""
    assert {chunk.table_header for chunk in others} == {"| part | price |"}
    assert found[-1][-1].text.endswith("EUR |\n\nAfter it.")


def test_a_heading_that_fills_a_chunk_is_one_of_its_own() -> None:
    heading = "# " + " ".join(["word"] * 23)  # with its mark 24 tokens, which is the limit
    found = [chunk.text for chunk in chunks(f"{heading}\n\nA paragraph that follows it.")]
    assert found == [heading, "A paragraph that follows it."]


@pytest.mark.parametrize("little", ["# Pump", "Go."])
def test_little_that_stands_far_above_the_next_text_is_a_chunk_of_its_own(little: str) -> None:
    far = "\n" * 48 * SMALL.max_tokens
    assert [chunk.text for chunk in chunks(f"{little}{far}Oil it.")] == [little, "Oil it."]


def test_headings_that_nothing_follows_are_not_looked_at_again_for_each_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds: list[str] = []

    def leads(piece: Piece) -> bool:
        kinds.append(piece.kind)
        return piece.kind in ("heading", "header")

    monkeypatch.setattr(Piece, "leads", property(leads))
    text = "".join(f"{'#' * (number % 6 + 1)} {number}\n\n" for number in range(2000))
    found = split(document(text), HashEmbedder(), Chunking())
    assert len(found) < 100
    assert len(kinds) < 4 * 2000
