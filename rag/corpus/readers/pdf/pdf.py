"""PDF → Markdown with a page map: pdfium reads the pages, pypdf what a file holds beside them.

bytes ─pdfium→ sheets ─rows→ grids, columns, tables, headings, paragraphs ─→ Markdown, page by page   layout
      ─pypdf→  properties, outline, page labels, values of forms, comments, attachments               about
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pypdfium2 as pdfium
from pypdfium2 import raw

from rag.corpus.cleaned import Cleaned, Cleaning, added
from rag.corpus.ledger import INSTALL, UNLOCK
from rag.corpus.readers.compose import Composer
from rag.corpus.readers.pdf.about import About, Marked, about, plain_texts
from rag.corpus.readers.pdf.columns import flows
from rag.corpus.readers.pdf.grids import with_grids
from rag.corpus.readers.pdf.headings import body_size, heading_levels
from rag.corpus.readers.pdf.layout import Words, composed, is_han
from rag.corpus.readers.pdf.margins import without_margins
from rag.corpus.readers.pdf.scan import Recogniser, is_illegible, is_scan, recognised
from rag.corpus.readers.pdf.sheet import PDFIUM, Sheet, sheet
from rag.corpus.readers.pdf.streams import MOST_INFLATED, inflates_too_far
from rag.corpus.readers.pdf.words import row_of, rows, said
from rag.corpus.readers.pictures.ocr_places import Placed
from rag.corpus.readers.reader import NO_AID, Aid, Content, Unread
from rag.datatypes import Metadata, Page, State

MOST_PAGES = 20_000
"""Pages that a file may claim to have."""
MOST_RECOGNISED = 1_000
"""Pages of a file that are recognised: about an hour."""
MOST_RESCUED = 16 * 2**20
"""Bytes of a file that pypdf tries where pdfium finds no pages: it looks for them slowly."""
MOST_CHARACTERS = 64 * 2**20
"""Characters that all pages may have together."""
_ENDING = '.!?:;。！？：；…"”’)）】」』'


def parse_pdf(data: bytes, _path: str, aid: Aid = NO_AID, recogniser: Recogniser | None = None) -> Content | Unread:
    """The text of all pages. An encrypted file opens with an empty password or with one of those given.

    `recogniser` reads the pages that have no text, up to `MOST_RECOGNISED`; without one they are counted.
    """
    if inflates_too_far(data):
        return _too_much(f"a stream in it inflates to more than {MOST_INFLATED // 2**20} MiB")
    with PDFIUM, _opened(data, aid.passwords) as opened:
        if isinstance(opened, Unread):
            return opened if opened.state is State.ENCRYPTED else _bare(data)
        sheets = _sheets(opened, recogniser, aid)
        if isinstance(sheets, Unread):
            return sheets
        encrypted = raw.FPDF_GetSecurityHandlerRevision(opened) != -1
        plain = _decrypted(opened) if encrypted else data
    aid.begin(0, 0)
    if not _shows(sheets):
        return _bare(plain)
    pages = enumerate(sheets, start=1)
    annotated = {number for number, each in pages if not isinstance(each, Sheet) or each.annotated}
    return _content(sheets, about(plain, annotated), aid)


def _sheets(opened: pdfium.PdfDocument, recogniser: Recogniser | None, aid: Aid) -> list[Sheet | State] | Unread:
    """The pages, the state of one that is not read; why there are none where there would be too many."""
    count = max(0, raw.FPDF_GetPageCount(opened))
    if count > MOST_PAGES:
        return _too_much(f"{count} pages, at most {MOST_PAGES} are read")
    sheets: list[Sheet | State] = []
    size = looked = 0
    for number in range(count):
        passed_over = aid.begin(number + 1, count)
        page = None if passed_over else sheet(opened, number)
        if page and recogniser and is_scan(page):
            looked += 1
            if looked > MOST_RECOGNISED:
                page, passed_over = None, State.TOO_LARGE
            else:
                page = recognised(opened, number, page, recogniser)
        sheets.append(page or passed_over or State.FAILED)
        size += len(page.written) if page else 0
        if size > MOST_CHARACTERS:
            return _too_much(f"more than {MOST_CHARACTERS} characters")
    return sheets


def _shows(sheets: Sequence[Sheet | State]) -> bool:
    """Whether anything is on any of the pages."""
    return any(isinstance(each, Sheet) and (each.drawn or each.turns) for each in sheets)


def _bare(data: bytes) -> Content | Unread:
    """The text of a file in which pdfium sees nothing, as pypdf reads it: it needs no fonts, and less order."""
    hopeless = len(data) > MOST_RESCUED or not (b"/Page" in data or b"/ObjStm" in data)
    texts = "no pages can be found in it" if hopeless else plain_texts(data)
    if isinstance(texts, str):
        return Unread(State.FAILED, f"damaged PDF: {texts}", "print it to a new PDF")
    if not "".join(texts).strip():
        return Unread(State.EMPTY, "its pages are blank" if texts else "has no pages")
    text, pages = _joined(texts, (), {})
    return Content(text, "plain", "", pages, (("not_read", "its layout"),))


@contextmanager
def _opened(data: bytes, passwords: Sequence[str]) -> Iterator[pdfium.PdfDocument | Unread]:
    """The document; why there is none where it does not open."""
    error = raw.FPDF_ERR_FORMAT
    for password in ("", *passwords):
        handle = raw.FPDF_LoadMemDocument64(data, len(data), password.encode("utf-8", "replace"))
        if handle:
            document = pdfium.PdfDocument(handle)
            try:
                yield document
            finally:
                document.close()
            return
        error = raw.FPDF_GetLastError()
        if error != raw.FPDF_ERR_PASSWORD:
            break
    yield _refused(error, given=bool(passwords))


def _refused(error: int, *, given: bool) -> Unread:
    if error == raw.FPDF_ERR_PASSWORD:
        reason = "none of the passwords given opens it" if given else "needs a password"
        return Unread(State.ENCRYPTED, reason, UNLOCK)
    if error == raw.FPDF_ERR_SECURITY:
        return Unread(State.ENCRYPTED, "encrypted in a way that no password opens", "save a copy without it")
    return Unread(State.FAILED, "damaged PDF", "print it to a new PDF")


def _too_much(what: str) -> Unread:
    return Unread(State.TOO_LARGE, what, "split it into smaller files")


def _decrypted(document: pdfium.PdfDocument) -> bytes:
    """The file without its encryption, which pypdf then need not know; nothing where that cannot be written."""
    written = io.BytesIO()
    try:
        document.save(written, flags=raw.FPDF_REMOVE_SECURITY)
    except pdfium.PdfiumError:
        return b""
    return written.getvalue()


def _content(sheets: Sequence[Sheet | State], told: About, aid: Aid = NO_AID) -> Content | Unread:
    """The document's text, or why it has none that can be read."""
    read = [each if isinstance(each, Sheet) else Sheet() for each in sheets]
    legible = [Sheet(drawn=each.drawn) if is_illegible(each.written) else each for each in read]
    texts, cleaned = _texts(legible, told, aid)
    if not "".join(texts).strip():
        if State.TOO_LARGE in sheets:
            return _too_much(f"no text on the first of its {len(texts)} pages, and the others are too many to look at")
        unknown = any(each.written for each in read)
        if not unknown and not any(map(is_scan, read)):
            looked = any(each.looked is not None for each in read)
            why = "and none is recognised on them" if looked else "nor pictures that may hold any"
            return Unread(State.EMPTY, f"none of its {len(texts)} pages holds text, {why}")
        images = f"none of its {len(texts)} pages holds text, only images"
        reason = "its fonts do not tell which characters they show" if unknown else images
        return Unread(State.NEEDS_OCR, reason, INSTALL)
    states = {number: State.NEEDS_OCR for number, each in enumerate(read, start=1) if is_scan(each)}
    states |= {number: each for number, each in enumerate(sheets, start=1) if isinstance(each, State)}
    text, pages = _joined(texts, told.labels, states, read)
    notes: list[tuple[str, str]] = [
        ("crowded_pages", _ranges([number for number, each in enumerate(read, start=1) if each.crowded])),
        ("recognised", _ranges([number for number, each in enumerate(read, start=1) if each.looked])),
        ("not_read", ", ".join(told.damaged[:20])),
    ]
    metadata: Metadata = (*told.metadata, *((key, value) for key, value in notes if value))
    left_out = {
        Cleaning.WORDS_OUTSIDE_PAGES: sum(each.beyond for each in read),
        Cleaning.NOT_LEGIBLE: sum(each.illegible for each in read),
    }
    return Content(text, "markdown", told.title, pages, metadata, told.members(), added(cleaned, left_out))


