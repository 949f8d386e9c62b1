"""The built-in language model's forward pass computes what transformers' does."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from rag.datatypes import GREEDY, Sampling
from rag.errors import ModelError
from rag.models import cache
from rag.models.catalogue import DEFAULT_GENERATOR
from rag.models.decoding import causal_ids, chooser
from rag.models.language import open_built_in
from rag.models.llama import Llama
from tests.models.tiny_models import CHAT, MESSAGES, tokenizer

SIZES: dict[str, Any] = {
    "hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 6, "head_dim": 8,
    "max_position_embeddings": 256, "rope_theta": 1000.0, "rms_norm_eps": 1e-5, "tie_word_embeddings": True,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2, "hidden_act": "silu", "attention_bias": False,
}  # fmt: skip


def make(folder: Path, key_heads: int) -> Any:
    """A random model of the built-in one's kind in `folder`, and transformers' own reading of it."""
    import transformers

    torch.manual_seed(3)
    words = len(tokenizer(folder, chat_template=CHAT))
    config = {**SIZES, "num_key_value_heads": key_heads, "vocab_size": words, "model_type": "llama"}
    written = {**config, "architectures": ["LlamaForCausalLM"]}
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**config, initializer_range=0.5))
    model.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(written), encoding="utf-8")
    reread: Any = transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return reread.eval()


def greedy_ids(model: Any, prompt: list[int], count: int) -> list[int]:
    return list(islice(causal_ids(model, prompt, chooser(GREEDY)), count))


@pytest.mark.parametrize("key_heads", [2, 6])
def test_logits_are_those_of_transformers(key_heads: int, tmp_path: Path) -> None:
    theirs = make(tmp_path, key_heads)
    ours = Llama(tmp_path, "cpu", torch.float32)
    ids = torch.randint(0, 250, (1, 40), generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        wanted = theirs(input_ids=ids).logits[0, -1]
        torch.testing.assert_close(ours(ids).logits[0, -1], wanted, rtol=1e-3, atol=1e-3)
        # in parts: several tokens after others, then one
        cache_of = ours(ids[:, :13]).cache
        cache_of = ours(ids[:, 13:39], cache_of).cache
        torch.testing.assert_close(ours(ids[:, 39:], cache_of).logits[0, -1], wanted, rtol=1e-3, atol=1e-3)
    assert greedy_ids(ours, ids[0].tolist(), 24) == greedy_ids(theirs, ids[0].tolist(), 24)


def test_a_damaged_folder_is_named_in_one_line(tmp_path: Path) -> None:
    make(tmp_path, 2)
    assert "".join(open_built_in(tmp_path, "tiny").generate(MESSAGES, Sampling(4)))
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"cannot be loaded: .* Fetch it again") as problem:
        open_built_in(tmp_path, "tiny")
    assert "\n" not in str(problem.value)


@pytest.mark.models
def test_the_built_in_model_says_what_transformers_makes_of_it() -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = cache.locate(DEFAULT_GENERATOR)
    if folder is None:
        pytest.skip("the built-in models are not pulled: rag models pull")
    theirs: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    theirs.eval()
    ours = Llama(folder, "cpu", torch.float32)
    prompt = open_built_in(folder, "built in").render(MESSAGES)
    ids = AutoTokenizer.from_pretrained(folder)(prompt)["input_ids"]
    with torch.inference_mode():
        wanted = theirs(input_ids=torch.tensor([ids])).logits[0, -1]
        torch.testing.assert_close(ours(torch.tensor([ids])).logits[0, -1], wanted, rtol=1e-3, atol=1e-3)
    assert greedy_ids(ours, ids, 30) == greedy_ids(theirs, ids, 30)
