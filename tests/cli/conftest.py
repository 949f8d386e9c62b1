"""A folder of documents, its index, and the command line with the library's fakes in place of models."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rag.cli.app import app
from rag.models.canned import CannedModel
from rag.models.fakes import HashEmbedder, OverlapReader

Run = Callable[..., Result]

ROPE = "The rope of the Badger winch is replaced every 18 months. The drum holds 240 m of it."
FERRY = "渡轮每天早上七点从青屿码头出发。末班船是晚上九点。"
EVIL = "A line with \x1b[31mcolour\x1b[0m, \u202ebidi\u202c and a bell \x07 about zebras."


@pytest.fixture
def rag(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Run:
    """Run a command in `folder`; stdout and stderr apart, exceptions that are not exits fail the test."""
    monkeypatch.setattr("rag.cli.parts.fetch", lambda name: None)
    monkeypatch.setattr("rag.models.load.load_embedder", lambda name, **_: HashEmbedder())
    monkeypatch.setattr("rag.models.load.load_reader", lambda **_: OverlapReader())
    monkeypatch.setattr("rag.models.load.load_language_model", lambda name, **_: CannedModel({"": "It is 18 months."}))
    # The confidence is fitted for real vectors; the fake ones always count as enough.
    monkeypatch.setattr("rag.generation.generator.threshold", lambda risk: 0.0)
    runner = CliRunner()

    def run(*arguments: str, code: int = 0, stdin: str | bytes = "") -> Result:
        result = runner.invoke(app, [str(each) for each in arguments], input=stdin)
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with `docs/`; no setting from outside reaches it."""
    root = tmp_path.resolve()
    for name, text in {"winch.txt": ROPE, "ferry.md": f"# 渡轮\n\n{FERRY}\n", "sub/evil.txt": EVIL}.items():
        path = root / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    (root / "indexes").mkdir()
    monkeypatch.chdir(root)
    for variable in [name for name in os.environ if name.startswith("RAG_")]:
        monkeypatch.delenv(variable)
    return root


@pytest.fixture
def indexed(rag: Run) -> Run:
    """The same, with `docs/` ingested."""
    rag("ingest", "docs")
    return rag
