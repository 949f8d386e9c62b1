"""Detection of encodings from before Unicode: a guess counts only where the text that it gives looks written.

Chinese, Japanese and Korean must consist of the characters that are in common use, which their own standards sort
first (GB 2312 and JIS X 0208 level 1, Big5 level 1, KS X 1001); scripts of one byte must use their frequent letters
frequently and capitals at the beginning of words; Latin letters must make function words of a language that the
code page was made for. charset_normalizer proposes, and names the guess where nothing stands up.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

from rag.text.fold import light
from rag.text.language import votes

FEW = 24
"""Letters beyond ASCII below which a guess counts only where no other encoding passes its test."""
FEWEST = 6
"""Letters beyond ASCII below which nothing is told."""
MARGIN = 0.05
"""By how much a code page must look better than another one that gives another text."""
FEWEST_WORDS = 5
"""Function words that must speak for a code page of Latin letters."""

# Frequent letters of a script; in written text they make up seven in ten and more.
_FREQUENT = {
    "CYRILLIC": "оеаинтсрвлкмдпуяз",
    "GREEK": "αοιετσνηυρπκςμλά",
    "ARABIC": "اليمونترهبدةعسفكق",
    "HEBREW": "יוהלאמרתבשנםדקע",
    "THAI": "านรกอเงมยลวดทสตะ่้ัิีแป",
}
_VOWELS = {"CYRILLIC": "аеиоуыэюяіїє", "GREEK": "αεηιουωάέήίόύώ"}
_SINGLE = ["cp1251", "koi8_r", "koi8_u", "cp866", "iso8859_5", "mac_cyrillic", "cp855", "cp1253", "iso8859_7"]
_SINGLE += ["cp1256", "iso8859_6", "cp1255", "cp874"]
# Code pages of Latin letters and the languages that they were made for, as `rag.text.language` knows them.
_LATIN = {
    "cp1252": ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "ca", "id"),
    "cp1250": ("pl", "cs", "hu", "ro"),
    "iso8859_2": ("pl", "cs", "hu", "ro"),
    "cp1254": ("tr",),
}
_SIGNS = "\u00a0«»“”„‘’‚‹›–—…°№§€×•·،؛؟ـ¿¡ºª\u200c-\u200f\u064b-\u0652\u05b0-\u05c2\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
_ODD = re.compile(
    rf"(?<=[^\W\d_])[^\w\s\x00-\x7f{_SIGNS}]|[^\w\s\x00-\x7f{_SIGNS}](?=[^\W\d_])"
    r"|(?<=[A-Za-z])[\u0590-\u0e7f]|[\u0590-\u0e7f](?=[A-Za-z])"
)
_C1 = re.compile("[\x80-\x84\x86-\x9f]")
_CHINESE = ("big5hkscs", "gb18030")
_SPACED = re.compile("[\u3400-\u9fff] |(?: [\u3400-\u9fff])")
_WORD = re.compile(r"[^\W\d_]+")


def detect(sample: bytes) -> tuple[str, bool]:
    """The codec of a text that is not UTF-8, and whether it passed its test; ("", False) where there is no idea."""
    passing = [encoding for encoding, test in _WIDE.items() if _passes(sample, encoding, test)]
    narrow = _narrow(sample)
    text = _decoded(sample, passing[0]) if passing else ""
    letters = _beyond_ascii(text)
    if passing and passing[0] in _CHINESE and len(letters) < FEW and _SPACED.search(text):
        passing = [*passing, ""]  # Chinese has no spaces inside; Cyrillic that looks like it does
    if passing and len(letters) >= (FEWEST if len(passing) == 1 and not narrow else FEW):
        # Korean and Japanese have tests that nothing else passes; Chinese ones let through some Cyrillic.
        return (narrow, True) if narrow and passing[0] in _CHINESE else (passing[0], True)
    if narrow and not passing:
        return narrow, True
    latin = "" if passing else _latin(sample)
    if latin:
        return latin, True
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    return (best.encoding if best else "", False)


def _decoded(sample: bytes, encoding: str) -> str:
    """The sample's text, a character that is cut off at its end left out; "" where it is not in that encoding."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return ""


def _beyond_ascii(text: str) -> str:
    return "".join(char for char in text if char > "\x7f" and char.isalpha())


# ---------------------------------------------------------------- Chinese, Japanese, Korean


def _passes(sample: bytes, encoding: str, test: Callable[[str], bool]) -> bool:
    text = _decoded(sample, encoding)
    letters = _beyond_ascii(text)
    signs = sum(char > "\x7f" for char in text) - len(letters)
    strange = any("\ue000" <= char <= "\uf8ff" or "\x80" <= char <= "\x9f" for char in text)
    return len(letters) >= FEWEST and signs < len(letters) and not strange and test(letters)


def _share(letters: str, codec: str, lead: range) -> float:
    """Share of letters whose first of two bytes in `codec` is in `lead`."""
    pairs = (char.encode(codec, "ignore") for char in letters)
    return sum(len(pair) == 2 and pair[0] in lead for pair in pairs) / max(1, len(letters))


