"""Whether a row of a real table is found by its name and its column's: search for a cell, as somebody would ask for it.

    python benchmarks/tables.py ../shared/data/files/docugami_10q/docs [FILE ...] [--limit N] [--max-tokens N]
    python benchmarks/tables.py ../shared/data/files/docugami_10q/docs [FILE ...] [--limit N] --answers

The questions follow from the tables themselves, by a rule: of each row that has a name (its first cell, with a letter)
one column that has a name, in turn, if the cell is filled: "What is <column> of <row>?", and again with the heading
that the table stands under in front. A question is met where a chunk that holds the row is among the first `FIRST`
hits; a row that stands in several places, to the letter and under the same column, is met by any of them. All files
are in one index. Rows whose chunk begins with their table's header, and rows that are split off from it, are counted
apart: what is known of the latter's columns is the heading context alone. "without a heading" counts chunks whose
heading context has lost every title, though their table stands under one.

With `--answers` they are asked for real, in quotes: whether the first quote is the row, or one of the first three; and
as many questions for a column of another table, which nothing answers: how many are abstained from, and the AUROC of
the confidence. Their form, "What is ...", is one of those that the reader was trained on (`table_cases.py`); the tables
are not.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sklearn.metrics import roc_auc_score

from rag import Generator, Index, Retriever, ask, load_embedder, load_reader
from rag.corpus.readers import reader_for
from rag.datatypes import Chunk, Document, Source, State
from rag.generation.readable import cells
from rag.index.chunking import Chunking
from rag.index.pieces import pieces
from rag.pipeline import add_documents
from rag.protocols import Embedder
from rag.text.markdown import lines

FIRST = 3
SUFFIXES = {".csv", ".tsv", ".xlsx", ".ods", ".html", ".pdf", ".docx", ".pptx", ".odt", ".md"}

Place = tuple[str, int]
"""A document's id and where in its text a row begins."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A cell that is asked for: its column's and its row's name, the heading of its table, and its rows."""

    column: str
    row: str
    heading: str
    places: tuple[Place, ...]

    def question(self, *, headed: bool) -> str:
        """The question, with the table's heading where it is to be said."""
        front = f"{self.heading}: what" if headed and self.heading else "What"
        return f"{front} is {self.column} of {self.row}?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", type=Path, nargs="+", help="files, and folders of such")
    parser.add_argument("--max-tokens", type=int, default=Chunking().max_tokens, help="of a chunk")
    parser.add_argument("--limit", type=int, default=500, help="questions at most, evenly chosen")
    parser.add_argument("--answers", action="store_true")
    options = parser.parse_args()
    documents = list(read(options.paths))
    every = asked(documents)
    questions = every[:: max(1, -(-len(every) // options.limit))]
    embedder = load_embedder()
    with tempfile.TemporaryDirectory() as folder:
        chunking = Chunking(options.max_tokens)
        sources = [(Source("", each.title or each.id, State.INDEXED, each.id), each) for each in documents]
        add_documents(sources, Path(folder), embedder, chunking=chunking)
        with Index.open(Path(folder), embedder=embedder, chunking=chunking) as index:
            if options.answers:
                answers(questions, Retriever(index, embedder))
            else:
                show(questions, index, embedder, documents)


def read(paths: Iterable[Path]) -> Iterator[Document]:
    """The documents of the files that are of a format with tables, each once."""
    found: dict[str, Document] = {}
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            reader = reader_for(file) if file.suffix.lower() in SUFFIXES else None
            outcome = reader.read(file.read_bytes(), file.name) if reader else None
            if isinstance(outcome, Document):
                found[outcome.id] = outcome
    yield from found.values()


def asked(documents: Iterable[Document]) -> list[Asked]:
    """One cell of each row that has a name."""
    alike: dict[tuple[str, str, str], list[Place]] = defaultdict(list)  # column, the row as it stands, heading
    names: dict[tuple[str, str, str], str] = {}
    for document in documents:
        for heading, header, start, text in rows(document):
            row = cells(text)
            columns = [
                at
                for at, name in enumerate(header)
                if at and named(name) and header.count(name) == 1 and at < len(row) and row[at].strip(" -—–")
            ]
            if columns and named(row[0]):
                key = (header[columns[start % len(columns)]], text, heading)
                alike[key].append((document.id, start))
                names[key] = row[0]
    return [Asked(column, names[column, text, at], at, tuple(found)) for (column, text, at), found in alike.items()]


def rows(document: Document) -> Iterator[tuple[str, list[str], int, str]]:
    """Of each row of a document's tables the nearest heading, the names of columns, where it begins, its text."""
    for window in pieces(document):
        for piece in window.pieces:
            if piece.kind == "table" and piece.header:
                header = cells(document.text[slice(*piece.header)].splitlines()[0])
                for line in lines(document.text, piece.header[1], piece.end):
                    if line.content.strip():
                        yield piece.path[-1] if piece.path else "", header, line.start, line.content.strip()


def named(cell: str) -> bool:
    return len(cell) <= 120 and any(char.isalpha() for char in cell)


def show(questions: Sequence[Asked], index: Index, embedder: Embedder, documents: Sequence[Document]) -> None:
    chunks = {each.id: index.chunks(index.rows_of(each.id)) for each in documents}
    under = {each.id: [(p.start, p.end) for w in pieces(each) for p in w.pieces if p.path] for each in documents}
    continued = [each for found in chunks.values() for each in found if each.table_header]
    lost = [each for each in continued if not each.heading and headed(each, under[each.document])]
    total = sum(map(len, chunks.values()))
    print(f"{total} chunks, {len(continued)} continue a table, {len(lost)} of them without a heading\n")
    retriever = Retriever(index, embedder)
    met = {flag: [holds(retriever, each, headed=flag) for each in questions] for flag in (False, True)}
    apart = [split_off(each, chunks) for each in questions]
    print(f"| asked by | rows in the first {FIRST} | split off from their header | beside it |\n|---|---:|---:|---:|")
    for flag, name in ((False, "row and column"), (True, "row, column and heading")):
        groups = [
            met[flag],
            *([m for m, off in zip(met[flag], apart, strict=True) if off is kind] for kind in (True, False)),
        ]
        print(f"| {name} | {' | '.join(map(share, groups))} |")


def answers(questions: Sequence[Asked], retriever: Retriever) -> None:
    """Ask each question, and one that nothing answers."""
    generator = Generator(load_reader(), mode="quotes")
    draw = random.Random(0)
    right, confidence = [], []
    vain = [each for wanted in questions if (each := in_vain(wanted, questions, draw))]
    for wanted in questions:
        answer = ask(wanted.question(headed=True), retriever, generator)
        confidence.append(answer.confidence)
        right.append(
            [
                any(each.document == name and each.start <= at < each.end for name, at in wanted.places)
                for each in answer.citations
            ]
        )
    nothing = [ask(text, retriever, generator) for text in vain]
    below = [each.confidence for each in nothing]
    area = roc_auc_score([1] * len(confidence) + [0] * len(below), confidence + below)
    print(f"answered {share([bool(each) for each in right])}")
    print(f"the first quote is the row {share([each[:1] == [True] for each in right])}")
    print(f"one of the first three is {share([any(each[:3]) for each in right])}")
    print(f"of another table's column: abstained {share([not each.answered for each in nothing])}, AUROC {area:.3f}")


def in_vain(wanted: Asked, questions: Sequence[Asked], draw: random.Random) -> str:
    """A question for a column that no table has under this heading."""
    own = {each.column for each in questions if each.heading == wanted.heading}
    others = sorted({each.column for each in questions} - own)
    return replace(wanted, column=draw.choice(others)).question(headed=True) if others else ""


def headed(chunk: Chunk, under: Sequence[tuple[int, int]]) -> bool:
    """Whether the block that a chunk begins in stands under a heading."""
    return any(start <= chunk.start < end for start, end in under)


def holds(retriever: Retriever, wanted: Asked, *, headed: bool) -> bool:
    hits = retriever.retrieve(wanted.question(headed=headed), FIRST, joined=False)
    return any(hit.chunk.document == name and hit.start <= at < hit.end for hit in hits for name, at in wanted.places)


def split_off(wanted: Asked, chunks: Mapping[str, Sequence[Chunk]]) -> bool:
    """Whether no chunk that has the row has its table's header row too."""
    holding = [each for name, at in wanted.places for each in chunks[name] if each.start <= at < each.end]
    return all(each.table_header for each in holding)


def share(right: Sequence[bool]) -> str:
    return f"{sum(right)} of {len(right)} ({sum(right) / len(right):.1%})" if right else "–"


if __name__ == "__main__":
    main()
