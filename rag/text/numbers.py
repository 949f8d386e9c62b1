"""Quantities of a text in one form, so that a claim's numbers can be looked for in its evidence.

    text ─numerals→ digits ─moments→ dates, times │ the rest ─→ ordinals, numbers with their units

1,200 / 1 200 / 1.200 / １２００ / 一千二百 / ١٢٠٠ are one quantity. What can be read two ways keeps both readings
(1.200 is 1200 in Berlin and 1.2 in London).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from rag.text.dates import moments
from rag.text.fold import light
from rag.text.numerals import fractions_to_decimals, numerals_to_digits, raised_to_carets
from rag.text.units import MAGNITUDES, PREFIXES, UNITS, alternatives

QuantityKind = Literal["number", "ordinal", "date", "time"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number, ordinal, date or time as it can be read.

    `readings` holds every value that it can mean: decimals without trailing zeros ("1200", "-0.5"), versions as they
    stand ("3.11.2"), dates as "2024-03-05" with "?" for what is not said, times as "20:30". `units` holds every unit
    that it can have, empty for none. `parts` are values that it bears out besides (a date's year).
    """

    kind: QuantityKind
    readings: frozenset[str]
    units: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    surface: str = ""


def quantities(text: str) -> list[Quantity]:
    """Every quantity of a text: dates, times, then the others. Digits inside identifiers (KX-204) are none."""
    found, rest = moments(_in_digits(text))
    dated = [
        Quantity(moment.kind, moment.readings, parts=frozenset({moment.year} - {""}), surface=moment.surface)
        for moment in found
    ]
    return [*dated, *_numbers(rest)]


def without_quantities(text: str) -> str:
    """The text, light-folded, with every quantity and its unit blanked out."""
    _, rest = moments(_in_digits(text))
    return _number.sub(lambda match: match.group() if match["glued"] else " ", rest).replace("\0", " ")


def units(text: str) -> frozenset[str]:
    """Every unit that a text names apart from numbers: «Weight (kg)», but not the tonnes of «in 2019, 38 tonnes»."""
    return frozenset(unit for match in _any_unit.finditer(without_quantities(text)) for unit in UNITS[match.group()])


def missing(claim: str, evidence: str) -> list[Quantity]:
    """The quantities of the claim that the evidence does not bear out; empty where it bears out all."""
    claimed = quantities(claim)
    if not claimed:
        return []
    given, named = quantities(evidence), units(evidence)
    return [quantity for quantity in claimed if not borne_out(quantity, given, named)]


def borne_out(claimed: Quantity, given: Sequence[Quantity], named: frozenset[str] = frozenset()) -> bool:
    """Whether one of the given quantities says what is claimed; `named` are units that stand apart from numbers."""
    return any(_says(quantity, claimed, named) for quantity in given)


def _says(given: Quantity, claimed: Quantity, named: frozenset[str]) -> bool:
    same = bool(claimed.readings & given.readings)
    if "date" in (claimed.kind, given.kind):
        return _dated(given, claimed)
    if "time" in (claimed.kind, given.kind):
        return claimed.kind == given.kind and same
    if "ordinal" in (claimed.kind, given.kind):
        return same and not given.units and not claimed.units
    if not claimed.readings & (given.readings | given.parts):
        return False
    return not claimed.units or bool(claimed.units & (given.units or named))


def _dated(given: Quantity, claimed: Quantity) -> bool:
    """A date bears out itself, less of itself (5 March within 2024-03-05), and its year as a number."""
    if claimed.kind == "date" and given.kind == "date":
        return any(_within(part, whole) for part in claimed.readings for whole in given.readings)
    return claimed.kind == "number" and claimed.units <= {"year"} and bool(claimed.readings & given.parts)


def _within(part: str, whole: str) -> bool:
    return all(said in ("????", "??", other) for said, other in zip(part.split("-"), whole.split("-"), strict=True))


# ---------------------------------------------------------------- numbers and their units


def _in_digits(text: str) -> str:
    return numerals_to_digits(light(raised_to_carets(fractions_to_decimals(text))))


