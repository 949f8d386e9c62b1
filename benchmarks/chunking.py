"""How text is cut, and what of it that costs or wins: the share of gold answers that is read within some characters.

    python benchmarks/chunking.py [--data FOLDER] [--questions N] [--methods NAME ...]

Three sets: articles of train/squad2, their paragraphs joined; cmrc2018-trial; the development half of the handbook.
Each document is cut in each way, indexed with the built-in embedder and searched by the default retriever. A question
is met where its gold answer, at a place in the right document, lies within the first 1,000 characters of the hits, in
their order (2,000 in the second column; a character of Chinese counts twice): so that large chunks have no advantage
from being large. With it the mean tokens of a chunk, and chunks.

- structure N: as `rag ingest` cuts, on headings, paragraphs and sentences, with heading context: a section of at most N
  tokens is one chunk, another is cut into parts of three fifths of that;
- without context: the same without it;
- filled N: the same, but the parts of a section are filled up to N;
- recursive N: RecursiveCharacterTextSplitter of langchain-text-splitters as it comes, N tokens, no heading context;
- overlap: the same, each chunk beginning with the last fifth of the one before;
- semantic: sentences joined until the cosine of one and the next is among the lowest tenth of the document's, or N;
- late N: chunks of `filled N`, their vectors pooled from the token vectors of the longest text around them that the
  embedder takes (late chunking, arXiv:2409.04701; pooled from unit vectors, since that is what an embedder gives).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from handbook import half_of, qrels
from langchain_text_splitters import RecursiveCharacterTextSplitter

from rag import Index, Retriever, load_embedder
from rag.corpus.readers import reader_for
from rag.datatypes import Chunk, Document, Embeddings, Source, State
from rag.index.chunking import Chunking, chunk_id
from rag.index.split import PART, split
from rag.index.writer import Writer
from rag.intake import Intake
from rag.protocols import Embedder
from rag.text.context import embedded_text
from rag.text.language import language
from rag.text.sentences import sentences

HANDBOOK = Path(__file__).parents[1] / "corpora" / "handbook"
BUDGETS = (1000, 2000)
DEEP = 40  # hits that are asked for: more than fill the larger budget

Cut = Callable[[Document, Embedder], list[Chunk]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and where its answer stands: the document's id, and half-open spans of its text."""

    question: str
    document: str
    spans: tuple[tuple[int, int], ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--questions", type=int, default=300, help="of each set at most")
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=METHODS)
    options = parser.parse_args()
    embedder = load_embedder()
    print(f"| set | cut | chunks | tokens | {BUDGETS[0]} characters | {BUDGETS[1]} |\n|---|---|---:|---:|---:|---:|")
    for name, (documents, asked) in sets(options.data).items():
        for method in options.methods:
            print(row(name, method, documents, asked[: options.questions], embedder), flush=True)


def row(name: str, method: str, documents: Sequence[Document], asked: Sequence[Asked], embedder: Embedder) -> str:
    """A line of the table: how one way of cutting does on one set."""
    cut = METHODS[method]
    used: Embedder = Contextual(embedder, documents, cut) if method.startswith("late") else embedder
    with tempfile.TemporaryDirectory() as folder:
        count, tokens = build(Path(folder), documents, cut, used)
        with Index.open(Path(folder), embedder=used) as index:
            retriever = Retriever(index, used)
            met = np.array([[found(retriever, each, budget) for budget in BUDGETS] for each in asked], float)
    shares = [f"{mean:.1%} ± {1.96 * np.sqrt(mean * (1 - mean) / len(met)):.1%}" for mean in met.mean(axis=0)]
    return f"| {name} | {method} | {count} | {tokens / count:.0f} | {' | '.join(shares)} |"


def build(path: Path, documents: Sequence[Document], cut: Cut, embedder: Embedder) -> tuple[int, int]:
    """Index the documents, cut so; chunks and their tokens."""
    with Writer.open(path, embedder=embedder) as writer, _Intake(writer, embedder) as intake:
        intake.cut = cut
        for document in documents:
            intake.add(document, [Source("", document.id, State.INDEXED, document.id)])
        intake.flush(last=True)
    cuts = [chunk for document in documents for chunk in cut(document, embedder)]
    return len(cuts), sum(chunk.tokens for chunk in cuts)


class _Intake(Intake):
    """An intake that cuts in another way."""

    cut: Cut

    def _split(self, document: Document) -> Iterator[Sequence[Chunk]]:
        yield self.cut(document, self.embedder)


