"""Where converted models lie, and what is noticed about them."""

from __future__ import annotations

import shutil
from pathlib import Path

import platformdirs
import pytest

from rag.errors import ModelError
from rag.models.cache import RECORD, cache_dir, damage, locate, read_record
from rag.models.catalogue import CATALOGUE, DEFAULT_EMBEDDER, DEFAULT_GENERATOR
from tests.models.encoder_fixtures import tiny_file, tiny_folder

__all__ = ["tiny_file", "tiny_folder"]


def test_the_cache_is_the_platforms_unless_the_environment_names_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("RAG_MODELS", raising=False)
    assert cache_dir() == platformdirs.user_cache_path("rag", appauthor=False) / "models"
    monkeypatch.setenv("RAG_MODELS", str(tmp_path / "here"))
    assert cache_dir() == tmp_path / "here"


def test_the_defaults_are_in_the_catalogue() -> None:
    assert CATALOGUE[DEFAULT_EMBEDDER].kind == "embedder"
    assert CATALOGUE[DEFAULT_GENERATOR].kind == "language model"
    assert CATALOGUE[DEFAULT_GENERATOR].quotes_first


def test_a_model_that_was_not_pulled_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAG_MODELS", str(tmp_path))
    assert locate(DEFAULT_EMBEDDER) is None


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


def test_a_folder_as_it_was_written_is_sound(copy: Path) -> None:
    assert damage(copy, hashes=True) == []
    assert {file.path for file in read_record(copy).files} >= {"model.safetensors", "1_Pooling/config.json"}


def test_a_cut_file_is_noticed_by_its_size(copy: Path) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert damage(copy) == [f"{weights} has {weights.stat().st_size} bytes instead of {weights.stat().st_size + 1}"]


def test_a_flipped_bit_is_noticed_by_its_hash(copy: Path) -> None:
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-100] ^= 4
    weights.write_bytes(content)
    assert damage(copy) == []
    assert damage(copy, hashes=True) == [f"{weights} does not hold the bytes that were written"]


def test_missing_files_and_records_are_noticed(copy: Path) -> None:
    (copy / "model.onnx").unlink()
    assert damage(copy) == [f"{copy / 'model.onnx'} is missing"]
    (copy / RECORD).write_text("{")
    assert len(damage(copy)) == 1
    with pytest.raises(ModelError, match="cannot be read"):
        read_record(copy)


def test_a_damaged_built_in_model_is_refused_with_the_command_that_mends_it(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = copy.parent / CATALOGUE[DEFAULT_EMBEDDER].folder
    copy.rename(target)
    (target / "model.onnx").unlink()
    monkeypatch.setenv("RAG_MODELS", str(copy.parent))
    with pytest.raises(ModelError, match=f"is damaged: .*Fetch it again with: rag models pull {DEFAULT_EMBEDDER}"):
        locate(DEFAULT_EMBEDDER)
