"""Language models of an OpenAI-compatible server (vLLM, llama.cpp, Ollama, a hosted one), over HTTP.

    model = open_server("http://localhost:11434/v1", "qwen3:4b")

Nothing is sent before `open_server`, which asks for the list of models; then prompts, and texts to be counted.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from rag.datatypes import GREEDY, Message, Sampling
from rag.errors import ModelError, ModelMissing
from rag.models.decoding import check_room, thoughts_first
from rag.models.endpoint import Endpoint

TEMPLATE_TOKENS = 128
"""Kept free for what the server's own template puts around the messages, such as a date or a list of channels."""
# What begins a control token in the usual templates; in a message it is broken by a space, as in `rendering`.
_CONTROL = re.compile(r"<(?=[|｜]|/?s>|bos>|eos>|start_of_turn>|end_of_turn>)|\[(?=/?INST\])")
_THOUGHTS = ("reasoning_content", "reasoning")
_WORDS = re.compile(r"[A-Za-z]+|[^\x00-\x7f]| ?[^\sA-Za-z]|\s+")


def open_server(url: str, name: str, *, key: str = "", context_tokens: int = 4096) -> ServerModel:
    """The model `name` of the server at `url`; `context_tokens` counts where the server does not tell its own.

    Raises ModelMissing where it has no such model, ModelError where there is no such server or it refuses the key.
    """
    endpoint = Endpoint(url, key)
    entry = _entry(endpoint, name)
    stated = _context(endpoint, entry) or context_tokens
    return ServerModel(endpoint, name, context_tokens=stated - TEMPLATE_TOKENS, counts=_counts(endpoint, name))


class ServerModel:
    """A model that runs elsewhere; `counts` says whether the server counts tokens, else they are over-estimated."""

    quotes_first = False

    def __init__(self, endpoint: Endpoint, name: str, *, context_tokens: int, counts: bool) -> None:
        self.name = name
        self.context_tokens = context_tokens
        self._endpoint = endpoint
        self._counts = counts

    def render(self, messages: Sequence[Message]) -> str:
        """The messages as they are sent, each under its role; the server's template puts its own marks around them."""
        return "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in turns(messages))

    def count_tokens(self, text: str) -> int:
        """Tokens of the text as the server counts them; where it does not, at least as many as usual models have."""
        return _counted(self._endpoint, self.name, text) if self._counts else estimated_tokens(text)

    def generate(self, messages: Sequence[Message], sampling: Sampling = GREEDY) -> Iterator[str]:
        """The completion piece by piece, a reasoning model's thoughts in front between <think> and </think>.

        Raises ValueError, before anything is sent, where the prompt and `max_tokens` exceed `context_tokens`;
        ModelError, also in the midst of it, where the server fails.
        """
        check_room(self, self.render(messages), sampling)
        body = {
            "model": self.name,
            "messages": turns(messages),
            "stream": True,
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
        }
        # The server ends a thought at a stop text too, so that they are looked for here.
        return thoughts_first(self._contents(body), sampling.stop)

    def _contents(self, body: Mapping[str, Any]) -> Iterator[str]:
        ended, thinking = False, False
        with closing(self._endpoint.events("/chat/completions", body)) as events:
            for event in events:
                choices = event.get("choices")
                choice = choices[0] if isinstance(choices, list) and choices else None
                thought = next(filter(None, (_looked_up(choice, "delta", name) for name in _THOUGHTS)), None)
                if thought:
                    yield str(thought) if thinking else f"<think>{thought}"
                    thinking = True
                content = _content(_looked_up(choice, "delta", "content"))
                if content:
                    yield f"</think>{content}" if thinking else content
                    thinking = False
                ended = ended or _looked_up(choice, "finish_reason") is not None
        if not ended:
            raise ModelError(f"the reply of {self._endpoint.url} broke off. Look at the server's log")


def _content(value: Any) -> str:
    """The text of a piece; some servers (Mistral's) send parts of several kinds in its place."""
    parts = value if isinstance(value, list) else [value]
    texts = (_looked_up(part, "text") if isinstance(part, dict) else part for part in parts)
    return "".join(text for text in texts if isinstance(text, str))


def estimated_tokens(text: str) -> int:
    """At least as many tokens as usual models cut the text into, without knowing their vocabulary.

    Half the letters of a run of ASCII letters, every other ASCII character that is no space between words, every byte
    of UTF-8 beyond ASCII: 1.3 to 3 times as many as there are (benchmarks/generators.py).
    """
    return sum(_most(piece) for piece in _WORDS.findall(text))


def _most(piece: str) -> int:
    if piece.isspace():
        return len(piece) - 1 if piece[-1] == " " else len(piece)
    if piece.isascii() and piece.isalpha():
        return (len(piece) + 1) // 2
    return len(piece.strip().encode("utf-8", "surrogatepass"))


def turns(messages: Sequence[Message]) -> list[dict[str, str]]:
    """The messages as a server takes them; what would be a control token in them is broken by a space."""
    return [{"role": turn.role, "content": _CONTROL.sub(r"\g<0> ", turn.content)} for turn in messages]


# ---------------------------------------------------------------- what the server says of itself


def _entry(endpoint: Endpoint, name: str) -> Mapping[str, Any]:
    """What the server's list of models has on this one. Raises ModelMissing where it is not in it."""
    reply = endpoint.json("GET", "/models")
    listed = reply.get("data") if isinstance(reply, dict) else None
    if not isinstance(listed, list):
        raise ModelError(f"{endpoint.url} gives no list of models. The address of such a server ends in /v1, mostly")
    entries = {str(entry["id"]): entry for entry in listed if isinstance(entry, dict) and "id" in entry}
    for known in (name, f"{name}:latest"):  # Ollama's names have a tag
        if known in entries:
            return dict(entries[known])
    near = difflib.get_close_matches(name, entries, n=5, cutoff=0) or sorted(entries)
    others = f" and {len(entries) - len(near)} more" if len(entries) > len(near) else ""
    raise ModelMissing(
        f"{endpoint.url} has no model {name!r}; it has {', '.join(near) or 'none'}{others}. Set generator to one of "
        "its models"
    )


def _context(endpoint: Endpoint, entry: Mapping[str, Any]) -> int:
    """Tokens of context that one request has; 0 where the server does not say."""
    stated = entry.get("max_model_len")  # vLLM
    if not isinstance(stated, int) and entry.get("owned_by") == "llamacpp":
        stated = _looked_up(endpoint.json("GET", "/props", root=True), "default_generation_settings", "n_ctx")
    return stated if isinstance(stated, int) and stated > TEMPLATE_TOKENS else 0


def _looked_up(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _counts(endpoint: Endpoint, name: str) -> bool:
    """Whether the server counts tokens (vLLM and llama.cpp do)."""
    try:
        return _counted(endpoint, name, "one", patient=False) > 0
    except ModelError:
        return False


def _counted(endpoint: Endpoint, name: str, text: str, *, patient: bool = True) -> int:
    # `prompt` is vLLM's word for it, `content` that of llama.cpp.
    body = {"model": name, "prompt": text, "content": text, "add_special_tokens": False}
    tokens = _looked_up(endpoint.json("POST", "/tokenize", body, root=True, patient=patient), "tokens")
    if not isinstance(tokens, list):
        raise ModelError(f"{endpoint.root}/tokenize gives no tokens. Look at the server's log")
    return len(tokens)