def found(retriever: Retriever, asked: Asked, budget: int) -> bool:
    """Whether an answer lies within so many characters of the hits."""
    left = budget
    for hit in retriever.retrieve(asked.question, DEEP):
        wide = 2 if hit.chunk.language in ("zh", "ja", "ko") else 1
        end = min(hit.end, hit.start + left // wide)
        if hit.chunk.document == asked.document and any(hit.start <= a and b <= end for a, b in asked.spans):
            return True
        left -= wide * (hit.end - hit.start)
        if left <= 0:
            return False
    return False


# ---------------------------------------------------------------- ways of cutting


def structure(
    document: Document, embedder: Embedder, *, most: int, part: float = PART, context: bool = True
) -> list[Chunk]:
    """As `rag ingest` cuts, a section that is too long into such a `part` of the most."""
    with patch("rag.index.split.PART", part):
        chunks = split(document, embedder, Chunking(most))
    return chunks if context else [replace(chunk, heading=(), table_header="") for chunk in chunks]


def filled(document: Document, embedder: Embedder, *, most: int, context: bool = True) -> list[Chunk]:
    """The same with parts as large as they may be."""
    return structure(document, embedder, most=most, part=1.0, context=context)


def recursive(document: Document, embedder: Embedder, *, most: int, overlap: int = 0) -> list[Chunk]:
    """As most people cut: on blank lines, else line ends, else spaces, up to a size."""
    splitter = RecursiveCharacterTextSplitter(
        chunk_size=most - overlap,
        chunk_overlap=0,
        length_function=lambda text: embedder.count_tokens([text])[0],
        keep_separator=True,
        strip_whitespace=False,
    )
    spans, at = [], 0
    for piece in splitter.split_text(document.text):
        spans.append((at, at + len(piece)))
        at += len(piece)
    assert at == len(document.text)
    if overlap:
        spans = [(max(spans[i - 1][0], a - 4 * overlap) if i else a, b) for i, (a, b) in enumerate(spans)]
    return chunks_of(document, spans, embedder)


def semantic(document: Document, embedder: Embedder, *, most: int) -> list[Chunk]:
    """Neighbouring sentences that are alike."""
    spans = sentences(document.text, document.markup)
    if not spans:
        return []
    texts = [document.text[each.start : each.end] for each in spans]
    counts = embedder.count_tokens(texts)
    vectors = embedder.embed_texts(
        [text if count <= most else text[:most] for text, count in zip(texts, counts, strict=True)]
    )
    near = np.sum(vectors.vectors[1:] * vectors.vectors[:-1], axis=1)
    low = np.quantile(near, 0.1) if len(near) else 0.0
    grouped: list[list[int]] = [[0]]
    for number in range(1, len(spans)):
        full = sum(counts[each] for each in grouped[-1]) + counts[number] > most
        if full or near[number - 1] < low:
            grouped.append([])
        grouped[-1].append(number)
    return chunks_of(document, [(spans[each[0]].start, spans[each[-1]].end) for each in grouped], embedder)


def chunks_of(document: Document, spans: Sequence[tuple[int, int]], embedder: Embedder) -> list[Chunk]:
    """Chunks without heading context; what is longer than the embedder takes is cut in two, as often as it must."""
    chunks: list[Chunk] = []
    todo = list(reversed(spans))
    while todo:
        start, end = todo.pop()
        text = document.text[start:end]
        if not text.strip():
            continue
        (tokens,) = embedder.count_tokens([text])
        if tokens > embedder.max_tokens - embedder.overhead:
            middle = (start + end) // 2
            todo += [(middle, end), (start, middle)]
            continue
        name = chunk_id(document.id, start, end, Chunking())
        chunks.append(Chunk(name, document.id, start, end, text, tokens=tokens, language=language(text)))
    return chunks


class Contextual:
    """An embedder that knows beforehand what stands around each chunk; questions are embedded as ever."""

    def __init__(self, embedder: Embedder, documents: Sequence[Document], cut: Cut) -> None:
        self._embedder = embedder
        self.name, self.dimension = embedder.name, embedder.dimension
        self.fingerprint, self.max_tokens = embedder.fingerprint, embedder.max_tokens
        self.overhead = embedder.overhead
        self.neutral = getattr(embedder, "neutral", False)
        self.token_mean = getattr(embedder, "token_mean", None)
        self.count_tokens = embedder.count_tokens
        self.token_offsets = embedder.token_offsets
        self.embed_query = embedder.embed_query
        self._known: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = {}
        for document in documents:
            self._read(document, cut(document, embedder))

    def _read(self, document: Document, chunks: Sequence[Chunk]) -> None:
        waiting: list[Chunk] = []
        for chunk in chunks:
            if waiting and not self._fits(document.text[waiting[0].start : chunk.end]):
                self._pool(document, waiting)
                waiting = []
            waiting.append(chunk)
        if waiting:
            self._pool(document, waiting)

    def _fits(self, text: str) -> bool:
        return self.count_tokens([text])[0] <= self.max_tokens - self.overhead

    def _pool(self, document: Document, chunks: Sequence[Chunk]) -> None:
        start, end = chunks[0].start, chunks[-1].end
        text = document.text[start:end]
        (rows,) = self._embedder.embed_texts([text], tokens=True).tokens
        offsets = np.array(self.token_offsets(text)) + start
        for chunk in chunks:
            self._known[embedded_text(chunk)] = rows[(offsets[:, 1] > chunk.start) & (offsets[:, 0] < chunk.end)]

    def embed_texts(self, texts: Sequence[str], *, tokens: bool = False) -> Embeddings:
        """The vectors that were pooled, and their token vectors."""
        rows = [self._known[text] for text in texts]
        means = np.stack([each.mean(axis=0) for each in rows])
        vectors = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)
        return Embeddings(vectors, tuple(rows) if tokens else ())


