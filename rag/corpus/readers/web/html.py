"""HTML → Markdown: what a page says, without its menus, scripts and hidden parts."""

from __future__ import annotations

import logging
import re
from typing import Any

from lxml import etree

from rag.corpus.cleaned import Cleaning, added
from rag.corpus.readers.encodings.encoding import declared_in, decode
from rag.corpus.readers.reader import Content, Unread
from rag.corpus.readers.web.blocks import converted, one_line
from rag.corpus.readers.web.hidden import empty_hidden
from rag.corpus.readers.web.main import UNSEEN, Page
from rag.datatypes import State

Element = Any  # lxml has no types

log = logging.getLogger(__name__)

_XHTML = re.compile(r"^\s*<\?xml|<html[^>]{0,400}\sxmlns=|DTD XHTML")
_CLOSED = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)\b)([a-zA-Z]\w*)((?:\s[^<>]*)?)/>"
)
_NO_SCRIPTS = re.compile(r"<(/?)(?:noscript|noframes|frameset)\b", re.IGNORECASE)
_LEAST_SHARE = 0.3
"""Share of a page's prose below which what was found is not its text."""
_VALUE = r"""\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s<>"']++)"""
_CROWDED = re.compile(rf"<[a-zA-Z][^\s<>]*+(?:\s++[^\s<>=]++(?:{_VALUE})?+){{500}}")
"""A tag of more attributes than any that is written: the parser compares each with each."""


def parse_html(data: bytes, path: str) -> Content | Unread:
    """The page's text as Markdown, and its title. What it hides is left out, and counted."""
    decoded = decode(data, declared_in(data))
    if isinstance(decoded, Unread):
        return decoded
    said = _opened(decoded.text) if _is_xhtml(decoded.text, path) else decoded.text
    root = _tree(said)
    if root is None or isinstance(root, Unread):
        return root or Content("")
    title = next((one_line("".join(element.itertext())) for element in root.iter("title")), "")
    hidden = empty_hidden(root, UNSEEN)
    text, around = _said(root)
    if hidden and not text:
        log.warning("%s: shows nothing until a script runs; what it hides was read", path)
        text, hidden = converted(_tree(said), _unseen), 0
    elif hidden:
        log.info("%s: %d hidden passage%s left out", path, hidden, "s" * (hidden > 1))
    cleaned = added({Cleaning.AROUND: around, Cleaning.HIDDEN: hidden})
    return Content(text or _without_scripts(said), "markdown", title, cleaned=cleaned)


def _is_xhtml(text: str, path: str) -> bool:
    """Whether it is written as XML, in which any element may be closed where it opens."""
    return path.lower().endswith(".xhtml") or bool(_XHTML.search(text[:2000]))


def _opened(text: str) -> str:
    """XHTML for a parser of HTML: `<script/>` would hide all that follows, `<p/>` would hold it."""
    return _CLOSED.sub(r"<\1\2></\1>", text)


def _without_scripts(text: str) -> str:
    """What a page without text says to those who see no scripts or no frames; "" where it says nothing."""
    root = _tree(_NO_SCRIPTS.sub(r"<\1div", text))
    return "" if root is None or isinstance(root, Unread) else converted(root, _unseen)


def _tree(text: str) -> Element | Unread | None:
    """The page's elements; None where there are none."""
    if _CROWDED.search(text):
        return Unread(State.FAILED, "a tag has more than 500 attributes")
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        return Unread(State.FAILED, f"not HTML: {error.msg or error}")
    if any("depth" in entry.message for entry in parser.error_log):
        return Unread(State.FAILED, "elements are nested too deeply to be read whole")
    return root


def _said(root: Element) -> tuple[str, int]:
    """The text of the page's main part, and how many parts that say something are around it.

    The text of the whole page, where the main part leaves hardly anything.
    """
    page = Page(root)
    around = set(page.beside())

    def dropped(element: Element) -> bool:
        if not _unseen(element) and page.around(element):
            around.add(element)
        return _unseen(element) or element in around

    text = converted(page.main, dropped)
    if len(text) < _LEAST_SHARE * page.sizes.prose.get(root, 0) or len(text) < 0.1 * page.sizes.text.get(root, 0):
        return converted(root, _unseen), 0
    return text, sum(page.sizes.text.get(each, 0) > 0 for each in around)


def _unseen(element: Element) -> bool:
    return element.tag in UNSEEN
