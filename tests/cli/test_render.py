"""What a person reads, on a terminal and in a pipe."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import pytest

from rag.cli import render
from rag.cli.progress import Bar
from rag.datatypes import Answer, Chunk, Citation, Conflict, Hit, Page, Scores, Sentence, Side

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TEXT = "Zebras \x1b[2Jare\u202e striped.\nAlways [bold]so[/bold] :smile:."


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A colour terminal of 60 columns, whatever the tests run in."""
    monkeypatch.chdir(tmp_path)
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "60"}.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def terminal() -> Iterator[Terminal]:
    """stdout and stderr as one terminal."""
    stream = Terminal()
    with redirect_stdout(stream), redirect_stderr(stream):
        yield stream


def hit(text: str = TEXT) -> Hit:
    chunk = Chunk("c", "d", 3, 3 + len(text), text, heading=("Animals", "Striped\x07"))
    return Hit(
        chunk,
        1.5,
        Scores(0.9),
        "/elsewhere/z\x1b.md",
        text,
        3,
        3 + len(text),
        pages=(Page(2, 0, 10_000),),
        copies=("/copy.md",),
    )


CONFLICT = Conflict((Side("4 stripes", 1, "2024"), Side("3 stripes", 2)))


def answer(*, answered: bool = True) -> Answer:
    if not answered:
        return Answer("?", False, "none", "The documents do not say.", confidence=0.2, hits=(hit(),))
    citation = Citation(1, "/elsewhere/z.md", "d", 3, 3 + len(TEXT), TEXT, "c", page=2, place="page 2")
    sentence = Sentence("Zebras are striped.", (1,), True)
    return Answer("?", True, "quotes", sentence.text, (sentence,), (citation,), 0.93, ("x",), (CONFLICT,), ("y", "z"))


@pytest.mark.usefixtures("environment")
def test_words_of_the_question_are_bold_on_a_terminal_and_plain_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal() as screen:
        render.show_hits(render.Paper(), [hit("Zebras are striped.")], "striped zebra")
    assert "\x1b[1mZebras\x1b[0m are \x1b[1mstriped\x1b[0m." in screen.getvalue()
    render.show_hits(render.Paper(), [hit("Zebras are striped.")], "striped zebra")
    assert "   Zebras are striped.\n" in capsys.readouterr().out


@pytest.mark.usefixtures("environment")
def test_what_a_hit_stands_for_is_listed_to_a_limit(capsys: pytest.CaptureFixture[str]) -> None:
    others = tuple(replace(hit("nine char"), source=f"/docs/{n}.md", date=f"20{10 + n}") for n in range(7))
    render.show_hits(render.Paper(), [replace(hit(), alike=others, date="2024-05", newest=True)], "?")
    printed = capsys.readouterr().out
    assert "   the newest of 8 editions (2024-05)\n   nearly the same in /docs/0.md:3-12 (2010)\n" in printed
    assert printed.count("nearly the same") == 5
    assert "   and in 2 more\n" in printed


@pytest.mark.usefixtures("environment")
def test_on_a_terminal_only_our_colours_are_escapes() -> None:
    with terminal() as screen:
        render.show_hits(render.Paper(), [hit()], "?")
    seen = screen.getvalue()
    assert COLOUR.search(seen)
    plain = COLOUR.sub("", seen)
    assert not set("\x1b\x07\u202e") & set(plain)
    assert "/elsewhere/z\\x1b.md:3-" in plain
    assert r"Animals › Striped\x07" in plain
    assert r"Zebras \x1b[2Jare\u202e striped." in plain
    assert "[bold]so[/bold] :smile:" in " ".join(plain.split())
    assert "(page 2)" in plain
    assert "the same in /copy.md" in plain


@pytest.mark.usefixtures("environment")
def test_where_there_are_no_pages_the_place_is_named_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    label = "Sales\n\x1b[2J!A2:D2" + "x" * 100
    render.show_hits(render.Paper(), [replace(hit(), pages=(Page(2, 0, 10_000, label),))], "?")
    first = capsys.readouterr().out.splitlines()[0]
    assert r" (Sales \x1b[2J!A2:D2xxx" in first
    assert len(first) < 120


