"""Folding: one form for texts that a reader would call the same. For comparing only, offsets do not survive.

`fold` is `strip_marks(light(text))`. They are apart because stemmers want the accents that comparison drops.
"""

from __future__ import annotations

import re
import unicodedata

# Characters without a shape of their own: soft hyphen, joiners, bidi controls, variation selectors, tags.
_INVISIBLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
# Marks that only colour a letter: diacritics of Latin, Greek and Cyrillic, points of Hebrew and Syriac, tashkeel
# and tatweel of Arabic. Vowel signs of Indic scripts and Thai, and the voicing marks of kana, are letters in
# their own right: they are composed (NFC), never dropped.
_MARKS = (
    r"\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f"
    r"\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u08d3-\u08e1\u08e3-\u08ff"
    r"\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
# Letters that do not decompose, and spellings that Arabic and Persian writers mix freely.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
    | {"ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ھ": "ه", "ہ": "ه"}
)

_invisible = re.compile(f"[{_INVISIBLE}]")
_marks = re.compile(f"[{_MARKS}]")
_other_digits = re.compile(r"[^\D0-9]")


def fold(text: str) -> str:
    """The text after NFKC, case folding, digits of any script as 0-9, without diacritics and invisible characters."""
    if text.isascii():
        return text.lower()
    return strip_marks(light(text))


def light(text: str) -> str:
    """The text after NFKC, case folding and ASCII digits, without invisible characters; accents stay."""
    if text.isascii():
        return text.lower()
    # Invisible ones go first: some stand between a letter and a mark that would compose.
    visible = _invisible.sub("", text)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    return _other_digits.sub(_ascii_digit, _invisible.sub("", folded))


def strip_marks(text: str) -> str:
    """A light-folded text without the marks that only colour a letter."""
    if text.isascii():
        return text
    bare = _marks.sub("", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", bare).translate(_LETTERS)


def _ascii_digit(match: re.Match[str]) -> str:
    return str(unicodedata.digit(match.group()))
