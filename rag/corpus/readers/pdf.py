"""PDF → Markdown with a page map, through pypdf."""

from __future__ import annotations

import io
import logging
import re
import struct
import unicodedata
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from pypdf import PageObject, PasswordType, PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, NumberObject

from rag.corpus.readers.pdf_layout import Fragment, Line, composed, is_han, joined, lines, without_margins
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import Page, State

# What pypdf raises on damaged files beside its own errors: they come out of its parsing, nothing of ours runs there.
_DAMAGE = (
    PyPdfError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_UNREADABLE = 0.3
"""Share of characters without a meaning (private use, replacement, control) from which a text is none."""
_HAS_SPACE = re.compile(rb"<0*20>\s*(?:[\r\n]|end)")
"""An entry of a font's map to Unicode that gives a space."""
_NO_TITLE = re.compile(r"untitled|\(?anonymous\)?|unspecified|microsoft |.*\.\w{2,5}$|\W*$", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff]")
_BOLD = re.compile(r"bold|black|heavy|demi|-medi|-bd|cmbx|sfbx|simhei|heiti", re.IGNORECASE)
"""Names of fonts that are bold, TeX's and Chinese ones too."""
_SPACES = re.compile("[ \t\n\r\u00a0]+")
_LEADERS = re.compile(r"(?:\. ?){5,}")
"""The dots of a table of contents lead the eye and say nothing."""
_ENDING = '.!?:;。！？：；…"”’)）】」』'


def parse_pdf(data: bytes, _path: str) -> Content | Unread:
    """The text of all pages. Encrypted files open where their password is empty."""
    with _quietly():
        try:
            reader = PdfReader(io.BytesIO(data), strict=False)
            if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
                return Unread(State.ENCRYPTED, "needs a password", "save a copy without one")
            texts = _page_texts(reader)
            title = _title(reader)
        except DependencyError as error:
            return Unread(State.NEEDS_EXTRA, f"encrypted with AES: {_reason(error)}", "pip install cryptography")
        except FileNotDecryptedError:
            return Unread(State.ENCRYPTED, "needs a password", "save a copy without one")
        except _DAMAGE as error:
            return Unread(State.FAILED, f"damaged PDF: {_reason(error)}", "print it to a new PDF")
    return _content(texts, title)


def _reason(error: Exception) -> str:
    line = next(iter(str(error).splitlines()), "")[:200]
    return line or type(error).__name__


@contextmanager
def _quietly() -> Iterator[None]:
    """pypdf logs what it finds odd in a file; what matters of that becomes the file's state."""
    logger = logging.getLogger("pypdf")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _page_texts(reader: PdfReader) -> list[str]:
    """The pages as Markdown; plain where a page's fragments do not add up to its text."""
    plain: list[str] = []
    found: list[list[Line]] = []
    for page in reader.pages:
        fragments: list[Fragment] = []
        with suppress(*_DAMAGE):  # pypdf reads on where a font is damaged
            _without_false_spaces(page)
        text = page.extract_text(visitor_text=partial(_collect, fragments))
        same = _marks("".join(fragment.text for fragment in fragments)) == _marks(text)
        plain.append("" if same else _clean(text))
        found.append(lines(fragments) if same else [])
    pages = composed(without_margins(found))
    return [_LEADERS.sub("… ", composed_page or text) for composed_page, text in zip(pages, plain, strict=True)]


def _marks(text: str) -> str:
    return "".join(text.split())


def _without_false_spaces(page: PageObject) -> None:
    """Have pypdf not take another glyph for the space of a composite font that has none.

    It looks for the width of a space at number 32, where such a font (TeX makes them) has any glyph. With a width of 0
    there, it goes by a usual one.
    """
    fonts = page.get("/Resources", DictionaryObject()).get_object().get("/Font", DictionaryObject()).get_object()
    for font in (reference.get_object() for reference in fonts.values()):
        if font.get("/Subtype") == "/Type0" and "/ToUnicode" in font and "/DescendantFonts" in font:
            widths = font["/DescendantFonts"].get_object()[0].get_object().get("/W", ArrayObject()).get_object()
            if not _HAS_SPACE.search(font["/ToUnicode"].get_object().get_data()) and widths[-2:] != [32, [0]]:
                widths.extend([NumberObject(32), ArrayObject([NumberObject(0)])])


def _collect(
    fragments: list[Fragment], text: str, cm: Sequence[float], tm: Sequence[float], font: Any, size: float
) -> None:
    """Takes what pypdf calls a visitor with: a text, two matrices whose product is its place, its font and size."""
    a, b, c, d = (
        tm[0] * cm[0] + tm[1] * cm[2],
        tm[0] * cm[1] + tm[1] * cm[3],
        tm[2] * cm[0] + tm[3] * cm[2],
        tm[2] * cm[1] + tm[3] * cm[3],
    )
    x, y = tm[4] * cm[0] + tm[5] * cm[2] + cm[4], tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
    height = size * (c * c + d * d) ** 0.5
    upright = d > 0 and a > 0 and abs(b) < 0.01 * a
    bold = bool(font and _BOLD.search(str(font.get("/BaseFont", ""))))
    for part in text.splitlines(keepends=True):
        content = _clean_line(part)
        fragments.append(Fragment(content, x, y, height, upright, ended=part.endswith("\n"), bold=bold))


def _content(texts: Sequence[str], title: str) -> Content | Unread:
    if not texts:
        return Unread(State.EMPTY, "has no pages")
    written = "".join(texts)
    if not written.strip():
        return Unread(
            State.NEEDS_OCR, f"none of its {len(texts)} pages holds text, only images", "make it searchable by OCR"
        )
    unknown = sum(unicodedata.category(char) in ("Co", "Cn") or char == "\ufffd" for char in written)
    if unknown > _UNREADABLE * len(written):
        return Unread(State.NEEDS_OCR, "its fonts do not tell which characters they show", "make it searchable by OCR")
    text, pages = _joined(texts)
    return Content(text, "markdown", title, pages)


def _joined(texts: Sequence[str]) -> tuple[str, tuple[Page, ...]]:
    """The pages' texts as one, a blank line between them where no paragraph goes on, and where each page lies."""
    parts: list[str] = []
    pages: list[Page] = []
    at = 0
    for number, text in enumerate(texts, start=1):
        if parts:
            joint = "\n" if _goes_on(texts[number - 2], text) else "\n\n"
            parts.append(joint)
            at += len(joint)
        parts.append(text)
        pages.append(Page(number, at, at + len(text)))
        at += len(text)
    return "".join(parts), tuple(pages)


def _goes_on(before: str, after: str) -> bool:
    """Whether a page ends inside a sentence: on a full line without an end mark, before a small letter."""
    lines = before.split("\n")
    full = len(lines[-1]) >= 0.7 * max(map(len, lines))
    return bool(before and after) and full and before[-1] not in _ENDING and (after[0].islower() or is_han(after[0]))


def _clean(text: str) -> str:
    """A page's text, its lines trimmed and put together."""
    texts = [_clean_line(line).strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return re.sub(r"\n{3,}", "\n\n", joined(texts))


def _clean_line(text: str) -> str:
    """One line without control characters; half a surrogate pair becomes U+FFFD."""
    text = _CONTROL.sub("", _SPACES.sub(" ", text.replace("\0", "\ufffd")))
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _title(reader: PdfReader) -> str:
    """The title in the file's properties, unless a program put a file's name or nothing there."""
    title = reader.metadata.title if reader.metadata else None
    return "" if not isinstance(title, str) or _NO_TITLE.match(title.strip()) else title
