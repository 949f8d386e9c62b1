"""Filters: which chunks a search may look at, in one small grammar for the command line, Python and later HTTP.

    format = pdf, source = reports/**, language = en|zh, modified >= 2024-05, department = finance

Conditions stand between commas, and all must hold. Alternatives stand between bars: one must hold (with a negated
operator, none). A value that holds one of , | " = < > is written in double quotes, in which \\" is a quotation mark.
"""

from __future__ import annotations

import calendar
import datetime
import difflib
import re
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from pathlib import PurePosixPath

from rag.datatypes import Condition, Metadata, Source
from rag.errors import FilterError
from rag.text.fold import fold

FIELDS: dict[str, tuple[str, ...]] = {
    "source": ("=", "!="),
    "format": ("=", "!="),
    "language": ("=", "!="),
    "heading": ("=", "!=", "~", "!~"),
    "modified": ("=", "!=", "<", "<=", ">", ">="),
}
"""Every field with the operators that it takes; ~ is "contains". Any other name is a key of metadata."""
OF_METADATA = ("=", "!=", "~", "!~", "<", "<=", ">", ">=")
DATES = ("updated", "modified", "date", "published", "created", "year", "edition")
"""Keys of metadata that date a document, the most telling first."""
META = "meta."
"""Before a key of metadata; a filter needs it only where a field has the key's name."""

OF_CHUNKS = ("language", "heading")
"""Fields of a chunk; the others are of the files that its document lies in: one of these must meet all conditions."""

_VALUE = r'"(?:[^"\\]|\\.)*"|[^,|"=<>\s](?:[^,|"=<>]*[^,|"=<>\s])?'
_CONDITION = re.compile(
    rf'\s*(?P<field>[^\s=!~<>:,|"]+)\s*(?P<operator>[=!~<>:]+)\s*(?P<values>(?:{_VALUE})(?:\s*\|\s*(?:{_VALUE}))*)\s*'
)
_DAY = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")
_DATED = re.compile(rf"({_DAY.pattern})(?:[T ]\d\d:\d\d.*)?$")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")

Days = tuple[str, str]  # the first and the last day, as YYYY-MM-DD


def parse_filter(text: str) -> tuple[Condition, ...]:
    """The conditions of a filter, in their order; none for an empty text.

    Raises FilterError for what cannot be read and for an operator that the field does not take. Whether the index has a
    key of metadata is seen when it is searched.
    """
    found, at = [], 0
    while text[at:].strip():
        match = _CONDITION.match(text, at)
        if match is None or text[match.end() : match.end() + 1] not in ("", ","):
            raise FilterError(
                f"{text[at:].strip()!r} cannot be read as a filter. Write a field, an operator and a value, and commas "
                f"between conditions: {_EXAMPLE}"
            )
        found.append(_condition(**match.groupdict()))
        at = match.end() + 1
    return tuple(found)


_EXAMPLE = "format = pdf, modified >= 2024-05"


def _condition(field: str, operator: str, values: str) -> Condition:
    field = field if field in FIELDS else META + field.lower().removeprefix(META)
    operators = FIELDS.get(field, OF_METADATA)
    if operator not in operators:
        name = field.removeprefix(META)
        raise FilterError(f"{name} does not take {operator!r}: its operators are {' '.join(operators)}")
    wanted = tuple(_unquoted(value) for value in re.findall(_VALUE, values))
    for value in wanted:
        _MADE_OF.get(field, str)(value)
    return Condition(field, operator, wanted)


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def holds(condition: Condition, value: str) -> bool:
    """Whether the condition holds for a chunk or a file with this value of its field."""
    negated, operator = condition.operator.startswith("!"), condition.operator.lstrip("!")
    check = _HOLDS.get(condition.field, _metadata)
    return negated != any(check(value, operator, wanted) for wanted in condition.values)


def source_holds(source: Source, own: Metadata, conditions: Iterable[Condition]) -> bool:
    """Whether a file meets all these conditions on files; `own` is what its document says of itself."""
    return all(holds(condition, _value(source, own, condition.field)) for condition in conditions)


def merged(source: Source, own: Metadata) -> dict[str, list[str]]:
    """Every key with its values: the user's, else the sidecar's, else the document's `own`."""
    found: dict[str, list[str]] = {}
    for part in (source.given, source.sidecar, own):
        held: dict[str, list[str]] = {}
        for key, value in part:
            held.setdefault(key, []).append(value)
        found = held | found
    return found


def date_of(source: Source, own: Metadata) -> str:
    """The date that a file's metadata give, by the first of `DATES` that has one; "" where they give none."""
    found = merged(source, own)
    begun = (_DATED.match(value) for key in DATES for value in found.get(key, ()))
    return next((match[1] for match in begun if match and _is_date(match[1])), "")


def _is_date(value: str) -> bool:
    try:
        return bool(days(value))
    except FilterError:  # 2024-99, say
        return False


