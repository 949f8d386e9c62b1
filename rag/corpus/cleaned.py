"""What readers left out of a text or wrote otherwise than its file has it, counted by kind.

A reader counts what it does; the report of a run adds the counts up, and each document keeps its own in its metadata,
under the kind's name (`docs/formats.md`, "What is cleaned").
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping


class Cleaning(enum.StrEnum):
    """The kinds of what is cleaned; the comment says what one of each is."""

    REPEATED_ROWS = "repeated_rows"  # a row at the head or the foot of a page, equal to one that was read before
    HYPHENS_MENDED = "hyphens_mended"  # a word that was cut at the end of a line, put together
    LIGATURES = "ligatures_unfolded"  # a ligature or a drawn form of an Arabic or Hebrew letter, written as letters
    LEADERS = "leaders_shortened"  # a run of dots or a line to write on, shortened
    INVISIBLE_DROPPED = "invisible_dropped"  # a soft hyphen, control or character of no width, left out of the text
    INVISIBLE_KEPT = "invisible_kept"  # one that is in the text, where a search for words passes over it
    WORDS_OUTSIDE_PAGES = "words_outside_pages"  # a word that lies outside of its page, left out
    NOT_LEGIBLE = "not_legible"  # a line of a picture that was recognised too badly, left out
    AROUND = "parts_around"  # a menu, a sidebar, a form, a teaser around the text of a web page, left out
    HIDDEN = "hidden_passages"  # a passage that its file hides from a reader, left out
    DELETED = "tracked_deletions"  # a passage whose deletion was tracked, left out
    CONTENTS = "contents_left_out"  # a table of contents or another index that a program made, left out
    MAIL_PARTS = "mail_parts_left_out"  # a signature or a report between mail programs, left out


Cleaned = Mapping[Cleaning, int]
"""How often each kind was cleaned; a kind that was not is not there."""

WORDS: dict[Cleaning, tuple[str, str]] = {
    Cleaning.REPEATED_ROWS: ("page header or footer", "page headers and footers"),
    Cleaning.HYPHENS_MENDED: ("hyphen", "hyphens"),
    Cleaning.LIGATURES: ("ligature", "ligatures"),
    Cleaning.LEADERS: ("leader", "leaders"),
    Cleaning.INVISIBLE_DROPPED: ("invisible character", "invisible characters"),
    Cleaning.INVISIBLE_KEPT: ("invisible character that stays", "invisible characters that stay"),
    Cleaning.WORDS_OUTSIDE_PAGES: ("word outside of its page", "words outside of their pages"),
    Cleaning.NOT_LEGIBLE: ("illegible line", "illegible lines"),
    Cleaning.AROUND: ("menu or the like", "menus and the like"),
    Cleaning.HIDDEN: ("hidden passage", "hidden passages"),
    Cleaning.DELETED: ("tracked deletion", "tracked deletions"),
    Cleaning.CONTENTS: ("table of contents", "tables of contents"),
    Cleaning.MAIL_PARTS: ("signature or report of a mail", "signatures and reports of mails"),
}
"""One and several of each kind, as the summary of a run names them."""


def added(*counts: Cleaned) -> Cleaned:
    """The sum, in the order of the kinds, without those of which there is none."""
    total: Counter[Cleaning] = Counter()
    for each in counts:
        total.update(each)
    return {kind: total[kind] for kind in Cleaning if total[kind]}
