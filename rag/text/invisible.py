"""Characters that nobody sees: which they are, a text without them, and the way back to where its characters stood.

They are Unicode's default ignorables and the controls of reading direction. What a script or an emoji needs in order
to look right stays: joiners behind a letter of Arabic, Syriac, Mongolian and the scripts of India and its neighbours,
Mongolian's own selectors, and in emoji joiners, presentation selectors and the tags of the three flags that there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# DerivedCoreProperties.txt, Default_Ignorable_Code_Point, and U+FFF9-FFFB, interlinear annotation.
IGNORABLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_JOINED = (  # letters and signs that a joiner may follow
    r"\u0620-\u06ff\u0710-\u077f\u0780-\u07ff\u0840-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u17b3\u17b6-\u17ff"
    r"\u1820-\u18aa\ufb50-\ufdff\ufe70-\ufefc"
)
_EMOJI = (
    r"\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf\u2934\u2935"
    r"\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_FLAG = "\U0001f3f4(?:{})".format(
    "|".join(
        "".join(chr(0xE0000 + ord(sign)) for sign in region) + "\U000e007f" for region in ("gbeng", "gbsct", "gbwls")
    )
)
_NEEDED = (
    _FLAG,
    rf"(?<=[{_JOINED}])[\u200c\u200d]",
    r"(?<=[\u1820-\u18aa])[\u180b-\u180f]",
    rf"(?<=[{_EMOJI}])\ufe0f?\u200d(?=[{_EMOJI}])",
    rf"(?<=[{_EMOJI}])[\ufe0e\ufe0f]",
    r"(?<=[0-9#*])\ufe0f(?=\u20e3)",
)
_RUN = re.compile(rf"(?P<needed>{'|'.join(_NEEDED)})|(?P<unseen>[{IGNORABLE}])")
_ANY = re.compile(f"[{IGNORABLE}]")


def unseen(text: str) -> list[int]:
    """The places of the characters that nobody sees, ascending."""
    return list(_places(text))


def unseen_count(text: str) -> int:
    """How many characters of the text nobody sees."""
    return sum(1 for _ in _places(text))


def visible(text: str) -> str:
    """The text without the characters that nobody sees."""
    return Seen.of(text).text


def _places(text: str) -> Iterator[int]:
    if text.isascii() or not _ANY.search(text):
        return iter(())
    return (match.start() for match in _RUN.finditer(text) if match["unseen"])


@dataclass(frozen=True, slots=True)
class Seen:
    """The part of a text that is seen: `text`, and for each of its characters the place it had; () for all in place."""

    text: str
    places: tuple[int, ...] = ()

    @classmethod
    def of(cls, text: str) -> Seen:
        """What is seen of `text`."""
        gone = set(unseen(text))
        if not gone:
            return cls(text)
        places = tuple(place for place in range(len(text)) if place not in gone)
        return cls("".join(text[place] for place in places), places)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the characters `start:end` of what is seen stood, from the first to the last of them."""
        if not self.places:
            return start, end
        if start == end:
            return (self.places[start - 1] + 1 if start else 0,) * 2
        return self.places[start], self.places[end - 1] + 1

    def spans(self, spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
        """The same of each."""
        return tuple(self.span(start, end) for start, end in spans)
