"""Text that does nothing wherever it is shown: what could load, run or lead somewhere becomes plain text.

A program that shows an answer may draw it as Markdown or HTML. An image would then be fetched, with whatever its
address carries, before anybody clicks; so no markup that acts is left in an answer, though its source had it.
"""

from __future__ import annotations

import re

from rag.text.invisible import visible

SHOWN_SCHEMES = ("http://", "https://", "mailto:")
"""Addresses of links that are shown, as text; of others (javascript:, data:, file:, relative ones) the text alone."""

# Elements that act or draw, as they are written without attributes; <NAME>, List<String> and <stdio.h> are none.
_ELEMENTS = (
    "a|abbr|applet|article|audio|b|base|big|blockquote|body|br|button|canvas|center|code|col|dd|del|dialog|div|dl|dt|em"
    "|embed|fieldset|font|footer|form|frame|frameset|h[1-6]|head|hr|html|i|iframe|image|img|input|ins|kbd|li|link|main"
    "|map|mark|marquee|math|meta|nav|noscript|object|ol|p|plaintext|pre|s|samp|script|section|select|small|span|strike"
    "|strong|style|sub|sup|svg|table|tbody|td|template|textarea|tfoot|th|thead|tr|tt|u|ul|video|xmp"
)
_TAG = re.compile(rf"(?i)</?(?:[a-z][^\s<>/=]*[\s/][^<>=]*=[^<>]*|(?:{_ELEMENTS})(?:[\s/][^<>]*)?)>")
# Of these, what nobody writes but as a tag; «x <p and y >» may be a comparison, and its words stay.
_WRITTEN = re.compile(
    r"(?i)</?[a-z][a-z0-9-]*"
    r"(?:\s+[a-z_:][\w:.-]*\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>=`]+)"
    r"|\s+(?:async|autofocus|autoplay|checked|controls|defer|disabled|hidden|loop|multiple|muted|open|required|selected))*"
    r"\s*/?>"
)
_OPENING = re.compile(rf"(?i)<(?:(?=[!?]|/?(?:{_ELEMENTS})\b)|(?=/?(?P<name>[a-z])))")
_UNREAD = re.compile(r"(?i)<(?:(!--)|(script|style|template|noscript)\b[^<>]*>)")
_UNREAD_ENDS = {name: re.compile(rf"(?i)</{name}\s*>") for name in ("script", "style", "template", "noscript")}
_UNREAD_ENDS["!--"] = re.compile("-->")
_CODE_SPAN = re.compile(r"(?<!`)`[^`\n]+`(?!`)")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]*)>")
_IMAGE = re.compile(r"!\[([^\[\]\n]*)\](?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^\[\]]*\])")
_LINK = re.compile(r"\[([^\[\]\n]*)\]\([ \t]*+<?([^()<>\s]*(?:\([^()<>\s]*\)[^()<>\s]*)*)>?(?:\s[^()]*)?\)")
# A definition begins a line; a label has up to 999 characters, line breaks among them (CommonMark 0.31, section 4.7).
_DEFINITION = re.compile(r"(?ms)^([ \t>*+-]*(?:\d+[.)][ \t]*)?\[(?:[^\]\\]|\\.){0,999}\]):")
_BREAK = re.compile(r"(?i)</?(?:br|p|div|li|tr|td|th|hr|h[1-6])\b")
_SCRIPT = r"[\t\r\n]*".join("script")
_JAVA, _VB = (r"[\t\r\n]*".join(name) for name in ("java", "vb"))
_ACTIVE = re.compile(
    rf"(?i)(?:{_JAVA}|{_VB}|live)[\t\r\n]*{_SCRIPT}[\t\r\n]*(?::|&#0*58;|&colon;)(?! )\S*"
    r"|\bdata:(?:[a-z]+/[a-z0-9.+-]+|;|,)\S*|\bfile:/\S*"
)
_TURNS = 10  # of taking out; what people write needs three
_ANYTHING = re.compile(r"[<\[\]:]")
_TARGET = re.compile(
    r"(?i)(?<![a-z0-9])(?:[a-z][a-z0-9+.-]{0,63}://|www\.|mailto:)[^\s<>()\[\]\"'“”，。]+|\]\(\s*<?([^\s<>()]+)"
    r"|\b(?:src|href)\s*=\s*[\"']?([^\s<>\"']+)"
)


def inert(text: str) -> str:
    """`text` without images and tags; a link is its text, with its address behind it in parentheses.

    Characters that nobody sees are gone. Tags in code spans, and what begins like a tag and is not closed, have `‹` for
    their bracket.
    """
    text = visible(text)
    if not _ANYTHING.search(text):
        return text
    text = _CODE_SPAN.sub(lambda span: inert_code(span.group()), text)
    for _ in range(_TURNS):  # what is taken out may have stood between two halves of the next
        before = text
        text = _AUTOLINK.sub(r"\1", _read(text))
        text = _ACTIVE.sub("", _TAG.sub(_left, _LINK.sub(_told, _IMAGE.sub(r"\1", text))))
        if before == text:
            return _defused(text)
    return _defused(_ACTIVE.sub(" ", text).replace("<", "‹"))  # nested to cost a turn for each layer


def inert_code(code: str) -> str:
    """Code that is shown to be read: its tags stay, between `‹` and `›`."""
    text = _ACTIVE.sub("", visible(code))
    return _defused(_TAG.sub(lambda tag: f"‹{tag.group()[1:-1]}›", text))


def _read(text: str) -> str:
    """The text without comments, scripts and styles. One that is not closed stays, and is looked for no further."""
    last = {name: max((end.start() for end in ends.finditer(text)), default=-1) for name, ends in _UNREAD_ENDS.items()}
    kept, at = [], 0
    for opening in _UNREAD.finditer(text):
        name = opening[1] or opening[2].lower()
        if opening.start() >= at and opening.end() <= last[name]:
            kept.append(text[at : opening.start()])
            at = next(_UNREAD_ENDS[name].finditer(text, opening.end())).end()
    return "".join([*kept, text[at:]])


def _defused(text: str) -> str:
    """A space breaks what is left of images, links and their definitions, and no bracket opens a tag."""
    ahead = {"=": -1, ">": -1}

    def next_of(sign: str, at: int) -> int:
        if ahead[sign] < at:
            found = text.find(sign, at)
            ahead[sign] = len(text) if found < 0 else found
        return ahead[sign]

    def turned(opening: re.Match[str]) -> str:
        # A name that is no element's begins a tag only if it has an attribute: a = before the next >.
        at = opening.end()
        return "<" if opening["name"] and next_of("=", at) >= min(next_of(">", at), len(text)) else "‹"

    text = _OPENING.sub(turned, text).replace("![", "! [").replace("](", "] (")
    return _DEFINITION.sub(r"\1 :", text)


def _left(tag: re.Match[str]) -> str:
    """What is left of a tag: the space that a line break is; all of it, its brackets turned, where it may be none."""
    if not _WRITTEN.fullmatch(tag.group()):
        return f"‹{tag.group()[1:-1]}›"
    return " " if _BREAK.match(tag.group()) else ""


def _told(link: re.Match[str]) -> str:
    text, address = link.groups()
    if not address.lower().startswith(SHOWN_SCHEMES):
        return text
    return f"{text} ({address})" if text.strip() not in ("", address) else address


def markup(text: str) -> list[str]:
    """Every address that a text names (URLs, and where its links, images and tags lead) and every tag, as written."""
    addresses = [(match[1] or match[2] or match.group()).rstrip(".,;:!?") for match in _TARGET.finditer(text)]
    return [*addresses, *_TAG.findall(text)]