@pytest.mark.usefixtures("environment")
def test_long_lines_keep_their_indentation_on_a_terminal() -> None:
    with terminal() as screen:
        render.show_hits(render.Paper(), [hit("word " * 50)], "?")
    body = [line for line in COLOUR.sub("", screen.getvalue()).splitlines() if "word" in line]
    assert len(body) > 1
    assert all(line.startswith("   word") and len(line) <= 60 for line in body)


@pytest.mark.usefixtures("environment")
def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with terminal() as screen:
        render.show_hits(render.Paper(), [hit()], "?")
    assert not re.search(r"\x1b\[[0-9;]*3\d", screen.getvalue())


def test_in_a_pipe_there_are_no_colours(capsys: pytest.CaptureFixture[str]) -> None:
    render.show_hits(render.Paper(), [hit()], "?")
    assert "\x1b" not in capsys.readouterr().out


def test_an_answer_shows_citations_confidence_and_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    paper = render.Paper()
    found = answer()
    render.show_sentence(paper, found.sentences[0])
    render.show_proof(paper, found, " --index other")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Zebras are striped. [1]"
    assert f"[1] /elsewhere/z.md:3-{3 + len(TEXT)} (page 2)" in lines
    assert f"open one: rag show /elsewhere/z.md:3-{3 + len(TEXT)} --index other" in lines
    assert "sources differ: 2024: 4 stripes [1]; 3 stripes [2]" in lines
    assert "2 passages did not fit the prompt" in lines
    assert "1 sentence failed the check" in lines
    assert lines[-1] == "confidence 0.93"


def test_an_abstention_shows_its_text_and_the_nearest_passages(capsys: pytest.CaptureFixture[str]) -> None:
    render.show_proof(render.Paper(), answer(answered=False))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "The documents do not say."
    nearest = lines[lines.index("nearest passages:") + 1]
    assert nearest.startswith("1. ")
    assert "1.500" not in nearest
    assert lines[-1] == "confidence 0.20"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\n  two\tthree ", "one two three"),
        ("渡轮每天\n早上出发", "渡轮每天早上出发"),
        ("渡轮 Heron\n出发", "渡轮 Heron 出发"),
    ],
)
def test_lines_are_joined_as_their_script_asks(text: str, line: str) -> None:
    assert render.one_line(text) == line


def test_a_snippet_begins_where_the_question_is_met() -> None:
    text = "Oil is checked daily. " * 20 + "The rope is replaced every 18 months. " + "The drum turns. " * 20
    assert render.snippet(text, "When is the rope replaced?").startswith("… ")
    assert "The rope is replaced every 18 months." in render.snippet(text, "When is the rope replaced?")
    assert render.snippet("short", "?") == "short"
    assert len(render.snippet(text, "nothing of it")) <= render.SNIPPET


def test_a_long_text_is_shortened_visibly() -> None:
    assert render.one_line("word " * 9, 10) == "word word…"


def test_columns_of_a_table_line_up_in_chinese_too(capsys: pytest.CaptureFixture[str]) -> None:
    render.show_table(render.Paper(), [("渡轮", "1"), ("boat", "2"), ("x", "3")])
    assert capsys.readouterr().out.splitlines() == ["渡轮  1", "boat  2", "x     3"]


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (118_000_000, "118 MB"), (10**16, "10000 TB")]
)
def test_sizes_are_said_as_people_do(count: int, said: str) -> None:
    assert render.size(count) == said


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("stage", ["ingest", "search"])
def test_a_bar_appears_on_a_terminal_and_leaves(stage: str) -> None:
    with terminal() as screen, Bar() as bar:
        bar.start(stage, 1000)
        bar.advance(500)
    assert stage in screen.getvalue()


@pytest.mark.usefixtures("environment")
def test_a_bar_names_the_page_of_a_long_file_and_nothing_in_a_name_acts() -> None:
    with terminal() as screen, Bar() as bar:
        bar.start("ingest", 1000)
        bar.note("[red]\x1b[31mcontract.pdf, page 40")
        assert bar._bar is not None
        assert bar._bar.tasks[0].description == r"ingest [red]\x1b[31mcontract.pdf, page 40"
        bar._bar.refresh()
        bar.advance(500)
        assert bar._bar.tasks[0].description == "ingest"
    assert r"[red]\x1b[31mcontract.pdf, page 40" in screen.getvalue()


def test_a_bar_is_silent_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Bar() as bar:
        bar.start("search", None)
        bar.advance(1)
        bar.note("a.pdf, page 2")
        bar.finish()
    assert capsys.readouterr().err == ""
