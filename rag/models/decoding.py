"""Decoding as plain generators: token ids one at a time, then text that never holds half a character.

    causal_ids / encoder_decoder_ids  →  limited  →  text_pieces  →  thoughts_first

No thread and no queue: a consumer that stops early closes the generators, and nothing is left running.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from rag.datatypes import Sampling
from rag.protocols import LanguageModel

Choose = Callable[[Any], int]
"""The logits (vocabulary,) of what may follow → the token that does."""

_THINK, _THOUGHT = "<think>", "</think>"
# Left by a decoder in place of bytes that are not (yet) a character.
_INCOMPLETE = "\ufffd"


def chooser(sampling: Sampling) -> Choose:
    """Which token follows: the most probable one, or with a temperature one drawn by its probability."""
    import torch

    if not sampling.temperature:
        return lambda logits: int(logits.argmax())
    random = torch.Generator().manual_seed(sampling.seed)

    def drawn(logits: Any) -> int:
        probabilities = (logits.float().cpu() / sampling.temperature).softmax(-1)
        return int(torch.multinomial(probabilities, 1, generator=random))

    return drawn


def causal_ids(model: Any, prompt: Sequence[int], choose: Choose) -> Generator[int, None, None]:
    """The next token after `prompt`, and after that, without end."""
    import torch

    # Logits of the prompt's inner tokens would cost more than the rest of a small model.
    last_only = {"logits_to_keep": 1} if _takes(model, "logits_to_keep") else {}
    cache_name = _cache_name(model)
    cache, step, seen = None, list(prompt), list(prompt)
    while True:
        with torch.inference_mode():
            inputs = torch.tensor([step], device=model.device)
            output = model(input_ids=inputs, use_cache=True, **{cache_name: cache}, **last_only)
            token = choose(output.logits[0, -1])
            cache = getattr(output, cache_name, None)
        yield token
        seen.append(token)
        step = seen if cache is None else [token]  # a model without such a cache reads everything again


def encoder_decoder_ids(model: Any, prompt: Sequence[int], choose: Choose) -> Generator[int, None, None]:
    """The decoder's tokens for the encoded `prompt`, without end."""
    import torch

    with torch.inference_mode():
        inputs = torch.tensor([list(prompt)], device=model.device)
        mask = torch.ones_like(inputs)
        encoded = model.get_encoder()(input_ids=inputs, attention_mask=mask, return_dict=True)
    forced = _setting(model, "forced_bos_token_id")
    step = [_setting(model, "decoder_start_token_id", "bos_token_id")]
    cache_name = _cache_name(model)
    cache, seen = None, list(step)
    while True:
        with torch.inference_mode():
            output = model(
                encoder_outputs=encoded,
                attention_mask=mask,
                decoder_input_ids=torch.tensor([step], device=model.device),
                use_cache=True,
                **{cache_name: cache},
            )
            token = choose(output.logits[0, -1]) if forced is None else forced
            cache = getattr(output, cache_name, None)
        if forced is None:
            yield token
        forced = None
        seen.append(token)
        step = seen if cache is None else [token]


def _cache_name(model: Any) -> str:
    """What the model calls its cache of keys and values: `cache` from transformers 5.24 on."""
    return "cache" if _takes(model, "cache") else "past_key_values"


def _takes(model: Any, name: str) -> bool:
    return name in inspect.signature(model.forward).parameters


def _setting(model: Any, *names: str) -> Any:
    """The first of the settings that the model's generation or model config has; None where none has it."""
    for name in names:
        for config in (model.generation_config, model.config):
            if getattr(config, name, None) is not None:
                return getattr(config, name)
    return None


def limited(ids: Iterator[int], stops: Collection[int], max_tokens: int) -> Iterator[int]:
    """Up to `max_tokens` of the ids, ending before the first of `stops`."""
    for token in islice(ids, max_tokens):
        if token in stops:
            return
        yield token


def text_pieces(ids: Iterator[int], decode: Callable[[Sequence[int]], str]) -> Iterator[str]:
    """The text of the ids in non-empty pieces of whole characters; their join is `decode(all ids)`.

    Bytes at the very end that never became a character are left out.
    """
    # Pieces of some tokenizers depend on the token before (a leading space, a merged mark), so each new piece is
    # what decoding adds to the text of the last emitted tokens, which start at `anchor`.
    seen: list[int] = []
    anchor = emitted = 0
    for token in ids:
        seen.append(token)
        before, text = decode(seen[anchor:emitted]), decode(seen[anchor:])
        if len(text) > len(before) and not text.endswith(_INCOMPLETE):
            yield text[len(before) :]
            anchor, emitted = emitted, len(seen)
    rest = decode(seen[anchor:])[len(decode(seen[anchor:emitted])) :].rstrip(_INCOMPLETE)
    if rest:
        yield rest


def until(pieces: Iterator[str], stops: Collection[str]) -> Iterator[str]:
    """The text before the first of the `stops`, in non-empty pieces; what may be the beginning of one is held back."""
    held = ""
    for piece in pieces:
        held += piece
        ends = [held.index(stop) for stop in stops if stop in held]
        if ends:
            held = held[: min(ends)]
            break
        sure = len(held) - max((_overlap(held, stop) for stop in stops), default=0)
        if sure:
            yield held[:sure]
            held = held[sure:]
    if held:
        yield held


def thoughts_first(pieces: Iterator[str], stops: Collection[str], *, thinking: bool = False) -> Iterator[str]:
    """What a model thinks first, whole, between <think> and </think>, then the text before the first of the `stops`.

    `thinking` where the prompt has begun the thought. A stop does not count in it.
    """
    held = _THINK if thinking else ""
    for piece in pieces:
        held += piece
        begun = held.lstrip()
        if not _THINK.startswith(begun[: len(_THINK)]):
            break
        if begun.startswith(_THINK) and _THOUGHT in begun:
            thought, _, held = begun.partition(_THOUGHT)
            yield f"{thought}{_THOUGHT}"
            break
    if held.lstrip().startswith(_THINK):  # it thought until its tokens were used up
        yield held
    else:
        yield from until(chain([held], pieces), stops)


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    return next((length for length in range(min(len(text), len(stop)), 0, -1) if text.endswith(stop[:length])), 0)


def check_room(model: LanguageModel, prompt: str, sampling: Sampling) -> None:
    """Raise ValueError where the rendered prompt and the completion exceed the model's context."""
    count = model.count_tokens(prompt)
    if count + sampling.max_tokens > model.context_tokens:
        raise ValueError(
            f"{count} tokens of prompt and {sampling.max_tokens} to generate exceed {model.name}'s "
            f"{model.context_tokens}"
        )
