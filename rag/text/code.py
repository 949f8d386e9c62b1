"""The structure of source code as blocks with exact offsets: definitions are headings, whatever the language.

A definition is told by its keyword (class, def, func, impl, CREATE TABLE …) or, where a language has none, by its shape
(`int haul(Line *line) {`); what belongs to it is what is indented deeper. Comments and decorators directly above it
are part of its heading. No grammar is consulted: a line that looks like none of these is code like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.text.markdown import Block, Line, lines
from rag.text.scanning import GOES_ON, Role, columns, sections

LOOKED_AT = 300
"""Characters of a line in which a definition is looked for."""

_MODIFIERS = re.compile(
    r"(?:(?:export|default|public|private|protected|internal|static|final|abstract|sealed|virtual|override|async|pub|unsafe"
    r"|extern|const|inline|open|data|inner|partial|readonly|declare|local|global|native|synchronized|suspend|operator"
    r"|infix|tailrec|implicit|lazy|case|mutating|required|convenience|fileprivate|typedef|template|annotation|value"
    r"|companion|crate)(?:\([^)]*\))?[ \t]+)*"
)
_KEYWORD = re.compile(
    r"(?P<kind>class|interface|struct|enum(?:[ ]class)?|union|trait|impl(?=[ <])|mod|module|namespace|object|record"
    r"|protocol|extension|actor|contract|defmodule|defmacro|defp|def|fn|func|function\*?|fun|sub|proc|procedure|message|service|rpc"
    r"|resource|data|variable|output|provider|macro_rules!|type(?=[ ]\w))"
    r"(?:[ \t]+|(?=<))(?P<rest>.+)"
)
_RECEIVER = re.compile(r"\([^)]*\)[ \t]*")
_NAME = re.compile(r"(?:<[^>]*>[ \t]*)?[`\"]?([\w$.:@?!~-]*\w[?!]?)")
_AFTER_NAME = re.compile(
    r"[`\"]?[ \t]*(?:[({:<=\[;,]|\Z|\"|->|(?:extends|implements|for|where|is|with|struct|interface|returns|do)\b)"
)
_IMPL = re.compile(r"([^{]*?)[ \t]*(?:\{|where\b|\Z)")
_MATLAB = re.compile(r"function[ \t]+(?:\[?[\w, \t]*\]?[ \t]*=[ \t]*)?(\w+)[ \t]*(?:\(|\Z)")
_SQL = re.compile(
    r"create[ \t]+(?:or[ \t]+replace[ \t]+)?(?:temp(?:orary)?[ \t]+|unique[ \t]+|materialized[ \t]+|external[ \t]+)*"
    r"(table|view|function|procedure|trigger|index|type|schema|database|sequence|role|policy)[ \t]+"
    r"(?:if[ \t]+not[ \t]+exists[ \t]+)?([\w.\"`\[\]$-]+)",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(
    r"(?:(?:const|let|var|local|static|readonly)[ \t]+)?([\w$.]+)[ \t]*(?::[^=]{1,80})?(?:<-|=)[ \t]*(?:async[ \t]+)?"
    r"(?:function\b|\([^()]{0,200}\)[ \t]*(?::[^=]{1,80})?=>|\w+[ \t]*=>)"
)
_SHELL = re.compile(r"([\w:.-]+)[ \t]*\(\)[ \t]*(?:\{|\Z)")
_CALLED = re.compile(r"([\w\s:<>,*&\[\]~.?@$]{1,200}?)\(")
_WORD = re.compile(r"#?~?[\w$]+(?:::~?[\w$]+)*")
_TYPE = re.compile(r"[A-Za-z_][\w *&:<>]*")
_NAMED_BELOW = re.compile(r"\w+[ \t]*\(")
_STATEMENTS = (
    "if for while switch return else do catch throw new delete case goto using sizeof await yield assert elif "
    "with print raise foreach until unless when match in not and or import from package include require use "
    "echo select insert try lock typeof except finally defer go loop guard super this self end then"
)
_NO_DEFINITION = frozenset(_STATEMENTS.split())
_CLASSES = ("class", "interface", "struct", "enum", "union", "trait", "impl", "object", "record", "extension", "actor")
_COMMENT = re.compile(
    r"(?://|template\b|#(?!include|define|if|el|endif|pragma|import)|--|/\*|\*|;;|%|@[\w.]|\[[A-Z]\w*.*\]\Z|'''|\"\"\"|<#|REM\b)"
)
_NEUTRAL = re.compile(
    r"[\])}{>]|#\w|(?:public|private|protected|signals|slots|Q_OBJECT)\b.{0,20}:\Z|(?:end|fi|done|esac|begin|where|else|elsif|elif"
    r"|catch|except|finally|rescue|ensure|then|EOF|EOS|COMMIT|GO|/)\b"
)
_BODY = re.compile(r"[{)]|(?:begin|as|public|private|protected)\b", re.IGNORECASE)
_TRIPLE = re.compile(r"(?:\A|[=(,:\[{\s])[rRbBuUfF]{0,2}('''|\"\"\")")


def blocks(text: str, start: int = 0, end: int | None = None, _opening: Sequence[Line] = ()) -> list[Block]:
    """The blocks of `text[start:end]` at their offsets in the text."""
    rows = lines(text, start, end)
    return sections(rows, _roles(rows))


def _roles(rows: Sequence[Line]) -> Iterator[Role]:
    open_: list[tuple[int, str]] = []  # column and kind of the definitions that a line may stand in
    inside = ""  # what ends the comment or text that goes over several lines
    for at, row in enumerate(rows):
        content = row.content.strip()[:LOOKED_AT]
        if inside:
            comment = inside == "*/"
            inside = "" if inside in row.content else inside
            yield Role("leads") if comment else GOES_ON
            continue
        inside = _opens_text(row.content)
        column = columns(row.content)
        around = next((kind for outer, kind in reversed(open_) if outer < column), "")
        title = _definition(content, around, rows, at)
        if title is None:
            neutral = not content or _NEUTRAL.match(content)
            comment = not neutral and (bool(_COMMENT.match(content)) or _is_type(rows, at))
            yield Role("leads") if comment else GOES_ON if neutral else Role("resumes", column + 1)
            if not neutral and not comment:
                open_ = _outside(open_, column)
        else:
            open_ = [*_outside(open_, column), (column, title.partition(" ")[0])]
            yield Role("opens" if _has_body(rows, at, column) else "resumes", column + 1, title)


def _outside(open_: list[tuple[int, str]], column: int) -> list[tuple[int, str]]:
    while open_ and open_[-1][0] >= column:
        open_.pop()
    return open_


def _opens_text(line: str) -> str:
    """What ends the comment or the text in three quotes that this line begins and does not end; ""."""
    if line.lstrip().startswith("/*") and "*/" not in line:
        return "*/"
    quotes = _TRIPLE.search(line[: 10 * LOOKED_AT])
    return quotes[1] if quotes and line.count(quotes[1]) % 2 else ""


def _has_body(rows: Sequence[Line], at: int, column: int) -> bool:
    """Whether what follows a definition belongs to it: is indented deeper, or in braces."""
    for row in rows[at + 1 : at + 4]:
        content = row.content.strip()
        if content:
            return columns(row.content) > column or bool(_BODY.match(content))
    return False


def _definition(content: str, around: str, rows: Sequence[Line], at: int) -> str | None:
    """What a line defines, as "class Winch"; None where it defines nothing."""
    bare = content[_MODIFIERS.match(content).end() :] or content  # type: ignore[union-attr]  # it matches anything
    for text in dict.fromkeys((bare, content)):
        keyword = _KEYWORD.match(text)
        named = keyword and _named(keyword["kind"], keyword["rest"], text)
        if named:
            return named
    sql = _SQL.match(content)
    if sql:
        return f"{sql[1].lower()} {sql[2]}"
    assigned = _ASSIGNED.match(bare)
    if assigned:
        return f"function {assigned[1]}"
    shell = _SHELL.match(content)
    if shell and shell[1] not in _NO_DEFINITION:
        return f"function {shell[1]}"
    return _by_shape(content, around, rows, at)


def _named(kind: str, rest: str, text: str) -> str | None:
    if kind == "impl":
        head = _IMPL.match(rest)
        return f"impl {' '.join(head[1].split())}"[:100] if head and head[1].strip() else None
    matlab = _MATLAB.match(text)
    if matlab:
        return f"function {matlab[1]}"
    receiver = _RECEIVER.match(rest) if kind == "func" else None  # Go's
    rest = rest[receiver.end() :] if receiver else rest
    name = _NAME.match(rest)
    if not name or not _AFTER_NAME.match(rest[name.end() :]):
        return None
    second = re.match(r'"[ \t]+"([^"]+)"', rest[name.end() :])  # resource "kind" "name"
    return f"{kind} {name[1]}" + (f" {second[1]}" if second else "")


def _by_shape(content: str, around: str, rows: Sequence[Line], at: int) -> str | None:
    """A function that is told by a type, a name and parentheses in front of a brace, or by its name within a class."""
    called = _CALLED.match(content)
    if not called or content.endswith((";", "=>")) or "=" in called[1]:
        return None
    words = called[1].replace("*", " ").replace("&", " ").split()
    if not words or not _WORD.fullmatch(words[-1]) or any(word in _NO_DEFINITION for word in words):
        return None
    following = rows[at + 1].content.strip() if at + 1 < len(rows) else ""
    braced = content.endswith("{") or following.startswith("{")
    outermost = not columns(rows[at].content)
    if len(words) > 1:
        wrapped = content.endswith((",", "(")) and outermost
        return f"function {words[-1]}" if braced or wrapped else None
    method = around in _CLASSES and braced and "=>" not in content
    return f"function {words[0]}" if method or (outermost and following.startswith("{")) else None


def _is_type(rows: Sequence[Line], at: int) -> bool:
    """Whether a line is nothing but the type of the function that the next one names, as C is written by some."""
    line = rows[at].content[:LOOKED_AT]
    if at + 2 >= len(rows) or not _TYPE.fullmatch(line):
        return False
    return bool(_NAMED_BELOW.match(rows[at + 1].content)) and rows[at + 2].content.startswith(("{", " ", "\t"))
