"""A name becomes a model, or one line that says what to do."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import pytest

from rag.errors import ModelError, ModelMissing, SettingsError
from rag.models.cache import write_record
from rag.models.catalogue import CATALOGUE, DEFAULT_GENERATOR, Entry
from rag.models.load import load_embedder, load_language_model
from tests.models.encoder_fixtures import tiny_file, tiny_folder, tiny_index

__all__ = ["tiny_file", "tiny_folder", "tiny_index"]


def test_a_built_in_model_is_fetched_at_first_use_with_a_line_that_says_so(
    tiny_index: Entry, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        embedder = load_embedder("tiny-encoder", engine="onnx")
    assert embedder.name == "tiny-encoder"
    assert [record.getMessage()[:31] for record in caplog.records] == ["Fetching tiny-encoder (none) on"]
    caplog.clear()
    again = load_embedder("tiny-encoder", engine="onnx")
    assert again.fingerprint == embedder.fingerprint
    assert caplog.records == []


def test_a_copy_of_the_folder_is_the_same_model_under_another_name(tiny_index: Entry, tiny_folder: Path) -> None:
    built_in = load_embedder("tiny-encoder", engine="onnx")
    copy = load_embedder(str(tiny_folder), engine="onnx")
    assert copy.fingerprint == built_in.fingerprint
    assert copy.name == str(tiny_folder)


def test_a_damaged_folder_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "copy"))
    (folder / "pieces.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"The model in .* is damaged: .*pieces.safetensors has 0 bytes instead of"):
        load_embedder(str(folder))


@pytest.mark.parametrize("name", ["config.json", "pieces.safetensors", "model.onnx"])
def test_a_folder_with_other_bytes_is_called_damaged_where_it_cannot_be_opened(
    tiny_index: Entry, tiny_folder: Path, tmp_path: Path, name: str
) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "copy"))
    (folder / name).write_bytes(bytes((folder / name).stat().st_size))
    with pytest.raises(ModelError, match=rf"is damaged: .*{name} does not hold the bytes .*\. Copy it again$"):
        load_embedder(str(folder), engine="onnx")
    built_in = Path(os.environ["RAG_MODELS"]) / tiny_index.folder
    load_embedder("tiny-encoder", engine="onnx")
    (built_in / name).write_bytes(bytes((built_in / name).stat().st_size))
    with pytest.raises(ModelError, match=r"Fetch it again with: rag models pull tiny-encoder$"):
        load_embedder("tiny-encoder", engine="onnx")


def test_an_unknown_name_lists_the_built_in_ones() -> None:
    with pytest.raises(ModelMissing, match=r"There is no embedder at './nothing-here'.*multilingual-e5-small"):
        load_embedder("./nothing-here")


def test_a_language_model_is_no_embedder_and_the_other_way_round(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="smollm2-135m-instruct is a language model, not an embedder"):
        load_embedder(DEFAULT_GENERATOR)
    write_record(tmp_path, CATALOGUE[DEFAULT_GENERATOR])  # the folder that it was converted into
    with pytest.raises(ModelMissing, match="smollm2-135m-instruct is a language model, not an embedder"):
        load_embedder(str(tmp_path))
    with pytest.raises(ModelMissing, match="multilingual-e5-small is an embedder, not a language model"):
        load_language_model("multilingual-e5-small")


def test_wrong_settings_are_refused_at_load(tiny_folder: Path) -> None:
    with pytest.raises(SettingsError, match="engine = 'gpu' is not one of"):
        load_embedder(str(tiny_folder), engine="gpu")