def _texts(sheets: Sequence[Sheet], told: About, aid: Aid) -> tuple[list[str], Cleaned]:
    """The pages as Markdown, and what was cleaned on the way."""
    gridded = [with_grids(each.turns[0], each.rules) if each.turns else [] for each in sheets]
    body = body_size(row for page in gridded for row in page if not row.table)
    kept, repeated = without_margins(gridded, body)
    levels = heading_levels(kept, told.outline)
    words = Words(kept)
    texts = []
    for number, (each, page) in enumerate(zip(sheets, kept, strict=True), start=1):
        aid.begin(number, len(sheets))
        turned = [rows(turn) for turn in each.turns[1:]]
        flowing = [*flows(page, each.rules), *(flow for turn in turned for flow in flows(turn))]
        text = composed(number, flowing, each.rules, levels, words)
        text = "".join(piece.text for piece in each.looked or ()) or text
        texts.append("\n\n".join(part for part in (text, _notes(number, each, told)) if part))
    counts = {
        Cleaning.REPEATED_ROWS: repeated,
        Cleaning.HYPHENS_MENDED: words.mended,
        Cleaning.LEADERS: words.leaders,
    }
    return texts, added(counts, *(each.cleaned for each in sheets))


def _notes(number: int, page: Sheet, told: About) -> str:
    """The page's form values and comments."""
    composer = Composer()
    for name, value in told.values.get(number, []):
        composer.item("-", f"{name}: {value}" if name else value)
    for comment in told.comments.get(number, []):
        about_what = _covered(page, comment)
        by = f" by {comment.author}" if comment.author else ""
        on = f" on “{about_what}”" if about_what and about_what != comment.text else ""
        composer.item("-", f"Comment{by}{on}: {comment.text}")
    return composer.text().strip()


