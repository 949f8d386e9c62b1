"""Answers from your own documents, on your own machine, with citations that open at the exact characters.

    files ─read→ Documents ─split→ Chunks ─embed→ Index        rag.corpus, rag.index      `ingest`
    question ─search both ways→ candidates ─fuse→ Hits         rag.retrieval              `Retriever`
    Hits ─select evidence, compose, generate, verify→ Answer   rag.generation             `Generator`, `ask`

Start reading at `rag.pipeline`. `rag.datatypes` has what travels between the stages, `rag.protocols` the seams where a
part can be exchanged, `rag.errors` what can go wrong. Names are loaded when first used: `import rag` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.datatypes import Answer, Chunk, Citation, Document, Hit
    from rag.errors import RagError
    from rag.generation.generator import Generator
    from rag.index.index import Index
    from rag.models.load import load_embedder, load_language_model, load_reader
    from rag.pipeline import ask, ingest
    from rag.retrieval.retriever import Retriever
    from rag.settings import Settings

__version__ = "0.1.0"

_HOME = {
    "Answer": "rag.datatypes",
    "Chunk": "rag.datatypes",
    "Citation": "rag.datatypes",
    "Document": "rag.datatypes",
    "Generator": "rag.generation.generator",
    "Hit": "rag.datatypes",
    "Index": "rag.index.index",
    "RagError": "rag.errors",
    "Retriever": "rag.retrieval.retriever",
    "Settings": "rag.settings",
    "ask": "rag.pipeline",
    "ingest": "rag.pipeline",
    "load_embedder": "rag.models.load",
    "load_language_model": "rag.models.load",
    "load_reader": "rag.models.load",
}

__all__ = [
    "Answer",
    "Chunk",
    "Citation",
    "Document",
    "Generator",
    "Hit",
    "Index",
    "RagError",
    "Retriever",
    "Settings",
    "ask",
    "ingest",
    "load_embedder",
    "load_language_model",
    "load_reader",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'rag' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
