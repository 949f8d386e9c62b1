"""Names of members: their bytes decoded, each name once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rag.corpus.readers.encodings.legacy import decoded, detect
from rag.corpus.readers.unique import UniqueNames

MOST_SAMPLE = 4096
"""Bytes of names that are looked at to tell their encoding."""
MOST_TRIES = 20
"""How often it is tried anew, with the names that came since."""
LEAST_COMMON = 0.85
"""Share of characters in common use that makes names of too few letters for a text written in an encoding."""
# Of each encoding the lead bytes of the characters in common use; the likelier one first, where they tie.
_COMMON: dict[str, tuple[str, Sequence[int]]] = {
    "gb18030": ("gb2312", range(0xB0, 0xD8)),
    "cp932": ("shift_jis", (0x82, 0x83, *range(0x88, 0x99))),
    "big5hkscs": ("big5", range(0xA4, 0xC7)),
    "cp949": ("euc_kr", range(0xB0, 0xC9)),
}
# Korean has spaces between its words; Chinese and Japanese that look like it have them too.
_SPACED = re.compile("[\u3400-\u9fff] [\u3400-\u9fff]")
# What stands where letters beyond ASCII are read in the code page of the first PCs: no name has such signs.
_DRAWN = re.compile("[\u2500-\u25a0\u2200-\u22ff\u2310-\u2321\u20a7\u0192]|[^\x00-\x7f][\u00a1-\u00bf]")


class Names:
    """Decodes the names of one container and keeps them apart."""

    def __init__(self, standard: str) -> None:
        """`standard` is the encoding that the format prescribes for names that nothing tells the encoding of."""
        self._standard = standard
        self._sample: list[bytes] = []
        self._encoding = ""
        self._tries = 0
        self._names = UniqueNames()

    def learn(self, names: Iterable[bytes]) -> None:
        """Take note of names that are to be decoded, so that the first of them is judged by all."""
        for name in names:
            if not _is_utf8(name) and sum(map(len, self._sample)) < MOST_SAMPLE:
                self._sample.append(name)

    def decoded(self, name: bytes) -> str:
        """The name as text: UTF-8, else what the names so far look like, else the format's standard."""
        if _is_utf8(name):
            return name.decode()
        if not self._encoding and self._tries < MOST_TRIES:
            self._tries += 1
            if name not in self._sample:
                self.learn([name])
            self._encoding = self._told(b"\n".join(self._sample))
        for encoding in filter(None, (self._encoding, self._standard)):
            try:
                return name.decode(encoding)
            except UnicodeDecodeError:
                continue
        return name.decode("utf-8", "backslashreplace")

    def unique(self, name: str) -> str:
        """The name, told apart from those before."""
        return self._names.given(name)

    def _told(self, sample: bytes) -> str:
        """The encoding that the names are surely in, or look to be in where the standard makes signs of them; ""."""
        encoding, certain = detect(sample)
        if certain:
            return encoding
        try:
            if not _DRAWN.search(sample.decode(self._standard)):
                return ""
        except UnicodeDecodeError:
            pass
        # Too few letters for a text, but names are short, and any guess is better than lines and boxes.
        rated = {name: _common(sample, name) for name in _COMMON}
        best = max(rated, key=lambda name: rated[name])
        if rated[best] >= LEAST_COMMON:
            return best
        return encoding if encoding and not _DRAWN.search(decoded(sample, encoding)) else ""


def _common(sample: bytes, encoding: str) -> float:
    """Share of the characters beyond ASCII that are in common use; 0 where the names are not in that encoding."""
    codec, leads = _COMMON[encoding]
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return 0.0
    if encoding != "cp949" and _SPACED.search(text):
        return 0.0
    signs = [sign for sign in text if sign > "\x7f"]
    pairs = (sign.encode(codec, "ignore") for sign in signs)
    return sum(len(pair) == 2 and pair[0] in leads for pair in pairs) / max(1, len(signs))


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
