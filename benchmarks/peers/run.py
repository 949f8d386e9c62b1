"""rag beside LangChain, LlamaIndex, Haystack and txtai: nDCG@10 on the same chunks with the same embedder's weights.

    python benchmarks/peers/run.py --setup                   # once: an environment for each peer, some 2 GB
    python benchmarks/peers/run.py [--data FOLDER] [--limit N] [SET ...]

rag runs with its default settings on the index that `rag eval` builds. The peers are given that index's chunks (as
they are embedded: heading context in front of the text) and the built-in embedder's plain weights: one vector for
each chunk and each question, made once by sentence-transformers in float32 (prompts `query: ` and `passage: `, mean
pooling, unit length). What rag adds to these weights (its adapter for questions, token vectors), the peers do not
get: that is a part of what is compared. Each peer searches by its vectors alone ("dense") and as it documents hybrid
search, with its own defaults (its script here says which), and asks either side for 10 chunks ("hybrid 10") or 50
("hybrid 50"): a fusion of ranks changes with that. Where this gives fewer than 10 documents, it asks for more. A
document's score is its best chunk's, for all.

Printed for each set: means, and rag's lead over each peer with its bootstrap 95 % interval, paired by question. At the
end: what is missing to a perfect score (1 − nDCG@10), rag's and that of the best peer and mode of each set, chosen in
hindsight; and the sets in which a peer is ahead beyond the interval. FOLDER is as in benchmarks/retrieval.py. All sets
with --limit 500 took 95 minutes on two busy cores, most of it in embedding scifact twice and in Haystack's searches.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from environments import QUIET, python_of, set_up
from exchange import Chunk, Question, Task, modes, read_rankings, write_rankings, write_task
from numpy.typing import NDArray
from platformdirs import user_cache_path

from rag import Retriever, load_embedder
from rag.evaluation.build import built_index, document_names
from rag.evaluation.dataset import EvaluationSet, read_set
from rag.evaluation.metrics import Figure, figure, per_query
from rag.evaluation.run import ranked_documents
from rag.index.chunking import Chunking
from rag.index.index import Index
from rag.models.cache import locate
from rag.models.catalogue import DEFAULT_EMBEDDER
from rag.protocols import Embedder
from rag.reports import NoProgress
from rag.text.context import embedded_text

ROOT = Path(__file__).parents[2]
HANDBOOK = ROOT / "corpora" / "handbook"
XQUAD = ("xquad-en", "xquad-zh", "xquad-de", "xquad-es", "xquad-ar", "xquad-zh-en", "xquad-en-zh")
SETS = ("handbook", *XQUAD, "cmrc2018", "scifact")
PEERS = {
    "langchain": (
        *("langchain-classic==1.0.8", "langchain-community==0.4.2", "langchain-core==1.8.3"),
        *("faiss-cpu==1.15.1", "rank-bm25==0.2.2"),
    ),
    "llamaindex": ("llama-index-core==0.14.25", "llama-index-retrievers-bm25==0.8.0", "bm25s==0.3.16"),
    "haystack": ("haystack-ai==3.4.1",),
    "txtai": ("txtai==9.14.0",),
}
DEPTHS = (10, 50)
MODES = modes(DEPTHS)


@dataclass(frozen=True, slots=True)
class Scores:
    """nDCG@10 of one set by question: rag's, and each peer's by (peer, mode)."""

    name: str
    rag: Mapping[str, float]
    peers: Mapping[tuple[str, str], Mapping[str, float]]

    def lead(self, peer: str, mode: str) -> Figure:
        """rag − peer, paired by question."""
        values = self.peers[peer, mode]
        return figure([score - values[question] for question, score in self.rag.items()])

    @property
    def best(self) -> tuple[str, str]:
        """The peer and mode with the highest mean."""
        return max(self.peers, key=lambda key: mean(self.peers[key]))


def main() -> None:
    options = arguments()
    if options.setup:
        set_up(options.envs, PEERS)
        return
    missing = [peer for peer in PEERS if not python_of(options.envs / peer).is_file()]
    if missing:
        sys.exit(f"no environment for {', '.join(missing)} in {options.envs}; make them with: {sys.argv[0]} --setup")
    print(", ".join(pin for pins in PEERS.values() for pin in pins))
    embedder = load_embedder()
    measured = []
    for name in options.sets or SETS:
        folder = HANDBOOK if name == "handbook" else options.data / name
        if not folder.is_dir():
            print(f"\n{name}: absent")
            continue
        measured.append(measure(name, read_set(folder, options.limit), embedder, options))
        print("\n".join(("", *set_lines(measured[-1]))), flush=True)
    if measured:
        print("\n".join(("", *means_lines(measured), "", *summary_lines(measured))))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--limit", type=int, default=None, help="the first N questions of each set")
    parser.add_argument("--envs", type=Path, default=user_cache_path("rag", appauthor=False) / "peers")
    parser.add_argument("--work", type=Path, default=None, help="keep vectors and rankings here, and use the vectors")
    parser.add_argument("--setup", action="store_true", help="make the peers' environments, then stop")
    parser.add_argument("sets", nargs="*")
    return parser.parse_args()


# ------------------------------------------------------------ one set


def measure(name: str, dataset: EvaluationSet, embedder: Embedder, options: argparse.Namespace) -> Scores:
    """Everyone's rankings of the set's judged questions, scored."""
    with tempfile.TemporaryDirectory() as temporary, Index.open(index_of(dataset, embedder)) as index:
        work = options.work or Path(temporary)
        names = document_names(dataset, index)
        task = task_of(dataset, index, names, work)
        searched = ranked_documents(dataset, Retriever(index, embedder), names, NoProgress())
        ours = {query: list(each.found) for query, each in searched.items()}
        folder = work / name
        folder.mkdir(parents=True, exist_ok=True)
        write_task(folder, task)
        write_rankings(folder, "rag", {"default": ours})
        peers = {
            (peer, mode): ndcg(rankings, dataset)
            for peer in PEERS
            for mode, rankings in asked(peer, folder, options).items()
        }
    return Scores(name, ndcg(ours, dataset), peers)


def index_of(dataset: EvaluationSet, embedder: Embedder) -> Path:
    return built_index(dataset, embedder, Chunking(), None, NoProgress())


def task_of(dataset: EvaluationSet, index: Index, names: Mapping[str, str], work: Path) -> Task:
    """The index's chunks and the set's judged questions, with their vectors."""
    chunks = tuple(chunks_of(index, names))
    questions = tuple(Question(query.id, query.text) for query in dataset.queries if query.id in dataset.qrels)
    return Task(
        chunks,
        questions,
        vectors_of([chunk.text for chunk in chunks], "document", work),
        vectors_of([question.text for question in questions], "query", work),
    )


def chunks_of(index: Index, names: Mapping[str, str]) -> Iterator[Chunk]:
    documents: dict[str, list[str]] = {}
    for source in index.all_sources():
        if source.document is not None and source.location in names:
            documents.setdefault(source.document, []).append(names[source.location])
    for document, called in documents.items():
        for chunk in index.chunks(index.rows_of(document)):
            yield Chunk(tuple(called), embedded_text(chunk))


def vectors_of(texts: Sequence[str], prompt: str, work: Path) -> NDArray[np.float32]:
    """Unit rows (n, d) of the plain weights; kept in `work` by the hash of prompt and texts."""
    digest = hashlib.sha256("\0".join((prompt, *texts)).encode("utf-8", "surrogatepass")).hexdigest()
    path = work / f"{digest[:32]}.npy"
    if not path.is_file():
        work.mkdir(parents=True, exist_ok=True)
        np.save(path, embedded(texts, prompt), allow_pickle=False)
    vectors: NDArray[np.float32] = np.load(path, allow_pickle=False)
    return vectors


def embedded(texts: Sequence[str], prompt: str) -> NDArray[np.float32]:
    from sentence_transformers import SentenceTransformer

    folder = locate(DEFAULT_EMBEDDER)
    assert folder is not None  # run.py has loaded it
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    vectors: NDArray[np.float32] = model.encode(list(texts), prompt_name=prompt, normalize_embeddings=True)
    return vectors


def asked(peer: str, folder: Path, options: argparse.Namespace) -> dict[str, dict[str, list[str]]]:
    """Mode → question → documents, best first, by the peer's script in its environment."""
    script = Path(__file__).with_name(f"{peer}_peer.py")
    words = [str(python_of(options.envs / peer)), str(script), str(folder), *map(str, DEPTHS)]
    subprocess.run(words, check=True, stdout=sys.stderr, env=os.environ | QUIET)
    return read_rankings(folder, peer)


