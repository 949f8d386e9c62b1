"""Any sentence-transformers embedder: a tiny random one, saved by sentence-transformers itself."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.errors import ModelError, ModelMissing, PullFailed, SettingsError
from rag.models import hub, opening
from rag.models.hub import checked_folder
from rag.models.load import load_embedder
from rag.models.sentence import SentenceTransformerEmbedder, open_sentence_transformer
from rag.protocols import Embedder
from tests.models.tiny_models import tokenizer

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *"abcdefghijklmnopqrstuvwxyz",
    "pump",
    "the",
    ":",
    "##s",
    "search",
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain transformers encoder: a BERT of two layers, 32 dimensions, 32 tokens."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("encoder")
    (folder / "words.txt").write_text("\n".join(WORDS))
    tokenizer = BertTokenizer(vocab=str(folder / "words.txt"), model_max_length=32)
    (folder / "words.txt").unlink()
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=32,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a sentence-transformers model with prompts of its own."""
    model = sentence_transformer(encoder, prompts={"query": "search: ", "document": "the: "})
    path = tmp_path_factory.mktemp("model") / "tiny"
    model.save_pretrained(str(path))
    return path


def sentence_transformer(encoder: Path, **options: Any) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(encoder), device="cpu", local_files_only=True, **options)


@pytest.fixture(scope="module")
def embedder(folder: Path) -> Embedder:
    return load_embedder(str(folder), device="cpu")


TEXTS = ["the pump", "pumps", "a b c d e f g the pump", "z"]


def test_vectors_are_those_of_sentence_transformers_with_the_models_own_prompts(
    embedder: Embedder, folder: Path
) -> None:
    model = sentence_transformer(folder)
    for found, expected in (
        (embedder.embed_texts(TEXTS).vectors, model.encode_document(TEXTS, normalize_embeddings=True)),
        (embedder.embed_texts(TEXTS, tokens=True).vectors, model.encode_document(TEXTS, normalize_embeddings=True)),
        (embedder.embed_query("pump").vectors, model.encode_query(["pump"], normalize_embeddings=True)),
    ):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert not np.allclose(embedder.embed_query("pump").vectors, embedder.embed_texts(["pump"]).vectors)


def test_token_vectors_are_those_of_the_texts_own_tokens(embedder: Embedder, folder: Path) -> None:
    found = embedder.embed_texts(TEXTS, tokens=True)
    assert [len(rows) for rows in found.tokens] == embedder.count_tokens(TEXTS) == [2, 2, 9, 1]
    whole = sentence_transformer(folder).encode_document(TEXTS[0], output_value="token_embeddings").numpy()
    own = whole[3:-1]  # [CLS] the : the pump [SEP]
    np.testing.assert_allclose(found.tokens[0], own / np.linalg.norm(own, axis=1, keepdims=True), atol=1e-5)
    assert [TEXTS[1][start:end] for start, end in embedder.token_offsets(TEXTS[1])] == ["pump", "s"]


def test_limits_come_from_the_model(embedder: Embedder, caplog: pytest.LogCaptureFixture) -> None:
    assert (embedder.dimension, embedder.max_tokens) == (32, 32)
    room = embedder.max_tokens - embedder.overhead
    assert embedder.embed_texts(["a " * room]).vectors.shape == (1, 32)
    with pytest.raises(ValueError, match=r"text 1 has 44 tokens with prompt and specials; .* takes 32"):
        embedder.embed_texts(["a", "a " * 40])
    with caplog.at_level(logging.WARNING):
        found = embedder.embed_query("a " * 40, tokens=True)
    assert "reads the first 32 of them" in caplog.text
    assert len(found.tokens[0]) == 32 - 4


def test_a_folder_is_opened_and_used_without_a_socket(folder: Path, socket_disabled: None) -> None:
    assert load_embedder(str(folder), device="cpu").embed_query("pump").vectors.shape == (1, 32)


def test_nothing_gives_nothing(embedder: Embedder) -> None:
    assert embedder.embed_texts([]).vectors.shape == (0, 32)
    assert embedder.count_tokens([]) == []


