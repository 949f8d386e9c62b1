"""Quantities are compared by what they mean, in any script and format."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.numbers import missing, quantities, without_quantities
from tests.timing import growth


@pytest.mark.parametrize("spelled", ["1,200", "1 200", "1.200", "１２００", "一千二百", "١٢٠٠", "1200", "1'200"])
def test_one_number_in_many_spellings(spelled: str) -> None:
    assert missing(f"{spelled} kg", "It weighs 1200 kg.") == []


@pytest.mark.parametrize(
    "spelled",
    [
        "2024-03-05",
        "5 March 2024",
        "March 5, 2024",
        "5th of March 2024",
        "2024年3月5日",
        "二〇二四年三月五日",
        "5. März 2024",
        "05.03.2024",
    ],
)
def test_one_date_in_many_spellings(spelled: str) -> None:
    assert missing(spelled, "Held on 2024/3/5.") == []
    assert missing(spelled, "Held on 2024-03-06.")


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("March 2024", "5 March 2024"),
        ("in 2024", "5 March 2024"),
        ("20%", "百分之二十"),
        ("20 percent", "20 %"),
        ("three hundred and five", "305"),
        ("twenty-five kilograms", "25公斤"),
        ("30000", "3万"),
        ("1.5 billion", "1,500,000,000"),
        ("8:30 p.m.", "20:30"),
        ("晚上8点半", "20:30"),
        ("6.5", "6½"),
        ("0.5 kg", "It weighs ½ kg."),
        ("1000.25", "1,000¼"),
        ("204 kg", "| Weight (kg) | 204 |"),
        ("10 kg", "10-15 kg"),
        ("5 kg, 10 kg", "5, 10 or 15 kg"),
        ("5 m", "a hall of 5 x 10 m"),
        ("30 days", "thirty (30) days"),
        ("1,000,000 cells", "10⁶ cells"),
        ("500 euros", "500¹ euros, by the list of 2024²"),
        ("2024", "500¹ euros, by the list of 2024²"),
        ("5 m²", "5 m2"),
        ("the third edition", "3rd edition"),
        ("第三章", "第3章"),
        ("version 3.11.2", "v3.11.2"),
        ("一个问题", "a problem"),
        ("half a dozen", "6"),
        ("-5 °C", "零下五度"),
        ("between 5 and 10 days", "between five and ten days"),
        ("2,300,105", "two million three hundred thousand one hundred and five"),
        ("a 5 s delay", "a five-second delay"),
        ("a five second delay", "a delay of 5 s"),
    ],
)
def test_what_is_said_is_borne_out(claim: str, evidence: str) -> None:
    assert missing(claim, evidence) == []


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("240 kg", "204 kg"),
        ("204 lb", "204 kg"),
        ("204 kg", "204"),
        ("12 345", "rooms 12 and 345"),
        ("8 a.m.", "20:00"),
        ("second", "3rd"),
        ("5 machines", "5 March"),
        ("-5", "5"),
        ("204", "KX-204"),
        ("三个月", "三个小时"),
        ("200 kg", "1 200 kg"),
        ("106 cells", "10⁶ cells"),
        ("10 cells", "10⁶ cells"),
        ("10⁶ cells", "10⁹ cells"),
        ("5001 euros", "500¹ euros"),
        ("5 million", "1 005 million"),
        ("12 litres", "Pump 12 delivers 40 litres."),
        ("2019 tonnes", "In 2019, 38 tonnes were lifted."),
        ("12升", "12号油泵每分钟40升。"),
        ("15 days", "between five and ten days"),
        ("chapter 5", "chapters two and three"),
        ("700", "two hundred five hundred"),
        ("the seventh", "a five-second delay"),
    ],
)
def test_what_is_not_said_is_missing(claim: str, evidence: str) -> None:
    assert missing(claim, evidence)


def test_two_readings_are_both_kept() -> None:
    assert quantities("1.200")[0].readings == {"1200", "1.2"}
    assert len(quantities("03/05/2024")[0].readings) == 2


def test_quantities_can_be_taken_out() -> None:
    assert without_quantities("It weighs 204 kg.").split() == ["it", "weighs", "."]


WORDS = "1 2 300 1,200 5 March 2024 kg % 一 十 百 万 点 年 月 日 第 个 two hundred first 8:30 - – . , v $ ½"
PIECES = st.lists(st.sampled_from(WORDS.split())).map(" ".join)


@given(st.one_of(st.text(), PIECES))
def test_every_text_bears_out_itself(text: str) -> None:
    assert missing(text, text) == []


@pytest.mark.parametrize("piece", ["9", "亿", "hundred ", "1,", "百分之"])
@pytest.mark.parametrize("end", ["", "½"])
def test_endless_numerals_are_read_without_harm(piece: str, end: str) -> None:
    quantities(piece * 5000 + end)


def test_a_long_run_of_digits_is_read_in_linear_time() -> None:
    assert growth(quantities, f"é {'1' * 2_500}", f"é {'1' * 20_000}") < 20
