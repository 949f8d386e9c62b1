"""A chart of an Office file → its title and a table of its categories and series, from the values kept beside it."""

from __future__ import annotations

from dataclasses import dataclass

from rag.corpus.readers.office.number_format import shown
from rag.corpus.readers.office.package import Element

C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


@dataclass(frozen=True, slots=True)
class Chart:
    """`rows` are a table whose first row names the series; empty where the file keeps no values."""

    title: str
    rows: list[list[str]]


def chart(root: Element) -> Chart:
    """What a chart part says."""
    named = next(root.iter(f"{C}chart"), root).find(f"{C}title")
    runs = [each.text or "" for each in named.iter(f"{A}t", f"{C}v")] if named is not None else []
    title = " ".join("".join(runs).split())
    drawn = ((_name(each), _points(each, "cat", "xVal"), _points(each, "val", "yVal")) for each in root.iter(f"{C}ser"))
    series = [each for each in drawn if each[2]]
    keys = sorted({key for _, categories, values in series for key in (*categories, *values)})
    category = {key: text for _, categories, _ in reversed(series) for key, text in categories.items()}
    if len(series) == 1 and not series[0][0] and title:
        series = [(title, *series[0][1:])]
    header = ["", *(name for name, _, _ in series)]
    body = [[category.get(key, ""), *(values.get(key, "") for _, _, values in series)] for key in keys]
    return Chart(title, [header, *body] if body else [])


def _name(series: Element) -> str:
    found = series.find(f"{C}tx")
    return " ".join(each.text or "" for each in found.iter(f"{C}v")).strip() if found is not None else ""


def _points(series: Element, *names: str) -> dict[int, str]:
    """The values by their places, as they are shown; of categories with several levels, all of them."""
    found = next((each for each in map(series.find, [f"{C}{name}" for name in names]) if each is not None), None)
    if found is None:
        return {}
    code = next((each.text or "" for each in found.iter(f"{C}formatCode")), "General")
    numeric = next(found.iter(f"{C}numCache", f"{C}numLit"), None) is not None
    points: dict[int, str] = {}
    for point in found.iter(f"{C}pt"):
        index, value = point.get("idx", ""), point.findtext(f"{C}v") or ""
        if index.isascii() and index.isdigit() and len(index) < 10:
            text = _number(value, point.get("formatCode") or code) if numeric else value
            points[int(index)] = f"{text} {points[int(index)]}" if int(index) in points else text
    return points


def _number(value: str, code: str) -> str:
    try:
        return shown(float(value), code)
    except (ValueError, OverflowError):
        return value
