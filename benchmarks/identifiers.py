"""Part numbers, codes, versions, addresses and numbers asked for as they are typed: is the first hit one that holds it?

    python benchmarks/identifiers.py [--misses]

Every identifier and every number of three or more digits in corpora/handbook that stands in at most `RARE` documents is
asked for alone, once each. A hit is right if its text, or the heading over it, holds it with nothing that lengthens it.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections import defaultdict
from pathlib import Path

from rag import Index, Retriever, ingest, load_embedder
from rag.generation.mentions import closed_up, stands_alone
from rag.text.context import embedded_text

DOCUMENTS = Path(__file__).parents[1] / "corpora" / "handbook" / "documents"
RARE = 2
_CODE = re.compile(r"(?<![\w.,-])(?=[\w.-]*[0-9])(?=[\w.-]*[A-Za-z])[A-Za-z0-9]+(?:[-._/@][A-Za-z0-9]+)*(?![\w-])")
_NUMBER = re.compile(r"(?<![\w.,:/-])[0-9]{3,}(?:,[0-9]{3})*(?![\w.,:/%-])")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--misses", action="store_true")
    options = parser.parse_args()
    embedder = load_embedder()
    with tempfile.TemporaryDirectory() as folder:
        ingest([DOCUMENTS], Path(folder) / "index", embedder)
        with Index.open(Path(folder) / "index", embedder=embedder) as index:
            retriever = Retriever(index, embedder)
            for kind, asked in (("identifiers", rare(index, _CODE)), ("numbers", rare(index, _NUMBER))):
                wrong = [query for query in asked if not first_is_right(retriever, query)]
                print(f"{kind}: {len(asked) - len(wrong)} of {len(asked)} ({1 - len(wrong) / len(asked):.1%})")
                if options.misses:
                    print("  ", *wrong)


def rare(index: Index, pattern: re.Pattern[str]) -> list[str]:
    """What the pattern finds in the corpus, without what stands in many documents."""
    found: dict[str, set[str]] = defaultdict(set)
    for source in index.all_sources():
        for match in pattern.finditer(index.text(source.document or "")):
            found[match.group()].add(source.path)
    return sorted(text for text, places in found.items() if len(places) <= RARE)


def first_is_right(retriever: Retriever, query: str) -> bool:
    """Whether the first hit holds it."""
    hits = retriever.retrieve(query, 1)
    text = embedded_text(hits[0].chunk, hits[0].text) if hits else ""
    alone = rf"(?<![0-9A-Za-z])(?<![0-9][.,]){re.escape(query)}(?![0-9A-Za-z]|[.,][0-9])"
    return bool(re.search(alone, text)) or stands_alone(closed_up(query), text)


if __name__ == "__main__":
    main()
