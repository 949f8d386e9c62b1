"""Language models behind the `LanguageModel` protocol: the built-in one, and any of transformers' (decoder-only or
encoder-decoder).

    model = open_built_in(folder, "smollm2-135m-instruct")                 by our own forward pass, soon ready
    model = open_language_model("HuggingFaceTB/SmolLM2-360M-Instruct")     a hub name
    model = open_language_model(Path("models/my-t5"))                      a folder: nothing is fetched
    model = open_language_model(Path("models/my-adapter"))                 a LoRA adapter's, over its base model
    model = open_language_model("models/qwen2.5-0.5b-q8_0.gguf")           a GGUF file, converted once into the cache

Weights are read from safetensors and GGUF alone; code that comes with a model is never run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from rag.datatypes import GREEDY, Message, Sampling
from rag.errors import ModelError
from rag.models.checkpoint import Checkpoint, load_built_in, load_config, load_tokenizer, load_weights, resolved
from rag.models.decoding import (
    causal_ids,
    check_room,
    chooser,
    encoder_decoder_ids,
    limited,
    text_pieces,
    thoughts_first,
)
from rag.models.device import device as chosen_device
from rag.models.hub import keep_quiet
from rag.models.placement import Quantization, placement
from rag.models.rendering import renderer
from rag.models.threads import limit_torch, prepare

log = logging.getLogger(__name__)

# Of a model that states no limit; and the most that is offered of one that states more, for memory's sake.
DEFAULT_CONTEXT, MAX_CONTEXT = 2048, 32_768

# Ends of a turn that some models' configs forget to name as an end of text.
_TURN_ENDS = ("<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<|endoftext|>")


def open_built_in(folder: Path, name: str, *, device: str = "auto", quotes_first: bool = False) -> TransformersModel:
    """The built-in model from the folder that it was converted into.

    Raises ModelError where its files are damaged.
    """
    prepare()
    chosen = chosen_device(device)
    tokenizer, model = load_built_in(folder, chosen)
    limit_torch()
    return TransformersModel(name, model, tokenizer, quotes_first=quotes_first)


def open_language_model(
    name_or_folder: str | Path, *, device: str = "auto", quantization: Quantization = "none"
) -> TransformersModel:
    """Load a model from a folder (that of a LoRA adapter too), a `.gguf` file or the hub.

    `device` "cuda:all" lays it over all GPUs, as "auto" does where there are several. Raises ModelMissing where there
    is no such model, ModelError where it cannot be used: pickled weights only, an architecture that does not generate
    text, damaged files, a package that is not installed.
    """
    prepare()
    tokenizer, model = _loaded(resolved(name_or_folder), device, quantization)
    limit_torch()
    return TransformersModel(str(name_or_folder), model, tokenizer)


def _loaded(source: Checkpoint, device: str, quantization: Quantization) -> tuple[Any, Any]:
    """Tokenizer and model; the network is asked only where the hub's cache does not have all of their files."""
    if not source.local:
        keep_quiet()
        try:
            return _loaded(replace(source, local=True), device, quantization)
        except ModelError as problem:
            if not isinstance(problem.__cause__, OSError):  # which is what a file that is not there is
                raise
        log.warning("Fetching %s from the Hugging Face hub once.", source.where)
    config = load_config(source)
    tokenizer = load_tokenizer(source)
    return tokenizer, load_weights(source, config, placement(device, quantization))


class TransformersModel:
    """A model that is called as transformers' are, with its tokenizer; equal prompt and sampling give equal text."""

    def __init__(self, name: str, model: Any, tokenizer: Any, *, quotes_first: bool = False) -> None:
        self.name = name
        self.quotes_first = quotes_first
        self._model = model
        self._tokenizer = tokenizer
        self._encoder_decoder = bool(model.config.is_encoder_decoder)
        self._render, self._stop_texts = renderer(name, tokenizer, encoder_decoder=self._encoder_decoder)
        # A chat template writes its own specials; plain text gets those that the tokenizer puts around a text.
        self._adds_specials = not tokenizer.chat_template
        self._stop_ids = _stop_ids(model, tokenizer)
        self.context_tokens = _context_limit(model.config, tokenizer) - len(self._ids(""))

    def render(self, messages: Sequence[Message]) -> str:
        """Exactly the text that the model is sent."""
        return self._render(messages)

    def count_tokens(self, text: str) -> int:
        """Tokens of the text alone; those that the tokenizer puts around a prompt are off `context_tokens` already."""
        return len(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def generate(self, messages: Sequence[Message], sampling: Sampling = GREEDY) -> Iterator[str]:
        """The completion piece by piece, each piece whole characters; computes only as far as it is consumed.

        Raises ValueError, before anything is computed, where the prompt and `max_tokens` exceed `context_tokens`.
        """
        text = self.render(messages)
        check_room(self, text, sampling)
        return self._stream(text, sampling)

    def _stream(self, prompt: str, sampling: Sampling) -> Iterator[str]:
        next_ids = encoder_decoder_ids if self._encoder_decoder else causal_ids
        # Closing frees the cache when the consumer stops early.
        with closing(next_ids(self._model, self._ids(prompt), chooser(sampling))) as ids:
            pieces = text_pieces(limited(ids, self._stop_ids, sampling.max_tokens), self._decoded)
            stops, thinking = (*self._stop_texts, *sampling.stop), prompt.rstrip().endswith("<think>")
            yield from thoughts_first(pieces, stops, thinking=thinking)

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=self._adds_specials, verbose=False)["input_ids"])

    def _decoded(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _stop_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends a completion."""
    ids: set[int] = set()
    for ends in (model.generation_config.eos_token_id, model.config.eos_token_id, tokenizer.eos_token_id):
        ids.update(ends if isinstance(ends, (list, tuple)) else [] if ends is None else [ends])
    added = tokenizer.get_added_vocab()
    ids.update(added[token] for token in _TURN_ENDS if token in added)
    return frozenset(ids)


def _context_limit(config: Any, tokenizer: Any) -> int:
    """The smallest limit that config and tokenizer state, at most MAX_CONTEXT."""
    text_config = config.get_text_config(decoder=True)
    stated = [getattr(text_config, name, None) for name in ("max_position_embeddings", "n_positions")]
    stated.append(tokenizer.model_max_length)
    # A tokenizer without a limit states an astronomical number.
    limits = [int(limit) for limit in stated if isinstance(limit, (int, float)) and 0 < limit < 10**9]
    return min([*limits, MAX_CONTEXT]) if limits else DEFAULT_CONTEXT
