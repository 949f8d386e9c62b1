"""What a reader is: bytes → Document or the reason why there is none, with the checks that hold for every format."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from importlib.util import find_spec

from rag.corpus.cleaned import Cleaned, Cleaning, added
from rag.datatypes import Document, Markup, Metadata, Page, State
from rag.text.invisible import unseen_count
from rag.text.markdown import blocks
from rag.text.windows import windows

_NO_TEXT = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Unread:
    """Why a file gave no document: its state, the reason in one line, and what mends it ("" where nothing does)."""

    state: State
    reason: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A file within a file: a member of an archive, an attachment. `name` is its path there, with `/`.

    A `problem` says why it could not be read: then there is no `data`. One without a name is of the container itself,
    whose further members are not read.
    """

    name: str
    data: bytes = b""
    problem: Unread | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What a format's own code gets out of a file; the fields are those of `Document`.

    `members` are the files within it, to be read once, in order; `cleaned` is what was left out or written otherwise.
    """

    text: str
    markup: Markup = "plain"
    title: str = ""
    pages: tuple[Page, ...] = ()
    metadata: Metadata = ()
    members: Iterable[Member] = ()
    cleaned: Cleaned = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file gave: its document or why there is none, the files within it and what was cleaned, as in `Content`.

    The document has in its metadata what was cleaned of it.
    """

    outcome: Document | Unread
    members: Iterable[Member] = ()
    cleaned: Cleaned = field(default_factory=dict)


def _unheard(_page: int, _count: int) -> State | None:
    return None


@dataclass(frozen=True, slots=True)
class Aid:
    """What a parser is given beside the bytes: passwords to try, and whom it tells of the page that comes next.

    `begin(page, count)` is called before each page (from 1; 0 before what belongs to none) of so many (0: not known),
    which then has the time of a whole file to itself. It gives the state of a page that is to be passed over; None
    where it may be read.
    """

    passwords: tuple[str, ...] = field(default=(), repr=False)
    begin: Callable[[int, int], State | None] = _unheard


NO_AID = Aid()
"""No passwords, and nobody who listens."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One format: `parse(data, path)` knows it, `open` adds what every format needs.

    `version` changes whenever the same bytes would give another text: documents are then read anew. A file of more
    than `max_bytes` is not read. `modules` are what `parse` imports beyond a default install, `extra` brings them.
    One that is not `isolated` need not run in a child process: it decodes text and does nothing else. The `parse` of
    one that is `aided` takes an `Aid` too.
    """

    name: str
    version: str
    parse: Callable[..., Content | Unread]
    max_bytes: int = 64 * 2**20
    modules: tuple[str, ...] = ()
    extra: str = ""
    isolated: bool = True
    aided: bool = False

    @property
    def stamp(self) -> str:
        """What a source keeps of its reader; another one where a file has to be read again."""
        missing = self.missing()
        return f"{self.name}/{self.version}" + (f" without {self.extra}" if missing else "")

    def missing(self) -> str:
        """The first of the modules that is not installed; ""."""
        return next((name for name in self.modules if find_spec(name) is None), "")

    def read(self, data: bytes, path: str) -> Document | Unread:
        """The file's document alone, as `open` gives it."""
        return self.open(data, path).outcome

    def open(self, data: bytes, path: str, aid: Aid = NO_AID) -> Parsed:
        """The file's document, with text that can be stored and shown; raises nothing for what the bytes hold."""
        refused = self.refused(data)
        content = refused or (self.parse(data, path, aid) if self.aided else self.parse(data, path))
        if isinstance(content, Unread):
            return Parsed(content)
        if not content.text or content.text.isspace():
            reason = "nothing but white space" if content.text else "no text"
            return Parsed(Unread(State.EMPTY, reason), content.members)
        wrong = _NO_TEXT.search(content.text)
        if wrong:
            reason = f"holds U+{ord(wrong[0]):04X}, which is not text"
            return Parsed(Unread(State.UNDECODABLE, reason), content.members)
        cleaned = added(content.cleaned, {Cleaning.INVISIBLE_KEPT: unseen_count(content.text)})
        document = _document(document_id(data, self, content.pages), content, cleaned)
        return Parsed(document, content.members, cleaned)

    def refused(self, data: bytes) -> Unread | None:
        """Why the bytes are not even parsed; None where they are."""
        if len(data) > self.max_bytes:
            return too_large(len(data), self.max_bytes)
        if not data:
            return Unread(State.EMPTY, "the file has no bytes")
        missing = self.missing()
        if missing:
            reason = f"reading {self.name} needs the package {missing.partition('.')[0]}"
            return Unread(State.NEEDS_EXTRA, reason, f'python -m pip install "rag[{self.extra}]"')
        return None


def document_id(data: bytes, reader: Reader, pages: Iterable[Page] = ()) -> str:
    """32 hexadecimal digits that stand for these bytes read by this version of this reader.

    Others where there are `pages` that nobody could look at yet: with OCR the same bytes give another text.
    """
    unseen = any(page.state is State.NEEDS_OCR for page in pages)
    kind = f"{reader.name}/{reader.version}{' without ocr' if unseen else ''}\0"
    return hashlib.sha256(kind.encode() + hashlib.sha256(data).digest()).hexdigest()[:32]


def too_large(size: int, most: int) -> Unread:
    """The outcome of a file of so many bytes where `most` are read."""
    mebibytes = f"{size / 2**20:.0f} MiB, at most {most // 2**20} are read"
    return Unread(State.TOO_LARGE, mebibytes, "split it into smaller files")


def _document(identity: str, content: Content, cleaned: Cleaned) -> Document:
    """The content as a document, with nothing beside the text either that could not be stored."""
    pages = tuple(page if _storable(page.label) else replace(page, label=_clean(page.label)) for page in content.pages)
    said = tuple((_clean(key), _clean(value)) for key, value in content.metadata)
    metadata = (*said, *((kind.value, str(count)) for kind, count in cleaned.items()))
    return Document(identity, content.text, content.markup, _title(content), pages, metadata)


def _storable(text: str) -> bool:
    return text.isascii() and "\0" not in text


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _title(content: Content) -> str:
    """The title in one line; "" where it is a number alone, or the heading that everything else stands under."""
    title = " ".join(_clean(content.title).split())
    if not any(map(str.isalpha, title)):
        return ""
    if content.markup == "markdown":
        found = (block for window in windows(content.text, blocks) for block in window.blocks)
        headings = (block for block in found if block.kind == "heading")
        first = next(headings, None)
        if first and first.title.casefold() == title.casefold():
            return "" if all(block.level > first.level for block in headings) else title
    return title
