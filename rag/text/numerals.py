"""Numbers written as words or signs, rewritten in digits: «twenty-five», 一千二百, 百分之三, 6½."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# ---------------------------------------------------------------- English words

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
}  # fmt: skip
_VALUES = {word: at for at, word in enumerate(_ONES.split())} | {
    word: 10 * at for at, word in enumerate(_TENS.split(), start=2)
}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_number_word = "|".join(sorted([*_VALUES, *_SCALES], key=len, reverse=True))
_ordinal_word = "|".join(sorted(_ORDINALS, key=len, reverse=True))
_english = re.compile(
    r"(?<![\w-])(?<![0-9] )(?:a (?=hundred|thousand|million))?"
    rf"(?P<run>(?:{_number_word})(?:(?:[ -]| and )(?:{_number_word}))*)"
    # «twenty-first», «hundred and first»; but «a five second delay».
    rf"(?:(?:(?<=ty|ed|nd|on)[ -]|(?<=ed|nd|on) and )(?P<th>{_ordinal_word})|(?P<unit>[ -]second))?(?!\w)"
    rf"|(?<![\w-])(?!(?<=[0-9] )second)(?P<ordinal>{_ordinal_word})(?![\w,])"
    r"|(?<![\w-])(?P<dozen>(?:a |half a )?dozen)(?!\w)"
)
# «one» alone is a pronoun more often than a number, unless something is measured.
_one = re.compile(
    r"(?<![\w-])one(?=[ -](?:second|minute|hour|day|week|month|year|per ?cent|kilo|metre|meter|litre|liter))"
)
_GAP = re.compile(r" and |[ -]")
# Longer runs are nobody's number, and would only cost time.
_LONGEST_RUN = 16


def _words_to_digits(match: re.Match[str]) -> str:
    if match["dozen"]:
        return "6" if match["dozen"].startswith("half") else "12"
    if match["ordinal"]:
        return f"{_ORDINALS[match['ordinal']]}th"
    words, gaps = _GAP.split(match["run"]), _GAP.findall(match["run"])
    if len(words) > _LONGEST_RUN:
        return match.group()
    said = [""]
    while words:
        count = _first_number(words, gaps)
        said += [words[0] if words[:count] == ["one"] else str(_english_value(words[:count])), *gaps[count - 1 : count]]
        words, gaps = words[count:], gaps[count:]
    if match["th"]:
        said[-1] = f"{int(said[-1]) + _ORDINALS[match['th']]}th"
    return "".join(said) + (match["unit"] or "")


def _first_number(words: Sequence[str], gaps: Sequence[str]) -> int:
    """How many of the words make up one number: all of «two hundred and five», one of «five and ten»."""
    least, in_thousands, in_hundreds = 10**12, 0, 0  # the last scale from a thousand on, how many words go up to it
    for at, word in enumerate(words):
        scale = _SCALES.get(word, 0)
        joined = not at or gaps[at - 1] != " and " or (words[at - 1] in _SCALES and not scale)
        if not joined or (at and not scale and not _follows(words[at - 1], word)):
            return at
        if scale == 100:
            if in_hundreds:
                return in_hundreds
            in_hundreds = at + 1
        elif scale:
            if scale >= least:
                return in_thousands
            least, in_thousands, in_hundreds = scale, at + 1, 0
    return len(words)


def _follows(before: str, word: str) -> bool:
    """Whether a word below a hundred goes on with the number that ends in the word before it."""
    return _VALUES[word] > 0 and (before in _SCALES or (before.endswith("ty") and _VALUES[word] < 10))


def _english_value(words: Sequence[str]) -> int:
    total, current = 0, 0
    for word in words:
        scale = _SCALES.get(word, 0)
        if scale == 100:
            current = (current or 1) * 100
        elif scale:
            total += (current or 1) * scale
            current = 0
        else:
            current += _VALUES[word]
    return total + current


# ---------------------------------------------------------------- Chinese and Japanese numerals

_HAN_DIGITS = {sign: at for at, sign in enumerate("零一二三四五六七八九")} | {
    "〇": 0, "两": 2, "兩": 2, "壹": 1, "贰": 2, "叁": 3, "肆": 4, "伍": 5, "陆": 6, "柒": 7, "捌": 8, "玖": 9,
}  # fmt: skip
_HAN_SCALES = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_HAN_MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_han_sign = "".join([*_HAN_DIGITS, *_HAN_SCALES, *_HAN_MYRIADS])
_COUNTED = (
    "个個名人位台只件条张次种层楼年月日号天周时分秒小钟岁级元块公千厘毫米吨克升度倍项间所家座辆艘架本章节页届期期轮步点成"
    "円人匹冊回階歳時度工半"
)
_han = re.compile(
    rf"(?P<percent>百分之)(?P<share>[0-9]+(?:\.[0-9]+)?|[{_han_sign}]+(?:点[{_han_sign}]+)?)"
    rf"|(?P<tenths>[一二三四五六七八九])成(?![为立员功长本分绩果就份交])"
    rf"|(?<![0-9])(?<!星期)(?<!礼拜)(?<!周)(?<![{_han_sign}])(?P<nth>第)?(?P<run>[{_han_sign}]+(?:点[{_han_sign}]+)?)(?P<next>.?)",
    re.DOTALL,
)
# Words that only look like numbers.
_NOT_COUNTED = {"十分", "万一", "千万", "一一", "百万一", "三千万里"}
_VAGUE = set("些般样直起定旦切下致种边面时")
_mixed = re.compile(
    r"(?P<big>[0-9]{1,9}(?:\.[0-9]{1,9})?)(?P<scale>[万萬亿億])(?P<rest>[0-9]{1,9})(?P<unit>千|百)?(?![0-9])"
)


def _han_to_digits(match: re.Match[str]) -> str:
    if len(match["run"] or match["share"] or "") > _LONGEST_RUN:
        return match.group()
    if match["percent"]:
        return f"{_han_value(match['share'])}%"
    if match["tenths"]:
        return f"{_HAN_DIGITS[match['tenths']]}0%"
    run, following, nth = match["run"], match["next"], match["nth"]
    if not nth and (run + following in _NOT_COUNTED or run in _NOT_COUNTED):
        return match.group()
    if not nth and len(run) == 1:
        if run in "百千佰仟" or run in _HAN_MYRIADS:
            return match.group()
        if following not in _COUNTED or (run == "一" and (following in _VAGUE or following in "个個种位")):
            return match.group()
    return f"{nth or ''}{_han_value(run)}{following}"


def _han_value(run: str) -> str:
    """The digits of a numeral: by place (一千二百), by sign (二〇二四), with a decimal point (三点五)."""
    if run[0].isascii():
        return run
    whole, _, decimals = run.partition("点")
    tail = "." + "".join(str(_HAN_DIGITS.get(sign, "")) for sign in decimals) if decimals else ""
    if len(whole) > 1 and all(sign in _HAN_DIGITS for sign in whole):
        return "".join(str(_HAN_DIGITS[sign]) for sign in whole) + tail
    return str(_han_places(whole)) + tail


def _han_places(run: str) -> int:
    total = section = digit = 0
    last = 1
    for sign in run:
        if sign in _HAN_DIGITS:
            digit = _HAN_DIGITS[sign]
            # 二百零五 is 205, 二百五 is 250: a zero ends what the place before it says.
            last = last if digit else 10
        elif sign in _HAN_SCALES:
            last = _HAN_SCALES[sign]
            section += (digit or 1) * last
            digit = 0
        else:
            last = _HAN_MYRIADS[sign]
            total = (total + section + digit or 1) * last
            section = digit = 0
    return total + section + digit * (last // 10 if last > 10 else 1)


def _mixed_value(match: re.Match[str]) -> str:
    """3万5千 → 35000, 1亿2000万 stays apart."""
    scale = _HAN_MYRIADS[match["scale"]]
    rest = int(match["rest"]) * _HAN_SCALES.get(match["unit"] or "", 1)
    value = float(match["big"]) * scale + rest
    return str(int(value)) if value == int(value) else match.group()


# ---------------------------------------------------------------- fractions

_vulgar = re.compile(r"(?P<whole>(?<=[0-9])[ \u00a0\u2009]?)?(?P<sign>[¼-¾⅐-⅞])")


def _decimal(match: re.Match[str]) -> str:
    decimals = f"{unicodedata.numeric(match['sign']):.4f}".rstrip("0")
    return decimals if match["whole"] is None else decimals.removeprefix("0")


def fractions_to_decimals(text: str) -> str:
    """6½ → 6.5; to be done before NFKC, which would make it 61⁄2."""
    return text if text.isascii() else _vulgar.sub(_decimal, text)


_raised = re.compile(r"(?<=[0-9])[⁰¹²³⁴-⁹]+")


def raised_to_carets(text: str) -> str:
    """10⁶ → 10^6, 500¹ → 500^1; to be done before NFKC, which would make them 106 and 5001."""
    return text if text.isascii() else _raised.sub(lambda match: f"^{unicodedata.normalize('NFKC', match[0])}", text)


def numerals_to_digits(text: str) -> str:
    """A light-folded text with number words of English, Chinese and Japanese in digits."""
    if not text.isascii():
        text = _mixed.sub(_mixed_value, _han.sub(_han_to_digits, text))
    return _english.sub(_words_to_digits, _one.sub("1", text))
