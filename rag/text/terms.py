"""Terms: what the lexical index stores of a passage and looks up for a query.

    text ─light→ runs of words │ runs of Han, kana, Hangul, Thai … ─→ stems │ bigrams

Words are stemmed in the language that the text's function words tell; a text too short to tell gives several
forms of each word, so that a three-word query still meets a passage whose language was plain.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from rag.text.fold import light, strip_marks
from rag.text.language import function_words, language, votes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import Stemmer

# Scripts that put no space between words (Hangul does, but glues particles to them): cut into bigrams.
UNSPACED = (
    r"\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u1100-\u11ff\u1780-\u17d3\u17dc"
    r"\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u3096\u3099\u309a\u309d-\u309f\u30a1-\u30fa"
    r"\u30fc-\u30ff\u3105-\u312f\u3131-\u318e\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c"
    r"\uac00-\ud7a3\ud7b0-\ud7fb\uf900-\ufaff\U00020000-\U0003ffff"
)
# Vowel signs and the like, letters in their own right that Python's \w leaves out: of India and its neighbours.
VOWEL_SIGNS = (
    r"\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0981-\u0983\u09bc-\u09cd\u09d7\u0a01-\u0a03"
    r"\u0a3c-\u0a51\u0a70\u0a71\u0a75\u0a81-\u0a83\u0abc-\u0acd\u0b01-\u0b03\u0b3c-\u0b57\u0b82\u0bbe-\u0bcd"
    r"\u0bd7\u0c00-\u0c04\u0c3c-\u0c56\u0c81-\u0c83\u0cbc-\u0cd6\u0d00-\u0d03\u0d3b-\u0d4d\u0d57\u0d81-\u0d83"
    r"\u0dca-\u0ddf\u0f71-\u0f84\u1712-\u1714"
)
# Those and marks that only colour a letter: both stand inside words.
_INNER_MARKS = (
    r"\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    rf"\u0711\u0730-\u074a{VOWEL_SIGNS}\u1dc0-\u1dff"
)
_LETTER = rf"[^\W_{UNSPACED}]"
# A word, or one written with inner signs: kx-204-b, 1,200.5, ada@example.org, report_v2.pdf, l'homme, c++ (as c).
_WORD = rf"{_LETTER}(?:[^\W{UNSPACED}]|[{_INNER_MARKS}])*"
_token = re.compile(rf"([{UNSPACED}]+)|({_WORD}(?:[-‐‑–./:@'’+\\&,]{_WORD})*)")
_part = re.compile(rf"[0-9]+|(?:[^\W\d_]|[{_INNER_MARKS}])+")
_number = re.compile(r"[0-9]{1,3}(?:[,'’][0-9]{3})+(?:\.[0-9]+)?")
_apostrophe = re.compile(r"['’]")
_separator = re.compile(r"[-‐‑–./_]")
# Closing up needs a letter (2024-03 and 20-2403 differ) and no sign that keeps things apart.
_closing = re.compile(r"[^\W\d_]")
_keeping = re.compile(r"[.:@+\\&,]")
_grouped = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+")

_ALGORITHMS: dict[str, str] = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "fi": "finnish", "fr": "french", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "nl": "dutch", "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
# A word that is not in Latin letters brings its stemmer along, whatever the text around it is in.
_BY_LETTER = re.compile(
    r"(?P<ru>[\u0400-\u052f])|(?P<el>[\u0370-\u03ff\u1f00-\u1fff])|(?P<ar>[\u0620-\u06d3])|(?P<hi>[\u0900-\u097f])"
    r"|(?P<hy>[\u0531-\u0587])|(?P<ta>[\u0b80-\u0bff])|(?P<none>[^\u0000-\u024f\u1e00-\u1eff])"
)
# Function words that settle a text's language. With fewer, the languages that come close are stemmed in as well;
# with none, the most written ones: a query of bare keywords then still meets the stems of a German passage
# (xquad-de .82 → .94, xquad-es .67 → .94 nDCG@10 for queries robbed of their function words).
_SETTLED = 3
_CLOSE = 0.9
_UNTOLD = ("en", "de", "es", "fr", "it", "pt", "")
_SAMPLE_WORDS = 300
# What Chinese builds a sentence or a question with; bigrams across it («是多», «的价») say nothing.
_CHINESE_FILLERS = re.compile(
    "是什么意思|什么时候|为什么|是什么|什么样|什么|多少钱|是多少|多少|哪些|哪个|哪家|哪位|哪天|哪一年|哪年|哪种|哪里|怎么样|怎么办|怎么|怎样"
    "|如何|是否|能否|可以|可不可以|能不能|有没有|是不是|请问|分别|以及|或者|还是|是谁|由谁|谁|几(?=[个次天年名人条台小分只种])"
    "|[的了吗呢是在有和与及或被把由向从对为]"
)
# Nobody types a longer word; what is longer is encoded data.
_LONGEST = 100


def terms(text: str) -> list[str]:
    """The terms of a passage or a query, in order, with repeats; folded, so the same for equal readings."""
    return list(chain.from_iterable(_cut(light(text))))


def content_terms(text: str) -> list[str]:
    """`terms` without the function words of the text's language, unless it consists of nothing else."""
    return list(chain.from_iterable(content_words(text)))


