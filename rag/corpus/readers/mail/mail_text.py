"""What a mail says, as Markdown: replies that it quotes are block quotes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rag.corpus.readers.compose import Composer
from rag.corpus.readers.reader import Content, Unread
from rag.corpus.readers.web.html import parse_html

DEEPEST_QUOTE = 20
HEADER_LINES = 6
"""Lines among which the header of a quoted mail has its sender and its date."""

_MARKS = re.compile(r"(?:>[ \t]?)+")
_SEPARATOR = re.compile(
    r"\s*[-_]{3,} ?(?:original(?:nachricht)?|urspr\w+ nachricht|message d.origine|mensaje original|messaggio originale"
    r"|forwarded|weitergeleitet|原始邮件|原始郵件|转发邮件|元のメッセージ|Исходное сообщение|الرسالة الأصلية)"
    r"[^-]{0,40}[-_]{3,}\s*",
    re.IGNORECASE,
)
_SENDER = re.compile(
    r"\s*(?:from|von|de|da|van|från|fra|od|发件人|寄件者|差出人|보낸 사람|От|من)\s*[:：]\s*\S", re.IGNORECASE
)
_SENT = re.compile(
    r"\s*(?:sent|date|gesendet|datum|envoyé|enviado(?: el)?|fecha|data|inviato|verzonden|skickat|wysłano|发送时间|日期"
    r"|寄件日期|送信日時|보낸 날짜|Отправлено|Дата|التاريخ)\s*[:：]\s*\S",
    re.IGNORECASE,
)
# Around what an HTML mail quotes, until it is Markdown; the characters are for private use.
_IN, _OUT = "\ue0f1", "\ue0f2"
_QUOTE = re.compile(r"<(/?)blockquote(?=[\s>/])[^<>]*>", re.IGNORECASE)
_FENCE = re.compile(r"(?:> )* {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"((?:> )*)(#{1,5} )")


def plain_markdown(text: str, *, flowed: bool = False, delsp: bool = False) -> str:
    """Plain text as Markdown, lines kept; those of flowed text that were broken for the screen are joined.

    With `delsp` the space at which a line was broken is not of the text.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if flowed:
        lines = _joined(lines, delsp=delsp)
    composer = Composer()
    for depth, paragraph in _paragraphs(_deeper(map(_unmarked, lines), _reply_start(lines))):
        composer.paragraph("\n".join(paragraph), "> " * depth)
    return composer.text()


def html_markdown(html: str, path: str) -> Content | Unread:
    """HTML as Markdown, headings below the mail's own."""
    marked = _QUOTE.sub(
        lambda match: f"<p>{_OUT}</p>{match[0]}" if match[1] else f"{match[0]}<p>{_IN}</p>",
        html.replace(_IN, "").replace(_OUT, ""),
    )
    found = parse_html(b"\xef\xbb\xbf" + marked.encode("utf-8", "replace"), path)
    if isinstance(found, Unread):
        return found
    lines: list[tuple[int, str]] = []
    depth, behind = 0, False
    for line in found.text.split("\n"):
        depth += line.count(_IN)
        if _IN not in line and _OUT not in line:
            if line or not behind:
                lines.append((min(depth, DEEPEST_QUOTE), line))
            behind = False
        else:
            behind = True
        depth = max(0, depth - line.count(_OUT))
    start = _reply_start([line if not level else ">" for level, line in lines])
    text = _lowered([f"{'> ' * level}{line}" if line else line for level, line in _deeper(lines, start)])
    return replace(found, text=text)


def said(text: str) -> int:
    """How many letters and digits a text has."""
    return sum(map(str.isalnum, text))


def _reply_start(lines: Sequence[str]) -> int:
    """Where the mail begins that is answered above it, without marks: a separator, or its sender and its date."""
    looked = 0
    for at, line in enumerate(lines):
        if "-" in line and _SEPARATOR.fullmatch(line[:200]):
            return at
        if (":" in line or "：" in line) and _SENDER.match(line[:200]):
            end = min(at + HEADER_LINES, len(lines))
            if any(_SENT.match(lines[below][:200]) for below in range(max(at + 1, looked), end)):
                return at
            looked = end
    return len(lines)


def _unmarked(line: str) -> tuple[int, str]:
    """How deeply a line is quoted, and the line without the marks of that."""
    marks = _MARKS.match(line) if line.startswith(">") else None
    return (min(marks[0].count(">"), DEEPEST_QUOTE), line[marks.end() :]) if marks else (0, line)


def _joined(lines: Sequence[str], *, delsp: bool) -> list[str]:
    """Lines that end in a space together with the one that follows, where that is quoted as deeply (RFC 3676)."""
    joined: list[list[str]] = []
    open_at = -1
    for line in lines:
        depth, text = _unmarked(line)
        text = text if depth else text.removeprefix(" ")
        if open_at == depth and text != "-- ":
            joined[-1].append(text)
        else:
            joined.append(["> " * depth + text])
        open_at = depth if text.endswith(" ") and text != "-- " else -1
        if delsp and open_at >= 0:
            joined[-1][-1] = joined[-1][-1].removesuffix(" ")
    return ["".join(parts) for parts in joined]


def _deeper(lines: Iterable[tuple[int, str]], start: int) -> Iterator[tuple[int, str]]:
    """The lines, those from `start` on quoted once more."""
    for at, (depth, line) in enumerate(lines):
        yield (min(depth + 1, DEEPEST_QUOTE) if at >= start else depth), line


def _paragraphs(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """Runs of lines that are no blank ones and are quoted equally."""
    last, run = 0, list[str]()
    for depth, line in lines:
        blank = not line or line.isspace()
        if run and (blank or depth != last):
            yield last, run
            run = []
        if not blank:
            last = depth
            run.append(line.rstrip())
    if run:
        yield last, run


def _lowered(lines: Sequence[str]) -> str:
    """Markdown with its headings one level down, code left as it is."""
    fence = ""
    kept: list[str] = []
    for line in lines:
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        kept.append(line if fence else _HEADING.sub(r"\1#\2", line, count=1) if _HEADING.match(line) else line)
    return "\n".join(kept).strip("\n") + "\n"
