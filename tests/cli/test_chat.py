"""rag chat: through a pipe as a script would, and on a terminal as a person would."""

from __future__ import annotations

import builtins
import io
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from rag.cli import chat
from rag.conversation import Conversation
from rag.errors import ConversationError
from rag.models.canned import CannedModel
from rag.transcript import append, load
from tests.cli.test_exits import START

Run = Callable[..., Result]
FIRST, NEXT = "How often is the rope of the Badger winch replaced?", "How much of it does the drum hold?"


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where conversations are kept."""
    monkeypatch.setattr(chat, "folder", lambda: tmp_path / "kept")
    return tmp_path / "kept"


def said(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def objects(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_follow_up_is_understood_and_each_answer_is_one_line_of_json(indexed: Run) -> None:
    first, second = objects(indexed("chat", "--json", stdin=said(FIRST, "", NEXT)))
    assert first["question"] == FIRST
    assert first["searched"] == [FIRST]
    assert second["searched"] == [f"often rope Badger winch replaced {NEXT}", NEXT]
    assert second["citations"][0]["source"] == "docs/winch.txt"
    assert {"answered", "sentences", "confidence", "hits"} <= second.keys()


def test_a_pipe_is_answered_without_prompts(indexed: Run) -> None:
    result = indexed("chat", "--answer", "quotes", stdin=said(FIRST))
    assert "The rope of the Badger winch is replaced every 18 months. [" in result.stdout
    assert "docs/winch.txt:0-" in result.stdout
    assert chat.PROMPT not in result.stdout
    assert f"searched: {FIRST}" in result.stderr


def test_a_pipe_is_utf_8_and_what_is_not_is_no_defect(indexed: Run) -> None:
    answers = objects(indexed("chat", "--json", stdin="渡轮几点出发？\n".encode() + b"\xff\xfe rope?\n"))
    assert [each["question"] for each in answers] == ["渡轮几点出发？", "\ufffd\ufffd rope?"]


def test_a_byte_order_mark_is_no_part_of_the_first_line(indexed: Run) -> None:
    assert "/sources" in indexed("chat", stdin=b"\xef\xbb\xbf/help\n").stdout


@pytest.mark.parametrize("name", ["~nobody-of-this-name/f", "x" * 300, "y" * 252, "a\0b"])
def test_a_name_that_no_file_can_have_is_one_line(indexed: Run, name: str) -> None:
    for line in (f"/open {name}", f"/save {name}.jsonl" if name.startswith("y") else f"/save {name}"):
        result = indexed("chat", stdin=said(line), code=1)
        assert result.stderr.startswith("rag: error: the")
        assert len(result.stderr.splitlines()) == 1
    assert "rag: error: the" in indexed("chat", "--resume", name, code=1).stderr


def test_a_conversation_that_is_not_there_says_how_the_last_one_is_found(indexed: Run) -> None:
    said = indexed("chat", "--resume", "nosuch", code=1).stderr
    assert "nosuch.jsonl cannot be read: No such file or directory. To go on with the last one: rag chat" in said


def test_flags_are_those_of_ask(indexed: Run) -> None:
    (answer,) = objects(indexed("chat", "--json", "--where", "source = *.md", "-k", "1", stdin=said(FIRST)))
    assert [hit["source"] for hit in answer["hits"]] == ["docs/ferry.md"]
    assert "nonsense" in indexed("chat", "--where", "nonsense", stdin=said(FIRST), code=1).stderr


def test_sources_lists_the_last_citations_with_their_places(indexed: Run) -> None:
    answer, listed = objects(indexed("chat", "--json", stdin=said(FIRST, "/sources")))
    assert listed == {"citations": [{**each, "holds": True} for each in answer["citations"]]}
    assert answer["citations"]
    result = indexed("chat", "--answer", "quotes", stdin=said(FIRST, "/sources"))
    assert result.stdout.count("[1] docs/winch.txt:0-") == 2
    assert "there is no answer yet" in indexed("chat", stdin=said("/sources")).stderr


@pytest.mark.parametrize(
    ("key", "value"),
    [("quote", "x" * 57), ("source", "/elsewhere.txt"), ("document", "none"), ("document", "\ud800")],
)
def test_sources_marks_what_no_longer_holds(indexed: Run, folder: Path, key: str, value: str) -> None:
    indexed("chat", "--answer", "quotes", stdin=said(FIRST, "/save a.jsonl"))
    row = json.loads((folder / "a.jsonl").read_text(encoding="utf-8"))
    row["answer"]["citations"][0][key] = value
    (folder / "a.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    (listed,) = objects(indexed("chat", "--resume", "a.jsonl", "--json", stdin=said("/sources")))
    assert not listed["citations"][0]["holds"]
    assert "no longer in the index so" in indexed("chat", "--resume", "a.jsonl", stdin=said("/sources")).stdout


def test_sources_looks_into_the_index_as_it_is_now(indexed: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lines() -> Iterator[str]:
        yield FIRST
        yield "/sources"
        (folder / "docs" / "winch.txt").write_text("The rope of the Badger winch is gone.", encoding="utf-8")
        indexed("ingest", "docs")
        yield "/sources"

    monkeypatch.setattr(chat, "_piped_lines", lines)
    _, before, after = objects(indexed("chat", "--json"))
    assert [before["citations"][0]["holds"], after["citations"][0]["holds"]] == [True, False]


def test_help_lists_every_command_and_so_does_an_unknown_one(indexed: Run) -> None:
    listing = indexed("chat", stdin=said("/help")).stdout
    error = indexed("chat", stdin=said("/nonsense", FIRST), code=1)
    assert error.stderr.startswith("rag: error: /nonsense is no command; there are /sources, ")
    assert error.stdout == ""
    for command in chat.COMMANDS:
        assert command in listing
        assert command in error.stderr


def test_quit_leaves_and_new_forgets(indexed: Run) -> None:
    answers = objects(indexed("chat", "--json", stdin=said(FIRST, "/new", NEXT, "/quit", "Never?")))
    assert [each["searched"] for each in answers] == [[FIRST], [NEXT]]


def test_conversations_are_kept_and_gone_on_with(indexed: Run, kept: Path) -> None:
    indexed("chat", stdin=said(FIRST, NEXT))
    (file,) = kept.iterdir()
    assert len(file.read_text(encoding="utf-8").splitlines()) == 2
    again = indexed("chat", "--resume", "--json", stdin=said("/sources", NEXT))
    assert f"2 turns, the last: {NEXT}" in again.stderr
    assert objects(again)[0]["citations"]
    assert len(objects(again)[1]["searched"]) == 2
    assert len(file.read_text(encoding="utf-8").splitlines()) == 3
    for name in (file.stem, str(file)):
        assert "3 turns" in indexed("chat", "--resume", name).stderr


def test_the_last_conversation_is_the_one_that_was_changed_last(indexed: Run, kept: Path) -> None:
    indexed("chat", stdin=said(FIRST))
    (first,) = kept.iterdir()
    indexed("chat", stdin=said("渡轮几点出发？"))
    assert len(list(kept.iterdir())) == 2
    os.utime(first, (4e9, 4e9))
    assert FIRST in indexed("chat", "--resume").stderr


def test_nothing_is_kept_where_nothing_is_to_be_kept(indexed: Run, kept: Path, folder: Path) -> None:
    indexed("chat", stdin=said("/quit"))
    indexed("chat", "--no-save", stdin=said(FIRST, "/system You are brief.", NEXT))
    assert not kept.exists()
    indexed("chat", "--no-save", stdin=said(FIRST, "/save mine.jsonl", NEXT))
    assert not kept.exists()
    assert "2 turns" in indexed("chat", "--resume", "./mine.jsonl").stderr


def test_save_goes_on_in_a_file_and_writes_over_none(indexed: Run, folder: Path) -> None:
    (folder / "there.jsonl").write_text("mine", encoding="utf-8")
    result = indexed("chat", stdin=said(FIRST, "/save there.jsonl"), code=1)
    assert "there.jsonl: File exists" in result.stderr
    assert (folder / "there.jsonl").read_text(encoding="utf-8") == "mine"


def test_open_goes_on_with_another_conversation_and_its_persona(indexed: Run, folder: Path) -> None:
    indexed("chat", stdin=said("/system You are brief.", FIRST, "/save a.jsonl"))
    result = indexed("chat", "--json", stdin=said("/open a.jsonl", NEXT))
    assert "1 turns" in result.stderr
    assert "persona: You are brief." in result.stderr
    assert len(objects(result)[0]["searched"]) == 2


def test_a_damaged_conversation_is_one_line(indexed: Run, folder: Path) -> None:
    (folder / "bad.jsonl").write_bytes(b'{"question": "\x1b[2J\n')
    result = indexed("chat", "--resume", "bad.jsonl", code=1)
    (line,) = result.stderr.splitlines()
    assert line.startswith("rag: error: the conversation bad.jsonl is damaged in line 1 (")
    assert "no conversation is kept" in indexed("chat", "--resume", code=1).stderr
    assert "cannot be read" in indexed("chat", "--resume", "nothing", code=1).stderr
    indexed("chat", "name", code=2)


def test_retry_answers_again_in_the_same_place(indexed: Run, kept: Path) -> None:
    first, again = objects(indexed("chat", "--json", stdin=said(FIRST, "/retry")))
    assert again["question"] == first["question"]
    (file,) = kept.iterdir()
    assert "1 turns" in indexed("chat", "--resume", file.stem).stderr
    assert "no question yet" in indexed("chat", stdin=said("/retry"), code=1).stderr


@pytest.mark.parametrize("error", [ConversationError("no room"), KeyboardInterrupt()])
@pytest.mark.parametrize("then", ["/retry", "Which drum?", "/save", "/new", "/open", "/quit"])
def test_a_turn_that_could_not_be_kept_is_kept_with_the_next(
    indexed: Run, typed: Callable[..., None], monkeypatch: pytest.MonkeyPatch, error: BaseException, then: str
) -> None:
    failing = iter([False, True])

    def add(*given: Any, **options: Any) -> None:
        if next(failing, False):
            raise error
        append(*given, **options)

    monkeypatch.setattr(chat, "append", add)
    typed(FIRST, NEXT, then)
    indexed("chat")
    asked = [FIRST, NEXT, then] if then.endswith("?") else [FIRST, NEXT]
    assert [turn.question for turn in load(chat._path(None)).turns] == asked


def test_an_answer_given_again_that_could_not_be_kept_is_kept_with_the_next(
    indexed: Run, typed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = iter([False, True])
    again: list[bool] = []

    def add(*given: Any, **options: Any) -> None:
        if next(failing, False):
            raise ConversationError("no room")
        again.append(options["again"])
        append(*given, **options)

    monkeypatch.setattr(chat, "append", add)
    typed(FIRST, "/retry", NEXT)
    indexed("chat")
    assert again == [False, True, False]
    assert [turn.question for turn in load(chat._path(None)).turns] == [FIRST, NEXT]


def test_a_persona_is_told_to_a_model_that_writes_prose(indexed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    model = CannedModel({"": "The rope of the Badger winch is replaced every 18 months [1]."})
    monkeypatch.setattr("rag.models.load.load_language_model", lambda name, **_: model)
    indexed("chat", "--answer", "prose", stdin=said("/system You are brief.", FIRST, "/system", FIRST))
    told, untold = model.prompts
    assert told.startswith("system: You are brief.\n\nYou answer questions from numbered excerpts")
    assert untold.startswith("system: You answer questions from numbered excerpts")
    assert "answers are quotes here" in indexed("chat", stdin=said("/system You are brief.")).stderr


def test_what_is_ingested_meanwhile_is_answered_from(
    indexed: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lines() -> Iterator[str]:
        yield FIRST
        (folder / "docs" / "new.txt").write_text("The Heron turbine has a rotor of 6.8 m.", encoding="utf-8")
        indexed("ingest", "docs")
        yield "Which rotor has the Heron turbine?"

    monkeypatch.setattr(chat, "_piped_lines", lines)
    assert "6.8 m" in indexed("chat", "--answer", "quotes").stdout


class Terminal(io.StringIO):
    """A stdin that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What a person types, line by line; an exception stands for its key, and the end is Ctrl-D."""

    def at_the_terminal(*keys: str | type[BaseException]) -> None:
        coming = iter([*keys, EOFError])

        def read(_: str) -> str:
            key = next(coming)
            if isinstance(key, str):
                return key
            raise key

        monkeypatch.setattr(builtins, "input", read)
        monkeypatch.setattr(chat, "sys", Terminals())

    return at_the_terminal


class Terminals:
    """`sys` as chat sees it on a terminal."""

    stdin = Terminal()
    stdout = property(lambda self: sys.stdout)
    stderr = property(lambda self: sys.stderr)


def test_ctrl_c_at_the_prompt_leaves_the_second_time_in_a_row(indexed: Run, typed: Callable[..., None]) -> None:
    typed(KeyboardInterrupt, FIRST, KeyboardInterrupt, KeyboardInterrupt, "Never?")
    result = indexed("chat", "--json")
    assert result.stderr.count("Ctrl-C once more leaves") == 2
    assert [each["question"] for each in objects(result)] == [FIRST]


def test_ctrl_c_stops_an_answer_and_not_the_conversation(
    indexed: Run, typed: Callable[..., None], monkeypatch: pytest.MonkeyPatch, kept: Path
) -> None:
    ask = Conversation.ask

    def stopped(self: Conversation, question: str, **options: Any) -> Any:
        if question == "Long?":
            raise KeyboardInterrupt
        return ask(self, question, **options)

    monkeypatch.setattr(Conversation, "ask", stopped)
    typed("Long?", "/nonsense", FIRST)
    result = indexed("chat", "--json")
    assert "rag: stopped\n" in result.stderr
    assert "/nonsense is no command" in result.stderr
    assert [each["question"] for each in objects(result)] == [FIRST]
    (file,) = kept.iterdir()
    assert "Long?" not in file.read_text(encoding="utf-8")


def test_what_writes_is_loaded_before_a_ctrl_c_can_stop_an_answer(
    indexed: Run, typed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []

    def load(name: str, **_: object) -> CannedModel:
        loaded.append(name)
        return CannedModel({"": "It is 18 months."})

    monkeypatch.setattr("rag.models.load.load_language_model", load)
    typed()
    assert "answers are written by canned\n" in indexed("chat", "--answer", "prose").stderr
    assert loaded == ["smollm2-135m-instruct"]
    typed()
    assert "written by" not in indexed("chat").stderr
    assert len(loaded) == 1


def test_ctrl_c_in_a_pipe_ends_it(indexed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Conversation, "ask", stopped)
    indexed("chat", stdin=said(FIRST), code=130)


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals of POSIX")
def test_where_the_answers_go_into_a_pipe_the_prompt_stays_on_the_terminal() -> None:
    import pty

    terminal, theirs = pty.openpty()
    os.write(terminal, b"Who?\n\x04")
    start = "from rag.cli.chat import _typed_lines; print(list(_typed_lines()))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    done = subprocess.run(
        [sys.executable, "-c", start], stdin=theirs, capture_output=True, timeout=60, check=True, env=environment
    )
    os.close(theirs)
    os.close(terminal)
    assert done.stdout == b"['Who?']\n"
    assert done.stderr.decode() == f"{chat.PROMPT}{chat.PROMPT}\n"


@pytest.mark.models
@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals of POSIX")
def test_on_a_real_terminal_lines_are_edited_and_keys_do_what_is_said(tmp_path: Path) -> None:
    import pty

    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "winch.txt").write_text("The rope of the Badger winch is replaced every 18 months.")
    ours = {name: os.environ[name] for name in os.environ if not name.startswith("RAG_") or name == "RAG_MODELS"}
    environment = {**ours, "TERM": "dumb"}
    environment["PYTHONPATH"] = os.pathsep.join(each for each in sys.path if each)
    subprocess.run([sys.executable, "-c", START, "ingest", "docs"], cwd=tmp_path, env=environment, check=True)
    terminal, theirs = pty.openpty()
    talking = subprocess.Popen(
        [sys.executable, "-c", START, "chat", "--answer", "quotes", "--no-save"], cwd=tmp_path, env=environment,
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = b""

    def until(text: bytes) -> None:
        nonlocal shown
        while text not in shown:
            ready, _, _ = select.select([terminal], [], [], 120)
            assert ready, f"{text!r} did not come after {shown!r}"
            shown += os.read(terminal, 4096)
        shown = shown.partition(text)[2]

    try:
        until(b"? ")
        os.write(terminal, b"How often is the rope replacedx\x7f?\r")  # the backspace takes the x away
        until(b"18 months. [1]")
        until(b"searched: How often is the rope replaced?")
        until(b"? ")
        time.sleep(1)  # what comes between the prompt and the waiting for a key is only heeded with the next key
        talking.send_signal(signal.SIGINT)
        until(b"Ctrl-C once more leaves")
        until(b"? ")
        os.write(terminal, b"\x04")
        assert talking.wait(30) == 0
    finally:
        talking.kill()
        talking.wait()
        os.close(terminal)
