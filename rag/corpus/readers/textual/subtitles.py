"""WebVTT and SubRip subtitles → what is said, cue after cue, each with its time as its place ("00:01:20")."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.corpus.readers.compose import Composer
from rag.corpus.readers.plain import text_of
from rag.corpus.readers.reader import Content, Unread
from rag.corpus.readers.textual.placed import Placed
from rag.text.markdown import lines

PAUSE = 4.0
"""Seconds of silence behind which a new paragraph begins."""
AT_ONCE = 0.1
"""Seconds between two cues of which the second may repeat the first."""
LONGEST = 1000
"""Characters of a paragraph, above which the next sentence begins another."""

_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?[ \t]+([^>]+)>")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}")
_ENDS = re.compile(r"[.!?…。！？؟][\"'”’»)]*\Z")


@dataclass(frozen=True, slots=True)
class Cue:
    """What is said from `start` to `end` seconds, by whom where that is told."""

    start: float
    end: float
    speaker: str
    text: str


def parse_subtitles(data: bytes, _path: str) -> Content | Unread:
    """The cues; notes, styles and the cues' numbers are left out. A file without any cue is plain text."""
    text = text_of(data)
    if isinstance(text, Unread):
        return text
    cues = list(_cues(text))
    if not cues:
        return Content(text)
    placed, paragraph = Placed(), 0
    before: Cue | None = None
    for cue in cues:
        said = _unrolled(cue, before)
        if not said:
            continue
        goes_on = before is not None and _goes_on(before, cue, paragraph)
        speaker = (
            f"{cue.speaker}: " if cue.speaker and not (goes_on and before and before.speaker == cue.speaker) else ""
        )
        composer = Composer()
        composer.paragraph(speaker + said)
        placed.add(composer.text(), _shown(cue.start), "\n" if goes_on else "\n\n")
        paragraph = (paragraph if goes_on else 0) + len(said)
        before = cue
    return Content(placed.text(), "markdown", pages=placed.pages())


def _cues(text: str) -> Iterator[Cue]:
    """The cues in the order of the file; the lines of one end with a blank one, in SRT where the next begins."""
    ends_at_blank = text.lstrip("\ufeff").startswith("WEBVTT")
    times: re.Match[str] | None = None
    said: list[str] = []
    for line in [row.content for row in lines(text)] + [""]:
        found = _TIMES.match(line) if "-->" in line else None
        if found or (ends_at_blank and not line.strip()):
            if times and said:
                yield _cue(times, said[:-1] if found and said[-1].strip().isdigit() else said)
            times, said = found, []
        elif times:
            said.append(line)
    if times and said:
        yield _cue(times, said)


def _cue(times: re.Match[str], said: list[str]) -> Cue:
    text = "\n".join(said)
    voices = {" ".join(name.split()) for name in _VOICE.findall(text)}
    if len(voices) > 1:
        text = _VOICE.sub(r"\n\1: ", text)
    bare = html.unescape(_TAG.sub("", text))
    kept = "\n".join(filter(None, (" ".join(line.split()) for line in bare.split("\n"))))
    numbers = [int(number or 0) for number in times.groups()]
    start, end = (
        hours * 3600 + minutes * 60 + seconds + part / 1000
        for hours, minutes, seconds, part in (numbers[:4], numbers[4:])
    )
    return Cue(start, end, voices.pop() if len(voices) == 1 else "", kept)


def _unrolled(cue: Cue, before: Cue | None) -> str:
    """What a cue says that the one right before it did not show already, as captions do that roll up."""
    if before is None or abs(cue.start - before.end) > AT_ONCE:
        return cue.text
    own, shown = cue.text.split("\n"), before.text.split("\n")
    common = max(
        (count for count in range(min(len(own), len(shown)) + 1) if own[:count] == shown[len(shown) - count :]),
        default=0,
    )
    return "\n".join(own[common:])


def _goes_on(before: Cue, cue: Cue, characters: int) -> bool:
    """Whether a cue belongs to the paragraph of the one before it."""
    if cue.start - before.end >= PAUSE or (cue.speaker and cue.speaker != before.speaker):
        return False
    return characters < LONGEST or not _ENDS.search(before.text)


def _shown(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