def test_the_fingerprint_is_of_the_files_and_not_of_the_path(embedder: Embedder, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    assert load_embedder(str(copy), device="cpu").fingerprint == embedder.fingerprint
    settings = copy / "config_sentence_transformers.json"
    changed = json.loads(settings.read_text()) | {"prompts": {"query": "search: ", "document": ""}}
    settings.write_text(json.dumps(changed))
    assert load_embedder(str(copy), device="cpu").fingerprint != embedder.fingerprint


def test_positions_that_are_not_counted_from_zero_are_not_promised(tmp_path: Path) -> None:
    from transformers import RobertaConfig, RobertaModel

    config = RobertaConfig(
        vocab_size=len(tokenizer(tmp_path)),  # which states no limit
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=34,
        pad_token_id=1,
    )
    RobertaModel(config).save_pretrained(tmp_path)
    embedder = load_embedder(str(tmp_path), device="cpu")
    assert embedder.max_tokens == 32
    assert len(embedder.embed_query("x" * 40, tokens=True).tokens[0]) == 32
    assert embedder.embed_texts(["x" * 32]).vectors.shape == (1, 32)


def test_a_plain_encoder_gets_mean_pooling_and_no_prompts(encoder: Path) -> None:
    plain = load_embedder(str(encoder), device="cpu")
    assert plain.overhead == 2
    np.testing.assert_allclose(plain.embed_query("pump").vectors, plain.embed_texts(["pump"]).vectors, atol=1e-6)


def copied(folder: Path, to: Path, **tensors: Any) -> Path:
    """The model with other weights."""
    from safetensors.numpy import load_file, save_file

    shutil.copytree(folder, to)
    own = load_file(to / "model.safetensors")
    save_file(tensors["change"](own), to / "model.safetensors", metadata={"format": "pt"})
    return to


def test_weights_that_would_be_made_up_are_refused(folder: Path, tmp_path: Path) -> None:
    def without(part: str) -> Any:
        return lambda own: {name: tensor for name, tensor in own.items() if part not in name}

    def under(front: str) -> Any:
        return lambda own: {f"{front}{name}": tensor for name, tensor in own.items()}

    for number, (change, lost) in enumerate({without("layer.1.output"): 4, under("other."): 37}.items()):
        with pytest.raises(ModelError, match=rf"lacks {lost} of its weights \(.* …\)\. Fetch it again"):
            load_embedder(str(copied(folder, tmp_path / f"bad{number}", change=change)), device="cpu")
    of_adapter = copied(folder, tmp_path / "adapter", change=without("layer.1.output"))
    (of_adapter / "adapter_config.json").write_text("{}")
    opening.refuse_random("adapter", of_adapter, sentence_transformer(folder).transformers_model)
    expected = load_embedder(str(folder), device="cpu").embed_query("pump").vectors
    for number, change in enumerate((without("pooler"), under("bert."))):
        embedder = load_embedder(str(copied(folder, tmp_path / f"good{number}", change=change)), device="cpu")
        np.testing.assert_allclose(embedder.embed_query("pump").vectors, expected, atol=1e-6)


def test_an_encoder_below_the_folder_whose_weights_have_other_names_is_opened(tmp_path: Path) -> None:
    from transformers import T5Config, T5EncoderModel

    place = tmp_path / "0_Transformer"
    config: Any = T5Config  # takes more than it declares
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 1, "num_heads": 2}
    T5EncoderModel(config(vocab_size=len(tokenizer(place)), **sizes)).save_pretrained(place)
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text('{"embedding_dimension": 32, "pooling_mode": "mean"}')
    modules = [("0_Transformer", "Transformer"), ("1_Pooling", "Pooling")]
    rows = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(modules)
    ]
    (tmp_path / "modules.json").write_text(json.dumps(rows))
    assert load_embedder(str(tmp_path), device="cpu").dimension == 32


def test_vectors_that_are_no_numbers_and_prompts_without_room_are_refused(folder: Path, tmp_path: Path) -> None:
    def no_number(own: Any) -> Any:
        return own | {"embeddings.LayerNorm.bias": np.full(32, np.nan, np.float32)}

    with pytest.raises(ModelError, match="gives vectors that are no numbers"):
        load_embedder(str(copied(folder, tmp_path / "nan", change=no_number)), device="cpu")
    wordy = copied(folder, tmp_path / "wordy", change=lambda own: own)
    settings = wordy / "config_sentence_transformers.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"prompts": {"query": "a " * 20}}))
    with pytest.raises(ModelError, match=r"reads 32 tokens at once, of which its own prompt takes 22: that leaves too"):
        load_embedder(str(wordy), device="cpu")


@pytest.mark.parametrize("names", [("query", "passage"), ("query", "corpus")])
def test_prompts_have_the_names_that_sentence_transformers_knows(encoder: Path, names: tuple[str, str]) -> None:
    model = sentence_transformer(encoder, prompts=dict(zip(names, ("search: ", "the: "), strict=True)))
    embedder = SentenceTransformerEmbedder("tiny", encoder, model)
    expected = model.encode_document(TEXTS, prompt="the: ", normalize_embeddings=True)
    np.testing.assert_allclose(embedder.embed_texts(TEXTS).vectors, expected, atol=1e-5)
    assert embedder.overhead == 5


# ---------------------------------------------------------------- what is refused


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_pickled_weights_are_refused(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"has its weights as pickles only \(pytorch_model\.bin\)"):
        load_embedder(str(copy))


