"""What each way of storing token vectors costs: nDCG@10 of MaxSim alone and after fusion, bytes and milliseconds.

    python benchmarks/late_codec.py [--data DIR] [--queries N]

The form is chosen on what is for fitting (the held-out organisations of corpora/polyglot, train/squad2 and
train/cmrc2018-trial); the XQuAD sets only tell what it costs there. Alone, MaxSim ranks all chunks; fused, a search is
as it is, with these token vectors in place of those stored. What is subtracted is the mean that comes with the built-in
embedder. A star marks the default of `rag.index.late`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray
from polyglot import held_out_index

from rag import Index, load_embedder
from rag.evaluation.build import built_index, document_names
from rag.evaluation.dataset import read_set
from rag.index.chunking import Chunking
from rag.index.late import BITS, POOL, TokenCodec, pooled, rotation
from rag.protocols import Embedder
from rag.reports import NoProgress
from rag.retrieval.candidates import LATE_DEPTH, Search, gather
from rag.retrieval.fuse import fuse_late
from rag.text.context import embedded_text

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Scorer = Callable[[Floats], Floats]
"""A query's token vectors (q, d) → MaxSim (n,) with each of n texts."""

SETS = ("train/squad2", "train/cmrc2018-trial", "xquad-en", "xquad-zh", "xquad-zh-en", "xquad-en-zh")
CODECS = ((1, 1.0), (1, 2.0), (1, 3.0), (2, 2.0), (2, 4.0))
DEPTH = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: its token vectors, the best candidates by the other legs with their scores, what is relevant."""

    tokens: Floats
    head: Rows  # places in the sample
    first: Floats
    relevant: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sample:
    """A set's chunks as token vectors, the document of each, and the questions."""

    name: str
    texts: list[Floats]
    documents: list[str]
    questions: list[Asked]


def samples(data: Path, embedder: Embedder, count: int) -> Iterator[Sample]:
    """Those of the sets that are there, and corpora/polyglot across languages."""
    with tempfile.TemporaryDirectory() as temporary:
        across = [(text, place) for text, place, foreign in held_out_index(Path(temporary), embedder) if foreign]
        with Index.open(Path(temporary) / "index", embedder=embedder) as index:
            papers = {each.location: each.document for each in index.all_sources() if each.document}
            questions = [(text, frozenset({papers[place]})) for text, place in across[:count]]
            yield sample("polyglot", index, embedder, questions)
    for folder in (data / name for name in SETS if (data / name).is_dir()):
        given = read_set(folder, count)
        with Index.open(built_index(given, embedder, Chunking(), None, NoProgress()), embedder=embedder) as index:
            names = document_names(given, index)
            documents = {names[each.location]: each.document for each in index.all_sources() if each.document}
            questions = [
                (query.text, frozenset(documents[name] for name, grade in given.qrels[query.id].items() if grade > 0))
                for query in given.queries
                if query.id in given.qrels
            ]
            yield sample(folder.name, index, embedder, questions)


def sample(name: str, index: Index, embedder: Embedder, questions: list[tuple[str, frozenset[str]]]) -> Sample:
    """The chunks and questions of an index, embedded."""
    rows = index.rows_in(index.languages())
    chunks = index.chunks(rows.tolist())
    tokens = embedder.embed_texts([embedded_text(chunk) for chunk in chunks], tokens=True).tokens
    asked = []
    for text, relevant in questions:
        query = embedder.embed_query(text, tokens=True)
        (group,) = gather(index, Search(text, query, DEPTH, neutral=True))
        head = np.searchsorted(rows, group.rows[:LATE_DEPTH])
        asked.append(Asked(query.tokens[0], head, group.scores[:LATE_DEPTH], relevant))
    return Sample(name, list(tokens), [chunk.document for chunk in chunks], asked)


def ndcg(given: Sample, scorer: Scorer) -> tuple[float, float]:
    """Mean nDCG@10 over the sample's questions: of MaxSim alone, and after fusion."""
    found = []
    for asked in given.questions:
        scores = scorer(asked.tokens)
        fused = fuse_late(asked.first, scores[asked.head])
        orders = np.argsort(-scores, kind="stable"), asked.head[np.lexsort((asked.head, -fused))]
        found.append([gain(given, order, asked.relevant) for order in orders])
    alone, together = np.mean(found, axis=0)
    return float(alone), float(together)


