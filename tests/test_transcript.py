"""A conversation on disk: what was said comes back, nobody else reads it, damage is named."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.datatypes import Answer, Citation, Sentence
from rag.errors import ConversationError
from rag.transcript import Transcript, Turn, append, load, save


def turn(question: str = "Who?", text: str = "Odell Marsh.") -> Turn:
    citation = Citation(1, "/docs/winch.txt", "d1", 10, 10 + len(text), text, "c1", 3)
    answer = Answer(question, True, "quotes", text, (Sentence(text, (1,), supported=True),), (citation,), 0.75)
    return Turn(question, (f"winch {question}", question), answer)


def test_what_was_appended_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.jsonl"
    save(path, Transcript("You are brief."))
    append(path, turn())
    append(path, turn("那夜班补贴呢？", "夜班60元。\u2028"))
    append(path, "You are a pirate.")
    assert load(path) == Transcript("You are a pirate.", (turn(), turn("那夜班补贴呢？", "夜班60元。\u2028")))


def test_the_header_of_a_quoted_row_comes_back(tmp_path: Path) -> None:
    told = turn("Sales?", "| Net sales | 94.8 |")
    citation = replace(told.answer.citations[0], table_header="| | 2023 |")
    told = replace(told, answer=replace(told.answer, citations=(citation,)))
    append(tmp_path / "a.jsonl", told)
    assert load(tmp_path / "a.jsonl").turns == (told,)


def test_an_answer_given_again_stands_in_the_place_of_the_last(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    append(path, turn())
    append(path, turn("And now?"))
    append(path, turn("And now?", "Another."), again=True)
    assert load(path).turns == (turn(), turn("And now?", "Another."))
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3


@given(st.text(st.characters()), st.text(st.characters(), min_size=1))
def test_any_text_comes_back(question: str, text: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        save(path, Transcript(question, (turn(question, text),)))
        assert load(path) == Transcript(question, (turn(question, text),))


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "conversations" / "a.jsonl"
    append(path, turn())
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(ConversationError, match=r"cannot be saved as .*a\.jsonl: .*exists.*/save FILE"):
        save(path, Transcript("", (turn(),)))
    assert path.read_text(encoding="utf-8") == "mine"


GOOD = {"question": "q", "searched": [], "again": False}
ANSWER = {"answered": True, "mode": "quotes", "text": "t", "confidence": 0.5, "sentences": [], "citations": []}
CITED = {
    "number": 1,
    "source": "s",
    "document": "d",
    "start": 0,
    "end": 9,
    "quote": "q",
    "chunk": "c",
    "page": None,
    "place": None,
}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"question": "q"', "line 2"),
        (b"\xff\xfe", "line 2"),
        (b"[1]", "line 2"),
        (b"3", "line 2"),
        (b'{"what": 1}', "neither a turn nor a persona"),
        (b'{"persona": 3}', "persona is not of type str"),
        (b'{"question": "q"}', "'answer' is missing"),
        (json.dumps({**GOOD, "answer": 3}).encode(), "answer is not of type dict"),
        (json.dumps({**GOOD, "answer": {**ANSWER, "mode": "none"}}).encode(), "does not go with mode"),
        (json.dumps({**GOOD, "answer": {**ANSWER, "mode": "loud"}}).encode(), "mode 'loud'"),
        (json.dumps({**GOOD, "answer": {**ANSWER, "citations": [3]}}).encode(), "line 2"),
        (json.dumps({**GOOD, "answer": {**ANSWER, "citations": [CITED]}}).encode(), "quotes 1 characters"),
        (
            json.dumps({**GOOD, "answer": {**ANSWER, "sentences": [{"text": "t", "citations": [1e999]}]}}).encode(),
            "infin",
        ),
        (b"[" * 100_000, "line 2"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: bytes, why: str) -> None:
    path = tmp_path / "a.jsonl"
    append(path, turn())
    with path.open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(ConversationError, match=r"a\.jsonl is damaged in line 2 \(") as told:
        load(path)
    assert why in str(told.value)
    path.write_bytes(path.read_bytes().split(b"\n")[0] + b"\n")  # the cure that it names
    assert len(load(path).turns) == 1


@pytest.mark.parametrize("written", [1, 20, 40, -30, -2, -1])
def test_a_line_that_broke_off_loses_itself_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, written: int
) -> None:
    path = tmp_path / "a.jsonl"
    append(path, turn())
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:written])
    lost = written != -1  # without its line break alone it is whole
    assert load(path).turns == (turn(),) * (2 - lost)
    assert ("was not written to its end" in caplog.text) == lost
    append(path, turn("And now?"))
    assert load(path).turns == (*(turn(),) * (2 - lost), turn("And now?"))


def test_a_last_line_that_is_not_ours_is_damage_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text("my notes", encoding="utf-8")
    with pytest.raises(ConversationError, match="damaged in line 1"):
        load(path)
    append(path, turn())
    assert path.read_text(encoding="utf-8").startswith("my notes\n")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConversationError, match=r"none\.jsonl cannot be read: No such file"):
        load(tmp_path / "none.jsonl")