def test_pickled_weights_of_a_further_module_are_refused(copy: Path) -> None:
    (copy / "2_Dense").mkdir()
    (copy / "2_Dense" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match="pickles only"):
        load_embedder(str(copy))


def test_a_model_with_code_of_its_own_is_refused_and_the_code_not_run(copy: Path) -> None:
    modules = json.loads((copy / "modules.json").read_text())
    modules[0]["type"] = "evil.Transformer"
    (copy / "modules.json").write_text(json.dumps(modules))
    (copy / "evil.py").write_text("raise SystemExit('it was run')")
    with pytest.raises(ModelError, match=r"needs code of its own \(evil\.Transformer\), which is never run"):
        load_embedder(str(copy))


def test_a_folder_without_weights_or_with_damaged_ones_is_one_line(copy: Path) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelError, match="cannot be used as an embedder") as said:
        load_embedder(str(copy), device="cpu")
    assert "\n" not in str(said.value)
    weights.unlink()
    with pytest.raises(ModelMissing, match=r"holds no model\.safetensors"):
        load_embedder(str(copy))


def test_onnx_runtime_is_for_the_built_in_embedder(folder: Path) -> None:
    with pytest.raises(SettingsError, match="engine = 'onnx' runs the built-in embedder alone"):
        load_embedder(str(folder), engine="onnx")


# ---------------------------------------------------------------- the hub


def test_a_hub_model_in_the_hubs_cache_is_opened_without_asking_the_network(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, bool]] = []

    def snapshot(name: str, *, allow_patterns: list[str], local_files_only: bool = False) -> str:
        asked.append((name, local_files_only))
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    embedder = open_sentence_transformer("tiny/model", device="cpu")
    assert embedder.name == "tiny/model"
    assert checked_folder("short-name") == folder
    assert asked == [("tiny/model", True), ("sentence-transformers/short-name", True)]


def test_a_hub_model_is_fetched_once_and_announced(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    def snapshot(name: str, *, allow_patterns: list[str], local_files_only: bool = False, **_: object) -> str:
        assert not any("bin" in pattern or "py" in pattern for pattern in allow_patterns)
        if local_files_only:
            raise LocalEntryNotFoundError("not here")
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert checked_folder("tiny/model") == folder
    assert "Fetching tiny/model from the Hugging Face hub once" in caplog.text


def test_a_hub_that_cannot_be_reached_is_one_line_with_the_built_in_names(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    def snapshot(name: str, **_: object) -> str:
        raise LocalEntryNotFoundError("no network\nand much more")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    with pytest.raises(
        ModelMissing, match=r"could not be fetched from the hub: no network\. Built in: multilingual-e5"
    ):
        checked_folder("tiny/model")


def test_what_an_index_names_is_not_fetched_but_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    def snapshot(name: str, *, local_files_only: bool = False, **_: object) -> str:
        assert local_files_only, "the network was asked"
        raise LocalEntryNotFoundError("not here")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    with pytest.raises(ModelMissing, match=r"made with the embedder 'tiny/model', .*: rag models pull tiny/model$"):
        load_embedder("tiny/model", fetch=False)
    with pytest.raises(ModelMissing, match=r": rag models pull sentence-transformers/short-name$"):
        load_embedder("short-name", fetch=False)


def test_pull_has_the_folder_in_the_hubs_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    cached = True

    def snapshot(name: str, *, local_files_only: bool = False, **_: object) -> str:
        if local_files_only and not cached:
            raise LocalEntryNotFoundError("not here")
        assert local_files_only is cached
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert hub.pull("tiny/model") == folder
    cached = False
    assert hub.pull("tiny/model") == folder


@pytest.mark.parametrize("kind", ["transport", "proxy", "scheme"])
def test_a_fetch_that_breaks_off_is_one_line(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    transport: Any = HfHubHTTPError.__bases__[0]  # of the HTTP library that the hub's uses
    problem = {
        "transport": transport("timed out"),
        "proxy": ImportError("Using SOCKS proxy, but the 'socksio' package is not installed."),
        "scheme": ValueError("Unknown scheme for proxy URL 'foo://'"),
    }[kind]

    def snapshot(name: str, *, local_files_only: bool = False, **_: object) -> str:
        raise LocalEntryNotFoundError("not here") if local_files_only else problem

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    said = str(problem).rstrip(".")
    with pytest.raises(ModelMissing, match=f"could not be fetched from the hub: {said}"):
        checked_folder("tiny/model")
    with pytest.raises(PullFailed, match=f"from the hub: {said}.*, then: rag models pull tiny/model$"):
        hub.pull("tiny/model")


@pytest.mark.parametrize("name", ["a/b/c", "https://example.org/model", "", "a b"])
def test_what_is_no_hub_name_is_not_asked_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_cached", lambda name: pytest.fail("the hub was asked"))
    with pytest.raises(ModelMissing, match="There is no embedder at"):
        checked_folder(name)