def ndcg(rankings: Mapping[str, Sequence[str]], dataset: EvaluationSet) -> dict[str, float]:
    return per_query(rankings, dataset.qrels)["ndcg@10"]


def mean(values: Mapping[str, float]) -> float:
    return sum(values.values()) / len(values)


# ------------------------------------------------------------ tables


def set_lines(scores: Scores) -> list[str]:
    """One set: each peer's means, and rag's lead over them."""
    rows = [
        f"| {peer} | "
        + " | ".join(f"{mean(scores.peers[peer, mode]):.4f}" for mode in MODES)
        + " | "
        + " | ".join(interval(scores.lead(peer, mode)) for mode in MODES)
        + " |"
        for peer in PEERS
    ]
    return [
        f"**{scores.name}**, {len(scores.rag)} questions: rag {mean(scores.rag):.4f}",
        "",
        "| peer | " + " | ".join((*MODES, *(f"rag − {mode}" for mode in MODES))) + " |",
        "|---|" + "---:|" * len(MODES) + "---|" * len(MODES),
        *rows,
    ]


def interval(lead: Figure) -> str:
    return f"{lead.mean:+.4f} [{lead.low:+.4f}, {lead.high:+.4f}]"


def means_lines(measured: Sequence[Scores]) -> list[str]:
    """All sets in one table of means."""
    keys = [(peer, mode) for peer in PEERS for mode in MODES]
    rows = [
        f"| {scores.name} | {len(scores.rag)} | {mean(scores.rag):.4f} | "
        + " | ".join(f"{mean(scores.peers[key]):.4f}" for key in keys)
        + " |"
        for scores in measured
    ]
    return [
        "| set | questions | rag | " + " | ".join(" ".join(key) for key in keys) + " |",
        "|---|" + "---:|" * (len(keys) + 2),
        *rows,
    ]


