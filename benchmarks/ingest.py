"""What an ingest costs: beside other tools, beside its own forward pass, with nothing to do, and a search after it.

    python benchmarks/ingest.py --setup                            once, for --peers: their environments, some 5 GB
    python benchmarks/ingest.py FOLDER [--peers] [--runs N]        FOLDER's files; whole processes, in turns
    python benchmarks/ingest.py --unchanged 8000                   files made up: none changed, then one of them
    python benchmarks/ingest.py --cold INDEX                       a search from a cold shell (INDEX: of scale.py)

Peers get the chunks that rag cut, ready, and the built-in embedder's plain weights, and embed, store and save them
(peers/ingesting.py): no reading, no splitting, no token vectors, no lexical index, which rag's time has in it. They
run as they come, in float32; `sentence-transformers` is its `encode` alone, in its process, without loading the model.

The forward pass alone is every text of the index embedded once more, in slabs as an ingest hands them over, in a
process that has done so before. Its useful work is counted as 2 operations for each weight and token and 4 · t · d for
each token's attention; padding does no useful work. The rate that it is compared with is that of a linear layer of
8192 × 384 × 1536 in the engine's number format, on all threads.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from rag import Index, load_embedder
from rag.models.cache import locate
from rag.models.catalogue import DEFAULT_EMBEDDER
from rag.models.folder import read_config
from rag.models.threads import limit_torch
from rag.protocols import EmbeddingJob
from rag.slabs import AT_ONCE, SLAB_CHUNKS
from rag.text.context import embedded_text
from rag.threads import thread_count

sys.path.append(str(Path(__file__).with_name("peers")))  # a script finds what lies beside it, not below
from environments import QUIET, python_of, set_up

COMMON = ("sentence-transformers==6.2.0", "torch")
PEERS = {
    "langchain": ("langchain-huggingface==1.2.3", "langchain-community==0.4.2", "faiss-cpu==1.15.1"),
    "llamaindex": ("llama-index-core==0.14.25", "llama-index-embeddings-huggingface==0.8.0"),
    "haystack": ("haystack-ai==3.4.1", "sentence-transformers-haystack==2.0.0"),
    "txtai": ("txtai==9.14.0",),
}
RAG = [sys.executable, "-c", "from rag.cli import main; main()"]
LINEAR = (8192, 384, 1536)
ROUNDS = 20  # of the linear layer


def main() -> None:
    options = arguments()
    if options.setup:
        set_up(options.envs, {peer: (*pins, *COMMON) for peer, pins in PEERS.items()})
    elif options.cold:
        show_cold(options.cold, options.runs)
    elif options.unchanged:
        show_unchanged(options.unchanged, options.runs)
    elif options.folder:
        with tempfile.TemporaryDirectory() as temporary:
            show_ingest(options, Path(temporary))
    else:
        sys.exit("name a folder, or what else to measure: see --help")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--peers", action="store_true", help="run the peers too")
    parser.add_argument("--runs", type=int, default=3, help="of each [default: 3]")
    parser.add_argument("--setup", action="store_true", help="make the peers' environments, then stop")
    parser.add_argument("--envs", type=Path, default=user_cache_path("rag", appauthor=False) / "peers-ingest")
    parser.add_argument("--unchanged", type=int, metavar="N", help="an ingest of N unchanged files, and of one changed")
    parser.add_argument("--cold", type=Path, metavar="INDEX", help="a search from a cold shell")
    return parser.parse_args()


# ------------------------------------------------------------ a folder


def show_ingest(options: argparse.Namespace, work: Path) -> None:
    """rag and the peers in turns; then where rag's time goes."""
    rag = ingested(options.folder, work)
    texts = texts_of(work / "rag")
    chunks = work / "chunks.jsonl"
    chunks.write_text("".join(f"{json.dumps(text)}\n" for text in texts), encoding="utf-8")
    runs: dict[str, Callable[[], float]] = {"rag": lambda: float(ingested(options.folder, work)["wall"])}
    if options.peers:
        model = plain_model(work)
        for peer in PEERS:
            runs[peer] = partial(peer_seconds, options.envs, peer, model, chunks, work)
        runs["sentence-transformers"] = encoder_of(model, texts)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(options.runs):
        for name, run in runs.items():
            seconds[name].append(run())
            print(f"{name} {seconds[name][-1]:.1f} s", file=sys.stderr, flush=True)
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    print(f"{rag['files']['seen']} files, {len(texts)} chunks, {rag['tokens']} tokens, {thread_count()} threads\n")
    print("| | seconds, median | runs | × rag |\n|---|---:|---|---:|")
    for name, median in medians.items():
        each = " ".join(f"{run:.1f}" for run in seconds[name])
        print(f"| {name} | {median:.1f} | {each} | {median / medians['rag']:.2f} |")
    show_forward(texts, medians["rag"], options.runs)


