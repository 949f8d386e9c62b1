"""Numbers as a spreadsheet shows them: ISO dates, percent, decimals, thousands, with a currency or a unit.

A format code is as in Excel: `#,##0.00`, `0.0%`, `yyyy-mm-dd`, with up to four sections for positive, negative, zero
and text. What is not understood is shown as a plain number, with the 15 digits that spreadsheets keep.
"""

from __future__ import annotations

import operator
import re
from datetime import datetime, timedelta

BUILT_IN = {
    **{1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00"},
    **dict.fromkeys((14, 15, 16, 17, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), "yyyy-mm-dd"),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 34, 35, 45, 55, 56), "h:mm:ss"),
    **{22: "yyyy-mm-dd h:mm", 37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00", 46: "[h]:mm:ss"},
    **{41: "#,##0", 42: "#,##0", 43: "#,##0.00", 44: "#,##0.00", 47: "mm:ss", 48: "0.0E+0", 49: "@"},
}
"""Format codes by their numbers, those that a workbook does not spell out."""

_LITERAL = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|\[\$([^\]-]*)[^\]]*\]|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_TOKENS = re.compile(r"general|[ymdhs]+|a{3,4}|g{0,3}e{1,2}(?![+-])|am/pm|a/p", re.IGNORECASE)
"""Of a date also, in East Asia, the day of the week (`aaa`) and the year of an era (`ggge`)."""
_CONDITION = re.compile(r"\[(<=|>=|<>|=|<|>)(-?\d{1,15}(?:\.\d{1,15})?)\]")
_HOLDS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "<>": operator.ne}
_NUMBER = re.compile(r"[#0?][#0?,.]*")
_DAY_MS = 86_400_000
_MOST_DAYS = 2_958_466  # the 1st of January 10000
_LONGEST_CODE = 200
_MOST_DECIMALS = 15


def shown(value: float, code: str, *, from_1904: bool = False) -> str:
    """A number as its format shows it."""
    section = _section(value, code[:_LONGEST_CODE])
    bare = _LITERAL.sub("", section)
    if "general" in bare.lower() or not section:
        return plain(value)
    if _is_date(bare):
        return _moment(value, bare, from_1904)
    picture = _NUMBER.search(bare)
    if "E" in bare.upper() or picture is None or "/" in bare or abs(value) >= 1e15:
        return plain(value)
    before, after = _around(section)
    percent = bare.count("%")
    digits = _digits(abs(value) * 100**percent, picture[0])
    return f"{'-' if value < 0 and digits.strip('0.,') else ''}{before}{digits}{after}".strip()


def plain(value: float) -> str:
    """A number without a format: 1 for 1.0, and no noise of binary fractions."""
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.15g}"


def iso(moment: datetime) -> str:
    """A date; with the time of day where it has one."""
    if not (moment.hour or moment.minute or moment.second):
        return moment.date().isoformat()
    return moment.isoformat(" ", "seconds" if moment.second else "minutes")


def _section(value: float, code: str) -> str:
    """The section of a format that is for the value; the one for negative numbers is passed over."""
    sections = _parts(code)
    if any(map(_CONDITION.search, sections)):
        return next((each for each in sections if _is_for(value, each)), "")
    return sections[2] if value == 0 and len(sections) > 2 and "0" in sections[2] else sections[0]


def _is_for(value: float, section: str) -> bool:
    """Whether the condition of a section holds; one without a condition is for all that is left."""
    found = _CONDITION.search(section)
    return found is None or bool(_HOLDS[found[1]](value, float(found[2])))


def _parts(code: str) -> list[str]:
    """The sections of a format: `;` in a literal is none of their ends."""
    parts = [""]
    quoted = escaped = False
    for char in code:
        if char == ";" and not quoted and not escaped:
            parts.append("")
            continue
        quoted ^= char == '"' and not escaped
        escaped = char == "\\" and not escaped
        parts[-1] += char
    return parts


def _is_date(bare: str) -> bool:
    rest = _TOKENS.sub("", bare)
    other = re.search("[a-z#]", rest, re.IGNORECASE) or "0" in rest.partition(".")[0]
    return rest != bare and not other


def _moment(value: float, bare: str, from_1904: bool) -> str:
    """The date, the time or the duration that a serial number of days stands for."""
    code = bare.lower()
    if not 0 <= value < _MOST_DAYS:
        return plain(value)
    elapsed = timedelta(milliseconds=round(value * _DAY_MS))
    if "[" in code or (value < 1 and not set("yd") & set(code)):
        seconds = round(elapsed.total_seconds())
        clock = f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}"
        return f"{clock}:{seconds % 60:02d}" if seconds % 60 else clock
    origin = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30) if value >= 60 else datetime(1899, 12, 31)
    try:
        moment = origin + elapsed
    except OverflowError:
        return plain(value)
    moment = (moment + timedelta(milliseconds=500)).replace(microsecond=0)
    if not set("yd") & set(code) and "h" in code:
        return moment.time().isoformat("seconds" if moment.second else "minutes")
    return iso(moment) if "h" in code else moment.date().isoformat()


def _digits(value: float, picture: str) -> str:
    """The digits as a picture such as `#,##0.00` wants them; commas at its end divide by thousands."""
    whole, _, fraction = picture.partition(".")
    scaled = value / 1000 ** (len(picture) - len(picture.rstrip(",")))
    most = min(sum(char in "0#?" for char in fraction), _MOST_DECIMALS)
    least = min(fraction.count("0"), most)
    text = f"{scaled:{',' if ',' in whole.rstrip(',') else ''}.{most}f}"
    while most > least and text.endswith("0"):
        text, most = text[:-1], most - 1
    integer, dot, rest = text.rstrip(".").partition(".")
    padded = integer.rjust(min(whole.count("0"), _MOST_DECIMALS), "0") if "," not in whole else integer
    return padded + dot + rest


def _around(section: str) -> tuple[str, str]:
    """What a format shows in front of the digits and behind them: a currency, a unit, a percent sign."""
    marked = _LITERAL.sub(_literal, section)
    found = _NUMBER.search(marked)
    if found is None:
        return "", ""
    before, after = marked[: found.start()], _NUMBER.sub("", marked[found.end() :])
    return _clean(before).lstrip(), _clean(after).rstrip()


# Digits within a literal are no places of the number: they stand apart until the end.
_APART = {ord(char): 0xE000 + index for index, char in enumerate("#0?,.()@;-")}
_BACK = {mark: char for char, mark in _APART.items()}


def _literal(match: re.Match[str]) -> str:
    return (match[1] or match[2] or match[3] or "").translate(_APART)


def _clean(text: str) -> str:
    return re.sub(r"[()@;-]", "", text).translate(_BACK)
