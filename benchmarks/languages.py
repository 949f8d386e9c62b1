"""What ranking each language's candidates apart is worth in a corpus of two languages.

    python benchmarks/languages.py [--half development|measured]

Prints, for the answerable questions of corpora/handbook, how often the right document is among the first 3 hits: with
all candidates normalised together, and with each language's among themselves (the default).
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path

from handbook import CORPUS, half_of, qrels, questions, share

from rag import Index, Retriever, ingest, load_embedder
from rag.protocols import Embedder


class OneLanguage(Index):
    """An index that says it knows one language only."""

    def languages(self) -> dict[str, int]:
        return {"": sum(super().languages().values())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("development", "measured"), default="development")
    half = parser.parse_args().half
    embedder = load_embedder()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        ingest([CORPUS / "documents"], path, embedder)
        print(f"handbook, {half} half: document in first 3\n")
        print("| candidates | en | zh | en→zh | zh→en |\n|---|---|---|---|---|")
        for name, kind in (("together", OneLanguage), ("by language", Index)):
            with kind.open(path, embedder=embedder) as index:
                print(f"| {name} | " + " | ".join(found(index, embedder, half)) + " |")


def found(index: Index, embedder: Embedder, half: str) -> list[str]:
    retriever, relevant = Retriever(index, embedder), qrels()
    root = (CORPUS / "documents").resolve().as_posix() + "/"
    groups: dict[str, list[bool]] = defaultdict(list)
    for gold, question in questions():
        if gold["answerable"] and half_of(str(gold["near"])) == half:
            hits = retriever.retrieve(question, 3)
            places = {place.removeprefix(root) for hit in hits for place in (hit.source, *hit.copies)}
            groups[f"{gold['language']}{gold['document_language']}"].append(bool(places & relevant[str(gold["_id"])]))
    return [share(groups[name]) for name in ("enen", "zhzh", "enzh", "zhen")]


if __name__ == "__main__":
    main()
