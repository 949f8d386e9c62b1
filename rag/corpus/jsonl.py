"""The documents of an evaluation corpus in BEIR's form: one JSON object a line, `{"_id", "title", "text"}`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from rag.datatypes import Document
from rag.errors import EvaluationError


def documents(path: Path) -> Iterator[tuple[str, Document]]:
    """Each line's source path, `corpus.jsonl#<_id>`, and its document: `text` unchanged, `title` as its title.

    Two lines with equal texts are two documents. Raises EvaluationError for a line that is not such an object, with
    its number, for an `_id` that occurs twice, and for a file that cannot be read.
    """
    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    identity, document = _document(line, f"{path}, line {number}")
                    if identity in seen:
                        raise EvaluationError(f"{path}, line {number}: _id {identity!r} occurs twice; make each unique")
                    seen.add(identity)
                    yield f"{path.name}#{identity}", document
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read as UTF-8 text: {error}. An evaluation set needs it") from error


def _document(line: str, where: str) -> tuple[str, Document]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise EvaluationError(f"{where}: not JSON ({error}); each line must be one object") from error
    if not isinstance(entry, dict):
        raise EvaluationError(f'{where}: not an object; expected {{"_id", "title", "text"}}')
    fields = [entry.get("_id"), entry.get("title", ""), entry.get("text")]
    for name, value in zip(("_id", "title", "text"), fields, strict=True):
        if not isinstance(value, str):
            raise EvaluationError(f"{where}: {name!r} is {value!r}; it must be a string")
        if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
            raise EvaluationError(f"{where}: {name!r} holds NUL or half a surrogate pair, which is not text")
    identity, title, text = fields
    digest = hashlib.sha256(json.dumps(["jsonl/1", identity, title, text]).encode()).hexdigest()
    return identity, Document(digest[:32], text, title=title)
