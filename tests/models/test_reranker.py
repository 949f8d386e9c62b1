"""Any cross-encoder as a Reranker: tiny random ones, opened by folder and by hub name."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.datatypes import Chunk, Hit, Scores
from rag.errors import ModelError, ModelMissing, SettingsError
from rag.models.load import load_reranker
from rag.models.reranker import CrossEncoderReranker, open_cross_encoder
from rag.protocols import Reranker
from tests.models.tiny_cross_encoder import MAX_TOKENS, make_cross_encoder, make_yes_no_model
from tests.models.tiny_models import make_model

TEXTS = ("the pump needs oil", "pumps", "a ferry", "oil the ferry pump", "z : z")


def hit(text: str, heading: tuple[str, ...] = (), number: int = 0) -> Hit:
    chunk = Chunk(f"c{number}", "d", 0, len(text), text, heading)
    return Hit(chunk, 1.0, Scores(0.9, 7.0, 0.6), "/docs/d.md", text, 0, len(text))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_cross_encoder(tmp_path_factory.mktemp("cross-encoder"))


@pytest.fixture(scope="module")
def reranker(folder: Path) -> CrossEncoderReranker:
    return opened(folder)


def opened(folder: Path) -> CrossEncoderReranker:
    """In float32, so that scores compare."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rag.models.reranker.dtype_for", lambda *_, **__: "float32")
        return open_cross_encoder(str(folder), device="cpu")


