"""A `LanguageModel` without weights, whose replies are given: for tests, ours and yours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from rag.datatypes import GREEDY, Message, Sampling
from rag.models.decoding import check_room, until

_WORD_WITH_SPACE = re.compile(r"\s*\S+\s*?(?=\s|$)|\s+")


class CannedModel:
    """Answers with what it was given, streamed word by word.

    `replies` maps a piece of text to the reply that is given when the last user message contains it (the first
    that matches, in the mapping's order; "" matches everything), or is a function from the messages to the reply.
    A question that nothing matches raises LookupError: a test must not pass on a reply that nobody wrote.
    Tokens are words. `prompts` holds what each call of `generate` was sent, rendered.

    >>> model = CannedModel({"height": "The tower is 96 m high [1]."})
    >>> list(model.generate([Message("user", "What is its height?")], Sampling(max_tokens=3)))
    ['The', ' tower', ' is']
    """

    def __init__(
        self,
        replies: Mapping[str, str] | Callable[[Sequence[Message]], str],
        *,
        name: str = "canned",
        context_tokens: int = 2048,
        quotes_first: bool = False,
    ) -> None:
        self.name = name
        self.context_tokens = context_tokens
        self.quotes_first = quotes_first
        self.prompts: list[str] = []
        self._replies = replies

    def render(self, messages: Sequence[Message]) -> str:
        """Each message as `role: content`, a blank line between two."""
        return "\n\n".join(f"{message.role}: {message.content}" for message in messages)

    def count_tokens(self, text: str) -> int:
        """Words between white space."""
        return len(text.split())

    def generate(self, messages: Sequence[Message], sampling: Sampling = GREEDY) -> Iterator[str]:
        """The reply's first `max_tokens` words, up to a stop text, whatever the temperature.

        Raises ValueError where prompt and reply exceed `context_tokens`.
        """
        prompt = self.render(messages)
        check_room(self, prompt, sampling)
        self.prompts.append(prompt)
        words = _WORD_WITH_SPACE.findall(self._reply(messages))
        return until(iter(words[: sampling.max_tokens]), sampling.stop)

    def _reply(self, messages: Sequence[Message]) -> str:
        if not isinstance(self._replies, Mapping):
            return self._replies(messages)
        question = next(message.content for message in reversed(messages) if message.role == "user")
        for piece, reply in self._replies.items():
            if piece in question:
                return reply
        raise LookupError(f"no reply for {question!r}; there are replies for {list(self._replies)}")