def _korean(letters: str) -> bool:
    return _share(letters, "euc_kr", range(0xB0, 0xC9)) >= 0.85


def _japanese(letters: str) -> bool:
    kana = sum("\u3041" <= char <= "\u30ff" for char in letters)
    kanji = "".join(char for char in letters if char >= "\u3400" and char < "\uff00")
    rest = len(letters) - kana - len(kanji)
    common = _share(kanji, "euc_jp", range(0xB0, 0xD0))
    return kana >= 0.15 * len(letters) and rest <= 0.1 * len(letters) and (not kanji or common >= 0.85)


def _traditional(letters: str) -> bool:
    return _share(letters, "big5", range(0xA4, 0xC7)) >= 0.88


def _simplified(letters: str) -> bool:
    return _share(letters, "gb2312", range(0xB0, 0xD8)) >= 0.88


_WIDE: dict[str, Callable[[str], bool]] = {
    "cp949": _korean,
    "euc_jp": _japanese,
    "cp932": _japanese,
    "johab": _korean,
    "big5hkscs": _traditional,
    "gb18030": _simplified,
}

# ---------------------------------------------------------------- one byte a letter


def _narrow(sample: bytes) -> str:
    """The code page of another script than Latin whose text looks most written, "" where none does."""
    texts = {encoding: _decoded(sample, encoding) for encoding in _SINGLE}
    rated = {encoding: _looks(text) for encoding, text in texts.items()}
    top = max(rated.values())
    # Of those that look about the best and give nearly the same text: the one with the fewest odd signs.
    close = [encoding for encoding in _SINGLE if top and rated[encoding] >= top - MARGIN]
    alike = all(_differing(texts[close[0]], texts[encoding]) < 0.1 for encoding in close)
    return min(close, key=lambda encoding: _odd_signs(texts[encoding])) if close and alike else ""


def _differing(text: str, other: str) -> float:
    return sum(a != b for a, b in zip(text, other, strict=False)) / max(1, len(_beyond_ascii(text)))


def _looks(text: str) -> float:
    """Share of frequent letters less the share of words that nobody writes; 0 where the text is not written at all."""
    letters = _beyond_ascii(text)
    if len(letters) < FEW:
        return 0.0
    script = Counter(unicodedata.name(char, "?").split(" ")[0] for char in letters).most_common(1)[0][0]
    frequent = _FREQUENT.get(script, "")
    often = sum(char in frequent for char in letters.lower()) / len(letters)
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    mixed = sum(not word.isupper() and not word[1:].islower() and word[1:].lower() != word[1:] for word in words)
    mixed += sum(any(char.isascii() for char in word) for word in words)
    wrong = (mixed + _odd_signs(text)) / max(1, len(words))
    vowels = sum(char in _VOWELS.get(script, "") for char in letters.lower()) / len(letters)
    spoken = script not in _VOWELS or 0.3 <= vowels <= 0.6
    shouted = 0.1 if letters.isupper() else 0.0
    return often - wrong - shouted if often >= 0.65 and wrong <= 0.05 and spoken else 0.0


def _odd_signs(text: str) -> int:
    """How often a sign beyond ASCII that no writer puts there stands at a letter."""
    return len(_ODD.findall(text))


def _latin(sample: bytes) -> str:
    """The code page in which the text has most function words of a language that it was made for."""
    rated = {encoding: _spoken(_decoded(sample, encoding), languages) for encoding, languages in _LATIN.items()}
    best = max(rated, key=lambda encoding: rated[encoding])
    family = ("cp1250", "iso8859_2") if best in ("cp1250", "iso8859_2") else (best,)
    others = max(rate for encoding, rate in rated.items() if encoding not in family)
    same = _decoded(sample, best) == _decoded(sample, "cp1252")
    if rated[best] < FEWEST_WORDS or (rated[best] < 1.5 * others and not same):
        return ""
    # They differ in few letters, which Windows has where ISO has control characters.
    windows = any(0x80 <= byte < 0xA0 for byte in sample)
    differing = any(byte in b"\xa1\xa6\xa9\xac\xae\xb1\xb6\xb9\xbc\xbe" for byte in sample)
    if best == "cp1250" and differing and not windows and rated["iso8859_2"] > 0:
        return "iso8859_2"
    return best


def _spoken(text: str, languages: Sequence[str]) -> int:
    """How many function words speak for one of the languages, less the words and signs that speak against it."""
    words = _WORD.findall(text)
    beyond = [word for word in words if not word.isascii()]
    wrong = _odd_signs(text) + len(_C1.findall(text))
    wrong += sum(not word.isupper() and not word[1:].islower() and len(word) > 1 for word in beyond)
    wrong += sum(len(word) > 2 and not any(char.isascii() for char in word) for word in beyond)
    if wrong > 1 + len(beyond) // 10:
        return 0
    return max((count for code, count in votes(map(light, words)) if code in languages), default=0) - wrong