def summary_lines(measured: Sequence[Scores]) -> list[str]:
    """What is missing to 1, rag's and the best peer's; who is ahead of rag."""
    ours = [1 - mean(scores.rag) for scores in measured]
    theirs = [1 - mean(scores.peers[scores.best]) for scores in measured]
    rows = [
        f"| {scores.name} | {our:.4f} | {their:.4f} | {' '.join(scores.best)} | {lower(our, their)} |"
        for scores, our, their in zip(measured, ours, theirs, strict=True)
    ]
    return [
        "| set | 1 − nDCG@10: rag | best peer | which | rag's is lower by |",
        "|---|---:|---:|---|---:|",
        *rows,
        mean_line("mean", ours, theirs),
        *own_corpus_apart(measured, ours, theirs),
        "",
        *ahead_lines(measured),
    ]


def own_corpus_apart(measured: Sequence[Scores], ours: Sequence[float], theirs: Sequence[float]) -> list[str]:
    """The mean without the handbook, which rag's authors wrote, where there are other sets too."""
    others = [place for place, scores in enumerate(measured) if scores.name != "handbook"]
    if not 0 < len(others) < len(measured):
        return []
    return [mean_line("mean without the handbook", *([values[place] for place in others] for values in (ours, theirs)))]


def mean_line(title: str, ours: Sequence[float], theirs: Sequence[float]) -> str:
    our, their = sum(ours) / len(ours), sum(theirs) / len(theirs)
    return f"| {title} | {our:.4f} | {their:.4f} | | {lower(our, their)} |"


def lower(ours: float, theirs: float) -> str:
    """By how many per cent of `theirs`; negative where ours is higher."""
    return f"{100 * (1 - ours / theirs):.0f} %" if theirs else "–"


def ahead_lines(measured: Sequence[Scores]) -> list[str]:
    leads = [(scores.name, *key, scores.lead(*key)) for scores in measured for key in scores.peers]
    ahead = [f"- {name}: {peer} {mode}, {interval(lead)}" for name, peer, mode, lead in leads if lead.high < 0]
    even = [
        f"- {name}: {peer} {mode}, {interval(lead)}" for name, peer, mode, lead in leads if lead.low <= 0 <= lead.high
    ]
    return [
        "Ahead of rag beyond the interval (rag − peer):" if ahead else "No peer is ahead of rag beyond the interval.",
        *ahead,
        *(["", "Not told apart from rag by the interval:", *even] if even else []),
    ]


if __name__ == "__main__":
    main()
