"""Dates and times of day in a text whose numerals are digits already.

A date is read as "2024-03-05" with "?" for what is not said ("2024-03-??", "????-03-05"), a time as "20:30".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from rag.text.units import MONTHS, YEAR, alternatives


class Moment(NamedTuple):
    """A date or a time with all its readings."""

    kind: Literal["date", "time"]
    readings: frozenset[str]
    year: str
    surface: str


_month = rf"(?P<month>{alternatives(MONTHS)})"
_y = r"(?P<y>1[0-9]{3}|2[0-9]{3})(?![0-9])"
_d = r"(?P<d>0?[1-9]|[12][0-9]|3[01])"
_m = r"(?P<m>1[0-2]|0?[1-9])"
_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        # 2024-03-05, 2024/3/5
        rf"(?<![0-9a-z.-])(?P<y>[12][0-9]{{3}})(?P<sep>[-/.]){_m}(?P=sep){_d}(?![0-9])",
        # 05.03.2024, 3/5/2024: the order of day and month is open
        rf"(?<![0-9.])(?P<a>[0-3]?[0-9])(?P<sep>[./-])(?P<b>[0-3]?[0-9])(?P=sep){_y}",
        # 2024年3月5日, 2024年3月, 3月5日
        rf"(?P<y>[0-9]{{4}}) ?年 ?{_m} ?月(?: ?{_d} ?[日号號])?",
        rf"(?<![0-9]){_m} ?月 ?{_d} ?[日号號]",
        # 5 March 2024, 5th of March, 5. März 2024, 5 de marzo de 2024
        rf"(?<![0-9.,]){_d}(?:st|nd|rd|th|er|\.|º)? (?:of |de )?{_month}\.?(?:,? (?:de )?{_y})?",
        # March 5, 2024, March 5th
        rf"(?<![^\W_]){_month}\.? (?:the )?{_d}(?:st|nd|rd|th)?(?![0-9:]|[.,][0-9])(?:,? {_y})?",
        # March 2024
        rf"(?<![^\W_]){_month}\.?,? (?:of |de )?{_y}",
    )
)
_MORNING = "上午|早上|早晨|凌晨|清晨|午前"
_EVENING = "下午|晚上|傍晚|夜里|午後|晚"
_TIMES = tuple(
    re.compile(pattern)
    for pattern in (
        # 晚上8点30分, 8点半, 午後8時
        rf"(?:(?P<am>{_MORNING})|(?P<pm>{_EVENING}|中午))? ?(?<![0-9.])(?P<h>[01]?[0-9]|2[0-4]) ?(?:点钟?|點|時(?!間))"
        r"(?: ?(?P<min>[0-5]?[0-9]) ?分(?!钟)|(?P<half>半))?",
        # 20:30, 8:30 p.m., 晚上8:30
        rf"(?:(?P<am>{_MORNING})|(?P<pm>{_EVENING}))? ?(?<![0-9:.])(?P<h>[01]?[0-9]|2[0-4]):(?P<min>[0-5][0-9])"
        r"(?::[0-5][0-9])?(?![0-9:])(?: ?(?:(?P<am2>a\.?m\b\.?)|(?P<pm2>p\.?m\b\.?)))?",
        # 8 p.m., 8.30 pm
        r"(?<![0-9:.,])(?P<h>1[0-2]|0?[1-9])(?:\.(?P<min>[0-5][0-9]))? ?(?:(?P<am>a\.?m\b\.?)|(?P<pm>p\.?m\b\.?))",
        # 20 Uhr, 20.30 Uhr
        r"(?<![0-9:])(?P<h>[01]?[0-9]|2[0-4])(?:[.:](?P<min>[0-5][0-9]))? uhr\b",
    )
)


def moments(text: str) -> tuple[list[Moment], str]:
    """The dates and times of a text, and the text with them blanked out (same length)."""
    found: list[Moment] = []
    for patterns, read in ((_DATES, _date), (_TIMES, _time)):
        for pattern in patterns:
            text = pattern.sub(_taking(found, read), text)
    return found, text


def _taking(found: list[Moment], read: Callable[[re.Match[str]], Moment]) -> Callable[[re.Match[str]], str]:
    def take(match: re.Match[str]) -> str:
        moment = read(match)
        if not moment.readings:
            return match.group()
        found.append(moment)
        return "\0" * len(match.group())

    return take


def _date(match: re.Match[str]) -> Moment:
    said = match.groupdict()
    year = said.get("y") or "????"
    if said.get("a"):
        orders = ((said["a"], said["b"]), (said["b"], said["a"]))
        pairs = [(int(month), int(day)) for month, day in orders if 1 <= int(month) <= 12 and 1 <= int(day) <= 31]
        readings = {f"{year}-{month:02}-{day:02}" for month, day in pairs}
    else:
        month = MONTHS[said["month"]] if said.get("month") else int(said.get("m") or 0)
        day = said.get("d")
        readings = {f"{year}-{month:02}-{int(day):02}" if day else f"{year}-{month:02}-??"}
    return Moment("date", frozenset(readings), said.get("y") or "", match.group())


def _time(match: re.Match[str]) -> Moment:
    said = match.groupdict()
    hour = int(said["h"])
    minute = 30 if said.get("half") else int(said.get("min") or 0)
    if (said.get("pm") or said.get("pm2")) and hour < 12:
        hour += 12
    elif (said.get("am") or said.get("am2")) and hour == 12:
        hour = 0
    return Moment("time", frozenset({f"{hour:02}:{minute:02}"}), "", match.group())


def are_years_in_a_row(texts: Sequence[str]) -> bool:
    """Whether these are years of two at least that follow each other, forwards or backwards: names, no figures."""
    years = [int(text) for text in texts if YEAR.fullmatch(text)]
    return len(years) == len(texts) and {after - before for before, after in pairwise(years)} in ({1}, {-1})
