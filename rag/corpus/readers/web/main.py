"""Which part of a page is its text, and what stands around it: menus, teasers, forms.

Decided by what the page says of itself (elements, roles, names of classes, what is not printed) and by how much of a
part is links and how much is prose. What is in doubt is kept: a menu among the passages does less harm than a table or
a code listing that is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rag.corpus.readers.web.blocks import BLOCKS, HEADINGS, one_line

Element = Any  # lxml has no types

UNSEEN = {"script", "style", "noscript", "template", "head", "svg", "iframe", "object", "embed", "canvas", "video"}
UNSEEN |= {
    "noframes",
    "audio",
    "map",
    "button",
    "select",
    "option",
    "datalist",
    "input",
    "textarea",
    "annotation",
    "dialog",
}
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
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_COMMENTS = re.compile(r"(?:^|[\s_-])comments(?:$|[\s_-])", re.IGNORECASE)
# Bootstrap's name for what no screen shows, unless another says on which it does.
_ON_NO_SCREEN = re.compile(r"(?:^|\s)d-none(?:$|\s)")
_ON_SOME_SCREEN = re.compile(r"(?:^|\s)d-(?:sm|md|lg|xl|xxl)-(?!none)")
# Words of a sentence are not left out of it for their name.
_INLINE = {"a", "abbr", "b", "cite", "code", "em", "i", "q", "small", "span", "strong", "sub", "sup", "time", "var"}
# Containers that hold the parts of a page, unlike paragraphs, lists and tables, which are parts.
_CONTAINERS = {"html", "body", "main", "article", "section", "div", "center", "form", "tr", "td", "tbody", "table"}
PROSE = 100
"""Bytes in UTF-8 from which text outside of links is a passage: some 100 letters, 33 characters of Chinese."""
_SMALL = 0.3
"""Share of a page's text that a part may have which its name alone calls no text."""
_LINKED_PARTS = {"ul", "ol", "p", "div", "section", "table"}
_TRAILING, _LINKED, _MOSTLY_LINKED = 0.25, 0.5, 0.95
_MAJORITY = 0.8


# What an element holds, somewhere in it.
_TITLE, _LISTING, _DATA, _HEADING, _FIELD = 1, 2, 4, 8, 16
_KINDS = dict.fromkeys(HEADINGS, _HEADING) | {"h1": _TITLE | _HEADING, "pre": _LISTING, "dl": _DATA, "th": _DATA}
_KINDS |= {"caption": _DATA, "template": _FIELD}  # fields are emptied before


class Sizes:
    """What each element holds, found in one pass: characters of text and of links, links, bytes of prose, kinds."""

    def __init__(self, root: Element) -> None:
        self.text: dict[Element, int] = {}
        self.linked: dict[Element, int] = {}
        self.links: dict[Element, int] = {}
        self.prose: dict[Element, int] = {}
        self.kinds: dict[Element, int] = {}
        self._run: dict[Element, int] = {}  # bytes of the text that an element says itself, outside of links
        for element in reversed([each for each in root.iter() if isinstance(each.tag, str)]):
            self._close(element)

    def _close(self, element: Element) -> None:
        """Take up an element whose descendants are counted, and give what it holds to its parent."""
        tag, parent = element.tag, element.getparent()
        kinds = self.kinds.get(element, 0) | _KINDS.get(tag, 0)
        if kinds:
            self.kinds[element] = kinds
            self.kinds[parent] = self.kinds.get(parent, 0) | kinds
        if tag in UNSEEN:
            self.text[element] = self.linked[element] = self.links[element] = self.prose[element] = run = 0
        else:
            self._say(element, element.text)
            run = self._said(element)
        if parent is None or parent.tag in UNSEEN:
            return
        self._run[parent] = self._run.get(parent, 0) + run
        self._say(parent, element.tail)
        for counted in (self.text, self.linked, self.links, self.prose):
            value = counted.get(element, 0)
            if value:
                counted[parent] = counted.get(parent, 0) + value

    def _said(self, element: Element) -> int:
        """Count what an element says as prose or as a link; what is left of it for the paragraph around it."""
        tag, run = element.tag, self._run.pop(element, 0)
        if tag == "a":
            self.linked[element], self.links[element] = self.text.get(element, 0), 1
            return 0
        if tag == "pre":  # links in a listing are no menu
            self.linked[element] = self.links[element] = 0
        elif tag not in BLOCKS and tag not in HEADINGS:
            return run
        if tag == "pre" or run >= PROSE:
            self.prose[element] = self.prose.get(element, 0) + run
        return 0

    def _say(self, element: Element, text: str | None) -> None:
        said = one_line(text) if text else ""
        if said:
            self.text[element] = self.text.get(element, 0) + len(said)
            self._run[element] = self._run.get(element, 0) + len(said.encode("utf-8", "replace"))