def logits(folder: Path, pairs: list[tuple[str, str]]) -> list[float]:
    """What transformers alone makes of the pairs, whole."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        return [float(model(**tokenizer(*pair, return_tensors="pt")).logits.item()) for pair in pairs]


def test_hits_come_by_the_models_own_numbers_best_first(reranker: CrossEncoderReranker, folder: Path) -> None:
    given_hits = [hit(text, number=number) for number, text in enumerate(TEXTS)]
    found = reranker.rerank("the pump", given_hits)
    expected = dict(zip(TEXTS, logits(folder, [("the pump", text) for text in TEXTS]), strict=True))
    assert [each.text for each in found] == sorted(TEXTS, key=lambda text: -expected[text])
    np.testing.assert_allclose([each.score for each in found], [expected[each.text] for each in found], atol=1e-4)
    assert len({round(each.score, 3) for each in found}) == len(TEXTS)
    assert {each.chunk.id for each in found} == {each.chunk.id for each in given_hits}
    for each in found:
        assert each.scores == Scores(0.9, 7.0, 0.6, rerank=each.score)


def test_a_hit_is_read_with_its_heading_context(reranker: CrossEncoderReranker, folder: Path) -> None:
    (found,) = reranker.rerank("the pump", [hit("a ferry", ("oil", "pump"))])
    (expected,) = logits(folder, [("the pump", "oil › pump\na ferry")])
    assert found.score == pytest.approx(expected, abs=1e-4)


def test_equal_hits_keep_the_order_they_came_in(reranker: CrossEncoderReranker) -> None:
    found = reranker.rerank("oil", [hit("the pump", number=number) for number in (3, 1, 2)])
    assert [each.chunk.id for each in found] == ["c3", "c1", "c2"]


def test_nothing_gives_nothing(reranker: CrossEncoderReranker) -> None:
    assert reranker.rerank("oil", []) == []


# ---------------------------------------------------------------- what is too long


def test_of_a_long_hit_the_best_window_counts(
    reranker: CrossEncoderReranker, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = " ".join(["a b c d e f g h i j k l m n o p q r s t u v w x y z"] * 3 + ["the pump needs oil"])
    windows = list(reranker._windows("oil", text))
    assert len(windows) > 3
    (found,) = reranker.rerank("oil", [hit(text)])
    assert found.score == pytest.approx(max(logits(folder, [("oil", window) for window in windows])), abs=1e-4)
    assert caplog.records == []  # nothing was left out, so nothing is said


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    question=st.text("ab pumoil ", min_size=1, max_size=60),
    words=st.lists(st.sampled_from(["pump", "pumps", "oil", "bil", "oilsil", "ferry", "水泵", "é", "the:", "\n"])),
)
def test_every_window_fits_and_together_they_hold_every_character(
    reranker: CrossEncoderReranker, question: str, words: list[str]
) -> None:
    text = " ".join(words) or "oil"
    asked = reranker._cut_question(question)
    windows = list(reranker._windows(asked, text))
    tokenizer = reranker._tokenizer
    assert all(len(tokenizer(asked, window, verbose=False)["input_ids"]) <= MAX_TOKENS for window in windows)
    covered: set[int] = set()
    for start, window in placed(text, windows):
        covered.update(range(start, start + len(window)))
    assert {place for place, character in enumerate(text) if not character.isspace()} <= covered


def placed(text: str, windows: list[str]) -> list[tuple[int, str]]:
    """Each window with every place where it stands in the text."""
    return [(start, each) for each in windows for start in range(len(text)) if text.startswith(each, start)]


def test_of_a_question_that_is_too_long_the_rest_is_left_out_with_one_warning(
    reranker: CrossEncoderReranker, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = reranker.rerank("pump " * 40, [hit(text) for text in TEXTS])
    said = f"The question has 40 tokens; {folder} reads the first 16 of them."
    assert [record.getMessage() for record in caplog.records] == [said]
    assert len(found) == len(TEXTS)


# ---------------------------------------------------------------- opening one


def test_a_folder_is_opened_and_used_without_a_socket(folder: Path, socket_disabled: None) -> None:
    reranker: Reranker = load_reranker(str(folder), device="cpu")
    assert len(reranker.rerank("oil", [hit("the pump")])) == 1


def test_the_dtype_is_what_the_device_runs_well(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    assert open_cross_encoder(str(folder), device="cpu")._model.dtype is torch.bfloat16
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    assert open_cross_encoder(str(folder), device="cpu")._model.dtype is torch.float32
    with pytest.raises(SettingsError, match="device = 'gpu' is not one of"):
        load_reranker(str(folder), device="gpu")


def test_one_saved_by_sentence_transformers_gives_numbers_and_not_what_its_sigmoid_makes_of_them(
    reranker: CrossEncoderReranker, folder: Path, tmp_path: Path
) -> None:
    from sentence_transformers import CrossEncoder

    CrossEncoder(str(folder), device="cpu").save_pretrained(str(tmp_path / "saved"))
    saved = opened(tmp_path / "saved")
    expected = [each.score for each in reranker.rerank("oil", [hit(text) for text in TEXTS])]
    found = [each.score for each in saved.rerank("oil", [hit(text) for text in TEXTS])]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert not all(0 <= score <= 1 for score in found)


def test_a_language_model_that_was_made_to_score_is_a_cross_encoder_too(tmp_path: Path) -> None:
    for kind in ("llama", "gpt2"):  # with a chat template, and without
        (tmp_path / kind).mkdir()
        path = make_yes_no_model(make_model(kind, tmp_path / kind), tmp_path / f"scoring-{kind}")
        reranker = open_cross_encoder(str(path), device="cpu")
        found = reranker.rerank("pump", [hit(text) for text in (*TEXTS, "the bridge is high. " * 60)])
        assert len({each.score for each in found}) > 1
        windows = list(reranker._windows("pump", "the bridge is high. " * 60))
        assert len(windows) > 1
        assert all(reranker._fits("pump", window) for window in windows)
        with pytest.raises(ModelError, match=r"(LMHeadModel|ForCausalLM), not a cross-encoder"):
            open_cross_encoder(str(tmp_path / kind), device="cpu")  # nobody taught this one


# ---------------------------------------------------------------- what is refused


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_a_model_with_several_labels_is_refused(tmp_path: Path) -> None:
    make_cross_encoder(tmp_path, labels=3)
    with pytest.raises(ModelError, match="gives 3 numbers for a question and a passage, and a reranker needs one"):
        load_reranker(str(tmp_path), device="cpu")


def test_an_embedder_is_refused_before_random_numbers_are_made_of_it(tmp_path: Path) -> None:
    make_cross_encoder(tmp_path, kind="BertModel")
    with pytest.raises(ModelError, match="is BertModel, not a cross-encoder"):
        load_reranker(str(tmp_path), device="cpu")
    from sentence_transformers import SentenceTransformer

    SentenceTransformer(str(tmp_path), device="cpu").save_pretrained(str(tmp_path / "embedder"))
    with pytest.raises(ModelError, match="is SentenceTransformer, not a cross-encoder"):
        load_reranker(str(tmp_path / "embedder"), device="cpu")


def test_a_built_in_model_is_no_reranker() -> None:
    with pytest.raises(ModelMissing, match=r"multilingual-e5-small is an embedder, not a reranker\. Built in: none"):
        load_reranker("multilingual-e5-small")


def test_pickled_weights_are_refused(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"as pickles only \(pytorch_model\.bin\).*CrossEncoder\(folder\)"):
        load_reranker(str(copy))


def test_a_model_that_needs_code_of_its_own_is_refused_and_the_code_not_run(copy: Path) -> None:
    import json

    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config"}}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "evil.py").write_text("raise SystemExit('it was run')")
    with pytest.raises(ModelError, match="cannot be used as a reranker"):
        load_reranker(str(copy), device="cpu")


def test_damaged_and_missing_weights_are_one_line(copy: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = copy / "model.safetensors"
    tensors, whole = load_file(weights), weights.read_bytes()
    weights.write_bytes(whole[:100])
    with pytest.raises(ModelError, match="cannot be used as a reranker") as said:
        load_reranker(str(copy), device="cpu")
    assert "\n" not in str(said.value)
    body = {name if name.startswith("classifier") else f"other.{name}": each for name, each in tensors.items()}
    save_file(body, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks \d\d of its weights \(.*embeddings"):
        load_reranker(str(copy), device="cpu")
    del tensors["classifier.weight"]
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks 1 of its weights \(classifier\.weight"):
        load_reranker(str(copy), device="cpu")


def test_a_score_that_is_no_number_is_refused(copy: Path) -> None:
    from safetensors.numpy import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    tensors["classifier.bias"][:] = np.nan
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="gave a score that is no number"):
        load_reranker(str(copy), device="cpu").rerank("oil", [hit("pump")])


# ---------------------------------------------------------------- the hub


def test_a_hub_model_in_the_hubs_cache_is_opened_without_asking_the_network(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, bool]] = []

    def snapshot(name: str, *, allow_patterns: list[str], local_files_only: bool = False) -> str:
        asked.append((name, local_files_only))
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert open_cross_encoder("tiny/model", device="cpu").name == "tiny/model"
    assert open_cross_encoder("short-name", device="cpu").name == "short-name"
    assert asked == [("tiny/model", True), ("cross-encoder/short-name", True)]


def test_a_hub_that_cannot_be_reached_is_one_line_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    def snapshot(name: str, **_: object) -> str:
        raise LocalEntryNotFoundError("no network\nand much more")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    with pytest.raises(
        ModelMissing,
        match=r"The reranker 'tiny/model' could not be fetched from the hub: no network\. Built in: none\. "
        r".* comes from: hf download tiny/model --local-dir FOLDER$",
    ):
        load_reranker("tiny/model")


def test_a_path_where_nothing_lies_is_not_looked_up_on_the_hub(socket_disabled: None) -> None:
    with pytest.raises(ModelMissing, match=r"There is no reranker at './nothing-here'\. Built in: none\. Else give"):
        load_reranker("./nothing-here")
