"""What a page holds and does not show: emptied before the page is read, and counted.

Hidden is what says so itself: the attribute `hidden`, templates, and styles that leave nothing to be seen, in the
element or in a rule of the page's own style sheets. `aria-hidden` hides nothing from who looks at the page: it stays,
but for the second form of a formula. What a style sheet in another file or a script hides is not known.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

Element = Any  # lxml has no types

# Values in small letters, with single spaces, matched whole: each pattern takes time by their length alone.
_NOUGHT = r"[-+]?(?:0+(?:\.0*)?|\.0+)"
_ZERO = rf"{_NOUGHT}(?:px|pt|r?em|ex|%|vw|vh)?"
_FAR = r"-(?:(?:9\d\d|\d{4,})(?:\.\d+)?(?:px|pt)?|\d{3,}(?:\.\d+)?(?:r?em|vw|vh))"
_CLEAR = (
    r"transparent|#[0-9a-f]{3}0|#[0-9a-f]{6}00"
    rf"|(?:rgb|hsl)a?\((?:(?:[^(),/]*,){{3}}|[^(),/]*/) ?{_NOUGHT}%? ?\)"
)
_HIDING = {
    name: re.compile(pattern)
    for name, pattern in {
        "display": "none",
        "visibility": "hidden|collapse",
        "opacity": rf"{_NOUGHT}%?|-[\d.]+%?",
        "font-size": rf"{_ZERO}|(?:1|0*\.\d+)p[xt]|0*\.[01]\d*r?em|\d(?:\.\d*)?%",
        "text-indent": _FAR,
        "transform": rf".*scale[xy]?\((?:[^(),]*,)? ?{_NOUGHT}%? ?[,)].*",
        "clip": r"rect\( ?[01](?:px)?(?:[ ,]+[01](?:px)?){3} ?\)",
        "clip-path": r"inset\( ?(?:50|100)% ?\)",
    }.items()
}
_WIDE = r"inherit|initial|unset|revert(?:-layer)?|var\(.*"
_BOX = r"(?:(?:block|inline) )?(?:-webkit-)?(?:inline-)?(?:block|box|flex|flow|flow-root|grid|table|inline)"
# Another value than these is none: a browser keeps to the one before it.
_KNOWN = {
    "display": re.compile(
        rf"none|contents|list-item|ruby|math|{_BOX}|{_WIDE}"
        "|table-(?:(?:row|column|header|footer)(?:-group)?|cell|caption)"
    ),
    "visibility": re.compile(rf"visible|hidden|collapse|{_WIDE}"),
    "opacity": re.compile(rf"[-+]?(?:\d+(?:\.\d*)?|\.\d+)%?|calc\(.*|{_WIDE}"),
}
_CLEAR_COLOUR, _FAR_OFF, _NO_SIZE = re.compile(_CLEAR), re.compile(_FAR), re.compile(_ZERO)
_SIDES = ("left", "top", "right", "bottom", "margin-left", "margin-top")
_EXTENTS = ("height", "width", "max-height", "max-width")
_CLIPS = ("background-clip", "-webkit-background-clip")
_NO_COLOUR = {"inherit", "initial", "unset", "revert", "revert-layer", "currentcolor"}
_WHITE, _BLACK = {"white", "#fff", "#ffffff", "rgb(255,255,255)"}, {"black", "#000", "#000000", "rgb(0,0,0)"}

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_BRACE = re.compile(r"[{}]")
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
    said = _declared(style)
    if any(pattern.fullmatch(said.get(name, "")) for name, pattern in _HIDING.items()) or _colourless(said):
        return True
    if said.get("overflow") == "hidden" and any(_NO_SIZE.fullmatch(said.get(name, "")) for name in _EXTENTS):
        return True
    positioned = said.get("position") in ("absolute", "fixed", "relative")
    return positioned and any(_FAR_OFF.fullmatch(said.get(side, "")) for side in _SIDES)


def _declared(style: str) -> dict[str, str]:
    """Property → the value that holds: the last one, or the last that is `!important`."""
    said: dict[str, str] = {}
    important: set[str] = set()
    for declaration in _COMMENT.sub(" ", style).lower().split(";"):
        name, _, rest = (" ".join(part.split()) for part in declaration.partition(":"))
        value, _, weight = (part.strip() for part in rest.partition("!"))
        name = "background" if name == "background-color" else name  # the later of the two holds
        known = _KNOWN.get(name)
        if not value or (known and not known.fullmatch(value)) or (name in important and weight != "important"):
            continue
        said[name] = value
        if weight == "important":
            important.add(name)
    return said


def _colourless(said: dict[str, str]) -> bool:
    """Whether the text has no colour, or that of its ground. A ground cut to the letters (`text`) shows in them."""
    text, ground = (said.get(name, "").replace(" ", "") for name in ("color", "background"))
    if _CLEAR_COLOUR.fullmatch(said.get("color", "")):
        return all(said.get(name) != "text" for name in _CLIPS)
    if any(text in same and ground in same for same in (_WHITE, _BLACK)):
        return True
    return text == ground and text not in {"", *_NO_COLOUR}


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
    rules = [rule for style in root.iter("style") if _applies(style) for rule in _rules(style.text or "")]
    spoken = Counter(name for selectors, body in rules for name in _NAME.findall(f"{selectors} {_nested(body)}"))
    hiding = (
        selector.strip()
        for selectors, body in rules
        if not selectors.startswith("@") and not _nested(body) and hides(body)
        for selector in selectors.split(",")
    )
    return {selector for selector in hiding if _NAME.fullmatch(selector) and spoken[selector] == 1}


def _nested(body: str) -> str:
    """The body of a rule that holds rules; else "", since its values (`#fff`) are no names."""
    return body if "{" in body else ""


def _rules(sheet: str) -> Iterator[tuple[str, str]]:
    """What stands before the braces and in them, of each outermost rule; the end of the sheet closes what is open."""
    sheet = _COMMENT.sub(" ", sheet).replace("<!--", " ").replace("-->", " ")
    depth = start = opened = 0
    for brace in _BRACE.finditer(sheet + "}" * sheet.count("{")):
        if brace.group() == "{":
            opened = opened if depth else brace.start()
            depth += 1
        elif depth:
            depth -= 1
            if not depth:
                yield sheet[start:opened].rpartition(";")[2].strip(), sheet[opened + 1 : brace.start()]
                start = brace.end()


def _applies(style: Element) -> bool:
    parent = style.getparent()
    return style.get("media", "all") in ("all", "screen") and (parent is None or parent.tag != "noscript")
