"""The words of a name: what files and folders are called, and what a question calls them.

    contracts/ACME_2024Q3-final.pdf → contracts acme 2024 q3 final

Months are their numbers as well, and quarters are q1 to q4, since files are called after them.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from rag.text.fold import fold, light
from rag.text.terms import UNSPACED, VOWEL_SIGNS, spelled_words
from rag.text.units import MONTHS, YEAR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rag.text.dates import Moment

# A run without spaces, or letters with the digits behind them: 2024q3 is said as 2024 and q3, kx204 is one name.
_letter = rf"[^\W\d_{UNSPACED}]"
_word = re.compile(rf"([{UNSPACED}]+)|({_letter}(?:{_letter}|[{VOWEL_SIGNS}])*[0-9]*|[0-9]+)")
_ascii_word = re.compile(r"[a-z]+[0-9]*|[0-9]+")  # the same, of what is folded
_quarter = re.compile(
    r"(?<![^\W_])(?:(first|1st)|(second|2nd)|(third|3rd)|(fourth|4th))[ _-]quarter(?![^\W_])"
    r"|第(?:([一1])|([二2])|([三3])|([四4]))季度?|(?:([一1])|([二2])|([三3])|([四4]))季度"  # 四季 are seasons
)
_counter = re.compile(rf"(?<=[0-9])[年月日号號期版章回次届屆년월일호](?![{UNSPACED}])")
_MONTHS = {fold(name): number for name, number in MONTHS.items()}
_record = re.compile(r"(?<=\.jsonl)#.*", re.DOTALL)
_suffix = re.compile(r"\.[a-z][a-z0-9]{0,7}$")


def name_words(path: str) -> frozenset[str]:
    """The words of a path with `/` between its parts, without the suffix of its last; in runs without spaces, bigrams.

    Of a record in a file (`notes.jsonl#12`) those of the file: numbers count records.
    """
    words = _words(_told(path))
    return frozenset(words + [str(_MONTHS[word]) for word in words if word in _MONTHS])


def file_of(path: str) -> str:
    """The path without the record that it may lead to within its file."""
    return _record.sub("", path)


def is_bare(word: str) -> bool:
    """Whether a word is a number and no year."""
    return word.isdigit() and not YEAR.fullmatch(word)


def called(path: str, question: str) -> str:
    """What the question calls a path: the words of it that stand in both, as they stand in the path, folded.

    Each is said once, a number twice (2024-03-03). What is between two of them is kept where it is one sign, and behind
    a number what it counts (2022年3月): a single character may be a word that the question has not, such as 不.
    """
    asked, text = asked_words(question), _told(path)
    said = Counter[str]()
    kept, last = "", 0
    for word, start, end in _placed(text):
        if (word in asked or str(_MONTHS.get(word)) in asked) and said[word] <= word.isdigit():
            said[word] += 1
            if kept:
                kept += _between(text, last, start)
            kept += text[max(start, last) : end]
            last = end
    return f"{kept}{_counted(text, last, len(text))}" if kept else ""


@lru_cache(maxsize=64)  # each hit of a search is called by them
def asked_words(question: str) -> frozenset[str]:
    """The words of a question by which a name may be meant: no function words, which stand in names as well."""
    text = _quarters(light(question))  # not without accents yet: words of grammar and months are known with them
    words = _words(" ".join(map(fold, spelled_words(text))))
    dates = (reading for moment in _moments(text) if moment.year for reading in moment.readings)
    return frozenset(words + [part.lstrip("0") for date in dates for part in date.split("-") if part.isdigit()])


def _told(path: str) -> str:
    """What a path says, folded."""
    return _quarters(_suffix.sub("", file_of(fold(path))))


def _moments(text: str) -> list[Moment]:
    """The dates of a text that has a digit: what finds them takes a while to import."""
    if not any(map(str.isdigit, text)):
        return []
    from rag.text.dates import moments

    return moments(text)[0]


def _words(text: str) -> list[str]:
    """The words that `_placed` gives, quicker: names are many."""
    if not text.isascii():
        return [word for word, _, _ in _placed(text)]
    words = [word.lstrip("0") or "0" if word.isdigit() else word for word in _ascii_word.findall(text)]
    return [word for word in words if len(word) > 1 or word.isdigit()]


def _placed(text: str) -> Iterator[tuple[str, int, int]]:
    """The words with where they stand; numbers without zeros in front, and of single characters only those."""
    for match in _word.finditer(text):
        start, end = match.span()
        word = match.group()
        if match[1]:
            yield from ((word[at : at + 2], start + at, start + at + 2) for at in range(len(word) - 1))
        elif word.isdigit():
            yield word.lstrip("0") or "0", start, end
        elif len(word) > 1:
            yield word, start, end


def _between(text: str, start: int, end: int) -> str:
    """What is kept of the text between two words: a sign that joins them, or what the first counts; else a space."""
    gap = text[start:end]
    if not gap or (len(gap) == 1 and gap.isprintable() and not gap.isalnum()):
        return gap
    counted = _counted(text, start, end)
    return counted if counted == gap else f"{counted} "


def _counted(text: str, start: int, end: int) -> str:
    """The first character of the text between two words if it is what a number counts, as in 3月; else ""."""
    match = _counter.match(text, start, end)
    return match.group() if match else ""


def _quarters(text: str) -> str:
    """The text with its quarters as q1 to q4."""
    if "quarter" not in text and "季" not in text:  # most have none, and names are many
        return text
    return _quarter.sub(lambda match: f" q{1 + ((match.lastindex or 1) - 1) % 4} ", text)
