"""Retrieval quality with default settings on every evaluation set that is at hand, as a Markdown table.

    python benchmarks/retrieval.py [--data FOLDER] [--limit N] [--chunk-tokens N] [SET ...]

FOLDER holds sets in the form of `rag eval` (default: ../shared/data). Absent sets are named, then skipped.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from rag import load_embedder
from rag.evaluation.run import evaluate
from rag.index.chunking import Chunking
from rag.protocols import Embedder

SETS = ("xquad-en", "xquad-zh", "xquad-de", "xquad-es", "xquad-ar", "cmrc2018", "xquad-zh-en", "xquad-en-zh", "scifact")
METRICS = ("ndcg@10", "recall@5", "recall@10", "mrr@10")
HANDBOOK = Path(__file__).parents[1] / "corpora" / "handbook"


def main() -> None:
    options = arguments(__doc__ or "")
    embedder = load_embedder()
    print("| set | queries | " + " | ".join(METRICS) + " | p50 / p95 ms |")
    print("|---|---:|" + "---|" * (len(METRICS) + 1))
    print_rows(options, lambda name, folder: row(name, folder, embedder, options), len(METRICS) + 1)


def print_rows(options: argparse.Namespace, row: Callable[[str, Path], str], cells: int) -> None:
    """A line of the table for each set; one that is absent has as many empty `cells`."""
    for name in options.sets or ("handbook", *SETS):
        folder = HANDBOOK if name == "handbook" else options.data / name
        print(row(name, folder) if folder.is_dir() else f"| {name} | absent |" + " |" * cells, flush=True)


def arguments(description: str) -> argparse.Namespace:
    """What both this script and benchmarks/legs.py take."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--chunk-tokens", type=int, default=Chunking().max_tokens)
    parser.add_argument("sets", nargs="*")
    return parser.parse_args()


def row(name: str, folder: Path, embedder: Embedder, options: argparse.Namespace) -> str:
    """One set's line: each metric's mean and its bootstrap 95 % interval."""
    report = evaluate(folder, embedder, limit=options.limit, chunking=Chunking(options.chunk_tokens))
    cells = [
        f"{metric.mean:.4f} [{metric.low:.3f}, {metric.high:.3f}]"
        for metric in (report.metrics[each] for each in METRICS)
    ]
    latency = f"{report.latency_ms['p50']:.0f} / {report.latency_ms['p95']:.0f}"
    return f"| {name} | {report.judged} | " + " | ".join(cells) + f" | {latency} |"


if __name__ == "__main__":
    main()
