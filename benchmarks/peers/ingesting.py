"""One peer's ingest, run by benchmarks/ingest.py in that peer's environment:

    python ingesting.py PEER MODEL CHUNKS OUT

Embeds the texts in CHUNKS (JSON lines, a text each) with the sentence-transformers model in the folder MODEL as the
peer documents it, puts them into its store and saves that in OUT. Prompts are given where the peer has a place for
them, for then it has the same tokens to embed; nothing else differs from its defaults.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

PROMPT = "passage: "


def langchain(model: str, texts: list[str], out: Path) -> None:
    """`HuggingFaceEmbeddings` and `FAISS`."""
    from langchain_community.vectorstores import FAISS
    from langchain_huggingface import HuggingFaceEmbeddings

    embeddings = HuggingFaceEmbeddings(model_name=model, encode_kwargs={"prompt": PROMPT})
    FAISS.from_texts(texts, embeddings).save_local(str(out))


def llamaindex(model: str, texts: list[str], out: Path) -> None:
    """`HuggingFaceEmbedding` and `VectorStoreIndex` over ready nodes."""
    from llama_index.core import VectorStoreIndex
    from llama_index.core.schema import TextNode
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    embedding = HuggingFaceEmbedding(model_name=model, text_instruction=PROMPT)
    nodes = [TextNode(text=text) for text in texts]
    VectorStoreIndex(nodes, embed_model=embedding).storage_context.persist(str(out))


def haystack(model: str, texts: list[str], out: Path) -> None:
    """`SentenceTransformersDocumentEmbedder` and `InMemoryDocumentStore`."""
    from haystack import Document
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.embedders.sentence_transformers import SentenceTransformersDocumentEmbedder

    embedder = SentenceTransformersDocumentEmbedder(model=model, prefix=PROMPT, progress_bar=False)
    if hasattr(embedder, "warm_up"):
        embedder.warm_up()
    store = InMemoryDocumentStore()
    store.write_documents(embedder.run([Document(content=text) for text in texts])["documents"])
    out.mkdir(parents=True)
    store.save_to_disk(str(out / "store.json"))


def txtai(model: str, texts: list[str], out: Path) -> None:
    """`Embeddings` with content."""
    from txtai import Embeddings

    instructions = {"query": "query: ", "data": PROMPT}
    embeddings = Embeddings(path=model, method="sentence-transformers", content=True, instructions=instructions)
    embeddings.index(texts)
    embeddings.save(str(out))


def main() -> None:
    """Read, ingest, save."""
    peer, model, chunks, out = sys.argv[1:]
    texts = [json.loads(line) for line in Path(chunks).read_text(encoding="utf-8").splitlines()]
    {"langchain": langchain, "llamaindex": llamaindex, "haystack": haystack, "txtai": txtai}[peer](
        model, texts, Path(out)
    )


if __name__ == "__main__":
    main()
