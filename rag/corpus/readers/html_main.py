"""Which part of a page is its text, and what stands around it: menus, teasers, forms.

Decided by what the page says of itself (elements, roles, names of classes, what is not printed) and by how much of a
part is links and how much is prose. What is in doubt is kept: a menu among the passages does less harm than a table or
a code listing that is missing.
"""

from __future__ import annotations

import re
from typing import Any

from rag.corpus.readers.html_blocks import BLOCKS, HEADINGS, one_line

Element = Any  # lxml has no types

UNSEEN = {"script", "style", "noscript", "template", "head", "svg", "iframe", "object", "embed", "canvas", "video"}
UNSEEN |= {"audio", "map", "button", "select", "option", "datalist", "input", "textarea", "annotation", "dialog"}
"""What no reader sees, or what is a control and not text."""
# What surrounds the text of a page.
_AROUND = {"nav", "aside", "footer", "header", "menu"}
_AROUND_ROLES = {"navigation", "banner", "contentinfo", "search", "complementary", "menu", "menubar", "toolbar"}
_AROUND_ROLES |= {"dialog", "alertdialog"}
_AROUND_NAMES = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|sitenav|menu|sidebar|breadcrumbs?|footer|cookies?|consent|gdpr|share|sharing"
    r"|social|skip-link|pagination|pager|toolbar|toc|modal|popup|pop-up|overlay|lightbox|newsletters?|subscribe"
    r"|subscription|signup|sign-up|paywall|related|recommended|recommendations|read-?more|read-?next|most-?popular"
    r"|most-?read|trending|teasers?|advert|adverts|advertisement|ads?|sponsored|promo|cta|outbrain|taboola"
    r"|noprint|no-print|print-none|hidden-print|rail|widget-area|copyright|comment-form|disqus)(?:$|[\s_-])",
    re.IGNORECASE,
)
_COMMENTS = re.compile(r"(?:^|[\s_-])comments(?:$|[\s_-])", re.IGNORECASE)
# Bootstrap's name for what no screen shows, unless another says on which it does.
_ON_NO_SCREEN = re.compile(r"(?:^|\s)d-none(?:$|\s)")
_ON_SOME_SCREEN = re.compile(r"(?:^|\s)d-(?:sm|md|lg|xl|xxl)-(?!none)")
# Containers that hold the parts of a page, unlike paragraphs, lists and tables, which are parts.
_CONTAINERS = {"html", "body", "main", "article", "section", "div", "center", "form", "tr", "td", "tbody", "table"}
PROSE = 100
"""Bytes in UTF-8 from which text outside of links is a passage: some 100 letters, 33 characters of Chinese."""
_SMALL = 0.3
"""Share of a page's text that a part may have which its name alone calls no text."""
_TRAILING, _LINKED, _MOSTLY_LINKED = 0.25, 0.5, 0.8
_MAJORITY = 0.8


class Sizes:
    """What each element holds, found in one pass: characters of text and of links, links, and bytes of prose."""

    def __init__(self, root: Element) -> None:
        self.text: dict[Element, int] = {}
        self.linked: dict[Element, int] = {}
        self.links: dict[Element, int] = {}
        self.prose: dict[Element, int] = {}
        self._run: dict[Element, int] = {}  # bytes of the text that an element says itself, outside of links
        for element in reversed(list(root.iter(etree_element()))):
            self._close(element)

    def _close(self, element: Element) -> None:
        """Take up an element whose descendants are counted, and give what it holds to its parent."""
        tag = element.tag
        if tag in UNSEEN:
            self.text[element] = self.linked[element] = self.links[element] = self.prose[element] = 0
            run = 0
        else:
            self._say(element, element.text)
            run = self._run.pop(element, 0)
        if tag == "a":
            self.linked[element], self.links[element], run = self.text[element], 1, 0
        if tag == "pre" or ((tag in BLOCKS or tag in HEADINGS) and run >= PROSE):
            self.prose[element] = self.prose.get(element, 0) + run
        if tag in BLOCKS or tag in HEADINGS or tag == "pre":
            run = 0
        parent = element.getparent()
        if parent is None or parent.tag in UNSEEN:
            return
        self._run[parent] = self._run.get(parent, 0) + run
        self._say(parent, element.tail)
        for counted in (self.text, self.linked, self.links, self.prose):
            counted[parent] = counted.get(parent, 0) + counted.get(element, 0)

    def _say(self, element: Element, text: str | None) -> None:
        said = one_line(text or "")
        self.text[element] = self.text.get(element, 0) + len(said)
        self._run[element] = self._run.get(element, 0) + len(said.encode("utf-8", "replace"))