def content_words(text: str) -> list[tuple[str, ...]]:
    """The terms of each word (or bigram) of a text by itself, function words left out as in `content_terms`.

    A word is found in a passage when any of its terms is among the passage's terms.
    """
    lit = light(text)
    code = language(lit) or "en"
    told = _CHINESE_FILLERS.sub(" ", lit) if code == "zh" else lit
    return _cut(told, drop=function_words(code)) or _cut(lit)


def spelled_words(text: str) -> list[str]:
    """The words of a text as they are spelled (runs of characters in scripts without spaces), no function words."""
    code = language(text) or "en"
    told = _CHINESE_FILLERS.sub(" ", text) if code == "zh" else text
    dropped = function_words(code)
    return [run or word for run, word in _token.findall(told) if run or light(word) not in dropped]


def phrase_words(phrase: str) -> list[tuple[str, ...]]:
    """For each word (or bigram) of a phrase the terms of which any text that holds the phrase has one at least.

    In whatever language the text's words were stemmed. A single character of a script without spaces says nothing: in
    a text it is a part of bigrams.
    """
    every = (*sorted(_ALGORITHMS), "")
    found: list[tuple[str, ...]] = []
    for run, word in _token.findall(light(phrase)):
        found.extend((first + second,) for first, second in pairwise(run))
        if word:
            found.append(tuple(dict.fromkeys(_forms(word, every))))
    return list(dict.fromkeys(filter(None, found)))


def _cut(lit: str, drop: frozenset[str] = frozenset()) -> list[tuple[str, ...]]:
    tokens = _token.findall(lit)
    stemmers = _stemmers([word for _, word in tokens[:_SAMPLE_WORDS] if word])
    found: list[tuple[str, ...]] = []
    for run, word in tokens:
        if len(run) > 1:
            found.extend((first + second,) for first, second in pairwise(run))
        elif run:
            found.append((run,))
        elif word not in drop:
            found.append(_forms(word, stemmers))
    return found


def _stemmers(words: Sequence[str]) -> tuple[str, ...]:
    """Which languages to stem Latin words in; the first is the likeliest, "" asks for the word itself too."""
    ranked = [item for item in votes(words) if item[0] in _ALGORITHMS]
    if not ranked:
        return _UNTOLD
    best = ranked[0][1]
    close = [code for code, count in ranked if count > _CLOSE * best][:3]
    if best >= _SETTLED and len(close) == 1:
        return (close[0],)
    return (*close, "")


@lru_cache(maxsize=1 << 16)
def _forms(word: str, stemmers: tuple[str, ...]) -> tuple[str, ...]:
    """The terms of one light-folded word: its stem, or, for what is made of parts, the whole and the parts."""
    if word.isalpha():
        return _stems(word[:_LONGEST], stemmers)
    if _number.fullmatch(word):
        plain = re.sub("[,'’]", "", word)
        return (plain, *plain.split(".")[:1]) if "." in plain else (plain,)
    if _apostrophe.search(word) and not any(sign.isdigit() for sign in word):
        # Elided articles and endings (l', d', 's) say nothing alone.
        pieces = [piece for piece in _apostrophe.split(word) if len(piece) > 1] or [_apostrophe.sub("", word)]
        return tuple(form for piece in pieces for form in _forms(piece, stemmers))
    return _compound(word, stemmers)


def _compound(word: str, stemmers: tuple[str, ...]) -> tuple[str, ...]:
    """kx-204-b → kx-204-b, kx204b, kx, 204, b: so that exact, closed-up and partial spellings all meet."""
    parts = _part.findall(word)
    if not parts or len(word) > _LONGEST:
        return tuple(part[:_LONGEST] for part in parts)
    if len(parts) == 1:
        return _stems(word, stemmers) if not parts[0].isdigit() else _digits(parts[0])
    whole = strip_marks(word)
    wholes = [whole]
    if _grouped.fullmatch(whole) or (_closing.search(whole) and not _keeping.search(whole)):
        wholes.append(_separator.sub("", whole))
    pieces = (_digits(part) if part.isdigit() else _stems(part, stemmers) for part in parts)
    wholes = list(dict.fromkeys(wholes))
    return (*wholes, *(form for piece in pieces for form in piece))


def _digits(part: str) -> tuple[str, ...]:
    """007 is looked for as 007 and as 7."""
    plain = part.lstrip("0") or "0"
    return (part,) if plain == part else (part, plain)


def _stems(word: str, stemmers: tuple[str, ...]) -> tuple[str, ...]:
    if not word.isascii() and (match := _BY_LETTER.search(word)):
        own = match.lastgroup or ""
        # Arabic glues article, conjunction and pronoun to the word: the stem alone loses as much as it gains.
        stemmers = (own, "") if own in ("ar", "none") else (own,)
    return tuple(dict.fromkeys(strip_marks(_stem(word, code)) for code in stemmers))


def _stem(word: str, code: str) -> str:
    algorithm = _ALGORITHMS.get(code)
    return str(_stemmer(algorithm).stemWord(word)) if algorithm else word


@lru_cache
def _stemmer(algorithm: str) -> Stemmer.Stemmer:
    import Stemmer

    return Stemmer.Stemmer(algorithm)
