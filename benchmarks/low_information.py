"""Chunks that hold words but nothing to find: what tells them, whom that would hit, and whether searches meet them.

    python benchmarks/low_information.py ../shared/data/files/docugami_10q ../shared/data/files/unstructured ...

The first folder has `docs/` and `questions.jsonl`: it is ingested with the built-in embedder, and of the hits of each
question those are counted that are a table of contents, a cover, a list of exhibits or signatures. Of all folders, with
the handbook and this project's own docs, the chunks are counted that have each of the signs by which a rule could leave
them out, with examples to be judged by eye (`--show N`).
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from rag import Index, Retriever, ingest, load_embedder
from rag.models.fakes import HashEmbedder
from rag.text.terms import terms

HERE = Path(__file__).parents[1]
LEADER = re.compile(r"…|\.{4,}|_{4,}")

SIGNS: dict[str, Callable[[str], bool]] = {
    "at most three different terms": lambda text: len(set(terms(text))) <= 3,
    "three leaders or more": lambda text: len(LEADER.findall(text)) >= 3,
    "less than 35 % letters": lambda text: (
        sum(map(str.isalpha, text)) < 0.35 * sum(not char.isspace() for char in text)
    ),
}
WITHOUT_PROSE: dict[str, Callable[[str], bool]] = {
    "contents": lambda text: len(re.findall(r"Item \d", text)) >= 5,
    "cover": lambda text: "Commission File Number" in text,
    "exhibits": lambda text: "Incorporated by Reference" in text,
    "signatures": lambda text: "Pursuant to the requirements" in text and "SIGNATURE" in text,
}


def chunks(index: Path) -> Iterator[tuple[str, str]]:
    """The name of a file and the text of a chunk, for all of an index."""
    with Index.open(index) as opened:
        for source in opened.all_sources():
            for chunk in opened.chunks(opened.rows_of(source.document)) if source.document else ():
                yield source.path, chunk.text


def signs(folders: list[Path], show: int) -> None:
    """How many chunks have which sign."""
    with tempfile.TemporaryDirectory() as place:
        ingest([*folders, HERE / "corpora/handbook/documents", HERE / "docs"], Path(place, "index"), HashEmbedder())
        every = list(chunks(Path(place, "index")))
    print(f"{len(every)} chunks")
    for name, holds in SIGNS.items():
        found = [(path, text) for path, text in every if holds(text)]
        print(f"{name}: {len(found)}")
        for path, text in found[:show]:
            print(f"    {path[-40:]:40} {text[:90]!r}")


def met(folder: Path) -> None:
    """How many hits of the questions are chunks without prose."""
    lines = (folder / "questions.jsonl").read_text("utf-8").splitlines()
    embedder = load_embedder()
    with tempfile.TemporaryDirectory() as place:
        ingest([folder / "docs"], Path(place, "index"), embedder)
        texts = [text for _, text in chunks(Path(place, "index"))]
        found: dict[int, list[str]] = defaultdict(list)
        retriever = Retriever.open(Path(place, "index"), embedder)
        for line in lines:
            for rank, hit in enumerate(retriever.retrieve(json.loads(line)["question"], 10), start=1):
                found[rank].append(hit.text)
    for name, holds in WITHOUT_PROSE.items():
        first, five, ten = (sum(holds(text) for rank in range(1, k + 1) for text in found[rank]) for k in (1, 5, 10))
        print(f"{name}: {sum(map(holds, texts))} of {len(texts)} chunks; of {len(lines)} questions", end=" ")
        print(f"{first} first hits, {five} of the first 5, {ten} of the first 10")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--show", type=int, default=0)
    options = parser.parse_args()
    signs(options.folders, options.show)
    met(options.folders[0])


if __name__ == "__main__":
    main()