METHODS: dict[str, Cut] = {
    "structure 320": partial(structure, most=320),
    "structure 440": partial(structure, most=440),
    "structure 320 without context": partial(structure, most=320, context=False),
    "filled 64": partial(filled, most=64),
    "filled 128": partial(filled, most=128),
    "filled 192": partial(filled, most=192),
    "filled 256": partial(filled, most=256),
    "filled 320": partial(filled, most=320),
    "filled 440": partial(filled, most=440),
    "filled 320 without context": partial(filled, most=320, context=False),
    "filled 128 without context": partial(filled, most=128, context=False),
    "recursive 128": partial(recursive, most=128),
    "recursive 320": partial(recursive, most=320),
    "recursive 320 with overlap": partial(recursive, most=320, overlap=64),
    "semantic 320": partial(semantic, most=320),
    "late 128": partial(filled, most=128),
    "late 320": partial(filled, most=320),
}

# ---------------------------------------------------------------- sets


def sets(data: Path) -> dict[str, tuple[list[Document], list[Asked]]]:
    """The documents and questions of each set, in the order of the sets' own lines."""
    return {
        "squad2 articles": joined(data / "train" / "squad2", article=lambda name: name.partition("-")[0]),
        "cmrc2018-trial": joined(data / "train" / "cmrc2018-trial", article=lambda name: name),
        "handbook, development": handbook(),
    }


def joined(folder: Path, article: Callable[[str], str]) -> tuple[list[Document], list[Asked]]:
    """A set whose paragraphs are joined to articles, a blank line between them."""
    texts: dict[str, str] = {}
    titles: dict[str, str] = {}
    places: dict[str, tuple[str, int, int]] = {}
    for line in lines(folder / "corpus.jsonl"):
        name = article(line["_id"])
        before = f"{texts[name]}\n\n" if name in texts else ""
        places[line["_id"]] = (name, len(before), len(before) + len(line["text"]))
        texts[name] = before + line["text"]
        titles[name] = line["title"]
    right = dict(judged(folder))
    golds = {line["_id"]: line["answers"] for line in lines(folder / "answers.jsonl") if line["answerable"]}
    asked = []
    for line in lines(folder / "queries.jsonl"):
        if line["_id"] not in golds or line["_id"] not in right:
            continue
        name, start, end = places[right[line["_id"]]]
        spans = occurrences(texts[name], golds[line["_id"]], start, end)
        if spans:
            asked.append(Asked(line["text"], name, spans))
    return [Document(name, text, "plain", titles[name]) for name, text in texts.items()], asked


def handbook() -> tuple[list[Document], list[Asked]]:
    """The files that `rag ingest` reads, and the questions of the development half that have one right document."""
    documents = {}
    for path in sorted((HANDBOOK / "documents").rglob("*")):
        reader = reader_for(path)
        outcome = reader.read(path.read_bytes(), path.name) if reader and path.is_file() else None
        if isinstance(outcome, Document):
            documents[path.relative_to(HANDBOOK / "documents").as_posix()] = outcome
    right = qrels()
    golds = {line["_id"]: line["answers"] for line in lines(HANDBOOK / "answers.jsonl") if line["answerable"]}
    asked = []
    for line in lines(HANDBOOK / "queries.jsonl"):
        names = right.get(line["_id"], set())
        if line["_id"] not in golds or len(names) != 1 or half_of(min(names)) != "development":
            continue
        document = documents[min(names)]
        spans = occurrences(document.text, golds[line["_id"]], 0, len(document.text))
        if spans:
            asked.append(Asked(line["text"], document.id, spans))
    return list(documents.values()), asked


def occurrences(text: str, answers: Sequence[str], start: int, end: int) -> tuple[tuple[int, int], ...]:
    """Where one of the answers stands, word for word."""
    found = []
    for answer in answers:
        at = text.find(answer, start, end)
        while at >= 0:
            found.append((at, at + len(answer)))
            at = text.find(answer, at + 1, end)
    return tuple(found)


def judged(folder: Path) -> Iterator[tuple[str, str]]:
    for line in (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, *_ = line.split("\t")
        yield query, document


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


if __name__ == "__main__":
    main()
