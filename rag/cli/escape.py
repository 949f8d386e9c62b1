"""What may reach a terminal: text whose controls, escapes and characters that nobody sees are spelled out."""

from __future__ import annotations

import re
from collections.abc import Callable

from rag.text.invisible import unseen

# C0 and C1 controls with DEL (ANSI escapes start with one), line and paragraph separators, bidi marks, embeddings,
# overrides and isolates, deprecated format controls, interlinear annotation; lone surrogates (no encoding has them).
_UNSAFE = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f\ufff9-\ufffb\ud800-\udfff"
_CONTROLS = re.compile(f"[{_UNSAFE}]")
_CONTROLS_IN_LINES = re.compile(f"(?![\n\t])[{_UNSAFE}]")


def printable(text: str) -> str:
    """`text` on one line: controls and characters that nobody sees are spelled out, as in `\\x1b` or `\\u202e`."""
    return _safe(text, _CONTROLS, _spelled)


def printable_lines(text: str) -> str:
    """`text` with its line breaks and tabs kept and every other such character spelled out."""
    return _safe(text.replace("\r\n", "\n"), _CONTROLS_IN_LINES, _spelled)


def json_safe(encoded: str) -> str:
    """Encoded JSON with the same characters as `\\uXXXX`; it means the same, as they occur inside strings only.

    `encoded` has to be on one line or indented by `json.dumps`: line breaks between values stay.
    """
    return _safe(encoded, _CONTROLS_IN_LINES, _as_json)


def _safe(text: str, controls: re.Pattern[str], spelled: Callable[[str], str]) -> str:
    text = controls.sub(lambda found: spelled(found.group()), text)
    gone = set(unseen(text))
    return "".join(spelled(char) if place in gone else char for place, char in enumerate(text)) if gone else text


def _as_json(char: str) -> str:
    """Two escapes where one cannot hold it."""
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _spelled(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
