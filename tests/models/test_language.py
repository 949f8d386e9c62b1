"""Every kind of language model keeps the same promises."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from rag.datatypes import GREEDY, Message, Sampling
from rag.models import cache, language
from rag.models.canned import CannedModel
from rag.models.catalogue import DEFAULT_GENERATOR
from rag.models.decoding import causal_ids, chooser
from rag.models.gguf import GgufModel, open_gguf
from rag.models.language import TransformersModel, open_built_in, open_language_model
from rag.protocols import LanguageModel
from tests.models.test_gguf_weights import tiny, write_gguf
from tests.models.tiny_models import CHAT, KINDS, MESSAGES, make_model


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: make_model(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


@pytest.fixture(scope="session")
def opened(folders: dict[str, Path]) -> dict[str, LanguageModel]:
    canned = CannedModel({"": "Die Brücke ist 96 m hoch [1]. 桥高96米。"}, context_tokens=300)
    models: dict[str, LanguageModel] = {kind: open_language_model(folder) for kind, folder in folders.items()}
    return {**models, "canned": canned}


@pytest.fixture(scope="session")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    pytest.importorskip("xllamacpp", reason="xllamacpp is not installed: pip install '.[gguf]'")
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    write_gguf(path, "llama", tiny("llama"), context=256, chat_template=CHAT)
    return open_gguf(path)


@pytest.fixture(params=[*KINDS, "canned", "gguf"])
def model(request: pytest.FixtureRequest, opened: dict[str, LanguageModel]) -> LanguageModel:
    own: LanguageModel = opened[request.param] if request.param in opened else request.getfixturevalue("gguf")
    return own


# ---------------------------------------------------------------- what every language model promises


def test_the_same_prompt_gives_the_same_text(model: LanguageModel) -> None:
    first, second = ("".join(model.generate(MESSAGES, Sampling(24))) for _ in range(2))
    assert first == second
    assert first


def test_a_seed_gives_its_own_text_and_gives_it_again(model: LanguageModel) -> None:
    if isinstance(model, CannedModel):
        pytest.skip("a canned reply is not drawn")
    texts = ["".join(model.generate(MESSAGES, Sampling(24, 1.5, seed))) for seed in (1, 2, 1)]
    assert texts[0] == texts[2]
    assert len({*texts, "".join(model.generate(MESSAGES, Sampling(24)))}) == 3


def test_text_ends_before_a_stop(model: LanguageModel) -> None:
    whole = "".join(model.generate(MESSAGES, Sampling(24)))
    stop = whole[len(whole) // 2 :][:3]
    assert "".join(model.generate(MESSAGES, Sampling(24, stop=("never there", stop)))) == whole.partition(stop)[0]


def test_pieces_are_non_empty_and_hold_whole_characters(model: LanguageModel) -> None:
    pieces = list(model.generate(MESSAGES, Sampling(24)))
    assert all(pieces)
    if not isinstance(model, GgufModel):  # llama.cpp writes that for bytes of no character, which a random model makes
        assert all(not piece.endswith("\ufffd") for piece in pieces)


def test_a_smaller_limit_gives_the_beginning_of_the_same_text(model: LanguageModel) -> None:
    long = "".join(model.generate(MESSAGES, Sampling(24)))
    short = "".join(model.generate(MESSAGES, Sampling(3)))
    assert long.startswith(short)
    assert short != long


def test_the_rendered_text_holds_every_message(model: LanguageModel) -> None:
    text = model.render(MESSAGES)
    assert all(message.content in text for message in MESSAGES)


def test_a_prompt_that_does_not_fit_is_refused_with_the_counts(model: LanguageModel) -> None:
    long = [Message("user", "high " * model.context_tokens)]
    needed = model.count_tokens(model.render(long))
    assert needed > model.context_tokens
    with pytest.raises(
        ValueError, match=f"{needed} tokens of prompt and 1 to generate exceed .* {model.context_tokens}"
    ):
        model.generate(long, Sampling(1))


def test_prompt_and_completion_may_fill_the_context_to_the_last_token(model: LanguageModel) -> None:
    room = model.context_tokens - model.count_tokens(model.render(MESSAGES))
    assert next(model.generate(MESSAGES, Sampling(room)))
    with pytest.raises(ValueError, match="tokens"):
        model.generate(MESSAGES, Sampling(room + 1))


def test_a_consumer_may_stop_early_and_ask_again(model: LanguageModel) -> None:
    whole = "".join(model.generate(MESSAGES, Sampling(24)))
    stream = model.generate(MESSAGES, Sampling(24))
    first = next(stream)
    del stream
    assert whole.startswith(first)
    assert "".join(model.generate(MESSAGES, Sampling(24))) == whole


def test_two_streams_of_one_model_do_not_disturb_each_other(model: LanguageModel) -> None:
    alone = list(model.generate(MESSAGES, Sampling(12)))
    pairs = zip(model.generate(MESSAGES, Sampling(12)), model.generate(MESSAGES, Sampling(12)), strict=True)
    assert [list(pair) for pair in pairs] == [[piece, piece] for piece in alone]


# ---------------------------------------------------------------- transformers models


def reference(model: TransformersModel, messages: Sequence[Message], max_tokens: int) -> str:
    """What transformers' own `generate` makes of the same prompt."""
    import torch

    prompt = torch.tensor([model._ids(model.render(messages))])
    made = model._model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=False,
        max_new_tokens=max_tokens,
        eos_token_id=sorted(model._stop_ids),
        pad_token_id=0,
    )[0]
    start = 1 if model._encoder_decoder else prompt.shape[1]
    return model._decoded(made[start:].tolist()).rstrip("\ufffd")


