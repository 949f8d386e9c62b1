"""What kind of thing a question wants, and whether a text offers one that the question does not name itself."""

from __future__ import annotations

import re

from rag.generation.mentions import identifiers, names
from rag.text.language import language
from rag.text.numbers import quantities

NUMBER, CODE, NAME, ANY = "number", "code", "name", "any"

_WANTED = (
    (
        CODE,
        r"\b(?:part (?:number|code)|code|serial number|article number|which version|what version|e-?mail|model number)\b"
        r"|编号|型号|代码|备件号|件号|版本|邮箱|番号|コード",
    ),
    (
        NUMBER,
        r"\b(?:how (?:many|much|long|often|far|high|deep|old|fast|large|big|heavy|wide|tall|soon|early|late)|when"
        r"|what (?:time|date|year|percentage|temperature|pressure|price|distance|weight|length|width|height|capacity)"
        r"|extension|phone|telephone)\b"
        r"|多少|几[个天次年月小分元度点号台人班页条步支米]|多[久长大高远重深宽快]|何时|什么时候|哪[天年月]|分机|电话|几点"
        r"|\b(?:wie ?(?:viele?|lange|oft|hoch)|wann|combien|quand|cu[aá]nt[oa]s?|cu[aá]ndo)\b|いつ|いくら|何[個人日時年回]|كم|متى",
    ),
    (
        NAME,
        r"\b(?:who|whom|whose)\b|谁|哪位|何人|誰|\b(?:wer|wem|wen|qui|qui[eé]n(?:es)?)\b|من هو",
    ),
)
_PATTERNS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _WANTED)
_UNCASED = frozenset({"zh", "ja", "ko", "th", "ar", "he", "hi"})


def kind_wanted(question: str) -> str:
    """`number` (dates and times too), `code`, `name`, or `any`."""
    return next((kind for kind, pattern in _PATTERNS if pattern.search(question)), ANY)


def offers(kind: str, text: str, question: str) -> bool:
    """Whether the text holds something of that kind beside what the question says itself."""
    if kind == NUMBER:
        named = {reading for quantity in quantities(question) for reading in quantity.readings}
        return any(not quantity.readings & named for quantity in quantities(text))
    if kind == CODE:
        return bool(set(identifiers(text)) - set(identifiers(question))) or offers(NUMBER, text, question)
    if kind == NAME and language(text) not in _UNCASED:
        return bool(set(names(text, initial=True)) - set(names(question, initial=True)))
    return True
