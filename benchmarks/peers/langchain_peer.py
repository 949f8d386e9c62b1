"""LangChain's answers to a task of run.py; see exchange.py for what it reads and writes.

Dense: `FAISS.from_texts` with its defaults (a flat index, squared Euclidean distance, which ranks unit vectors as their
cosine does). Hybrid: `EnsembleRetriever` of `BM25Retriever` and that, weights .5 and .5 and its constant of 60, as its
documentation shows. BM25Retriever's defaults: rank_bm25's BM25Okapi over `text.split()`, so words keep their case and
their punctuation, and a text without spaces is one word; where no word matches it returns chunks all the same. Only
`k` is not the default (4). Equal texts count as one chunk in the ensemble, as they do by default.
"""

from __future__ import annotations

from exchange import Search, Task, answer
from langchain_classic.retrievers import EnsembleRetriever
from langchain_community.retrievers import BM25Retriever
from langchain_community.vectorstores import FAISS
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings


class LookUp(Embeddings):
    """The vectors that the task brings."""

    def __init__(self, task: Task) -> None:
        self._passages, self._queries = task.passages, task.queries

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self._passages[text] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self._queries[text]


def build(task: Task) -> tuple[Search, Search]:
    texts = [chunk.text for chunk in task.chunks]
    numbers = [{"number": number} for number in range(len(texts))]
    store = FAISS.from_texts(texts, LookUp(task), metadatas=numbers)
    words = BM25Retriever.from_texts(texts, metadatas=numbers)

    def dense(question: str, depth: int) -> list[int]:
        return found(store.as_retriever(search_kwargs={"k": depth}).invoke(question))

    def hybrid(question: str, depth: int) -> list[int]:
        words.k = depth
        vectors = store.as_retriever(search_kwargs={"k": depth})
        return found(EnsembleRetriever(retrievers=[words, vectors], weights=[0.5, 0.5]).invoke(question))

    return dense, hybrid


def found(documents: list[Document]) -> list[int]:
    return [document.metadata["number"] for document in documents]


if __name__ == "__main__":
    answer("langchain", build)
