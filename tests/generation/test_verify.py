"""Verification fails closed: what the evidence does not say does not pass, in English and in Chinese."""

from __future__ import annotations

import pytest

from rag.generation.verify import Ground, Reason, verify

OVEN = "The Ember oven weighs 204 kg and stands in the hall next to the main door."
WINCH = "The winch must not be used above 18 knots of wind unless the harbour master, Dagny Roper, agrees."
DRYER = "青屿工场的海棠-7烘干机重一千二百公斤，链条使用NL-3润滑油，不得超过80℃。赵禾苗每季度抽查排班记录。"
MINUTES = "Minutes of the meeting of 2024-03-05"
PRICES = "Tickets cost 5 euros for children and 10 euros for adults."
EDITIONS = "The 2023 edition allows 20 days; the 2024 edition allows 25 days."


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("The Ember oven weighs 204 kg [1].", OVEN),
        ("It weighs 204 kilograms.", OVEN),
        ("The winch must not be used above 18 knots.", WINCH),
        ("Dagny Roper is the harbour master.", WINCH),
        ("海棠-7烘干机重1200公斤。", DRYER),
        ("链条使用NL-3润滑油。", DRYER),
        ("赵禾苗每季度抽查排班记录。", DRYER),
        ("The meeting was on March 5, 2024.", MINUTES),
        ("The meeting was in March 2024.", MINUTES),
        ("The 2024 edition allows 25 days.", EDITIONS),
        ("Heron weighs 7 kg.", "Ember weighs 5 kg, Heron 7 kg."),
        ("EO-3 weighs 204 kg.", "Model | Weight (kg)\n| EO-3 | 204 |"),
        ("The pump weighs no more than 5 kg.", "The pump weighs at most 5 kg."),
        ("Loads of 5 t are free.", "Loads of less than 5 t are free. Members' loads of 5 t are free, too."),
        ("The shop opens at 8:00, and it closes at 17:00.", "The shop opens at 8:00 and closes at 17:00."),
        ("Der Ofen wiegt 204 kg.", "Der Ofen wiegt 204 kg und steht in der Halle."),
        ("الفرن يزن ٢٠٤ كغ", "الفرن الأزرق يزن 204 كغ"),
        ("ポンプの重さは204キログラムです。", "ポンプの重さは204kgである。"),
    ],
)
def test_what_the_evidence_says_is_supported(claim: str, evidence: str) -> None:
    verdict = verify(claim, [Ground((1,), evidence)])
    assert (verdict.supported, verdict.evidence, verdict.problems) == (True, (1,), ())


@pytest.mark.parametrize(
    "said",
    [
        "Between 5 and 10 people work in Oslo.",
        "Tickets cost 5 euros for children and 10 euros for adults.",
        "The crane lifts 5 t and weighs 7 t.",
        "The office is open from 8:00 to 17:00 and on Saturday from 9:00 to 12:00.",
        "Zwischen 5 und 10 Leute arbeiten in Oslo.",
    ],
)
def test_what_repeats_its_evidence_is_supported_however_many_values_it_has(said: str) -> None:
    assert verify(said, [Ground((1,), f"Opening and prices:\n- **{said}** Ask at the desk.")]).supported


