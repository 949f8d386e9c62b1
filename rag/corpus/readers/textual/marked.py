"""Text that is kept exactly as it stands, with markup or keys that give it structure: see `rag.text.structure`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from rag.corpus.readers.plain import text_of
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import Markup, Metadata
from rag.text import latex
from rag.text.rst import bare

LOOKED_AT = 20_000
"""Characters at the top of a text in which it says its title, author and date."""
_LONGEST = 500

_RST_FIELD = re.compile(r"^:([A-Za-z][\w -]{0,40}):[ \t]+(\S.*)$", re.MULTILINE)
_ORG_KEYWORD = re.compile(r"^[ \t]*#\+([A-Za-z_]+):[ \t]*(\S.*)$", re.MULTILINE)
_ORG_STAMP = re.compile(r"[<\[](\d{4}-\d\d-\d\d)[^<>\[\]\n]*[>\]]")
_ADOC_ATTRIBUTE = re.compile(r"^:([A-Za-z][\w-]{0,40}):[ \t]+(\S.*)$", re.MULTILINE)
_ADOC_AUTHOR = re.compile(r"\A\s*=[ \t].*\n([^\W\d_][^\n<:=]{1,80}?)[ \t]*<[^>\s]+>[ \t]*(?:;.*)?$", re.MULTILINE)
_LATEX_NOTE = re.compile(r"\\(?:thanks|footnote)\{[^{}]*\}")
_LATEX_SAYS = re.compile(r"^[^%\n]*?\\(title|author|date)[ \t]*(?:\[[^\]\n]*\])?[ \t]*\{", re.MULTILINE)

_OWN = "title author date language subject keywords description version status copyright organization category"
_KNOWN = {
    **{name: name for name in _OWN.split()},
    **{"authors": "author", "lang": "language", "tags": "keywords", "filetags": "keywords"},
    **{"revdate": "date", "revnumber": "version"},
}
"""What a text may say of itself, and the key that it is kept under."""


def parse_rst(data: bytes, _path: str) -> Content | Unread:
    """The text, with the fields at its top as metadata."""
    return _content(data, "rst", lambda top: ((name, bare(said)) for name, said in _RST_FIELD.findall(top)))


def parse_org(data: bytes, _path: str) -> Content | Unread:
    """The text, with its #+TITLE and other keywords as metadata, stamps of time as their days."""
    return _content(
        data, "org", lambda top: ((name, _ORG_STAMP.sub(r"\1", said)) for name, said in _ORG_KEYWORD.findall(top))
    )


def parse_asciidoc(data: bytes, _path: str) -> Content | Unread:
    """The text, with the author line and attributes of its header as metadata."""

    def says(top: str) -> Iterator[tuple[str, str]]:
        author = _ADOC_AUTHOR.search(top)
        if author:
            yield "author", author[1]
        yield from _ADOC_ATTRIBUTE.findall(top.partition("\n\n")[0])

    return _content(data, "asciidoc", says)


def parse_latex(data: bytes, _path: str) -> Content | Unread:
    r"""The text, with what \title, \author and \date say."""

    def says(top: str) -> Iterator[tuple[str, str]]:
        for match in _LATEX_SAYS.finditer(top):
            yield match[1], latex.bare(_LATEX_NOTE.sub("", latex.argument(top, match.end())[0]))

    return _content(data, "latex", says)


def parse_yaml(data: bytes, _path: str) -> Content | Unread:
    """The text as it is."""
    return _content(data, "yaml", _nothing)


def parse_ini(data: bytes, _path: str) -> Content | Unread:
    """The text as it is."""
    return _content(data, "ini", _nothing)


def _nothing(_top: str) -> Iterator[tuple[str, str]]:
    return iter(())


def _content(data: bytes, markup: Markup, says: Callable[[str], Iterator[tuple[str, str]]]) -> Content | Unread:
    text = text_of(data)
    if isinstance(text, Unread):
        return text
    metadata = tuple(_kept(says(text[:LOOKED_AT].replace("\r\n", "\n"))))
    title = next((value for key, value in metadata if key == "title"), "")
    return Content(text, markup, title, metadata=metadata)


def _kept(said: Iterator[tuple[str, str]]) -> Metadata:
    pairs = ((_KNOWN.get(name.strip().lower(), ""), " ".join(value.split())[:_LONGEST]) for name, value in said)
    return tuple(dict.fromkeys((key, value) for key, value in pairs if key and value))
