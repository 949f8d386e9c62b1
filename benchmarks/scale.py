"""A whole warm search at size: what it costs by stage, with late interaction and without.

    OPENBLAS_NUM_THREADS=1 python benchmarks/scale.py CORPUS... [--chunks 100000] [--queries 200] [--index FOLDER]

CORPUS is a folder as `rag eval` takes it. Chunks are put together from sentences of one corpus, drawn at random, about
180 tokens each, in documents of 50 chunks; questions are the corpora's own, embedded by the built-in embedder. The
chunks' vectors are those of dense.py, and their token vectors those of some hundred drawn ones: they cost what real
ones do, and say nothing of quality. The index is kept in FOLDER where one is given, and used again. The variable is
what the command line sets for itself: here numpy is loaded before anyone could.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from dense import made as made_vectors
from filters import vectors
from lexical import SENTENCE, sampled
from numpy.typing import NDArray

from rag import Index, Retriever, load_embedder
from rag.datatypes import Chunk, Document, Embeddings, Source, State
from rag.index.chunking import Chunking
from rag.index.late import TokenCodec
from rag.index.writer import Writer
from rag.protocols import Embedder

CHARACTERS = {True: 260, False: 760}  # of about 180 tokens, in Chinese and in others
TOKENS = 180
IN_DOCUMENT = 50
POOL = 200

Floats = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+", type=Path)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--index", type=Path)
    options = parser.parse_args()
    embedder = load_embedder()
    with tempfile.TemporaryDirectory() as temporary:
        path = options.index or Path(temporary) / "index"
        if not path.exists():
            fill(path, options.corpora, options.chunks, embedder)
        questions = sampled(options.corpora, options.queries, random.Random(0))
        with Index.open(path, embedder=embedder) as index:
            size, count = sum(file.stat().st_size for file in path.rglob("*")), index.status().chunks
            print(f"{count} chunks, {size / count:.0f} bytes of disk each")
            show(index, embedder, questions)


def fill(path: Path, corpora: list[Path], count: int, embedder: Embedder) -> None:
    """An index of `count` chunks."""
    generator, drawn = random.Random(0), np.random.default_rng(0)
    pools = [sentences(corpus) for corpus in corpora]
    weights = [sum(map(len, pool)) for pool in pools]
    tokens = [vectors(drawn, TOKENS) for _ in range(POOL)]
    own = made_vectors(embedder, count).astype(np.float32)
    blobs: dict[int, bytes] = {}

    def encode(codec: TokenCodec, vectors: Floats) -> bytes:
        if id(vectors) not in blobs:
            blobs[id(vectors)] = ENCODE(codec, vectors)
        return blobs[id(vectors)]

    TokenCodec.encode = encode  # type: ignore[assignment,method-assign]
    with Writer.open(path, embedder=embedder, chunking=Chunking()) as writer:
        for number, first in enumerate(range(0, count, IN_DOCUMENT)):
            pool = generator.choices(pools, weights)[0]
            texts = [made(pool, generator) for _ in range(min(IN_DOCUMENT, count - first))]
            document = Document(f"d{number}", "\n\n".join(texts))
            embeddings = Embeddings(own[first : first + len(texts)], tuple(generator.choice(tokens) for _ in texts))
            writer.put(document, list(chunks(document, texts)), embeddings)
            writer.put_source(Source("/corpus", f"{number}.txt", State.INDEXED, document.id))


ENCODE = TokenCodec.encode


def sentences(corpus: Path) -> list[str]:
    """The sentences of a corpus."""
    with (corpus / "corpus.jsonl").open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    return [sentence for text in texts for sentence in SENTENCE.split(text) if 10 <= len(sentence) <= 500]


def made(pool: list[str], generator: random.Random) -> str:
    """A text of sentences."""
    text = generator.choice(pool)
    most = CHARACTERS["\u4e00" <= max(text) <= "\uffef"]
    while len(text) < most:
        text = f"{text} {generator.choice(pool)}"
    return text


def chunks(document: Document, texts: list[str]) -> Iterator[Chunk]:
    """The texts as chunks of their document."""
    start = 0
    for place, text in enumerate(texts):
        yield Chunk(f"{document.id}-{place}", document.id, start, start + len(text), text, tokens=TOKENS)
        start += len(text) + 2


def show(index: Index, embedder: Embedder, questions: list[str]) -> None:
    """The time of a search by stage; what it is without late interaction is all but that."""
    retriever = Retriever(index, embedder)
    retriever.retrieve(questions[0], 5)
    seconds: dict[str, list[float]] = defaultdict(list)
    for question in questions:
        retriever.retrieve(question, 5)
        for stage, spent in retriever.seconds.items():
            seconds[stage].append(spent)
        seconds["without late"].append(retriever.seconds["total"] - retriever.seconds["late"])
    print("| stage | p50 ms | p95 ms |\n|---|---:|---:|")
    for stage, each in seconds.items():
        print(f"| {stage} | {1000 * np.median(each):.1f} | {1000 * np.percentile(each, 95):.1f} |")


if __name__ == "__main__":
    main()
