"""What the characters of fonts of signs show: in files they are numbers, or letters at U+F020 to U+F0FF."""

from __future__ import annotations

from collections.abc import Mapping

_RUNS = {
    0x20: " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼",
    0xA0: "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…│─↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪",
    0xF1: "〉∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭",
}
"""Adobe's Symbol encoding, from the code of the first of each run."""
_SIGNS: dict[str, Mapping[int, str]] = {
    "symbol": {start + at: char for start, chars in _RUNS.items() for at, char in enumerate(chars)},
    "wingdings": {
        **{0x28: "☎", 0x2A: "✉", 0x4A: "☺", 0x4C: "☹", 0x6C: "●", 0x6E: "■", 0x6F: "☐", 0x71: "☐", 0x75: "◆"},
        **{0x9F: "•", 0xA7: "▪", 0xA8: "☐", 0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xE8: "→"},
        **{0xF0: "⇨", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑"},
    },
    "wingdings 2": {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0xA3: "☐"},
}
"""What a form or a formula says by them; signs that only adorn are not here."""
_PRIVATE = 0xF000


def signs(text: str, font: str) -> str:
    """The text with what a font of signs shows; without what is not known, but for letters of other fonts."""
    known = _SIGNS.get(font.strip().lower())
    if known is None:
        return text
    known = {0x20: " ", **known}
    return "".join(known.get(ord(char) - _PRIVATE, "") if "\uf020" <= char <= "\uf0ff" else char for char in text)