class Page:
    """A page's parts: `main` has its text, and `around` tells of an element whether it is beside it."""

    def __init__(self, root: Element) -> None:
        self.sizes = Sizes(root)
        self.main = _main(root, self.sizes)
        self.core = _core(self.main, self.sizes)
        self._above = set(self.core.iterancestors())
        self._inside = None if self.core is self.main else set(self.core.iter())
        self._below = {after for above in (self.core, *self._above) for after in above.itersiblings()}

    def beside(self) -> Iterator[Element]:
        """What stands beside `main`, at any depth of the page."""
        for above in (self.main, *self.main.iterancestors()):
            yield from above.itersiblings()
            yield from above.itersiblings(preceding=True)

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
        return small and (self._is_named(element) or self._is_form(element) or self._is_teaser(element))

    def _belongs(self, element: Element) -> bool:
        """Whether a header or footer belongs to an article or section and not to the page."""
        parent = element.getparent()
        inside = parent is not None and parent.tag in ("article", "section", "main")
        return inside or self.main.tag in ("main", "article")

    def _is_linked(self, element: Element) -> bool:
        """Whether an element holds links and hardly anything else: outside of the core half is enough.

        Where there is no core, and of tables and definitions, it takes three links and nothing else.
        """
        text, linked = self.sizes.text.get(element, 0), self.sizes.linked.get(element, 0)
        kinds = self.sizes.kinds.get(element, 0)
        if not linked or kinds & (_TITLE | _LISTING):
            return False
        if self._inside is not None and element in self._inside:
            return False  # a list of links among the prose is said there
        if self._inside is None or kinds & _DATA or element.tag == "table":
            many = self.sizes.links.get(element, 0) >= 3 and element.tag in _LINKED_PARTS
            return many and linked > _MOSTLY_LINKED * text and not _in_cell(element)
        trailing = element in self._below and not self.sizes.prose.get(element)
        return linked > (_TRAILING if trailing else _LINKED) * text

    def _in_core(self, element: Element) -> bool:
        return self._inside is None or element in self._inside

    def _is_named(self, element: Element) -> bool:
        """Whether its class tells that it is around the text; or its id, which may quote a heading that it has."""
        classes = _HUMP.sub("-", element.get("class", ""))
        unshown = _ON_NO_SCREEN.search(classes) and not _ON_SOME_SCREEN.search(classes)
        if unshown or (element.tag not in _INLINE and _AROUND_NAMES.search(classes)):
            return True
        if element.tag in _INLINE or self.sizes.prose.get(element):
            return False
        headed = self.sizes.kinds.get(element, 0) & _HEADING
        return bool(_COMMENTS.search(classes) or (not headed and _AROUND_NAMES.search(element.get("id", ""))))

    def _is_form(self, element: Element) -> bool:
        """Whether it asks for something: a form with a field to fill in, and no passage."""
        asks = self.sizes.kinds.get(element, 0) & _FIELD
        return element.tag == "form" and bool(asks) and not self.sizes.prose.get(element)

    def _is_teaser(self, element: Element) -> bool:
        """Whether, beside the one article of the page, it is the beginning of another, whose heading is a link."""
        headed = element.tag == "article" and self.sizes.kinds.get(element, 0) & _HEADING
        if not headed or self._in_core(element):
            return False
        heading = next(element.iter(*HEADINGS))
        return self.sizes.linked.get(heading, 0) > _LINKED * self.sizes.text.get(heading, 0)


def _in_cell(element: Element) -> bool:
    """Whether it is what the cell of a table says."""
    parent = element.getparent()
    return parent is not None and (parent.tag in ("td", "th", "dd") or element.tag in ("td", "th"))


def _main(root: Element, sizes: Sizes) -> Element:
    """The element that holds the page's own text: its only `main` or `article`, else the body."""
    body = next(root.iter("body"), root)
    for found in ([*root.iter("main"), *root.xpath("//*[@role='main']")], list(root.iter("article"))):
        size = sizes.text.get(found[0], 0) if found else 0
        whole = sum(sizes.text.get(each, 0) for each in found)
        if size and size >= 0.5 * whole and size >= 0.2 * sizes.text.get(body, 0):
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
