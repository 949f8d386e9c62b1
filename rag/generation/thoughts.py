"""What a model thinks before it answers, kept apart from the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

_OPEN, _CLOSE = "<think>", "</think>"
_TAG = re.compile(f"{_OPEN}|{_CLOSE}")


def without_thoughts(pieces: Iterator[str], thoughts: list[str], *, expected: bool = False) -> Iterator[str]:
    """The pieces that are the answer; what stands between <think> and </think> goes to `thoughts`.

    Where thoughts are `expected`, what comes before the first </think> is one even if it was not opened (some models'
    own templates open it); without any, all is the answer.
    """
    text, thinking = "", False
    held = expected
    for piece in pieces:
        text += piece
        while tag := _TAG.search(text):
            before, text = text[: tag.start()], text[tag.end() :]
            if thinking or (held and tag[0] == _CLOSE):
                thoughts.append(before)
            elif before.strip():
                yield before
            thinking, held = tag[0] == _OPEN, held and tag[0] == _OPEN
        safe = 0 if held else len(text) - _begun(text)
        if thinking:
            thoughts.append(text[:safe])
        elif safe:
            yield text[:safe]
        text = text[safe:]
    if thinking:
        thoughts.append(text)
    elif text:
        yield text


def _begun(text: str) -> int:
    """How many characters at the end may be the beginning of a tag."""
    tail = text[-len(_CLOSE) + 1 :]
    return next(
        (len(tail) - at for at in range(len(tail)) if any(tag.startswith(tail[at:]) for tag in (_OPEN, _CLOSE))),
        0,
    )