def etree_element() -> Any:
    """The factory that lxml iterates over elements by, comments left out."""
    from lxml import etree

    return etree.Element


class Page:
    """A page's parts: `main` has its text, and `around` tells of an element whether it is beside it."""

    def __init__(self, root: Element) -> None:
        self.sizes = Sizes(root)
        self.main = _main(root, self.sizes)
        self.core = _core(self.main, self.sizes)
        self._above = set(self.core.iterancestors())
        self._below = {after for above in (self.core, *self._above) for after in above.itersiblings()}
        self._article = self.core if self.core.tag == "article" else None

    def around(self, element: Element) -> bool:
        """Whether an element is a menu, a sidebar, a form, a teaser of another page: around the text, not of it."""
        if element is self.main or element is self.core or element in self._above or element.tag in ("body", "main"):
            return False
        if element.tag in ("header", "footer") and self._belongs(element):
            return False
        if element.tag in _AROUND or element.get("role", "").lower() in _AROUND_ROLES:
            return True
        if element.tag in BLOCKS and self._is_linked(element):
            return True
        small = self.sizes.text.get(element, 0) < _SMALL * self.sizes.text.get(self.main, 0)
        return small and (
            _is_named(element, _AROUND_NAMES)
            or self._is_form(element)
            or self._is_teaser(element)
            or (not self.sizes.prose.get(element) and _is_named(element, _COMMENTS))
        )

    def _belongs(self, element: Element) -> bool:
        """Whether a header or footer belongs to an article or section and not to the page."""
        parent = element.getparent()
        inside = parent is not None and parent.tag in ("article", "section", "main")
        return inside or self.main.tag in ("main", "article")

    def _is_linked(self, element: Element) -> bool:
        """Whether an element holds links and hardly anything else; inside the core, more than two, in a list or part."""
        text, linked = self.sizes.text.get(element, 0), self.sizes.linked.get(element, 0)
        if self._in_core(element):
            many = self.sizes.links.get(element, 0) >= 3 and element.tag in ("ul", "ol", "p", "div", "section")
            return many and linked > _MOSTLY_LINKED * text
        share = _TRAILING if element in self._below and not self.sizes.prose.get(element) else _LINKED
        return linked > share * text and next(element.iter("h1", "pre", "dl"), None) is None

    def _in_core(self, element: Element) -> bool:
        return self.core is self.main or any(above is self.core for above in element.iterancestors())

    def _is_form(self, element: Element) -> bool:
        """Whether it asks for something: a form with a field to fill in, and no passage."""
        return element.tag == "form" and not self.sizes.prose.get(element) and _fields(element)

    def _is_teaser(self, element: Element) -> bool:
        """Whether, beside the one article of the page, it is the beginning of another, whose heading is a link."""
        if element.tag != "article" or self._article is None or self._in_core(element):
            return False
        heading = next(element.iter(*HEADINGS), None)
        return heading is not None and self.sizes.linked.get(heading, 0) > _LINKED * self.sizes.text.get(heading, 0)


def _fields(form: Element) -> bool:
    return any(field.get("type") != "hidden" for field in form.iter("input", "textarea", "template"))


def _is_named(element: Element, around: re.Pattern[str]) -> bool:
    names = f"{element.get('class', '')} {element.get('id', '')}"
    if element.tag == "a" or len(names) == 1:
        return False
    unshown = _ON_NO_SCREEN.search(names) and not _ON_SOME_SCREEN.search(names)
    return bool(around.search(names) or unshown)


def _main(root: Element, sizes: Sizes) -> Element:
    """The element that holds the page's own text: its only `main` or `article`, else the body."""
    body = next(root.iter("body"), root)
    for found in ([*root.iter("main"), *root.xpath("//*[@role='main']")], list(root.iter("article"))):
        size = sizes.text[found[0]] if found else 0
        if size and size >= 0.5 * sum(map(sizes.text.__getitem__, found)) and size >= 0.2 * sizes.text[body]:
            return found[0]
    return body


def _core(main: Element, sizes: Sizes) -> Element:
    """The innermost container that has nearly all prose of the main part; `main` where there is no such one."""
    core, whole = main, sizes.prose.get(main, 0)
    while whole:
        parts = (part for part in core if part.tag in _CONTAINERS)
        inner = max(parts, key=lambda part: sizes.prose.get(part, 0), default=None)
        if inner is None or sizes.prose.get(inner, 0) < _MAJORITY * whole:
            break
        core = inner
    return core