_unit = alternatives(UNITS)
_number = re.compile(
    r"第 ?(?P<nth>[0-9]+)"
    rf"|(?:(?P<prefix>{alternatives(PREFIXES)}) ?)?"
    # Not inside an identifier: no letter before, nor a letter and a joining sign.
    r"(?:(?P<minus>(?<![^\W_])(?:[-−–]|minus |零下 ?))"
    r"|(?:(?<![^\W\u3041-\uffdc])|(?<=\bv))(?<![a-z][-_./])(?<![0-9][.,]))"
    r"(?P<digits>[0-9]{1,3}(?:[ \u00a0][0-9]{3})+(?![0-9])|[0-9]+(?:[.,'’][0-9]+)*)(?:\^(?P<raised>[0-9]{1,3}))?"
    r"(?:(?P<ordinal>st|nd|rd|th|º|ª|ème|er)(?![^\W_]))?"
    rf"(?: ?(?P<magnitude>{alternatives(MAGNITUDES)}))?"
    rf"(?:[ -]?(?P<unit>{_unit}))?"
    r"(?P<glued>[a-z_]|-(?=[a-z]*[0-9]*[a-z]{0,2}\b)[a-z])?"
)
_ideographic = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True) if unit[0] > "\u2e80")
_any_unit = re.compile(rf"(?<![^\W_])(?:{_unit})|{_ideographic}")
# «10 to 15 kg», «5, 10 or 15 kg», «5 x 10 m»: the unit is said once.
_range = re.compile(r" ?(?:[-–—~〜±×x]|(?:up )?to|bis|and|or|by|und|oder|mal|et|ou|y|o|à|至|到|和|或|、) ?")
_listed = re.compile(r", ?")
_decade = re.compile(r"[12][0-9]{2}0s")
_decimal = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_version = re.compile(r"[0-9]+(?:\.[0-9]+){2,}")


def _numbers(text: str) -> list[Quantity]:
    found: list[Quantity] = []
    begins, shares = len(text), False  # where the number behind begins, and whether its unit is another one's
    for match in reversed([match for match in _number.finditer(text) if not match["glued"]]):
        quantity, units_behind = _quantity(match), found[-1].units if found else frozenset[str]()
        gap = (match.end(), begins)
        shares = (
            quantity.kind == "number"
            and not quantity.units
            and bool(_range.fullmatch(text, *gap) or (shares and _listed.fullmatch(text, *gap)))
        )
        found.append(replace(quantity, units=units_behind) if shares else quantity)
        begins = match.start()
    return found[::-1]


def _quantity(match: re.Match[str]) -> Quantity:
    if match["nth"]:
        return Quantity("ordinal", frozenset({_plain(match["nth"])}), surface=match.group())
    readings, parts = _readings(match["digits"])
    if match["raised"]:
        readings, parts = _raised(readings, match["raised"])
    if match["minus"]:
        readings = {f"-{reading}" for reading in readings}
    if match["magnitude"]:
        scale = MAGNITUDES[match["magnitude"]]
        scaled = {_plain(str(Decimal(reading) * scale)) for reading in readings if _decimal.fullmatch(reading)}
        readings = scaled or readings
    unit = "" if _decade.fullmatch(match.group()) else match["unit"] or ""
    named = PREFIXES.get(match["prefix"] or "", frozenset()) or UNITS.get(unit, frozenset())
    if match["ordinal"]:
        return Quantity("ordinal", frozenset(readings), surface=match.group().strip())
    if " " in match["digits"] and (named or match["magnitude"]):
        parts = set()  # «1 200 kg» is one number, and bears out no 200 kg
    return Quantity("number", frozenset(readings), named, frozenset(parts), match.group().strip())


def _readings(digits: str) -> tuple[set[str], set[str]]:
    """Every value that digits with separators can mean, and what they hold besides."""
    groups = re.split(r"[ \u00a0.,'’]", digits)
    signs = re.findall(r"[ \u00a0.,'’]", digits)
    if not signs:
        return {_plain(digits)}, set()
    if len(set(signs)) == 1 and signs[0] in " \u00a0":
        # Two numbers side by side look the same; each is a part, the whole is what is claimed.
        return {_plain("".join(groups))}, {_plain(group) for group in groups}
    readings = set()
    if _are_thousands(groups) and len(set(signs)) == 1:
        readings.add(_plain("".join(groups)))
    if signs[-1] in ".," and signs.count(signs[-1]) == 1 and (len(signs) == 1 or _are_thousands(groups[:-1])):
        readings.add(_plain("".join(groups[:-1]) + "." + groups[-1]))
    if not readings or _version.fullmatch(digits):
        readings.add(digits)
    # «rooms 1,2,3» is a list.
    return readings, {_plain(group) for group in groups} if set(signs) == {","} and digits in readings else set()


def _raised(readings: set[str], sign: str) -> tuple[set[str], set[str]]:
    """10⁶ is a power; what is raised behind another number is as likely the sign of a note."""
    if readings == {"10"}:
        return {_plain(str(10 ** int(sign)))}, set()
    return {f"{reading}^{sign}" for reading in readings}, readings


def _are_thousands(groups: Sequence[str]) -> bool:
    """1,200,000 and, as India writes it, 12,00,000."""
    inner = {len(group) for group in groups[1:-1]}
    return 1 <= len(groups[0]) <= 3 and len(groups[-1]) == 3 and inner <= {2, 3} and len(inner) <= 1


def _plain(digits: str) -> str:
    """Without leading zeros, and without trailing ones after a decimal point."""
    text = format(Decimal(digits), "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