def gain(given: Sample, order: Rows, relevant: frozenset[str]) -> float:
    """nDCG@10 of a ranking of chunks, each document counted where it comes first."""
    documents = list(dict.fromkeys(given.documents[place] for place in order[: 10 * DEPTH].tolist()))[:DEPTH]
    ideal = sum(1 / np.log2(place + 2) for place in range(min(len(relevant), DEPTH)))
    return float(sum(1 / np.log2(place + 2) for place, name in enumerate(documents) if name in relevant) / ideal)


def unit(rows: Floats) -> Floats:
    """The rows at unit length."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def exact(texts: list[Floats], change: Callable[[Floats], Floats]) -> Scorer:
    """MaxSim in full precision, after `change` on the question's vectors; the texts have been changed already."""
    together = np.concatenate(texts)
    starts = np.cumsum([0, *map(len, texts[:-1])])
    return lambda question: np.maximum.reduceat(change(question) @ together.T, starts, axis=1).mean(axis=0)


def report(label: str, samples: list[Sample], scorer: Callable[[Sample], Scorer], cost: str) -> None:
    """One row of the table."""
    figures = [ndcg(given, scorer(given)) for given in samples]
    cells = [f"{alone:.4f} {fused:.4f}" for alone, fused in figures]
    means = " ".join(f"{mean(column):.4f}" for column in zip(*figures, strict=True))
    print(f"| {label} | {' | '.join([*cells, means])} | {cost} |", flush=True)


def full_precision_rows(samples: list[Sample], centre: Floats) -> None:
    """What centring gives, and what pooling alone takes."""

    def centred(rows: Floats) -> Floats:
        return unit(rows - centre)

    def of_pooled(share: float) -> Callable[[Sample], Scorer]:
        return lambda given: exact([pooled(centred(text), round(len(text) / share)) for text in given.texts], centred)

    report("float32", samples, lambda given: exact(given.texts, lambda rows: rows), " | ")
    report("float32 centred", samples, lambda given: exact([centred(text) for text in given.texts], centred), " | ")
    for share in (2.0, 3.0, 4.0):
        report(f"float32 centred, pooled by {share:g}", samples, of_pooled(share), " | ")


def codec_row(samples: list[Sample], centre: Floats, bits: int, pool: float) -> None:
    """What a codec keeps, and what it costs for a text."""
    codec = TokenCodec(centre, bits=bits, pool=pool)
    started = time.perf_counter()
    encoded = {id(text): codec.encode(text) for given in samples for text in given.texts}
    spent = 1000 * (time.perf_counter() - started) / sum(len(given.texts) for given in samples)
    decoded = {name: codec.decode(blob) for name, blob in encoded.items()}

    def scorer(given: Sample) -> Scorer:
        # As `TokenCodec.score`, which would decode all texts for each question.
        texts = [decoded[id(text)] for text in given.texts]
        return exact(texts, lambda rows: unit(rows - centre) @ rotation(codec.dimension))

    star = " *" if (bits, pool) == (BITS, POOL) else ""
    label = f"{bits} bit{'s' if bits > 1 else ''}, pooled by {pool:g}{star}"
    report(label, samples, scorer, f"{mean(map(len, encoded.values())):.0f} | {spent:.2f}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--queries", type=int, default=300)
    options = parser.parse_args()
    embedder = load_embedder()
    given = list(samples(options.data, embedder, options.queries))
    centre = embedder.token_mean  # type: ignore[attr-defined]
    counts = [len(text) for each in given for text in each.texts]
    print(
        f"{mean(counts):.0f} tokens a chunk; norm of the mean {np.linalg.norm(centre):.2f}; nDCG@10 alone and fused\n"
    )
    titles = [f"{each.name} ({len(each.questions)})" for each in given]
    print(f"| stored as | {' | '.join([*titles, 'mean'])} | bytes | ms |\n|---|{'---:|' * (len(given) + 3)}")
    full_precision_rows(given, centre)
    for bits, pool in CODECS:
        codec_row(given, centre, bits, pool)


if __name__ == "__main__":
    main()