def ingested(folder: Path, work: Path) -> dict[str, Any]:
    """The report of `rag ingest`, with the seconds that the process took as "wall"."""
    shutil.rmtree(work / "rag", ignore_errors=True)
    started = time.perf_counter()
    words = [*RAG, "ingest", str(folder.resolve()), "--index", str(work / "rag"), "--json"]
    done = subprocess.run(words, cwd=work, check=True, capture_output=True, text=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report | {"wall": time.perf_counter() - started}


def texts_of(index: Path) -> list[str]:
    """The texts that were embedded, each once."""
    with Index.open(index) as opened:
        documents = {source.document for source in opened.all_sources() if source.document}
        chunks = [chunk for each in sorted(documents) for chunk in opened.chunks(opened.rows_of(each))]
    return list(dict.fromkeys(embedded_text(chunk) for chunk in chunks))


def plain_model(work: Path) -> str:
    """The built-in embedder's folder, where a name cannot be taken for one of the hub's."""
    folder = locate(DEFAULT_EMBEDDER)
    if folder is None:
        sys.exit("fetch the model first: rag models pull")
    target = work / "model"
    shutil.copytree(folder, target)
    return str(target)


def peer_seconds(envs: Path, peer: str, model: str, chunks: Path, work: Path) -> float:
    out = work / peer
    shutil.rmtree(out, ignore_errors=True)
    script = Path(__file__).parent / "peers" / "ingesting.py"
    words = [str(python_of(envs / peer)), str(script), peer, model, str(chunks), str(out)]
    started = time.perf_counter()
    done = subprocess.run(words, check=False, capture_output=True, text=True, env=os.environ | QUIET)
    if done.returncode:
        sys.exit(f"{peer}: {done.stderr[-2000:]}")
    return time.perf_counter() - started


def encoder_of(model: str, texts: Sequence[str]) -> Callable[[], float]:
    from sentence_transformers import SentenceTransformer

    loaded = SentenceTransformer(model, device="cpu", local_files_only=True, model_kwargs={"dtype": "float32"})

    def run() -> float:
        limit_torch()
        started = time.perf_counter()
        loaded.encode(list(texts), prompt_name="document", show_progress_bar=False)
        return time.perf_counter() - started

    return run


# ------------------------------------------------------------ the forward pass


def show_forward(texts: Sequence[str], wall: float, runs: int) -> None:
    """What the forward pass alone takes, and how much of the processor it uses."""
    embedder = load_embedder()
    embedder.embed_texts(texts[: 4 * SLAB_CHUNKS], tokens=True)  # enough for the engine of long jobs
    engine = str(getattr(embedder, "engine", "?"))
    lengths = [count + embedder.overhead for count in embedder.count_tokens(texts)]
    order = sorted(range(len(texts)), key=lambda number: -lengths[number])
    slabs = [[texts[n] for n in order[at : at + SLAB_CHUNKS]] for at in range(0, len(order), SLAB_CHUNKS)]
    alone, rates = [], []
    for _ in range(runs):
        rates.append(linear_rate(engine))
        started = time.perf_counter()
        forward(embedder, slabs)
        alone.append(time.perf_counter() - started)
        rates.append(linear_rate(engine))
    useful = useful_operations(lengths)
    median, rate = statistics.median(alone), statistics.median(rates)
    print(f"\nforward pass alone ({getattr(embedder, 'engine', '?')}): {median:.1f} s, ", end="")
    print(f"{sum(lengths) / median:.0f} tokens/s; all else is {1 - median / wall:.1%} of the ingest")
    print(
        f"{useful / median / 1e9:.0f} useful GFLOP/s, {useful / median / rate:.0%} of the {rate / 1e9:.0f} of a ",
        end="",
    )
    print(f"linear layer of {' × '.join(map(str, LINEAR))} (runs {' '.join(f'{each / 1e9:.0f}' for each in rates)})")


def forward(embedder: Any, slabs: Sequence[Sequence[str]]) -> None:
    """Every slab, so many at once as an ingest has."""
    waiting, running = deque(slabs), deque[EmbeddingJob]()
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            running.append(embedder.start_texts(waiting.popleft()))
        running.popleft().result()


def useful_operations(lengths: Sequence[int]) -> float:
    """Of the weights of all layers and of the attention, for texts of so many tokens."""
    folder = locate(DEFAULT_EMBEDDER)
    assert folder is not None
    config = read_config(folder)
    layers, width, inner = (int(config[name]) for name in ("num_hidden_layers", "hidden_size", "intermediate_size"))
    weights = layers * (4 * width**2 + 2 * width * inner)
    return float(sum(2 * weights * length + 4 * layers * width * length**2 for length in lengths))


def linear_rate(engine: str) -> float:
    """Operations a second of a linear layer, in the median of some rounds; of float32 for an engine of 8 bits."""
    import torch

    dtype = torch.bfloat16 if "bfloat16" in engine else torch.float32
    rows, inputs, outputs = LINEAR
    states, weight = torch.randn(rows, inputs).to(dtype), torch.randn(outputs, inputs).to(dtype)
    limit_torch()
    spent = []
    with torch.inference_mode():
        for _ in range(ROUNDS):
            started = time.perf_counter()
            torch.nn.functional.linear(states, weight)
            spent.append(time.perf_counter() - started)
    return 2 * rows * inputs * outputs / statistics.median(spent)


# ------------------------------------------------------------ nothing to do, and cold searches


def show_unchanged(count: int, runs: int) -> None:
    """The time of an ingest of files that are all known, and of one that is not."""
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        folder = work / "docs"
        for number in range(count):
            path = folder / f"{number % 97}" / f"{number}.md"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"# Part {number}\n\nPart {number} is kept in shelf {number * 7919 % 9973}.\n", "utf-8")
        first = timed_rag(work, "ingest", "docs", "--index", "index")
        again = [timed_rag(work, "ingest", "docs", "--index", "index") for _ in range(runs)]
        changed = []
        for run in range(runs):
            path.write_text(f"# Part X\n\nPart X is now kept in the harbour, run {run}.\n", "utf-8")
            changed.append(timed_rag(work, "ingest", "docs", "--index", "index"))
    print(f"| {count} files | seconds, median | tokens embedded | runs |\n|---|---:|---:|---|")
    rows: Mapping[str, list[tuple[float, dict[str, int]]]] = {
        "for the first time": [first],
        "none changed": again,
        "one changed": changed,
    }
    for name, each in rows.items():
        spent = [seconds for seconds, _ in each]
        tokens = statistics.median(report["tokens"] for _, report in each)
        print(f"| {name} | {statistics.median(spent):.2f} | {tokens:.0f} | {' '.join(f'{one:.2f}' for one in spent)} |")


def show_cold(index: Path, runs: int) -> None:
    """The time of `rag search` as a process of its own."""
    questions = ["How long is the warranty?", "谁可以借用投影仪？", "Which error code means overheating?"]
    spent = []
    for run in range(runs + 1):
        started = time.perf_counter()
        words = [*RAG, "search", questions[run % len(questions)], "--index", str(index), "--json"]
        subprocess.run(words, check=True, capture_output=True)
        spent.append(time.perf_counter() - started)
    runs_shown = " ".join(f"{one:.2f}" for one in spent[1:])
    print(f"cold search: {statistics.median(spent[1:]):.2f} s, median of {runs} after one (runs {runs_shown})")


def timed_rag(work: Path, *words: str) -> tuple[float, dict[str, int]]:
    started = time.perf_counter()
    done = subprocess.run([*RAG, *words, "--json"], cwd=work, check=True, capture_output=True, text=True)
    return time.perf_counter() - started, json.loads(done.stdout)


if __name__ == "__main__":
    main()
