"""Haystack's answers to a task of run.py; see exchange.py for what it reads and writes.

Dense: `InMemoryEmbeddingRetriever` over an `InMemoryDocumentStore` with its defaults (dot product). Hybrid: the
pipeline of its tutorial, that retriever and `InMemoryBM25Retriever` into
`DocumentJoiner(join_mode="reciprocal_rank_fusion")`. The store's defaults for BM25: BM25L over words in lower case,
with Chinese, Japanese and Korean cut into single characters; chunks in which no word matches are not returned. Not
the defaults are `top_k` (10) and that vectors are left out of what is returned, which halves the time.
"""

from __future__ import annotations

from exchange import Search, Task, answer
from haystack import Document, Pipeline, component
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore


@component
class LookUp:
    """The vectors that the task brings for its questions."""

    def __init__(self, task: Task) -> None:
        self._queries = task.queries

    @component.output_types(embedding=list[float])  # type: ignore[untyped-decorator]
    def run(self, text: str) -> dict[str, list[float]]:
        return {"embedding": self._queries[text]}


def build(task: Task) -> tuple[Search, Search]:
    store = InMemoryDocumentStore(return_embedding=False)
    vectors = task.chunk_vectors.tolist()
    store.write_documents(
        [
            Document(id=str(number), content=chunk.text, embedding=vectors[number])
            for number, chunk in enumerate(task.chunks)
        ]
    )
    alone, joined = dense_pipeline(store, task), hybrid_pipeline(store, task)

    def dense(question: str, depth: int) -> list[int]:
        inputs = {"embedder": {"text": question}, "dense": {"top_k": depth}}
        return found(alone.run(inputs)["dense"]["documents"])

    def hybrid(question: str, depth: int) -> list[int]:
        inputs = {
            "embedder": {"text": question},
            "dense": {"top_k": depth},
            "bm25": {"query": question, "top_k": depth},
        }
        return found(joined.run(inputs)["joiner"]["documents"])

    return dense, hybrid


def dense_pipeline(store: InMemoryDocumentStore, task: Task) -> Pipeline:
    pipeline = Pipeline()
    pipeline.add_component("embedder", LookUp(task))
    pipeline.add_component("dense", InMemoryEmbeddingRetriever(store))
    pipeline.connect("embedder.embedding", "dense.query_embedding")
    return pipeline


def hybrid_pipeline(store: InMemoryDocumentStore, task: Task) -> Pipeline:
    pipeline = dense_pipeline(store, task)
    pipeline.add_component("bm25", InMemoryBM25Retriever(store))
    pipeline.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion"))
    pipeline.connect("bm25", "joiner")
    pipeline.connect("dense", "joiner")
    return pipeline


def found(documents: list[Document]) -> list[int]:
    return [int(document.id) for document in documents]


if __name__ == "__main__":
    answer("haystack", build)
