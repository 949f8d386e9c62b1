"""A conversation on disk: JSON lines that are appended as it goes on, readable by its owner alone.

{"persona": "..."}                                                           from here on
{"question": "...", "searched": ["..."], "again": false, "answer": {...}}    a turn; `again`: in the last one's place
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar, cast, get_args

from rag.datatypes import Answer, Citation, Sentence
from rag.errors import ConversationError

SUFFIX = ".jsonl"
_OPENINGS = (b'{"persona": ', b'{"question": ')
_ANSWER = ("answered", "mode", "text", "confidence")

Mode = Literal["quotes", "prose", "none"]
T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """A question as it was typed, the texts that were searched for it, and the answer."""

    question: str
    searched: tuple[str, ...]
    answer: Answer


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a file holds: the persona that was set last, and the turns, whose answers have neither hits nor prompt."""

    persona: str = ""
    turns: tuple[Turn, ...] = ()


def load(path: Path) -> Transcript:
    """The conversation in a file. Raises ConversationError where it cannot be read or a line of it is damaged.

    A last line that was not written to its end is left out, with a warning.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise ConversationError(
            f"the conversation {path} cannot be read: {error.strerror}. To go on with the last one: rag chat --resume"
        ) from error
    if _broke_off(lines[-1]):
        log.warning("the last line of the conversation %s was not written to its end; it is left out", path)
        lines.pop()
    persona, turns = "", list[Turn]()
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line.decode("utf-8", "surrogatepass")) if line.strip() else {}
            persona = _typed(row, "persona", str) if "persona" in row else persona
            if "question" in row:
                turns[len(turns) - _typed(row, "again", bool) :] = [_turn(row)]
            elif row and "persona" not in row:
                raise ValueError("neither a turn nor a persona")
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            why = f"{error} is missing" if isinstance(error, KeyError) else error
            raise ConversationError(
                f"the conversation {path} is damaged in line {number} ({why}). Take that line out, or begin anew"
            ) from error
    return Transcript(persona, tuple(turns))


def save(path: Path, transcript: Transcript) -> None:
    """Write a conversation to a new file. Raises ConversationError where there is one, or it cannot be written."""
    persona = [{"persona": transcript.persona}] if transcript.persona else []
    _write(path, [*persona, *(_row(turn) for turn in transcript.turns)], os.O_EXCL)


def append(path: Path, what: Turn | str, *, again: bool = False) -> None:
    """Add a turn, or a persona, to the file. Raises ConversationError where it cannot be written."""
    _write(path, [{"persona": what} if isinstance(what, str) else _row(what, again=again)], os.O_APPEND)


def _write(path: Path, rows: Sequence[Mapping[str, Any]], how: int) -> None:
    text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = os.open(path, os.O_RDWR | os.O_CREAT | how, 0o600)
        with os.fdopen(opened, "r+b") as file:
            _end_last_line(file)
            file.write(text.encode("utf-8", "surrogatepass"))
    except OSError as error:
        raise ConversationError(
            f"the conversation cannot be saved as {path}: {error.strerror}. Save it elsewhere with: /save FILE"
        ) from error


def _end_last_line(file: BinaryIO) -> None:
    """Go to the end of the file; what broke off there is taken away, so that no later line is joined to it."""
    last = file.read().rpartition(b"\n")[2]
    if _broke_off(last):
        file.truncate(file.seek(-len(last), os.SEEK_END))
    elif last:
        file.write(b"\n")
    file.seek(0, os.SEEK_END)


def _broke_off(line: bytes) -> bool:
    """Whether a line without an end is one of ours that was not written whole; anything else is not ours to drop."""
    ours = any(line.startswith(opening) or opening.startswith(line) for opening in _OPENINGS)
    if not line or not ours:
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return True
    return False


def _row(turn: Turn, *, again: bool = False) -> dict[str, Any]:
    answer = {name: getattr(turn.answer, name) for name in _ANSWER}
    answer["sentences"] = [asdict(each) for each in turn.answer.sentences]
    answer["citations"] = [asdict(each) for each in turn.answer.citations]
    return {"question": turn.question, "searched": list(turn.searched), "again": again, "answer": answer}


def _turn(row: Mapping[str, Any]) -> Turn:
    told = _typed(row, "answer", dict)
    question = _typed(row, "question", str)
    if (mode := _typed(told, "mode", str)) not in get_args(Mode):
        raise ValueError(f"mode {mode!r}")
    answer = Answer(
        question=question,
        answered=_typed(told, "answered", bool),
        mode=cast(Mode, mode),
        text=_typed(told, "text", str),
        sentences=tuple(_sentence(each) for each in _typed(told, "sentences", list)),
        citations=tuple(_citation(each) for each in _typed(told, "citations", list)),
        confidence=_typed(told, "confidence", float),
    )
    return Turn(question, tuple(map(str, _typed(row, "searched", list))), answer)


def _sentence(row: Mapping[str, Any]) -> Sentence:
    return Sentence(_typed(row, "text", str), tuple(map(int, row["citations"])), _typed(row, "supported", bool))


def _citation(row: Mapping[str, Any]) -> Citation:
    number, start, end = (_typed(row, name, int) for name in ("number", "start", "end"))
    source, document, quote, chunk = (_typed(row, name, str) for name in ("source", "document", "quote", "chunk"))
    page = None if row["page"] is None else _typed(row, "page", int)
    place = _typed(row, "place", str) if row.get("place") else ""
    header = _typed(row, "table_header", str) if row.get("table_header") else ""
    return Citation(number, source, document, start, end, quote, chunk, page, place, header)


def _typed(row: Mapping[str, Any], key: str, kind: type[T]) -> T:
    """The value of a key, of that kind. Raises KeyError, TypeError."""
    value = row[key]
    if not isinstance(value, kind):
        raise TypeError(f"{key} is not of type {kind.__name__}")
    return value
