"""An explanation names what a search saw: the words that the hit holds, and the tokens that are nearest."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.index.index import Index
from rag.models.fakes import HashEmbedder
from rag.pipeline import ingest
from rag.retrieval.explain import explain
from rag.retrieval.retriever import Retriever


def test_an_explanation_names_words_and_tokens(tmp_path: Path) -> None:
    docs, embedder = tmp_path / "docs", HashEmbedder()
    docs.mkdir()
    (docs / "winch.md").write_text("# Winch\n\nThe rope is replaced every 18 months.\n")
    (docs / "oven.txt").write_text("The oven bakes at 230 degrees.\n")
    ingest([docs], tmp_path / "index", embedder)
    question = "When is the winch rope replaced by zeppelins?"
    with Index.open(tmp_path / "index") as index:
        hits = Retriever(index, embedder).retrieve(question)
        first, second = explain(question, hits, index, embedder)
        held = {each.term: each.held for each in first.words}
        assert held == {"winch": True, "rope": True, "replac": True, "zeppelin": False}
        assert not any(each.held for each in second.words)
        idfs = {each.term: each.idf for each in first.words}
        assert idfs["zeppelin"] > idfs["rope"] > 0
        assert sum(idfs.values()) <= index.mass(question)
        tokens = {each.asked: (each.found, each.cosine) for each in first.tokens}
        assert tokens["rope"][0] == "rope"
        assert tokens["rope"][1] == pytest.approx(1.0, abs=1e-3)
        assert tokens["winch"][0].lower() == "winch"  # of the heading above it
        assert all(-1.001 <= each.cosine <= 1.001 for each in first.tokens)
        assert explain(question, [], index, embedder) == []


def test_an_empty_index_has_a_mean_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    ingest([tmp_path / "docs"], tmp_path / "index", HashEmbedder())
    with Index.open(tmp_path / "index") as index:
        assert not index.token_mean.any()