def _covered(page: Sheet, comment: Marked) -> str:
    """The words under a highlight."""
    found = []
    for left, bottom, right, top in comment.places:
        words = [
            word
            for word in (page.turns[0] if page.turns else ())
            if left - 1 <= (word.x0 + word.x1) / 2 <= right + 1 and bottom <= word.y + 0.3 * word.size <= top
        ]
        found.extend([said(row_of(words).words)] if words else [])
    return " ".join(found)


def _joined(
    texts: Sequence[str], labels: Sequence[str], states: Mapping[int, State], sheets: Sequence[Sheet] = ()
) -> tuple[str, tuple[Page, ...]]:
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
        page = Page(number, at, at + len(text), _label(number, labels, len(texts)), states.get(number))
        pages.extend(_places(page, (sheets[number - 1].looked if sheets else None) or ()))
        at += len(text)
    return "".join(parts), tuple(pages)


def _places(page: Page, looked: Sequence[Placed]) -> Iterator[Page]:
    """The page; where it was looked at, each line on it, and what is left."""
    at = page.start
    for piece in looked:
        name = page.label or f"page {page.number}"
        yield Page(page.number, at, at + len(piece.text), f"{name} {piece.place}")
        at += len(piece.text)
    if at < page.end or not looked:
        yield replace(page, start=at)


def _label(number: int, labels: Sequence[str], count: int) -> str:
    """What a viewer calls the page, where that is not its number."""
    label = labels[number - 1].strip() if number <= len(labels) else ""
    return f"page {label} ({number} of {count})" if label and label != str(number) else ""


def _goes_on(before: str, after: str) -> bool:
    """Whether a page ends inside a sentence: on a full line without an end mark, before a small letter."""
    lines = before.split("\n")
    full = len(lines[-1]) >= 0.7 * max(map(len, lines))
    return bool(before and after) and full and before[-1] not in _ENDING and (after[0].islower() or is_han(after[0]))


def _ranges(numbers: Sequence[int]) -> str:
    """Such as "2, 5-9"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