def check_keys(conditions: Iterable[Condition], keys: Collection[str]) -> None:
    """Raises FilterError where a condition asks for a key of metadata that is not one of these."""
    for field in (condition.field for condition in conditions):
        key = field.removeprefix(META)
        if field.startswith(META) and key not in keys:
            near = difflib.get_close_matches(key, [*FIELDS, *keys], n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            known = ", ".join([*FIELDS, *sorted(keys)])
            raise FilterError(f"there is no field {key!r} to filter by: {hint}There are {known}.")


# ---------------------------------------------------------------- what a file has of each field


def _value(source: Source, own: Metadata, field: str) -> str:
    """What a file has of a field; of a key of metadata, all its values."""
    if field in _OF_SOURCE:
        return _OF_SOURCE[field](source)
    return "\0".join(merged(source, own).get(field.removeprefix(META), ()))


_OF_SOURCE: dict[str, Callable[[Source], str]] = {
    "source": lambda source: f"{source.root}\0{source.path}",
    "format": lambda source: f"{PurePosixPath(source.path).suffix.lstrip('.')}\0{_reader_of(source)}",
    "modified": lambda source: _day_of(source.mtime_ns),
}


def _reader_of(source: Source) -> str:
    """The name of its reader; of a file within another, not that one's."""
    return source.reader.rpartition("!/")[2].partition("/")[0]


def _day_of(mtime_ns: int) -> str:
    """The day in this machine's time zone, as YYYY-MM-DD; "" where the time is not known."""
    return datetime.datetime.fromtimestamp(mtime_ns / 1e9).astimezone().date().isoformat() if mtime_ns else ""


# ---------------------------------------------------------------- whether a condition holds


def _any_of(value: str, _: str, wanted: str) -> bool:
    """Formats and languages: one of the names, in any case."""
    return wanted.lower().lstrip(".") in value.lower().split("\0")


def _heading(value: str, operator: str, wanted: str) -> bool:
    """One of the headings above the chunk, outermost first, is or contains it; case, width and accents aside."""
    headings, folded = [fold(each) for each in value.split("\0")], fold(wanted)
    return folded in headings if operator == "=" else any(folded in each for each in headings)


def _place(value: str, _: str, wanted: str) -> bool:
    """A file or a folder above it is called so.

    A name alone is looked for in the folder that was ingested and below; a path, in the whole one, from any folder on.
    """
    root, _, path = value.partition("\0")
    wanted = wanted.removeprefix("./")
    if "/" in wanted.rstrip("/"):
        return bool(_glob(wanted).search(f"{root.rstrip('/')}/{path}"))
    return bool(_glob(wanted).search(f"/{root.rstrip('/').rpartition('/')[2]}/{path}"))


def _modified(value: str, operator: str, wanted: str) -> bool:
    """A day against a day, a month or a year; an unknown one meets no condition but a negated one."""
    return bool(value) and _dated(days(value), operator, days(wanted))


def _dated(span: Days, operator: str, wanted: Days) -> bool:
    """Whether one span of days lies in another, before it or after it."""
    return {
        "=": wanted[0] <= span[0] and span[1] <= wanted[1],
        "<": span[1] < wanted[0],
        "<=": span[1] <= wanted[1],
        ">": span[0] > wanted[1],
        ">=": span[0] >= wanted[0],
    }[operator]


def _metadata(value: str, operator: str, wanted: str) -> bool:
    """One of a key's values is, contains, or comes before or after what is wanted; no value meets nothing.

    Two numbers stand in the order of numbers, two dates in that of dates; what is neither has no order.
    """
    return any(_compared(each, operator, wanted) for each in value.split("\0")) if value else False


def _compared(value: str, operator: str, wanted: str) -> bool:
    if operator == "~" or (operator == "=" and fold(value) == fold(wanted)):
        return fold(wanted) in fold(value)
    if operator != "=" and _NUMBER.fullmatch(value) and _NUMBER.fullmatch(wanted):
        one, other = float(value), float(wanted)
        return {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[operator]
    begun, asked = _DATED.match(value), _DAY.fullmatch(wanted)
    try:
        return bool(begun and asked) and _dated(days(begun[1] if begun else ""), operator, days(wanted))
    except FilterError:  # 2024-99, say
        return False


_HOLDS: dict[str, Callable[[str, str, str], bool]] = {
    "source": _place,
    "format": _any_of,
    "language": _any_of,
    "heading": _heading,
    "modified": _modified,
}


@lru_cache(maxsize=256)
def _glob(pattern: str) -> re.Pattern[str]:
    """* is any name or part of one, ** any folders, ? a character, [abc] one of these; what lies below, or within, too.

    Raises FilterError for brackets that hold no set of characters.
    """
    rooted, parts = pattern.startswith("/"), _SIGN.split(pattern.strip("/"))
    try:
        return re.compile(f"{'^' if rooted else ''}/{''.join(map(_as_regex, parts))}(?:!?/|$)", re.DOTALL)
    except re.error as error:
        raise FilterError(
            f"{pattern!r} is no pattern for a file: {error}. Put a bracket itself in brackets: [[]"
        ) from error


_SIGN = re.compile(r"(\*\*/|\*\*|\*|\?|\[!?\]?[^\]/]*\])")
_SIGNS = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _as_regex(part: str) -> str:
    if part in _SIGNS or not _SIGN.fullmatch(part):
        return _SIGNS.get(part) or re.escape(part)
    negated = part.startswith("[!")
    held = part[1 + negated : -1].replace("\\", r"\\").replace("[", r"\[").replace("]", r"\]").replace("^", r"\^")
    return f"[{'^/' if negated else ''}{held}]"


@lru_cache(maxsize=256)
def days(value: str) -> Days:
    """The first and the last day of a day, a month or a year. Raises FilterError for anything else."""
    match = _DAY.fullmatch(value)
    try:
        year, month, day = (int(part) if part else None for part in match.groups()) if match else (0, 0, 0)
        first = datetime.date(year or 0, month or 1, day or 1)
        last = first if day else first.replace(month=month or 12, day=calendar.monthrange(first.year, month or 12)[1])
    except ValueError as error:
        raise FilterError(f"{value!r} is no date. Write a day, a month or a year: 2024-05-31, 2024-05, 2024") from error
    return first.isoformat(), last.isoformat()


_MADE_OF: dict[str, Callable[[str], object]] = {"source": _glob, "modified": days}
