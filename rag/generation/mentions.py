"""What a text names: identifiers, proper names, quoted terms. A claim may not name what its evidence does not."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.text.fold import fold
from rag.text.language import function_words, language
from rag.text.units import UNITS

NOUN_CAPITALS = {"de"}
"""Languages in which a capital letter tells a noun, not a name."""
_UNSPACED = r"\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3"
_TOKEN = re.compile(rf"[^\W{_UNSPACED}]+(?:[-‐‑./:@_+#&\\]+[^\W{_UNSPACED}]+)*[+#]*")
_MEASURED = re.compile(r"v?[0-9]+(?:[.,:/-][0-9]+)*-?(?P<unit>[^\W\d_]+(?:/[^\W\d_]+)?)?")
_ENDINGS = {"st", "nd", "rd", "th", "s", "am", "pm", "er", "e", "k", "bn", "m", "x"}
_LETTER = re.compile(rf"[^\W_{_UNSPACED}]")
_LONGER = re.compile(rf"[-.]?[^\W_{_UNSPACED}]")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_STOPS = ".!?:;。！？：；"
_OPENERS = "\"'“‘«([*_>#•-"  # what may stand between a stop, or a line's beginning, and the word that opens a sentence
_QUOTED = re.compile(
    r"“([^“”]{1,60})”|「([^「」]{1,60})」|《([^《》]{1,60})》|『([^『』]{1,60})』|«([^«»]{1,60})»|\"([^\"]{1,60})\"|`([^`]{1,60})`"
)


def identifiers(text: str) -> list[str]:
    """Part codes, versions with letters, file names, addresses, acronyms: folded, without their joining signs."""
    return [closed_up(token) for token in _identifiers(text)]


def _identifiers(text: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        token = match.group()
        lettered = any(char.isalpha() for char in token)
        if (lettered and _has_digit(token) and not _is_measure(token)) or _is_address(token) or _is_acronym(token):
            yield token


def _has_digit(token: str) -> bool:
    return any(char.isdigit() for char in token)


def _is_measure(token: str) -> bool:
    match = _MEASURED.fullmatch(token.lower())
    unit = match["unit"] if match else None
    return bool(match) and (unit is None or unit in UNITS or unit in _ENDINGS)


def _is_address(token: str) -> bool:
    return "@" in token or "_" in token.strip("_") or bool(re.search(r"[^\W\d_]{2}[./\\:]+[^\W\d_]{2}", token))


def _is_acronym(token: str) -> bool:
    return len(token) > 1 and token.isalpha() and token.isupper() and any(char.lower() != char for char in token)


def closed_up(text: str) -> str:
    """Folded, and only its letters and digits: KX-204 B and kx204b are equal."""
    return "".join(char for char in fold(text) if char.isalnum())


def names(text: str, *, initial: bool = False) -> list[str]:
    """Capitalised words that are no function words nor letters of a code, folded.

    With `initial`, those that open a sentence too.
    """
    functional = function_words(language(text) or "en") | function_words("en")
    coded = {place for match in _TOKEN.finditer(text) if _has_digit(match.group()) for place in range(*match.span())}
    found = []
    for match in _WORD.finditer(text):
        word = match.group()
        if match.start() in coded or not word[0].isupper() or _is_acronym(word):
            continue
        if word.lower() in functional:
            continue
        if initial or not _opens_sentence(text, match.start()):
            found.append(fold(word))
    return found


def _opens_sentence(text: str, at: int) -> bool:
    before = at
    while before and (text[before - 1] in _OPENERS or text[before - 1].isspace()):
        before -= 1
    return not before or text[before - 1] in _STOPS or "\n" in text[before:at]


def proper_names(text: str) -> list[str]:
    """The names of a text; none in a language that writes every noun with a capital."""
    return names(text) if language(text) not in NOUN_CAPITALS else []


def quoted(text: str) -> list[str]:
    """What stands in quotation marks or as code, closed up."""
    inner = (next(group for group in match.groups() if group) for match in _QUOTED.finditer(text))
    return [closed for closed in map(closed_up, inner) if closed]


def stands_alone(identifier: str, ground: str) -> bool:
    """Whether an identifier occurs with only joining signs inside and nothing that lengthens it around.

    Characters of scripts without spaces around it lengthen nothing.
    """
    spaced = r"[\s\-./:_]?".join(map(re.escape, identifier.replace("‐", "-")))
    text = fold(ground).replace("‐", "-")  # folding makes one of both hyphens; an alphabet of ASCII is compiled at once
    places = (match.span(1) for match in re.finditer(f"(?=({spaced}))", text))
    return any(not _LETTER.match(text[start - 1 : start]) and not _LONGER.match(text, end) for start, end in places)
