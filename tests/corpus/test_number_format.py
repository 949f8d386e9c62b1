"""Numbers as a spreadsheet shows them."""

import math
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.readers.office.number_format import BUILT_IN, plain, shown


@pytest.mark.parametrize(
    ("value", "code", "expected"),
    [
        (1.0, "General", "1"),
        (0.1 + 0.2, "", "0.3"),
        (1e20, "0", "1e+20"),
        (0.256, "0.0%", "25.6%"),
        (0.5, "0%", "50%"),
        (1234.5, '"$"#,##0.00', "$1,234.50"),
        (-1234.5, "#,##0.00;(#,##0.00)", "-1,234.50"),
        (1234567.891, "[$€-407] #,##0.00", "€ 1,234,567.89"),
        (1234.5, '_(* #,##0.00_);_(* \\(#,##0.00\\);_(* "-"??_);_(@_)', "1,234.50"),
        (5, '0" kg"', "5 kg"),
        (5, '0" 2.0 kg;"', "5 2.0 kg;"),
        (3.14159, "0.###", "3.142"),
        (3, "0.###", "3"),
        (7, "000", "007"),
        (12345678, '#,##0,,"M"', "12M"),
        (-0.001, "0.0", "0.0"),
        (0.5, "# ?/?", "0.5"),
        (5, "Standard", "5"),
        (45000, "yyyy-mm-dd", "2023-03-15"),
        (45000, "[$-409]d\\-mmm\\-yy;@", "2023-03-15"),
        (45000, 'yyyy"年"m"月"d"日"', "2023-03-15"),
        (45000, "yyyy/m/d(aaa)", "2023-03-15"),
        (45000, "[$-804]aaaa", "2023-03-15"),
        (45000, '[$-411]ggge"年"m"月"d"日"', "2023-03-15"),
        (1234567, "0.00E+00", "1234567"),
        (2500000, '[>=1000000]0.0,,"M";[>=1000]0.0,"K";0', "2.5M"),
        (1500, '[>=1000000]0.0,,"M";[>=1000]0.0,"K";0', "1.5K"),
        (50, '[>=1000000]0.0,,"M";[>=1000]0.0,"K";0', "50"),
        (50, '[=1]0" day";[<>50]0" days"', "50"),
        (45000.5, "m/d/yy h:mm", "2023-03-15 12:00"),
        (0.75, "h:mm", "18:00"),
        (1.5, "[h]:mm:ss", "36:00"),
        (1, "yyyy-mm-dd", "1900-01-01"),
        (-1, "yyyy-mm-dd", "-1"),
        (1e12, "yyyy-mm-dd", "1000000000000"),
    ],
)
def test_numbers_are_shown_as_their_format_says(value: float, code: str, expected: str) -> None:
    assert shown(value, code) == expected


def test_the_older_calendar_begins_in_1904() -> None:
    assert shown(0, "yyyy-mm-dd", from_1904=True) == "1904-01-01"


@given(st.integers(61, 100_000))
def test_each_day_is_its_date(serial: int) -> None:
    assert shown(serial, BUILT_IN[14]) == (date(1899, 12, 30) + timedelta(days=serial)).isoformat()


@given(st.floats(), st.text(alphabet='#0,.?%;"\\[]@_*-$Ehmsyd/ AMP€年', max_size=20))
def test_any_number_in_any_format_is_a_text(value: float, code: str) -> None:
    assert isinstance(shown(value, code), str)


@given(st.integers(-(10**14), 10**14))
def test_whole_numbers_are_whole(value: int) -> None:
    assert plain(float(value)) == str(value)
    assert plain(math.nan) == "nan"