@pytest.mark.parametrize(
    ("reason", "claim", "evidence"),
    [
        (Reason.NUMBER, "The oven weighs 240 kg.", OVEN),
        (Reason.NUMBER, "The oven weighs 204 lb.", OVEN),
        (Reason.NUMBER, "The oven was built on 5 March 2024.", OVEN),
        (Reason.NUMBER, "海棠-7烘干机重1300公斤。", DRYER),
        (Reason.NUMBER, "海棠-7烘干机重1200克。", DRYER),
        (Reason.NUMBER, "海棠-7烘干机重一千三百公斤。", DRYER),
        (Reason.NUMBER, "The meeting was on 6 March 2024.", MINUTES),
        (Reason.NUMBER, "The pump delivers 12 litres per minute.", "Pump 12 delivers 40 litres per minute."),
        (Reason.NUMBER, "15 people work in Oslo.", "Between five and ten people work in Oslo."),
        (Reason.NAME, "The Heron oven weighs 204 kg.", OVEN),
        (Reason.NAME, "Marta Olsen is the harbour master.", WINCH),
        (Reason.NAME, "链条使用NL-4润滑油。", DRYER),
        (Reason.NAME, "The part is KX-20.", "The part is KX-204."),
        (Reason.NAME, "The part is KX-204.", "The part is KX\u2011204\u2011B."),
        (Reason.NAME, "The sign says “no entry”.", "The sign says stop."),
        (Reason.NAME, "Der Kran wiegt 204 kg.", "Der Ofen wiegt 204 kg und steht in der Halle."),
        (Reason.NEGATION, "The oven does not weigh 204 kg.", OVEN),
        (Reason.NEGATION, "The winch must be used above 18 knots.", WINCH),
        (Reason.NEGATION, "链条不使用NL-3润滑油。", DRYER),
        (Reason.NEGATION, "The tank contains oil.", "The tank does not, however, contain oil."),
        (Reason.COMPARISON, "The winch must not be used below 18 knots.", WINCH),
        (Reason.COMPARISON, "The pump weighs at least 5 kg.", "The pump weighs at most 5 kg."),
        (Reason.COMPARISON, "必须超过80℃。", DRYER),
        (Reason.COMPARISON, "Loads of 5 t are free.", "Loads of less than 5 t are free."),
        (Reason.COMPARISON, "Passwords have 12 signs.", "Passwords have twelve signs or more."),
        (Reason.COMPARISON, "Der Kran hebt 5 t.", "Der Kran hebt höchstens 5 t."),
        (Reason.COMPARISON, "吊车可吊5吨。", "吊车可吊不超过五吨。"),
        (Reason.COMPARISON, "儿童身高120厘米免票。", "儿童身高120厘米以下免票。"),
        (Reason.CONTENT, "The oven stands in the kitchen next to the main door.", OVEN),
        (Reason.CONTENT, "李明每季度抽查排班记录。", DRYER),
        (Reason.CONTENT, "서울에서 일합니다.", "부산에서 일합니다."),
        (Reason.CONTENT, "bananas ripen beside apples", OVEN),
        (Reason.BINDING, "Tickets cost 5 euros for children and 5 euros for adults.", PRICES),
        (Reason.BINDING, "Tickets cost 10 euros for children and 5 euros for adults.", PRICES),
        (Reason.BINDING, "Ember weighs 7 kg.", "Ember weighs 5 kg, Heron 7 kg."),
        (Reason.BINDING, "The 2024 edition allows 20 days.", EDITIONS),
        (Reason.BINDING, "The shop closes at 8:00.", "The shop opens at 8:00 and closes at 17:00."),
        (Reason.BINDING, "商店8:00关门。", "商店8:00开门，17:00关门。"),
        (Reason.BINDING, "Robert pays Anna 5 euros.", "Anna pays Robert 5 euros."),
        (Reason.NO_STATEMENT, "Is it 204 kg?", OVEN),
        (Reason.NO_STATEMENT, "(Does the Ember oven weigh 204 kg?)", OVEN),
        (Reason.NO_STATEMENT, "The Ember oven weighs 204 kg?!", OVEN),
        (Reason.NO_STATEMENT, "...", OVEN),
    ],
)
def test_what_the_evidence_does_not_say_is_dropped_with_its_reason(reason: Reason, claim: str, evidence: str) -> None:
    verdict = verify(claim, [Ground((1,), evidence)])
    assert not verdict.supported
    assert reason in {problem.reason for problem in verdict.problems}


@pytest.mark.parametrize(
    ("claim", "stands"),
    [
        ("BADGER W8 SLIPWAY WINCH › 2.", False),
        ("Slipway winch: badger", False),
        ("The winch Badger needs three people.", True),
    ],
)
def test_who_repeats_the_heading_alone_has_said_nothing(claim: str, stands: bool) -> None:
    heading = "BADGER W8 SLIPWAY WINCH › 2. Crew"
    verdict = verify(claim, [Ground((1,), f"{heading}\nThree people are needed.", heading)])
    assert verdict.supported is stands
    if not stands:
        assert Reason.NO_STATEMENT in {problem.reason for problem in verdict.problems}


def test_marks_are_hints_and_not_trusted() -> None:
    grounds = [Ground((1,), "Bananas ripen."), Ground((2,), OVEN)]
    assert verify("The Ember oven weighs 204 kg [1].", grounds).evidence == (2,)
    both = [Ground((1,), OVEN), Ground((2,), OVEN)]
    assert verify("The Ember oven weighs 204 kg [2].", both).evidence == (2,)


def test_without_evidence_nothing_is_supported() -> None:
    verdict = verify("The oven weighs 204 kg.", [])
    assert [problem.reason for problem in verdict.problems] == [Reason.NO_EVIDENCE]


def test_of_several_grounds_the_one_with_the_fewest_problems_says_what_is_wrong() -> None:
    near = Ground((1,), "The sign on the quay says “no entry” since 2021.")
    far = Ground((2,), "Herons breed in the reeds.")
    verdict = verify("The sign on the quay says “no entry” since 2020.", [near, far])
    assert not verdict.supported
    assert [problem.reason for problem in verdict.problems] == [Reason.NUMBER]
    assert verify("The sign on the quay says “no entry” since 2021.", [far, near]).supported
