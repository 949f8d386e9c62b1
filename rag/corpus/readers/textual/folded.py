"""Calendars (iCalendar) and contacts (vCard): their lines as they were before they were folded, with text unescaped.

Such a file breaks a line behind 75 bytes, in the middle of a word or of a letter, and goes on behind a space.
"""

from __future__ import annotations

import re

from rag.corpus.readers.plain import text_of
from rag.corpus.readers.reader import Content, Unread

_FOLD = re.compile(rb"\r?\n[ \t]")
_ENCODED = re.compile(r"(?im)^[\w.-]+;[^:\n]*(?:ENCODING=B(?:ASE64)?\b[^:\n]*:|:data:[^\n]*;base64,).*\n?")
"""A picture, a sound or a key, in letters that say nothing."""
_ESCAPE = re.compile(r"\\([nN,;\\])")


def parse_folded(data: bytes, _path: str) -> Content | Unread:
    """The text with its lines whole, without what is encoded."""
    text = text_of(_FOLD.sub(b"", data))
    if isinstance(text, Unread):
        return text
    return Content(_ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], _ENCODED.sub("", text)))
