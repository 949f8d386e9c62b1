"""What each way of storing token vectors costs: nDCG@10 of MaxSim alone, bytes and milliseconds for a chunk.

    python benchmarks/late_codec.py [--data DIR] [--queries N]

The sets are halves of one parallel corpus (XQuAD): questions and paragraphs in one language, and across. Nothing is
fitted on them but, in the rows that centre, the mean of a sample of the paragraphs' own token vectors, as an index
estimates it. The default of `rag.index.late` is marked with a star.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from rag.evaluation.metrics import per_query
from rag.index.late import BITS, POOL, TokenCodec, pooled, rotation
from rag.models.load import load_embedder
from rag.protocols import Embedder

Floats = NDArray[np.float32]
Scorer = Callable[[Floats], Floats]
"""A query's token vectors (q, d) → MaxSim (n,) with each of n texts."""

SETS = ("xquad-en", "xquad-zh", "xquad-zh-en", "xquad-en-zh")
CODECS = ((1, 1.0), (1, 2.0), (1, 3.0), (2, 2.0), (2, 3.0), (2, 4.0), (2, 5.0), (4, 4.0), (4, 8.0))
MEAN_TOKENS = 10_000


@dataclass(frozen=True, slots=True)
class Sample:
    """A set's texts and questions as token vectors, their ids, and what is relevant."""

    texts: list[Floats]
    names: list[str]
    questions: list[Floats]
    asked: list[str]
    relevant: dict[str, dict[str, int]]


def lines(file: Path) -> list[dict[str, str]]:
    """The lines of a JSONL file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def cut(text: str, embedder: Embedder) -> str:
    """As much of the text as the model takes: some of the paragraphs are longer."""
    room = embedder.max_tokens - embedder.overhead - 2
    offsets = embedder.token_offsets(text)
    return text if len(offsets) <= room else text[: offsets[room - 1][1]]


def sample(folder: Path, embedder: Embedder, queries: int, kept: dict[str, Floats]) -> Sample:
    """A set, embedded; `kept` spares embedding what another set has too."""
    texts, questions = lines(folder / "corpus.jsonl"), lines(folder / "queries.jsonl")[:queries]
    new = [text["text"] for text in texts if text["text"] not in kept]
    if new:
        kept.update(
            zip(new, embedder.embed_texts([cut(text, embedder) for text in new], tokens=True).tokens, strict=True)
        )
    for question in questions:
        if question["text"] not in kept:
            kept[question["text"]] = embedder.embed_query(question["text"], tokens=True).tokens[0]
    relevant: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, score = line.split("\t")
        relevant.setdefault(query, {})[document] = int(score)
    return Sample(
        texts=[kept[text["text"]] for text in texts],
        names=[text["_id"] for text in texts],
        questions=[kept[question["text"]] for question in questions],
        asked=[question["_id"] for question in questions],
        relevant=relevant,
    )


def ndcg(given: Sample, scorer: Scorer) -> float:
    """Mean nDCG@10 of a scorer over the sample's questions."""
    rankings = {}
    for name, question in zip(given.asked, given.questions, strict=True):
        best = np.argsort(-scorer(question), kind="stable")[:10]
        rankings[name] = [given.names[place] for place in best]
    return mean(per_query(rankings, given.relevant)["ndcg@10"].values())


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
    print(f"{label:32}" + "".join(f"{figure:12.4f}" for figure in [*figures, mean(figures)]) + cost, flush=True)


def full_precision_rows(samples: list[Sample], centre: Floats) -> None:
    """What centring gives, and what pooling alone takes."""

    def centred(rows: Floats) -> Floats:
        return unit(rows - centre)

    def of_pooled(share: float) -> Callable[[Sample], Scorer]:
        return lambda given: exact([pooled(centred(text), round(len(text) / share)) for text in given.texts], centred)

    report("float32", samples, lambda given: exact(given.texts, lambda rows: rows), "")
    report("float32 centred", samples, lambda given: exact([centred(text) for text in given.texts], centred), "")
    for share in (2.0, 3.0, 4.0):
        report(f"float32 centred, pooled by {share:g}", samples, of_pooled(share), "")


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
    report(label, samples, scorer, f"{mean(map(len, encoded.values())):9.0f}{spent:8.2f}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--queries", type=int, default=300)
    options = parser.parse_args()
    folders = [options.data / name for name in SETS]
    if not all(folder.is_dir() for folder in folders):
        print(f"skipped: {options.data} does not hold {', '.join(SETS)}", file=sys.stderr)
        return
    embedder = load_embedder()
    kept: dict[str, Floats] = {}
    samples = [sample(folder, embedder, options.queries, kept) for folder in folders]
    tokens = np.concatenate([text for given in samples[:2] for text in given.texts])
    centre = tokens[:: max(1, len(tokens) // MEAN_TOKENS)].mean(axis=0)
    counts = [len(text) for given in samples for text in given.texts]
    print(
        f"{options.queries} questions a set; {mean(counts):.0f} tokens a text; "
        f"norm of the mean {np.linalg.norm(centre):.2f}"
    )
    print(f"{'':32}" + "".join(f"{name:>12}" for name in [*SETS, "mean"]) + "    bytes      ms")
    full_precision_rows(samples, centre)
    for bits, pool in CODECS:
        codec_row(samples, centre, bits, pool)


if __name__ == "__main__":
    main()
