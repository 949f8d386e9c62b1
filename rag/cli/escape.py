"""What may reach a terminal: text whose control characters, escapes and bidi controls are spelled out."""

from __future__ import annotations

import re

# C0 and C1 controls with DEL (ANSI escapes start with one), line and paragraph separators, bidi marks, embeddings,
# overrides and isolates, deprecated format controls, interlinear annotation; lone surrogates (no encoding has them).
_UNSAFE = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f\ufff9-\ufffb\ud800-\udfff"
_CONTROLS = re.compile(f"[{_UNSAFE}]")
_CONTROLS_IN_LINES = re.compile(f"(?![\n\t])[{_UNSAFE}]")


def printable(text: str) -> str:
    """`text` on one line: every control character spelled out, as in `\\x1b` or `\\u202e`."""
    return _CONTROLS.sub(_spelled, text)


def printable_lines(text: str) -> str:
    """`text` with its line breaks and tabs kept and every other control character spelled out."""
    return _CONTROLS_IN_LINES.sub(_spelled, text.replace("\r\n", "\n"))


def json_safe(encoded: str) -> str:
    """Encoded JSON with the same characters as `\\uXXXX`; it means the same, as they occur inside strings only.

    `encoded` has to be on one line or indented by `json.dumps`: line breaks between values stay.
    """
    return _CONTROLS_IN_LINES.sub(lambda found: f"\\u{ord(found.group()):04x}", encoded)


def _spelled(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
