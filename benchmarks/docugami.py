"""On which page of a filing a question is answered: whether search finds that page among its first hits.

    python benchmarks/docugami.py ../shared/data/files/docugami_10q [--k 5]

The questions (`questions.jsonl`) name files and answers, no pages. The pages of an answer are here those that hold its
figures, looked for in the text that pypdf gives, which is not the reader that is measured. A figure is an amount or
a share as the answer writes it (36,413; 12.5%; $1.7 billion); one that is on more than `COMMON` pages of a file tells
no page. A page answers if it holds as many of the figures as any does in its file. Questions whose answers have no
such figures ("no material changes") are counted apart and not measured.

Of a question on several files one page of any is enough, "of every one" asks for one of each. All files are in
one index. Hits are passages, as `rag search` gives them, and in a second row chunks.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from pypdf import PdfReader

from rag import Retriever, ingest, load_embedder

FIGURE = re.compile(r"\$?\d[\d,]*\.?\d*(?:\s?(?:%|percent|million|billion))?")
COMMON = 4


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and by file the pages (from 1) that answer it."""

    text: str
    pages: Mapping[str, frozenset[int]]
    files: tuple[str, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--k", type=int, default=5)
    options = parser.parse_args()
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    texts = {path.name: page_texts(path) for path in sorted((options.folder / "docs").glob("*.pdf"))}
    lines = (options.folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [question(json.loads(line), texts) for line in lines]
    with tempfile.TemporaryDirectory() as temporary:
        report = ingest([options.folder / "docs"], Path(temporary) / "index", load_embedder())
        print(f"{report.pages} pages, {report.chunks_total} chunks, {report.seconds['read']:.2f} s of reading")
        retriever = Retriever.open(Path(temporary) / "index", load_embedder())
        show(questions, retriever, options.k)


def page_texts(path: Path) -> list[str]:
    return [folded(page.extract_text()) for page in PdfReader(path).pages]


def folded(text: str) -> str:
    """The text with single spaces, and per cent as a sign behind its number."""
    return re.sub(r"\s?(?:%|percent)", "%", re.sub(r"\s+", " ", text))


def question(given: Mapping[str, list[str] | str], texts: Mapping[str, Sequence[str]]) -> Question:
    files = tuple(name for name in given["source"] if name in texts)
    answer = " ".join(given["answers"])
    figures = {folded(found.rstrip(".,")) for found in FIGURE.findall(answer)}
    told = {figure for figure in figures if tells(figure)}
    pages = {name: best(texts[name], told) for name in files}
    return Question(str(given["question"]), {name: found for name, found in pages.items() if found}, files)


def tells(figure: str) -> bool:
    """Whether a figure is an amount or a share, and no year, quarter or day."""
    return "," in figure or "%" in figure or "$" in figure or figure.endswith(("million", "billion"))


def best(pages: Sequence[str], figures: Iterable[str]) -> frozenset[int]:
    """The pages that hold most of the figures."""
    counts: dict[int, int] = defaultdict(int)
    for figure in figures:
        plain = figure.removesuffix("million").strip(" $")
        pattern = re.compile(rf"(?<![\d,.]){re.escape(plain)}(?![\d,])")
        holding = [number for number, page in enumerate(pages, start=1) if pattern.search(page)]
        if len(holding) <= COMMON:
            for number in holding:
                counts[number] += 1
    most = max(counts.values(), default=0)
    return frozenset(number for number, count in counts.items() if count == most)


def show(questions: Sequence[Question], retriever: Retriever, k: int) -> None:
    """The share of questions with their page among the first k hits, and those without it."""
    measured = [each for each in questions if each.pages]
    single = [each for each in measured if len(each.files) == 1]
    several = [each for each in measured if len(each.files) > 1]
    print(f"{len(questions)} questions, {len(questions) - len(measured)} of them without figures\n")
    print(f"| page among the first {k} | all | of one file | of several files: of any | of every one |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for joined in (True, False):
        found = {each.text: hits(each, retriever, k, joined=joined) for each in measured}
        some = [share([bool(found[each.text]) for each in group]) for group in (measured, single, several)]
        every = share([found[each.text] >= set(each.pages) for each in several])
        print(f"| {'passages' if joined else 'chunks'} | {' | '.join(some)} | {every} |")
        for each in measured:
            if not found[each.text]:
                pages = {name: sorted(found) for name, found in each.pages.items()}
                print(f"missed: {each.text[:100]} {pages}", file=sys.stderr)


def share(right: Sequence[bool]) -> str:
    return f"{sum(right)} of {len(right)} ({sum(right) / len(right):.1%})"


def hits(asked: Question, retriever: Retriever, k: int, *, joined: bool) -> set[str]:
    """The files of which a page that answers is touched by one of the first k hits."""
    found = set()
    for hit in retriever.retrieve(asked.text, k, joined=joined):
        name = PurePath(hit.source).name
        if asked.pages.get(name, frozenset()) & {page.number for page in hit.pages}:
            found.add(name)
    return found


if __name__ == "__main__":
    main()
