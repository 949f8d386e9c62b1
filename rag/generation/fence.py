"""Where text of documents stands in a prompt: between markers that none of it contains.

The key in the markers is a hash of the question and of all the excerpts: the same prompt stays the same. It is no
secret. Who knows the question and every other excerpt can compute it, and cannot use it: a key that occurs in an
excerpt is passed over for the next one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from itertools import count

from rag.text.invisible import visible

OPENED, CLOSED = '<excerpt number="{number}" key="{key}">', '</excerpt key="{key}">'
KEY_LENGTH = 6
"""Hexadecimal digits: long enough not to be passed over by chance, short in tokens."""

# What begins a tag or ends one, and what a chat template would take for the turn of a conversation.
_MARKUP = re.compile(r"<(?=[/|!?<a-zA-Z＜])|\[(?=/?INST)|(?<=[|a-zA-Z\"/>])>")
_INSTEAD = {"<": "‹", ">": "›", "[": "("}


def fenced(texts: Sequence[str], question: str = "") -> list[str]:
    """Each text on one line between its markers, numbered from 1, unable to write a marker itself."""
    lines = [neutral(text) for text in texts]
    key = key_of(question, lines)
    return [
        OPENED.format(number=number, key=key) + line + CLOSED.format(key=key)
        for number, line in enumerate(lines, start=1)
    ]


def key_of(question: str, texts: Sequence[str]) -> str:
    """`KEY_LENGTH` hexadecimal digits that stand in none of the texts, the same for the same question and texts."""
    content = "\0".join([question, *texts]).encode("utf-8", "surrogatepass")
    keys = (hashlib.sha256(b"%d\0%b" % (turn, content)).hexdigest()[:KEY_LENGTH] for turn in count())
    return next(key for key in keys if not any(key in text.lower() for text in texts))


def neutral(text: str) -> str:
    """`text` on one line, without characters that nobody sees, its tags and role markers with `‹` for their bracket."""
    return _MARKUP.sub(lambda found: _INSTEAD[found.group()], " ".join(visible(text).split()))
