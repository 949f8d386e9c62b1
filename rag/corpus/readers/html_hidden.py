"""What a page holds and does not show: emptied before the page is read, and counted.

Hidden is what says so itself: the attribute `hidden`, templates, and styles that leave nothing to be seen, in the
element or in a rule of the page's own style sheets. `aria-hidden` hides nothing from who looks at the page: it stays,
but for the second form of a formula. What a style sheet in another file or a script hides is not known.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

Element = Any  # lxml has no types

_UNIT = r"(?:px|pt|r?em|ex|%|vw|vh)?"
_ZERO = rf"0*\.?0+{_UNIT}"
_END = r"\s*(?:!\s*important\s*)?(?:;|$)"
_FAR = r"-\s*(?:(?:9\d\d|\d{4,})(?:\.\d+)?(?:px|pt)?|\d{3,}(?:\.\d+)?(?:r?em|vw|vh))"
HIDING = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*(?:0+(?:\.0\d*)?|\.0\d*)"
    rf"|color\s*:\s*transparent|font-size\s*:\s*(?:{_ZERO}|1px|0?\.\d+px)|text-indent\s*:\s*{_FAR}|transform\s*:\s*scale\(\s*0\s*\)"
    r"|clip\s*:\s*rect\((?:\s*[01](?:px)?[\s,]*){4}\)|clip-path\s*:\s*inset\(\s*(?:50|100)%\s*\))"
    rf"{_END}",
    re.IGNORECASE,
)
_POSITIONED = re.compile(r"(?:^|;)\s*position\s*:\s*(?:absolute|fixed|relative)", re.IGNORECASE)
_OFF_SCREEN = re.compile(rf"(?:^|;)\s*(?:left|top|right|bottom|margin-left|margin-top)\s*:\s*{_FAR}", re.IGNORECASE)
_CLIPPED = re.compile(r"(?:^|;)\s*overflow\s*:\s*hidden", re.IGNORECASE)
_NO_SIZE = re.compile(rf"(?:^|;)\s*(?:max-)?(?:height|width)\s*:\s*{_ZERO}{_END}", re.IGNORECASE)
_COLOUR = re.compile(r"(?:^|;)\s*(color|background(?:-color)?)\s*:\s*([^;!]+)", re.IGNORECASE)
_WHITE, _BLACK = {"white", "#fff", "#ffffff", "rgb(255,255,255)"}, {"black", "#000", "#000000", "rgb(0,0,0)"}

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_AT_RULE = re.compile(r"@[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_RULE = re.compile(r"([^{};]+)\{([^{}]*)\}")
_NAME = re.compile(r"[.#]-?[_a-zA-Z][\w-]*")


def empty_hidden(root: Element, unread: set[str]) -> int:
    """Empty every element that is not shown; how many of them held words. The texts that follow them stay in place.

    `unread` are the names of elements that hold no text of a page: scripts and controls, which are emptied and not
    counted. What is emptied becomes a `template`.
    """
    names = hidden_names(root)
    count = 0
    stack = [root]
    while stack:
        element = stack.pop()
        hidden = element.tag == "template" or _is_hidden(element, names)
        if element.tag == "head" or not (hidden or element.tag in unread):
            stack.extend(each for each in element if isinstance(each.tag, str))
            continue
        count += hidden and element.tag not in unread - {"template"} and _has_words(element)
        element[:] = []
        element.text = None
        element.tag = "template"
    return count


def _has_words(element: Element) -> bool:
    return any(char.isalnum() for text in element.itertext() for char in text)


def _is_hidden(element: Element, names: set[str]) -> bool:
    if element.tag in ("html", "head", "body"):  # of these, a script takes it back
        return False
    if element.get("hidden") is not None or hides(element.get("style", "")) or _is_twin(element):
        return True
    own = (f"#{element.get('id', '')}", *(f".{name}" for name in element.get("class", "").split()))
    return bool(names) and not names.isdisjoint(own)


def hides(style: str) -> bool:
    """Whether the declarations of a style leave nothing of an element to be seen."""
    if not style:
        return False
    if HIDING.search(style) or (_POSITIONED.search(style) and _OFF_SCREEN.search(style)):
        return True
    if _CLIPPED.search(style) and _NO_SIZE.search(style):
        return True
    colours = {name.lower()[:5]: re.sub(r"\s", "", value.lower()) for name, value in _COLOUR.findall(style)}
    text, ground = colours.get("color"), colours.get("backg")
    return text is not None and (text == ground or any(text in same and ground in same for same in (_WHITE, _BLACK)))


def _is_twin(element: Element) -> bool:
    """Whether it draws the formula that MathML beside it says."""
    if element.get("aria-hidden", "").lower() != "true":
        return False
    beside = (each for each in (element.getprevious(), element.getnext()) if each is not None)
    return any(next(each.iter("math"), None) is not None for each in beside)


def hidden_names(root: Element) -> set[str]:
    """Classes and ids, as `.name` and `#name`, that one rule of the page's styles hides and no other speaks of.

    Of a name in a second rule (`.tab.active`) or under a condition (`@media print`), nobody can say without a browser.
    """
    sheets = [_COMMENT.sub(" ", style.text or "") for style in root.iter("style") if _applies(style)]
    rules = [rule for sheet in sheets for rule in _RULE.findall(_AT_RULE.sub(" ", sheet))]
    conditional = " ".join(found for sheet in sheets for found in _AT_RULE.findall(sheet))
    spoken = Counter(_NAME.findall(" ".join([*(selectors for selectors, _ in rules), conditional])))
    hiding = (selector.strip() for selectors, style in rules if hides(style) for selector in selectors.split(","))
    return {selector for selector in hiding if _NAME.fullmatch(selector) and spoken[selector] == 1}


def _applies(style: Element) -> bool:
    parent = style.getparent()
    return style.get("media", "all") in ("all", "screen") and (parent is None or parent.tag != "noscript")
