"""Near-duplicates that an ingest finds by its vectors, beside those that `rag duplicates` finds by all texts.

    python benchmarks/near_duplicates.py [FOLDER of .txt and .md files, or a corpus.jsonl] [--limit N]

Of each document an edition is made in one of the ways below, in turn, and all are ingested into one index. What is
nearly the same is told by shingles both times: what differs is only which documents are compared. Of the editions that
are nearly the same as their original, the first figure is the share that is paired with it at ingest, the second the
share that `rag duplicates` has in one group with it.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

from rag import Index
from rag.models.load import load_embedder
from rag.pipeline import ingest
from rag.retrieval.near_duplicates import likeness, near_duplicates, shingles
from rag.text.sentences import sentences

CORPUS = Path(__file__).parents[1] / "corpora/handbook/documents"


def _numbers(text: str, _draw: random.Random) -> str:
    return re.sub(r"\d", lambda found: str((int(found[0]) + 3) % 10), text)


def _cut(text: str, draw: random.Random) -> str:
    """A sentence in ten is left out."""
    spans = [(each.start, each.end) for each in sentences(text)]
    gone = set(draw.sample(range(len(spans)), len(spans) // 10))
    return "".join(text[start:end] + " " for at, (start, end) in enumerate(spans) if at not in gone)


def _front(text: str, _draw: random.Random) -> str:
    return (
        "This edition replaces all earlier ones. It was approved by the board and is in force from June.\n\n" * 3 + text
    )


def _foot(text: str, _draw: random.Random) -> str:
    lines = text.split("\n")
    footed = [
        [*lines[at : at + 25], "", f"Harbour works, confidential, page {at // 25 + 1}", ""]
        for at in range(0, len(lines), 25)
    ]
    return "\n".join(line for page in footed for line in page)


def _joined(text: str, _draw: random.Random) -> str:
    """As plain text out of another program: blank lines, marks of headings and emphasis are lost."""
    return re.sub(r"\n\s*\n", "\n", re.sub(r"(?m)^#+ |[*_`|]", "", text))


WAYS: dict[str, Callable[[str, random.Random], str]] = {
    "other numbers": _numbers,
    "a sentence in ten left out": _cut,
    "a paragraph in front": _front,
    "a footer on each page": _foot,
    "without its markup": _joined,
}


def _texts(source: Path, limit: int) -> list[str]:
    if source.suffix == ".jsonl":
        found = [json.loads(line)["text"] for line in source.read_text("utf-8").splitlines()]
    else:
        found = [each.read_text("utf-8") for each in sorted(source.rglob("*")) if each.suffix in (".txt", ".md")]
    return [text for text in found if len(text) > 200][:limit]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="?", type=Path, default=CORPUS)
    parser.add_argument("--limit", type=int, default=10_000)
    options = parser.parse_args()
    texts, draw = _texts(options.source, options.limit), random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        docs, index = Path(folder, "docs"), Path(folder, "index")
        docs.mkdir()
        wanted: dict[str, list[frozenset[str]]] = {way: [] for way in WAYS}
        for (number, text), (way, edited) in zip(enumerate(texts), cycle(WAYS.items()), strict=False):
            pair = f"{number:05}.md", f"{number:05}-edition.md"
            edition = edited(text, draw)
            for name, written in zip(pair, (text, edition), strict=True):
                (docs / name).write_text(written, "utf-8")
            if text != edition and likeness(shingles(text), shingles(edition)):
                wanted[way].append(frozenset(pair))
        report = ingest([docs], index, load_embedder())
        told = {frozenset((Path(each.source).name, Path(each.like).name)) for each in report.near_duplicates}
        wrong = [pair for pair in told if len({name[:5] for name in pair}) > 1]
        seconds = report.seconds["total"] - sum(report.seconds[part] for part in ("read", "split", "embed", "commit"))
        started = time.perf_counter()
        with Index.open(index) as opened:
            groups = near_duplicates(opened)
            places = {each.document: Path(each.path).name for each in opened.all_sources() if each.document}
        whole = time.perf_counter() - started
    grouped = [{places[name] for name in (each.document, *(other for other, _ in each.others))} for each in groups]
    print(f"{len(texts)} documents, {report.files['indexed']} files indexed, {report.files['duplicate']} duplicates")
    for way, pairs in wanted.items():
        at_ingest = sum(pair in told for pair in pairs) / max(1, len(pairs))
        by_texts = sum(any(pair <= group for group in grouped) for pair in pairs) / max(1, len(pairs))
        print(f"{way:28} {len(pairs):5} editions  at ingest {at_ingest:.3f}  rag duplicates {by_texts:.3f}")
    print(f"pairs of different originals: {len(wrong)} of {len(told)}")
    print(f"seconds: ingest {report.seconds['total']:.1f}, comparing {seconds:.1f}; rag duplicates {whole:.1f}")


if __name__ == "__main__":
    main()
