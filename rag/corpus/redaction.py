"""Personal data taken out of a document before anything else sees it: each place becomes its kind, such as "[email]".

Patterns with checksums where there are any, in every script's digits; no model, so names of people are not found. What
lies around a document is left as it is: the path of its file, and what a user or a sidecar says of it. Names of files
within a file are of its content (an attached mail has that of its subject): what is personal in them goes.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from importlib.util import find_spec
from itertools import accumulate
from pathlib import PurePosixPath
from typing import Any

from rag.corpus.readers import READERS
from rag.datatypes import Document, Page
from rag.errors import SettingsError

Span = tuple[int, int]

_VERSION = 3  # of the patterns: another one reads documents anew
_AT = re.compile(r"@(?:[\w-]{1,63}\.){1,8}\w{2,63}")
_BEFORE_AT = re.compile(r"(?:[\w.%+'-]|\\(?=[_.+*-]))+\Z")  # Markdown may have a backslash before a sign
_LONGEST_NAME = 64  # of an address; dots or dashes that lead to it may be more
_NUMBERS = re.compile(r"(?<!\d)(?<!\d\.)\d+(?:[ -]\d+)*")
_GROUP = re.compile(r"\d+")
_CARD_DIGITS = 13, 19
_CARD_GROUPS = {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (6, 13), (4, 5, 6)}
_IBAN = re.compile(r"(?<![^\W_])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?![^\W_])")
_SAID = (
    r"(?:telephone|telefon|téléphone|teléfono|tel|tél|телефон|тел|phone|mobile|mobil|handy|cell|fax|whatsapp|هاتف"
    r"|電話|电话|手机|手機|传真|座机|热线|携帯|전화)"
)
_PHONES = (
    # Each digit in one way only, in linear time; an amount (+1 250 000) is none.
    re.compile(r"(?<![\w+])\+(?!\d{1,3}(?: \d{3}){2}(?![ ()./-]{0,4}\d))[1-9](?:[ ()./-]{0,4}\d){6,16}(?!\d)"),
    re.compile(r"(?<![\d.-])(?:\(?(?:0086|86)\)?[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}(?![\d-]*\d)"),  # China, mobile
    re.compile(r"(?<![\d.-])\(?0\d{2,3}\)?[ -]\d{7,8}(?:-\d{1,5})?(?![\d.-]*\d)"),  # China, landline
    re.compile(r"(?<![\d.-])\(?0(?:10|2\d|[3-9]\d\d)\)?[ -]\d{3,4}[ -]\d{4}(?:-\d{1,5})?(?![\d.-]*\d)"),
    re.compile(r"(?<![\d.-])[48]00-(?:\d{3}-?\d{4}|\d{4}-\d{3})(?![\d.-]*\d)"),  # China, of a company
    re.compile(  # North America: neither part begins with 0 or 1
        r"(?<![\d.-])(?:1[-. ])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-.])[2-9]\d{2}[-.]\d{4}(?![\d.-]*\d)"
    ),
    re.compile(rf"(?i)(?<![^\W\d_]){_SAID}[^\w+(]{{0,4}}(\(?\d(?:[ ()/.-]{{0,3}}\d){{5,14}})(?!\d)"),
)
_RESIDENT = re.compile(r"(?<![\dA-Za-z])\d{17}[\dXx](?![\dA-Za-z])")  # GB 11643, China
_RESIDENT_OLD = re.compile(r"(?:身份证|身分证|证件)\D{0,8}(\d{15})(?!\d)")
_SOCIAL = re.compile(r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")  # United States
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_SURE = 0.8
"""Score from which on a recogniser of Presidio is believed: of a pattern with a checksum that holds."""


def _emails(text: str) -> Iterator[Span]:
    for found in _AT.finditer(text):
        before = _BEFORE_AT.search(text[max(found.start() - _LONGEST_NAME, 0) : found.start()])
        name = before[0].lstrip(".-") if before else ""
        if name:
            yield found.start() - len(name), found.end()


def _phones(text: str) -> Iterator[Span]:
    for pattern in _PHONES:
        for found in pattern.finditer(text):
            number = found.span(pattern.groups)
            if 7 <= sum(map(str.isdigit, text[slice(*number)])) <= 17:
                yield number


def _cards(text: str) -> Iterator[Span]:
    for found in _NUMBERS.finditer(text):
        groups = [group.span() for group in _GROUP.finditer(text, *found.span())]
        for start, end in _card_places(groups):
            digits = [int(char) for char in text[start:end] if char.isdigit()]
            if digits[0] in (3, 4, 5, 6) and len(set(digits)) > 1 and _luhn(digits):
                yield start, end


def _card_places(groups: Sequence[Span]) -> Iterator[Span]:
    """Where in a run of groups of digits a card's number may be: with its date or code behind it, too."""
    for first, (start, _) in enumerate(groups):
        lengths: tuple[int, ...] = ()
        longest = None
        for begin, end in groups[first : first + (5 if first else _CARD_DIGITS[1])]:
            lengths = (*lengths, end - begin)
            if sum(lengths) > _CARD_DIGITS[1]:
                break
            if sum(lengths) < _CARD_DIGITS[0]:
                continue
            if len(lengths) == 1 or lengths in _CARD_GROUPS:
                yield start, end
            longest = end
        if longest is not None and not first:
            yield start, longest


