"""Pictures inside of office files and books that stand in the place of text: pasted scans, slides of one picture.

A place (a slide; a document that has none) is looked at where it says next to nothing itself. Logos and photos beside
text cost nothing.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence

from rag.corpus.ledger import INSTALL
from rag.corpus.readers.compose import Composer
from rag.corpus.readers.office.package import Package, PackageProblem
from rag.corpus.readers.reader import NO_AID, Aid, Content, Unread
from rag.datatypes import Page, State

LITTLE = 20
"""Letters and digits for each picture from which a place has text of its own."""
LEAST_BYTES = 2 * 2**10
"""Bytes of a picture that may show a line of text: icons have fewer."""
MOST_BYTES = 32 * 2**20
"""Bytes of a picture that is unpacked."""
MOST_PICTURES = 500
"""Pictures of a file that are recognised: about half an hour."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif")

Recognise = Callable[[bytes, str], Content | Unread]


class Pictures:
    """The pictures of one file: where they stand, and what is read on them. Without `recognise` none is looked at."""

    def __init__(self, recognise: Recognise | None = None, aid: Aid = NO_AID) -> None:
        self._recognise = recognise
        self._aid = aid
        self._spots: list[tuple[int, str]] = []
        self._known: dict[str, str | State] = {}

    def met(self, composer: Composer, name: str) -> None:
        """Note that a picture, by its name in the package, stands behind what has been composed so far."""
        self._spots.append((len(composer.parts), name))

    def fill_document(self, composer: Composer, package: Package | None) -> tuple[str, tuple[Page, ...]] | Unread:
        """The text of a document that has no pages, with what its pictures say, and which place was not read.

        Each of several may stand beside a line. Without a package there are none.
        """
        state = self.fill(composer, package, composer.text(), several=True) if package else None
        text = composer.text()
        if state and not text:
            return self.nothing_else("it holds", state)
        return text, (Page(1, len(text), len(text), "pictures", state),) if state else ()

    def fill(self, composer: Composer, package: Package, said: str, *, several: bool = False) -> State | None:
        """Put what the pictures of a place say where they stand, if it says next to nothing but `said`; else nothing.

        The state of the place where not all of them could be read. With `several`, so many lines are next to nothing.
        """
        spots = [(at, name) for at, name in self._spots if is_picture(package, name)]
        self._spots = []
        if not spots or not is_bare(said, len(spots) if several else 1):
            return None
        read = [self.text(package, name) for _, name in spots]
        for (at, _), text in reversed([*zip(spots, read, strict=True)]):
            if text and not isinstance(text, State):  # which is a str too
                composer.insert(at, text)
        return worst(read)

    def text(self, package: Package, name: str) -> str | State:
        """What is read on a picture, "" where nothing is; its state where it is not read."""
        if name not in self._known:
            self._known[name] = self._text(package, name)
        return self._known[name]

    def _text(self, package: Package, name: str) -> str | State:
        if self._recognise is None:
            return State.NEEDS_OCR
        number = len(self._known) + 1
        passed_over = State.TOO_LARGE if number > MOST_PICTURES else self._aid.begin(number, 0)
        if passed_over:
            return passed_over
        try:
            outcome = self._recognise(package.read(name, MOST_BYTES), name)
        except PackageProblem as problem:
            return problem.outcome.state
        if isinstance(outcome, Content):
            return outcome.text.strip()
        return "" if outcome.state is State.EMPTY else outcome.state

    def nothing_else(self, what: str, state: State | None) -> Unread:
        """The outcome of a file that holds nothing but pictures, of which such a state was told."""
        state = state or (State.EMPTY if self._recognise else State.NEEDS_OCR)
        if state is State.NEEDS_OCR:
            return Unread(state, f"{what} nothing but pictures", INSTALL)
        return Unread(state, f"{what} nothing but pictures, on which no text is recognised")


def is_bare(text: str, pictures: int = 1) -> bool:
    """Whether a text with so many pictures says next to nothing."""
    return sum(map(str.isalnum, text)) < LITTLE * pictures


def worst(read: Sequence[str | State]) -> State | None:
    """The state of a place whose pictures were read so; None where all were."""
    return next((each for each in read if isinstance(each, State)), None)


def is_picture(package: Package, name: str) -> bool:
    """Whether it is a picture that may show a line of text, of a kind that is read."""
    known = posixpath.splitext(name)[1].lower() in SUFFIXES
    return known and name in package and package.size(name) >= LEAST_BYTES
