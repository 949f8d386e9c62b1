"""RTF → Markdown: headings by their styles, lists, tables, notes; every font in its own code page."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace

from rag.corpus.cleaned import Cleaning, added
from rag.corpus.readers.compose import Composer
from rag.corpus.readers.office.rtf_paragraphs import Paragraphs, joined
from rag.corpus.readers.office.rtf_words import (
    ANSI,
    APART,
    CHARACTERS,
    CHARSETS,
    CODE_PAGES,
    PROPERTIES,
    STARRED,
    SYMBOL,
    SYMBOLS,
    TOKEN,
    UNREAD,
)
from rag.corpus.readers.office.symbols import signs
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import Metadata, State

_FIX = "open it in a word processor and save it anew"
_DEEPEST = 5_000
_OFTEN = 200
"""Characters of which one may be damaged."""
_HIDING = {"v": Cleaning.HIDDEN, "deleted": Cleaning.DELETED}
_LEVEL = re.compile(r"heading ([1-9])", re.IGNORECASE)


def parse_rtf(data: bytes, _path: str) -> Content | Unread:
    """The text as Markdown: notes and comments behind their paragraphs, headers and footers once at the end."""
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{\\rtf"):
        return Unread(State.FAILED, "damaged RTF: does not begin as one", _FIX)
    reading = _Reading(data)
    try:
        reading.run()
    except _TooDeep:
        return Unread(State.FAILED, "damaged RTF: groups are nested too deeply", _FIX)
    text = reading.paragraphs.text()
    if text.count("\ufffd") * _OFTEN > len(text):
        return Unread(State.UNDECODABLE, f"its text is not in {reading.encoding}, as it says", "save it as .docx")
    metadata = reading.metadata()
    cleaned = added(reading.unshown, {Cleaning.REPEATED_ROWS: reading.paragraphs.repeated})
    return Content(text, "markdown", dict(metadata).get("title", ""), (), metadata, cleaned=cleaned)


class _TooDeep(Exception):
    """Groups within groups within groups."""


@dataclass(slots=True)
class _Sink:
    """Where text goes: the body, or what is kept apart under a name."""

    name: str
    parts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Group:
    """What holds until a brace closes."""

    sink: _Sink | None
    encoding: str = ANSI
    font: int = 0
    skipped: int = 1
    hidden: str = ""  # the word that hides the text
    raised: bool = False
    table: str = ""
    opened: bool = True
    starred: bool = False


class _Reading:
    """Tokens, one after the other, with a stack of groups instead of recursion."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.encoding = ANSI
        self.body = _Sink("")
        self.paragraphs = Paragraphs(Composer())
        self.group = _Group(self.body)
        self.stack: list[_Group] = []
        self.fonts: dict[int, str] = {}
        self.names: dict[int, str] = {}
        self.entry = 0
        self.raw = bytearray()
        self.raw_encoding = ANSI
        self.raw_font = 0
        self.skip = 0
        self.properties: dict[str, str] = {}
        self.dates: dict[str, dict[str, int]] = {}
        self.date = ""
        self.unshown: Counter[Cleaning] = Counter()
        self.hiding = ""

    def run(self) -> None:
        """Read everything. Raises _TooDeep."""
        at = 0
        while at < len(self.data):
            match = TOKEN.match(self.data, at)
            if match is None:
                break
            at = match.end() + self.token(match)
        self.flush()
        while self.stack:
            self.close()
        self.paragraphs.end()

    def token(self, match: re.Match[bytes]) -> int:
        """Take one token; how many bytes behind it are no text."""
        word, number, byte, symbol, brace, text = match.groups()
        if word == b"bin":
            return max(int(number or 0), 0)
        if word:
            self.word(word.decode("ascii"), int(number) if number else None)
        elif text or byte:
            self.bytes(text or bytes([int(byte, 16)]))
        elif symbol:
            self.symbol(symbol.decode("latin-1"))
        elif brace == b"{":
            self.open()
        elif brace:
            self.close()
        return 0

    # ------------------------------------------------------------ groups

    def open(self) -> None:
        if len(self.stack) >= _DEEPEST:
            raise _TooDeep
        self.flush()
        self.skip = 0
        self.stack.append(self.group)
        self.group = replace(self.group, opened=True, starred=False)

    def close(self) -> None:
        self.flush()
        self.skip = 0
        if not self.stack:
            return
        ended, self.group = self.group, self.stack.pop()
        if ended.sink is not None and ended.sink is not self.group.sink:
            self.keep(ended.sink.name, "".join(ended.sink.parts))

    def keep(self, name: str, text: str) -> None:
        """Put what was kept apart where it belongs."""
        text = text.strip()
        if name in PROPERTIES:
            self.properties[name] = " ".join(text.split())
        elif name.startswith("style"):
            level = _LEVEL.match(text)
            if level:
                self.paragraphs.levels.setdefault(self.entry, int(level[1]))
        elif name in ("listtext", "pntext"):
            self.paragraphs.marker = text or "-"
        elif name == "footnote":
            mark = self.paragraphs.note(text)
            if self.group.sink is not None:
                self.say(mark)
        elif name and text:
            self.paragraphs.aside(name, text)

    # ------------------------------------------------------------ tokens

    def symbol(self, symbol: str) -> None:
        if symbol == "*":
            self.group.starred = True
        elif symbol in "\r\n":
            self.word("par", None)
        elif symbol in SYMBOLS and not self.fallback():
            self.say(SYMBOLS[symbol])

    def bytes(self, text: bytes) -> None:
        """Bytes of text in the encoding of the font; those that repeat a character for old programs are left out."""
        self.group.opened = False
        if self.skip:
            left = text[self.skip :]
            self.skip = max(self.skip - len(text), 0)
            text = left
        if text:
            self.count()
        if self.group.sink is not None and text and not self.group.hidden:
            if self.raw_encoding != self.group.encoding or self.raw_encoding == "symbol":
                self.flush()
                self.raw_encoding, self.raw_font = self.group.encoding, self.group.font
            self.raw += text

    def count(self) -> None:
        """Count a passage that is hidden or deleted where it begins."""
        if self.group.sink is not self.body:
            return
        hidden = self.group.hidden
        if hidden in _HIDING and hidden != self.hiding:
            self.unshown[_HIDING[hidden]] += 1
        self.hiding = hidden

    def fallback(self) -> bool:
        """Whether the next character only repeats the one before it."""
        self.skip -= self.skip > 0
        return self.skip > 0

    def flush(self) -> None:
        """Decode the bytes so far."""
        if self.raw:
            raw, self.raw = bytes(self.raw), bytearray()
            encoding = self.raw_encoding
            if encoding != "symbol":
                self.put(raw.decode(encoding, "replace"))
                return
            shown = signs("".join(chr(0xF000 + byte) for byte in raw), self.names.get(self.raw_font, ""))
            self.put(shown if shown.isprintable() else raw.decode(ANSI, "replace").replace("·", "•"))

    def say(self, text: str) -> None:
        self.flush()
        self.put(text)

    def put(self, text: str) -> None:
        group = self.group
        if group.table == "fonttbl":
            self.names[self.entry] = self.names.get(self.entry, "") + text.strip(" ;")
        if group.sink is None or group.hidden:
            return
        if group.sink is self.body:
            self.paragraphs.say(text, raised=group.raised)
        else:
            group.sink.parts.append(text)

    # ------------------------------------------------------------ words

    def word(self, name: str, value: int | None) -> None:
        """What a control word does."""
        self.skip = 0
        group = self.group
        opened, group.opened = group.opened, False
        if name in UNREAD or (group.starred and opened and name not in STARRED and name not in APART):
            self.flush()
            group.sink = None
        elif group.sink is None:
            return
        elif opened and name in APART:
            self.flush()
            group.sink = _Sink(APART[name] or name)
        elif name in ("fonttbl", "stylesheet"):
            group.sink, group.table = _Sink(""), name
        elif group.table == "fonttbl":
            self.font(name, value)
        elif group.table == "stylesheet":
            self.style(name, value)
        elif name == "u" and value is not None:
            self.count()
            self.say("" if group.hidden else signs(chr(value & 0xFFFF), self.names.get(group.font, "")))
            self.skip = group.skipped
        elif name in CHARACTERS:
            self.say(CHARACTERS[name])
        else:
            self.flush()
            self.look(name, value)

    def font(self, name: str, value: int | None) -> None:
        if name == "f" and value is not None:
            self.entry = value
        elif name == "fcharset" and value is not None:
            encoding = "symbol" if value == SYMBOL else CHARSETS.get(value, "")
            if encoding:
                self.fonts.setdefault(self.entry, encoding)
        elif name == "cpg" and value in CODE_PAGES:
            self.fonts[self.entry] = CODE_PAGES[value or 0]

    def style(self, name: str, value: int | None) -> None:
        """A style of the sheet; what stands between its words is its name."""
        if name == "s" and value is not None:
            self.entry = value
            if self.group.sink is not None and not self.group.sink.name.startswith("style"):
                self.group.sink = _Sink("style")
        elif name == "outlinelevel" and value is not None and 0 <= value < 9:
            self.paragraphs.levels[self.entry] = value + 1

    def look(self, name: str, value: int | None) -> None:
        """Words that say how text looks, which file it is in, and where paragraphs end."""
        group = self.group
        on = value != 0
        if name == "f":
            group.font = value or 0
            group.encoding = self.fonts.get(value or 0, self.encoding)
        elif name == "plain":
            group.hidden, group.raised = "", False
        elif name in ("v", "deleted", "htmlrtf"):
            group.hidden = name if on else ""
        elif name in ("super", "nosupersub"):
            group.raised = name == "super" and on
        elif name == "uc":
            group.skipped = min(max(value or 0, 0), 100)
        elif name in ("ansicpg", "mac", "pc", "pca"):
            page = {"mac": 10000, "pc": 437, "pca": 850}.get(name, value or 0)
            self.encoding = group.encoding = CODE_PAGES.get(page, self.encoding)
        else:
            self.place(name, value)

    def place(self, name: str, value: int | None) -> None:
        """Words that say where a paragraph, a cell or a row ends, and when the file was made and changed."""
        sink = self.group.sink
        if name in ("creatim", "revtim"):
            self.date = name
        elif name in ("yr", "mo", "dy"):
            self.dates.setdefault(self.date, {})[name] = value or 0
        elif sink is self.body:
            self.paragraphs.word(name, value)
        elif name in ("par", "cell", "row", "sect") and sink is not None:
            sink.parts.append("\n")

    def metadata(self) -> Metadata:
        """What the file says of itself."""
        found = [(key, joined(text)) for key, text in self.properties.items() if text]
        date = self.dates.get("revtim") or self.dates.get("creatim") or {}
        year, month, day = (date.get(name, 0) for name in ("yr", "mo", "dy"))
        if 1900 <= year < 2200 and 1 <= month <= 12 and 1 <= day <= 31:
            found.append(("date", f"{year}-{month:02d}-{day:02d}"))
        return tuple(found)