def _luhn(digits: Sequence[int]) -> bool:
    """Whether the check digit is right (ISO/IEC 7812-1, annex B)."""
    doubled = [each * 2 - 9 * (each > 4) if place % 2 else each for place, each in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _ibans(text: str) -> Iterator[Span]:
    for found in _IBAN.finditer(text):
        words, start = found[0], found.start()
        for length in range(len(words), 14, -1):  # a word in capitals may follow
            code = words[:length].replace(" ", "")
            if length < len(words) and words[length] != " ":
                continue
            if 15 <= len(code) <= 34 and int("".join(str(int(char, 36)) for char in code[4:] + code[:4])) % 97 == 1:
                yield start, start + length  # ISO 13616
                break


def _identities(text: str) -> Iterator[Span]:
    for found in _RESIDENT.finditer(text):
        digits = found[0].upper()
        check = "10X98765432"[sum(w * int(d) for w, d in zip(_WEIGHTS, digits[:17], strict=True)) % 11]
        if check == digits[17] and _is_date(digits[6:10], digits[10:12], digits[12:14]):
            yield found.span()
    for found in _RESIDENT_OLD.finditer(text):
        if _is_date("19" + found[1][6:8], found[1][8:10], found[1][10:12]):
            yield found.span(1)
    yield from (found.span() for found in _SOCIAL.finditer(text))
    for recognizer in _recognizers():
        for told in recognizer.analyze(text, recognizer.supported_entities, None) or ():
            if told.score >= _SURE:
                yield told.start, told.end


def _is_date(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return int(year) >= 1850


KINDS: dict[str, Callable[[str], Iterator[Span]]] = {
    "email": _emails,
    "iban": _ibans,
    "id": _identities,
    "card": _cards,
    "phone": _phones,
}
"""What can be taken out; where two are found at one place, the first of these counts."""

# Of people's numbers, those with a checksum. Presidio's recogniser of e-mail addresses asks the network for suffixes.
_OF_PRESIDIO = (
    *("DeIdCardRecognizer", "DeSocialSecurityRecognizer", "DeTaxIdRecognizer", "EsNieRecognizer", "EsNifRecognizer"),
    *("FiPersonalIdentityCodeRecognizer", "InAadhaarRecognizer", "ItFiscalCodeRecognizer", "KrRrnRecognizer"),
    *("NhsRecognizer", "PlPeselRecognizer", "SePersonnummerRecognizer", "ThTninRecognizer"),
    *("TrNationalIdRecognizer", "ZaIdNumberRecognizer"),
)


@lru_cache(maxsize=1)
def _recognizers() -> tuple[Any, ...]:
    """Presidio's recognisers of national identity numbers; none where the extra `redact` is not installed."""
    if find_spec("presidio_analyzer") is None:
        return ()
    from presidio_analyzer import predefined_recognizers

    return tuple(getattr(predefined_recognizers, name)() for name in _OF_PRESIDIO)


def kinds_of(names: Sequence[str]) -> tuple[str, ...]:
    """The kinds of these names, each once, in order; "all" is all of them and "none" is none. Raises SettingsError."""
    if list(names) == ["all"]:
        return tuple(sorted(KINDS))
    return Redactor(tuple(sorted(set(names) - {"none"}))).kinds


@dataclass(frozen=True, slots=True)
class Redactor:
    """Takes the `kinds` of personal data out of documents. Raises SettingsError for a kind that there is not."""

    kinds: tuple[str, ...]

    def __post_init__(self) -> None:
        wrong = next((kind for kind in self.kinds if kind not in KINDS), None)
        if wrong is not None:
            raise SettingsError(
                f"redact = {wrong!r} is no kind of personal data; there are: {', '.join(KINDS)}, all, none"
            )

    @property
    def stamp(self) -> str:
        """What tells documents that were read so from others: "" where nothing is taken out."""
        if not self.kinds:
            return ""
        with_presidio = "+" if "id" in self.kinds and find_spec("presidio_analyzer") is not None else ""
        return f" redacted {','.join(sorted(self.kinds))}{with_presidio}/{_VERSION}"

    def identity(self, document: str) -> str:
        """The id of a document of that id without personal data."""
        return hashlib.sha256(f"{document}{self.stamp}".encode()).hexdigest()[:32] if self.kinds else document

    def redacted(self, document: Document) -> tuple[Document, int]:
        """The document without personal data, in its text and in what is said of it, and how many places that were."""
        if not self.kinds:
            return document, 0
        spans = self.found(document.text)
        metadata = tuple((self.cleaned(key), self.cleaned(value)) for key, value in document.metadata)
        clean = replace(
            document,
            id=self.identity(document.id),
            text=_without(document.text, spans),
            title=self.cleaned(document.title),
            pages=tuple(self._moved(document.pages, spans)),
            metadata=metadata,
        )
        beside = sum(now != was for now, was in zip(metadata, document.metadata, strict=True))
        return clean, len(spans) + beside + (clean.title != document.title)

    def named(self, name: str) -> str:
        """The name of a file within another without personal data, but with its suffix, which tells its reader."""
        clean = self.cleaned(name)
        suffix = next((suffix for suffix in _suffixes(name) if suffix.lower() in READERS), "")
        return clean if clean == name or clean.endswith(suffix) else f"{clean}{suffix}"

    def found(self, text: str) -> list[tuple[int, int, str]]:
        """Start, end and kind of each place with personal data, in order, none touching another."""
        plain = _plain(text)
        order = [kind for kind in KINDS if kind in self.kinds]
        every = sorted((*span, rank) for rank, kind in enumerate(order) for span in KINDS[kind](plain))
        kept: list[tuple[int, int, int]] = []
        for start, end, rank in every:
            if kept and start < kept[-1][1]:
                first, last, before = kept.pop()
                start, end, rank = first, max(end, last), min(rank, before)
            kept.append((start, end, rank))
        return [(start, end, order[rank]) for start, end, rank in kept]

    def cleaned(self, text: str) -> str:
        """The text without personal data."""
        return _without(text, self.found(text))

    def _moved(self, pages: Sequence[Page], spans: Sequence[tuple[int, int, str]]) -> Iterator[Page]:
        """The pages at their places in the new text; one that begins within a span begins with what stands for it."""
        starts = [start for start, _, _ in spans]
        shifts = list(accumulate((len(_mark(kind)) - (end - start) for start, end, kind in spans), initial=0))

        def at(offset: int) -> int:
            number = bisect_right(starts, offset)
            if number and offset < spans[number - 1][1]:
                return starts[number - 1] + shifts[number - 1]
            return offset + shifts[number]

        for page in pages:
            yield replace(page, start=at(page.start), end=at(page.end), label=self.cleaned(page.label))


def _suffixes(name: str) -> tuple[str, str]:
    """The last two suffixes of a name as one, and the last."""
    suffixes = PurePosixPath(name.replace("\\", "/")).suffixes
    return "".join(suffixes[-2:]), "".join(suffixes[-1:])


def _mark(kind: str) -> str:
    return f"[{kind}]"


def _without(text: str, spans: Sequence[tuple[int, int, str]]) -> str:
    parts, at = [], 0
    for start, end, kind in spans:
        parts += [text[at:start], _mark(kind)]
        at = end
    return "".join([*parts, text[at:]])


def _plain(text: str) -> str:
    """The text with every script's digits and full-width signs as ASCII, character for character."""
    if text.isascii():
        return text
    return text.translate({ord(char): _ascii(char) for char in set(text) if char > "\x7f"})


def _ascii(char: str) -> str:
    if "\uff01" <= char <= "\uff5e":
        return chr(ord(char) - 0xFEE0)
    if char in "\u00a0\u2007\u2009\u202f\u3000":
        return " "
    if char in "\u2010\u2011\u2012\u2013\u2212":
        return "-"
    digit = unicodedata.decimal(char, None)
    return char if digit is None else str(digit)
