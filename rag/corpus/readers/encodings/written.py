"""Whether a decoded text looks written by someone, or like another encoding's bytes: signs, scripts, capitals, letters.

Used to refuse what a detector of encodings proposes, never to choose. Chinese, Japanese and Korean must consist of the
characters in common use, which their own standards sort first (GB 2312, JIS X 0208 and Big5 level 1, KS X 1001).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from itertools import pairwise

MOST_ODD = 0.05
"""Share of words at which signs stand that nobody puts there, or which mix scripts or capitals."""
LEAST_OWN = 0.9
"""Share of the letters beyond ASCII that one alphabet has."""

# What is no text in any encoding: control characters, private use, U+FFFD.
_NONE = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd]")
_WORD = re.compile(r"[^\W\d_]+")
# Signs beyond ASCII that stand at letters in ordinary text; marks of vowels belong to the letters before them.
_SIGNS = "\u00a0\u00ad«»“”„‘’‚‹›–—…°№§€×•·،؛؟ـ¿¡ºª²³™®©´`\u200c-\u200f\u02bc\u0300-\u036f\u064b-\u0652\u05b0-\u05c2"
_SIGNS += "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u3000-\u303f\uff00-\uff65\uffe0-\uffe6"
_RAISED = "ºª"
_ODD = re.compile(rf"(?<=[^\W\d_])[^\w\s\x00-\x7f{_SIGNS}]|[^\w\s\x00-\x7f{_SIGNS}](?=[^\W\d_])")
_TYPOGRAPHIC = frozenset("“”‘’„‚«»‹›–—…•·°©®™§£€¼½¾²³×±ºª\u00a0")
_MISPLACED = re.compile(r"[“‘„‚](?=\s)|(?<=[^\W\d_])[“”„‚©™®°•§·±‹›«»](?=[^\W\d_])|(?<=\s)[”’](?=\s)|(?<!\S)”(?=\w)")
_LETTERS_AMID = re.compile(r"(?<=[^\W\d_])[ºª](?=[^\W\d_])|[¿¡](?=\s|$)|(?<=[^\W\d_])[¿¡²³€£§©®™°№×](?=[^\W\d_])")

# Small letters beyond ASCII by language.
_ALPHABETS = [
    frozenset(letters)
    for letters in (
        "áäčďéěíĺľňóôŕřšťúůýž",  # Czech and Slovak
        "ąćéęłńóśźż",  # Polish
        "áéíóöőúüű",  # Hungarian
        "čćđéšž",  # Croatian, Slovenian
        "ăâéîșțşţ",  # Romanian
        "âçéğıîöşüûə",  # Turkish, Azerbaijani
        "ąčéęėįšųūž",  # Lithuanian
        "āčéēģīķļņōŗšūž",  # Latvian
        "äéõöüšž",  # Estonian
        "àáäåçèéêñöüß",  # German, Swedish, Finnish, with the accents of their loan words
        "àâæçèéêëîïñôùûüÿœ",  # French
        "àáçèéíïñòóúü",  # Spanish, Catalan, Galician, Basque
        "àáâãçéêíóôõúü",  # Portuguese
        "àèéìíîòóùú",  # Italian
        "àáâäçèéêëíïñóôöúü",  # Dutch, English, Indonesian
        "àäåæèéêòóôöø",  # Danish, Norwegian
        "áæéíðóöúýþ",  # Icelandic
        "çéë",  # Albanian
        "ĉĝĥĵŝŭ",  # Esperanto
        "àċèéġħìòùż",  # Maltese
        "àáâäèéêëìíîïòóôöùúûüýŵŷ",  # Welsh, Irish
        "àáâãèéêìíòóôõùúýăđĩũơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",  # Vietnamese
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",  # Russian, Bulgarian
        "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",  # Ukrainian
        "абвгдеёжзійклмнопрстуўфхцчшыьэюя",  # Belarusian
        "абвгдђежзијклљмнњопрстћуфхцчџшѓѕќѐѝ",  # Serbian, Macedonian
        "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя",  # Kazakh
        "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ",  # Greek
        "אבגדהוזחטיכךלמםנןסעפףצץקרשת",  # Hebrew
        "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژکگیٹڈڑںھہۂۃےۓ",  # Arabic, Persian, Urdu
        "".join(map(chr, range(0x0E01, 0x0E5C))),  # Thai
    )
]


def looks_written(text: str, codec: str) -> bool:
    """Whether somebody wrote this text, which `codec` gave; never true of one without a character beyond ASCII."""
    letters = "".join(char for char in text if char > "\x7f" and char.isalpha() and char not in _RAISED)
    if _NONE.search(text):
        return False
    if not letters:
        return is_set(text)
    common = _COMMON.get(codec)
    if common:
        signs = sum(char > "\x7f" for char in text) - len(letters)
        return signs < len(letters) and common(letters)
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    foreign = _script(letters[0]) != "LATIN" and sum(map(len, words)) < 2.5 * len(words)
    wrong = len(_ODD.findall(text)) + len(_LETTERS_AMID.findall(text)) + sum(map(_is_mixed, words))
    return not foreign and wrong <= MOST_ODD * len(words) and _own(letters) >= LEAST_OWN


def is_set(text: str) -> bool:
    """Whether what is beyond ASCII are quotation marks, dashes and the like, each where it belongs."""
    marks = [char for char in text if char > "\x7f"]
    return bool(marks) and all(char in _TYPOGRAPHIC for char in marks) and not _MISPLACED.search(text)


def _own(letters: str) -> float:
    """The largest share of the letters that one alphabet has."""
    counted = Counter(letters.replace("İ", "").lower())
    return max(sum(counted[char] for char in alphabet) for alphabet in _ALPHABETS) / max(1, counted.total())


def _is_mixed(word: str) -> bool:
    """Whether a word has letters of two scripts, a capital behind a small letter, or is a capital alone."""
    plain = (word[1:] if word[0] in "hnt" else word).strip(_RAISED)  # Irish: hÉireann
    cased = any(before.islower() and char.isupper() for before, char in pairwise(plain))
    return cased or (len(word) == 1 and "À" <= word <= "Þ") or len({_script(char) for char in word}) > 1


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    return unicodedata.name(char, "?").split(" ")[0]


def _share(letters: str, codec: str, lead: range) -> float:
    """Share of letters whose first of two bytes in `codec` is in `lead`."""
    pairs = (char.encode(codec, "ignore") for char in letters)
    return sum(len(pair) == 2 and pair[0] in lead for pair in pairs) / max(1, len(letters))


def _korean(letters: str) -> bool:
    return _share(letters, "euc_kr", range(0xB0, 0xC9)) >= 0.85


def _japanese(letters: str) -> bool:
    kana = sum("\u3041" <= char <= "\u30ff" or "\uff66" <= char <= "\uff9f" for char in letters)
    kanji = "".join(char for char in letters if char >= "\u3400" and char < "\uff00")
    rest = len(letters) - kana - len(kanji)
    common = _share(kanji, "euc_jp", range(0xB0, 0xD0))
    return kana >= 0.15 * len(letters) and rest <= 0.1 * len(letters) and (not kanji or common >= 0.85)


def _traditional(letters: str) -> bool:
    return _share(letters, "big5", range(0xA4, 0xC7)) >= 0.88


def _simplified(letters: str) -> bool:
    return _share(letters, "gb2312", range(0xB0, 0xD8)) >= 0.88


_COMMON = {
    "cp949": _korean,
    "johab": _korean,
    "iso2022_kr": _korean,
    "euc_jis_2004": _japanese,
    "euc_jp": _japanese,
    "cp932": _japanese,
    "shift_jis_2004": _japanese,
    "iso2022_jp_2": _japanese,
    "big5hkscs": _traditional,
    "gb18030": _simplified,
    "hz": _simplified,
}
