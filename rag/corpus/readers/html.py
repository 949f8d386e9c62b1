"""HTML → Markdown: what a page says, without its menus, scripts and hidden parts."""

from __future__ import annotations

import logging
import re
from typing import Any

from lxml import etree

from rag.corpus.readers.encoding import declared_in, decode
from rag.corpus.readers.html_blocks import converted, one_line
from rag.corpus.readers.html_hidden import empty_hidden
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import State

Element = Any  # lxml has no types

log = logging.getLogger(__name__)

# What no reader sees, or what is a control and not text.
_UNSEEN = {"script", "style", "noscript", "template", "head", "svg", "iframe", "object", "embed", "canvas", "video"}
_UNSEEN |= {"audio", "map", "button", "select", "option", "datalist", "input", "textarea", "annotation", "dialog"}
# What surrounds the text of a page.
_AROUND = {"nav", "aside", "footer", "header", "menu"}
_AROUND_ROLES = {
    "navigation",
    "banner",
    "contentinfo",
    "search",
    "complementary",
    "menu",
    "menubar",
    "toolbar",
    "dialog",
}
_AROUND_NAMES = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|menu|sidebar|breadcrumbs?|footer|cookies?|consent|share|sharing|social"
    r"|skip-link|pagination|pager|toolbar|toc)(?:$|[\s_-])",
    re.IGNORECASE,
)
_LEAST_SHARE = 0.1
_VALUE = r"""\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s<>"']++)"""
_CROWDED = re.compile(rf"<[a-zA-Z][^\s<>]*+(?:\s++[^\s<>=]++(?:{_VALUE})?+){{500}}")
"""A tag of more attributes than any that is written: the parser compares each with each."""


def parse_html(data: bytes, path: str) -> Content | Unread:
    """The page's text as Markdown, and its title. What it hides is left out, with a warning that says how much."""
    decoded = decode(data, declared_in(data))
    if isinstance(decoded, Unread):
        return decoded
    root = _tree(decoded.text)
    if root is None or isinstance(root, Unread):
        return root or Content("")
    title = next((one_line("".join(element.itertext())) for element in root.iter("title")), "")
    hidden = empty_hidden(root, _UNSEEN)
    text = _said(root)
    if hidden and not text:
        log.warning("%s: shows nothing until a script runs; what it hides was read", path)
        text = converted(_tree(decoded.text), _unseen)
    elif hidden:
        log.warning("%s: %d hidden passage%s left out", path, hidden, "s" * (hidden > 1))
    return Content(text, "markdown", title)


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


def _said(root: Element) -> str:
    """The text of the page's main part; of the whole page, where that leaves hardly anything."""
    sizes = _Sizes(root)
    main = _main(root, sizes)
    text = converted(main, lambda element: _unseen(element) or sizes.around(element, main))
    everything = sizes.text.get(root, 0)
    return text if len(text) >= _LEAST_SHARE * everything else converted(root, _unseen)


class _Sizes:
    """Characters of text in each element, and how many of them are in links, found in one pass."""

    def __init__(self, root: Element) -> None:
        self.text: dict[Element, int] = {}
        self.linked: dict[Element, int] = {}
        self.links: dict[Element, int] = {}
        elements = list(root.iter(etree.Element))
        for element in reversed(elements):
            if element.tag in _UNSEEN:
                self.text[element] = self.linked[element] = self.links[element] = 0
            else:
                self._add(element, len(one_line(element.text or "")), 0, 0)
            if element.tag == "a":
                self.linked[element] = self.text[element]
                self.links[element] = 1
            parent = element.getparent()
            if parent is not None and parent.tag not in _UNSEEN:
                own = self.text[element] + len(one_line(element.tail or ""))
                self._add(parent, own, self.linked[element], self.links[element])

    def _add(self, element: Element, text: int, linked: int, links: int) -> None:
        self.text[element] = self.text.get(element, 0) + text
        self.linked[element] = self.linked.get(element, 0) + linked
        self.links[element] = self.links.get(element, 0) + links

    def around(self, element: Element, main: Element) -> bool:
        """Whether an element is a menu, a sidebar, a page's header or footer: around the text, not of it."""
        if element is main or element.tag in ("html", "body", "main"):
            return False
        if element.tag in ("header", "footer") and _inside(element, main):
            return False
        if element.tag in _AROUND or element.get("role", "").lower() in _AROUND_ROLES:
            return True
        text, linked = self.text.get(element, 0), self.linked.get(element, 0)
        if element.tag in ("ul", "ol", "table", "div") and self.links.get(element, 0) >= 3 and linked > 0.8 * text:
            return True
        names = f"{element.get('class', '')} {element.get('id', '')}"
        return text < 0.3 * self.text.get(main, 0) and bool(_AROUND_NAMES.search(names))


def _inside(element: Element, main: Element) -> bool:
    """Whether a header or footer belongs to an article or section and not to the page."""
    parent = element.getparent()
    return main.tag in ("main", "article") or (parent is not None and parent.tag in ("article", "section", "main"))


def _main(root: Element, sizes: _Sizes) -> Element:
    """The element that holds the page's own text: its only `main` or `article`, else the body."""
    body = next(root.iter("body"), root)
    for found in ([*root.iter("main"), *root.xpath("//*[@role='main']")], list(root.iter("article"))):
        size = sizes.text[found[0]] if found else 0
        if size and size >= 0.5 * sum(map(sizes.text.__getitem__, found)) and size >= 0.2 * sizes.text[body]:
            return found[0]
    return body


def _unseen(element: Element) -> bool:
    return element.tag in _UNSEEN
