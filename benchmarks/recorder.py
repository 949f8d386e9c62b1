"""A language model that is heard out, whoever stops listening before: what it was sent, and all that it wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rag.datatypes import GREEDY, Message, Sampling
from rag.protocols import LanguageModel


class Recorder:
    """`model`, with the last message of its last `prompt` and what it has `written` to it, `heard` tokens at most."""

    def __init__(self, model: LanguageModel, heard: int | None = None) -> None:
        self.model = model
        self.heard = heard
        self.name, self.context_tokens, self.quotes_first = model.name, model.context_tokens, model.quotes_first
        self.render, self.count_tokens = model.render, model.count_tokens
        self.prompt = self.written = ""

    def generate(self, messages: Sequence[Message], sampling: Sampling = GREEDY) -> Iterator[str]:
        """The whole completion, a word at a time."""
        most = min(sampling.max_tokens, self.heard or sampling.max_tokens)
        self.prompt = messages[-1].content
        self.written = "".join(self.model.generate(messages, replace(sampling, max_tokens=most)))
        return iter(re.findall(r"\S+\s*|\s+", self.written))