@pytest.mark.parametrize("kind", KINDS)
def test_the_stream_joins_to_what_transformers_generates(kind: str, opened: dict[str, Any]) -> None:
    for question in ("How high?", "桥有多高", "x = 3.14 ≈ π"):
        messages = [Message("user", question)]
        assert "".join(opened[kind].generate(messages, Sampling(40))) == reference(opened[kind], messages, 40)


def test_closing_a_stream_stops_the_computation(opened: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model, forward = opened["llama"], opened["llama"]._model.forward
    calls: list[int] = []

    @functools.wraps(forward)
    def counted(**inputs: Any) -> Any:
        calls.append(1)
        return forward(**inputs)

    monkeypatch.setattr(model._model, "forward", counted)
    stream = model.generate(MESSAGES, Sampling(64))
    assert calls == []
    next(stream)
    stream.close()
    after_close = len(calls)
    assert list(stream) == []
    assert 0 < after_close == len(calls) < 64


def test_generation_ends_at_the_end_of_turn(opened: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model = opened["llama"]
    ids = list(_ids_of(model, 10))
    monkeypatch.setattr(model, "_stop_ids", frozenset({ids[6]}))
    stopped = "".join(model.generate(MESSAGES, Sampling(10)))
    assert stopped == model._decoded(ids[: ids.index(ids[6])]).rstrip("\ufffd")


def _ids_of(model: TransformersModel, count: int) -> Sequence[int]:
    return list(islice(causal_ids(model._model, model._ids(model.render(MESSAGES)), chooser(GREEDY)), count))


def test_ends_of_text_come_from_configs_and_from_known_ends_of_turn(opened: dict[str, Any]) -> None:
    assert opened["llama"]._stop_ids == {0, 2}
    assert opened["gpt2"]._stop_ids == {0, 2}


def test_the_context_is_the_smallest_limit_that_is_stated(opened: dict[str, Any], folders: dict[str, Path]) -> None:
    from transformers import AutoTokenizer

    assert opened["llama"].context_tokens == 256
    assert opened["t5"].context_tokens == 256 - 1  # its tokenizer ends every text with a token
    tokenizer = AutoTokenizer.from_pretrained(folders["llama"])
    config = opened["llama"]._model.config
    tokenizer.model_max_length = 100
    assert language._context_limit(config, tokenizer) == 100
    tokenizer.model_max_length = 10**30
    monstrous = type(config)(**{**config.to_dict(), "max_position_embeddings": 10_000_000})
    assert language._context_limit(monstrous, tokenizer) == language.MAX_CONTEXT


def test_a_model_is_named_as_it_was_asked_for(folders: dict[str, Path]) -> None:
    model = open_language_model(str(folders["gpt2"]), device="cpu")
    assert (model.name, model.quotes_first) == (str(folders["gpt2"]), False)


@pytest.mark.parametrize("kind", KINDS)
def test_a_local_folder_opens_no_socket_and_writes_nothing(
    kind: str, folders: dict[str, Path], capfd: pytest.CaptureFixture[str], socket_disabled: None
) -> None:
    before = sorted(path.name for path in folders[kind].iterdir())
    assert "".join(open_language_model(folders[kind]).generate(MESSAGES, Sampling(4)))
    assert sorted(path.name for path in folders[kind].iterdir()) == before
    assert capfd.readouterr().out == ""


# ---------------------------------------------------------------- the built-in model


@pytest.mark.models
def test_the_built_in_model_reads_an_answer_off_its_passage() -> None:
    folder = cache.locate(DEFAULT_GENERATOR)
    if folder is None:
        pytest.skip("the built-in models are not pulled: rag models pull")
    model = open_built_in(folder, DEFAULT_GENERATOR, quotes_first=True)
    assert (model.name, model.quotes_first) == (DEFAULT_GENERATOR, True)
    passage = "The Kestrel pump was installed in hall 3 in May 2021. It is serviced every 600 hours by Marta Ibel."
    question = f"Passage: {passage}\n\nQuestion: How often is the Kestrel pump serviced?"
    messages = [Message("system", "Answer in one short sentence, using only the passage."), Message("user", question)]
    assert model.render(messages).startswith("<|im_start|>system\nAnswer in one short sentence")
    assert model.context_tokens == 8192
    assert "every 600 hours" in "".join(model.generate(messages, Sampling(40)))
