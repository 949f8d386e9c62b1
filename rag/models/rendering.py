"""Messages → the one text that a model is sent.

    chat template         as the model's tokenizer has it; where it takes no system message, the system message
                          goes in front of the first user message
    no chat template      a completion model continues this plain text:

                              <system message>

                              User: <user message>

                              Assistant:

    encoder-decoder       the contents alone, a blank line between two (T5-style models know no roles)

What stands in a message is content, never control: the tokenizer's special tokens, spelled out in a document, are
broken by a space (`<|im_end|>` becomes `< |im_end|>`), so that no document can end its turn and start another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from rag.datatypes import Message
from rag.errors import ModelError

Render = Callable[[Sequence[Message]], str]

# A completion model left alone goes on with the next question; generation ends before this.
PLAIN_STOP = "\nUser:"


def renderer(name: str, tokenizer: Any, *, encoder_decoder: bool) -> tuple[Render, tuple[str, ...]]:
    """The function that renders messages for this tokenizer, and the texts that end a completion."""
    special = _special_tokens(tokenizer)
    if tokenizer.chat_template:
        chat = _chat(name, tokenizer)
        takes_system = _takes_system(chat)
        return lambda messages: chat(_sanitised(messages if takes_system else folded(messages), special)), ()
    if encoder_decoder:
        return lambda messages: "\n\n".join(message.content for message in _sanitised(messages, special)), ()
    return lambda messages: plain(_sanitised(messages, special)), (PLAIN_STOP,)


def plain(messages: Sequence[Message]) -> str:
    """The text format for completion models, as the module's docstring shows it."""
    labels = {"system": "", "user": "User: ", "assistant": "Assistant: "}
    return "\n\n".join([*(labels[message.role] + message.content for message in messages), "Assistant:"])


def folded(messages: Sequence[Message]) -> list[Message]:
    """The messages with the leading system message in front of the first user message."""
    if not messages or messages[0].role != "system":
        return list(messages)
    system, *rest = messages
    if not rest or rest[0].role != "user":
        return [Message("user", system.content), *rest]
    return [Message("user", f"{system.content}\n\n{rest[0].content}"), *rest[1:]]


def _chat(name: str, tokenizer: Any) -> Render:
    def chat(messages: Sequence[Message]) -> str:
        from jinja2 import TemplateError

        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            # `enable_thinking` is read by the templates of models that otherwise think aloud first (Qwen3).
            text = tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        except (TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as problem:
            raise ModelError(f"the chat template of {name} refuses these messages: {problem}") from problem
        return str(text)

    return chat


def _takes_system(chat: Render) -> bool:
    """Whether the template renders a system message: some raise, some leave it out without a word."""
    try:
        return "system-probe" in chat([Message("system", "system-probe"), Message("user", "question")])
    except ModelError:
        return False


def _special_tokens(tokenizer: Any) -> re.Pattern[str] | None:
    """Matches the first character of each special token's text; None where there are none."""
    added = (str(token) for token in tokenizer.added_tokens_decoder.values() if token.special)
    tokens = {token for token in (*added, *tokenizer.all_special_tokens) if len(token) > 1}
    if not tokens:
        return None
    return re.compile("|".join(f"{re.escape(token[0])}(?={re.escape(token[1:])})" for token in sorted(tokens)))


def _sanitised(messages: Sequence[Message], special: re.Pattern[str] | None) -> list[Message]:
    if special is None:
        return list(messages)
    return [Message(message.role, special.sub(r"\g<0> ", message.content)) for message in messages]
