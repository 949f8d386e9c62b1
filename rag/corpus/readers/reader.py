"""What a reader is: bytes → Document or the reason why there is none, with the checks that hold for every format."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec

from rag.datatypes import Document, Markup, Metadata, Page, State
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

    `members` are the files within it, to be read once, in order.
    """

    text: str
    markup: Markup = "plain"
    title: str = ""
    pages: tuple[Page, ...] = ()
    metadata: Metadata = ()
    members: Iterable[Member] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """One format: `parse(data, path)` knows it, `read` adds what every format needs.

    `version` changes whenever the same bytes would give another text: documents are then read anew. A file of more
    than `max_bytes` is not read. `modules` are what `parse` imports beyond a default install, `extra` brings them.
    """

    name: str
    version: str
    parse: Callable[[bytes, str], Content | Unread]
    max_bytes: int = 64 * 2**20
    modules: tuple[str, ...] = ()
    extra: str = ""

    @property
    def stamp(self) -> str:
        """What a source keeps of its reader; another one where a file has to be read again."""
        missing = self.missing()
        return f"{self.name}/{self.version}" + (f" without {self.extra}" if missing else "")

    def missing(self) -> str:
        """The first of the modules that is not installed; ""."""
        return next((name for name in self.modules if find_spec(name) is None), "")

    def read(self, data: bytes, path: str) -> Document | Unread:
        """The file's document, with text that can be stored and shown; raises nothing for what the bytes hold."""
        if len(data) > self.max_bytes:
            return too_large(len(data), self.max_bytes)
        if not data:
            return Unread(State.EMPTY, "the file has no bytes")
        missing = self.missing()
        if missing:
            reason = f"reading {self.name} needs the package {missing.partition('.')[0]}"
            return Unread(State.NEEDS_EXTRA, reason, f'python -m pip install "rag[{self.extra}]"')
        content = self.parse(data, path)
        if isinstance(content, Unread):
            return content
        if not content.text or content.text.isspace():
            return Unread(State.EMPTY, "nothing but white space")
        wrong = _NO_TEXT.search(content.text)
        if wrong:
            return Unread(State.UNDECODABLE, f"holds U+{ord(wrong[0]):04X}, which is not text")
        title = _title(content)
        identity = document_id(data, self)
        return Document(identity, content.text, content.markup, title, content.pages, content.metadata)


def document_id(data: bytes, reader: Reader) -> str:
    """32 hexadecimal digits that stand for these bytes read by this version of this reader."""
    return hashlib.sha256(f"{reader.name}/{reader.version}\0".encode() + hashlib.sha256(data).digest()).hexdigest()[:32]


def too_large(size: int, most: int) -> Unread:
    """The outcome of a file of so many bytes where `most` are read."""
    mebibytes = f"{size / 2**20:.0f} MiB, at most {most // 2**20} are read"
    return Unread(State.TOO_LARGE, mebibytes, "split it into smaller files")


def _title(content: Content) -> str:
    """The title in one line; "" where it is a number alone, or the heading that everything else stands under."""
    clean = content.title.encode("utf-8", "replace").decode().replace("\0", "")
    title = " ".join(clean.split())
    if not any(map(str.isalpha, title)):
        return ""
    if content.markup == "markdown":
        found = (block for window in windows(content.text, blocks) for block in window.blocks)
        headings = (block for block in found if block.kind == "heading")
        first = next(headings, None)
        if first and first.title.casefold() == title.casefold():
            return "" if all(block.level > first.level for block in headings) else title
    return title
