"""corpora/polyglot: invented organisations, each with papers in two or three languages and questions on them.

A file of `organisations/` holds one: `### DOC <language> <id>`, the document's text, `### QUESTIONS`, then
`? <language> <question>` with its answers (`= <substring of the document>`) or `-` where no paper of it has one.
An organisation is for fitting or held out by the SHA-256 of its name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag import ingest
from rag.corpus.readers import reader_for
from rag.datatypes import Document
from rag.protocols import Embedder

FOLDER = Path(__file__).parents[1] / "corpora" / "polyglot" / "organisations"
HELD_OUT = "012"  # first hexadecimal digit of the hash
_DOCUMENT = re.compile(r"### DOC ([a-z]{2}) ([a-z0-9-]+)\s*")
_MARKDOWN = re.compile(r"^(?:#{1,4} |\|.*\|[ \t]*$|\*\*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Question:
    """A question on a document; without `answers` no paper of the organisation answers it."""

    text: str
    language: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """A document of an organisation, with the questions that are nearest to it; `name` is that of its file."""

    name: str
    document: Document
    language: str
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation's papers; `held_out` from fitting."""

    name: str
    papers: tuple[Paper, ...]

    @property
    def held_out(self) -> bool:
        """Whether nothing may be fitted on it."""
        return digit(self.name) in HELD_OUT


def organisations(folder: Path = FOLDER) -> list[Organisation]:
    """All of them, by name."""
    return [
        Organisation(path.stem, tuple(_papers(path.stem, path.read_text(encoding="utf-8"))))
        for path in sorted(folder.glob("*.txt"))
    ]


def held_out_index(folder: Path, embedder: Embedder) -> list[tuple[str, str, bool]]:
    """An index of what is held out, `folder`/index, and its questions that have an answer.

    Of each: the text, the location of its paper, whether it is in another language than that.
    """
    documents, questions = folder.resolve() / "documents", []
    documents.mkdir()
    for paper, name in ((each, one.name) for one in organisations() if one.held_out for each in one.papers):
        file = documents / f"{name}-{paper.name}"
        file.write_text(paper.document.text, encoding="utf-8")
        questions += [
            (each.text, str(file), each.language != paper.language) for each in paper.questions if each.answers
        ]
    ingest([documents], folder / "index", embedder)
    return questions


def _papers(organisation: str, text: str) -> Iterator[Paper]:
    for part in re.split(r"(?m)^(?=### DOC )", text)[1:]:
        head, _, rest = part.partition("\n")
        found = _DOCUMENT.fullmatch(head)
        assert found, f"{organisation}: {head}"
        body, _, asked = rest.partition("\n### QUESTIONS\n")
        body = body.strip("\n")
        name = f"{found[2]}.{'md' if _MARKDOWN.search(body) else 'txt'}"
        reader = reader_for(name)
        assert reader
        document = reader.read(body.encode(), name)
        assert isinstance(document, Document), name
        yield Paper(name, document, found[1], tuple(_questions(asked)))


def digit(name: str) -> str:
    """The first hexadecimal digit of a name's SHA-256: what every split goes by."""
    return hashlib.sha256(name.encode()).hexdigest()[0]


def _questions(text: str) -> Iterator[Question]:
    for part in re.split(r"(?m)^\? ", text)[1:]:
        head, *answers = part.strip().splitlines()
        language, _, question = head.partition(" ")
        yield Question(question.strip(), language, tuple(line[2:].strip() for line in answers if line.startswith("= ")))
