"""LlamaIndex's answers to a task of run.py; see exchange.py for what it reads and writes.

Dense: `VectorStoreIndex` over nodes, with its default store in memory (cosine). Hybrid: `QueryFusionRetriever` of that
index's retriever and `BM25Retriever.from_defaults`, mode `reciprocal_rerank` (constant of 60), `num_queries=1`, which
switches the rewriting of questions by a language model off, as its documentation shows. BM25Retriever's defaults:
bm25s over words of two and more characters (`\\b\\w\\w+\\b`), English stop words and stemmer, so a run of Chinese
between two punctuation marks is one word; where no word matches it returns chunks with a score of 0 all the same. Only
`similarity_top_k` is not the default (2). Nodes carry no metadata, which would be embedded and searched with them;
equal texts count as one node in the fusion, as they do by default.
"""

from __future__ import annotations

from exchange import Search, Task, answer
from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.retrievers.bm25 import BM25Retriever


class LookUp(BaseEmbedding):  # type: ignore[misc]
    """The vectors that the task brings."""

    _passages: dict[str, list[float]] = PrivateAttr()
    _queries: dict[str, list[float]] = PrivateAttr()

    def __init__(self, task: Task) -> None:
        super().__init__()
        self._passages, self._queries = task.passages, task.queries

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._passages[text]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._queries[query]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._queries[query]


def build(task: Task) -> tuple[Search, Search]:
    nodes = [TextNode(id_=str(number), text=chunk.text) for number, chunk in enumerate(task.chunks)]
    index = VectorStoreIndex(nodes, embed_model=LookUp(task))
    words = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=len(nodes))

    def dense(question: str, depth: int) -> list[int]:
        return found(index.as_retriever(similarity_top_k=depth).retrieve(question))

    def hybrid(question: str, depth: int) -> list[int]:
        words.similarity_top_k = min(depth, len(nodes))
        fusion = QueryFusionRetriever(
            [index.as_retriever(similarity_top_k=depth), words],
            llm=MockLLM(),  # not asked with num_queries=1, but without one it looks for OpenAI's
            mode="reciprocal_rerank",
            similarity_top_k=depth,
            num_queries=1,
            use_async=False,
        )
        return found(fusion.retrieve(question))

    return dense, hybrid


def found(nodes: list[NodeWithScore]) -> list[int]:
    return [int(node.node_id) for node in nodes]


if __name__ == "__main__":
    answer("llamaindex", build)
