"""How fast ingest embeds, against `SentenceTransformer.encode` in float32: same texts, same weights, same process.

    python benchmarks/embedding.py                                   the handbook's Markdown and plain text
    python benchmarks/embedding.py --texts corpus.jsonl --limit 500  the "text" of an evaluation corpus

Runs alternate; the ratio is that of their medians. Ours gives token vectors too, the other one does not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.models.batches import by_length
from rag.models.cache import locate
from rag.models.catalogue import DEFAULT_EMBEDDER
from rag.models.engines import LONG_JOB
from rag.models.load import load_embedder
from rag.models.torch_engine import CPU_BATCH_TOKENS
from rag.protocols import Embedder
from rag.threads import thread_count

HANDBOOK = Path(__file__).parents[1] / "corpora" / "handbook" / "documents"
CHUNK_TOKENS = 320  # as ingest cuts by default
SLAB = 256  # texts that ingest hands over at once

Floats = NDArray[np.float32]


def main() -> None:
    """Print tokens and paragraphs a second of both, and the ratio."""
    options = arguments()
    embedder = load_embedder(engine=options.engine)
    texts = list(pieces(embedder, options.texts))[: options.limit]
    tokens = sum(embedder.count_tokens(texts)) + embedder.overhead * len(texts)
    print(f"{len(texts)} paragraphs, {tokens} tokens with prompts, {thread_count()} threads", flush=True)
    ours, theirs = ours_over(embedder), theirs_over(options.batch)
    for _ in range(2 * LONG_JOB // tokens + 1):  # until the engine for long jobs runs
        ours(texts)
    agreement = (ours(texts) * theirs(texts)).sum(axis=1)
    seconds: dict[str, list[float]] = {"rag": [], "sentence-transformers": []}
    for _ in range(options.runs):
        seconds["rag"].append(timed(ours, texts))
        seconds["sentence-transformers"].append(timed(theirs, texts))
    medians = {name: statistics.median(runs) for name, runs in seconds.items()}
    for name, median in medians.items():
        runs = " ".join(f"{run:.1f}" for run in seconds[name])
        print(f"{name:22} {tokens / median:7.0f} tokens/s {len(texts) / median:6.1f} paragraphs/s   runs {runs} s")
    print(f"ratio {medians['sentence-transformers'] / medians['rag']:.2f}   engine {getattr(embedder, 'engine', '?')}")
    print(f"cosine between the two: least {agreement.min():.5f}, mean {agreement.mean():.5f}")
    lengths = embedder.count_tokens(texts)
    padded = sum(max(lengths[n] for n in batch) * len(batch) for batch in by_length(lengths, CPU_BATCH_TOKENS))
    print(f"padding in our batches: {1 - sum(lengths) / padded:.1%}")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, help="corpus.jsonl of an evaluation corpus [default: the handbook]")
    parser.add_argument("--limit", type=int, default=400, help="paragraphs at most [default: 400]")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, after one to warm up [default: 3]")
    parser.add_argument(
        "--batch", type=int, default=32, help="SentenceTransformer.encode's batch_size [default: its 32]"
    )
    parser.add_argument("--engine", default="auto", help="ours: auto, onnx or torch [default: auto]")
    return parser.parse_args()


def pieces(embedder: Embedder, corpus: Path | None) -> Iterator[str]:
    """Paragraphs of at most `CHUNK_TOKENS` tokens."""
    for text in documents(corpus):
        offsets = embedder.token_offsets(text)
        for start in range(0, len(offsets), CHUNK_TOKENS):
            part = offsets[start : start + CHUNK_TOKENS]
            piece = text[part[0][0] : part[-1][1]].strip()
            if piece:
                yield piece


def documents(corpus: Path | None) -> Iterator[str]:
    """Texts of a corpus file, or of the handbook."""
    if corpus is not None:
        for line in corpus.read_text(encoding="utf-8").splitlines():
            yield str(json.loads(line)["text"])
        return
    for path in sorted(HANDBOOK.rglob("*")):
        if path.suffix in (".md", ".txt"):
            yield path.read_text(encoding="utf-8")


def ours_over(embedder: Embedder) -> Callable[[list[str]], Floats]:
    """What `rag ingest` does."""

    def run(texts: list[str]) -> Floats:
        slabs = [texts[start : start + SLAB] for start in range(0, len(texts), SLAB)]
        return np.concatenate([embedder.embed_texts(slab, tokens=True).vectors for slab in slabs])

    return run


def theirs_over(batch: int) -> Callable[[list[str]], Floats]:
    """`SentenceTransformer.encode` in float32 over the same folder."""
    import torch
    from sentence_transformers import SentenceTransformer

    folder = locate(DEFAULT_EMBEDDER)
    if folder is None:
        sys.exit("fetch the model first: rag models pull")
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": "float32"})

    def run(texts: list[str]) -> Floats:
        torch.set_num_threads(thread_count())
        found = model.encode(texts, prompt_name="document", batch_size=batch, show_progress_bar=False)
        return np.asarray(found, np.float32)

    return run


def timed(run: Callable[[list[str]], Floats], texts: list[str]) -> float:
    """Seconds of one run."""
    started = time.perf_counter()
    run(texts)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
