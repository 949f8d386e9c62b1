"""Whether a sentence says only what its evidence says. Fails closed: what cannot be checked is not supported.

A sentence stands when one ground (a unit of evidence with its headings, or two units that follow each other) bears
out each of: its numbers with their units, dates, identifiers, names and quoted terms; its negation; the direction
of its comparisons; and enough of its content words, none of them exchanged for another. Marks like [2] that a model
writes are hints where to look first, no more.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from rag.generation.inert import inert, markup
from rag.generation.mentions import NOUN_CAPITALS, closed_up, identifiers, names, quoted, stands_alone
from rag.generation.polarity import directions, is_negated, neutral, without_limits
from rag.text.fold import fold
from rag.text.language import language
from rag.text.numbers import Quantity, borne_out, quantities, units, without_quantities
from rag.text.sentences import sentences
from rag.text.terms import content_words, terms
from rag.text.units import MONTHS

ENOUGH_WORDS = 0.7
"""Share of a sentence's content words that its ground must hold."""
ENOUGH_SIGNS = 0.6
"""The same of bigrams, in scripts without spaces."""
ENOUGH_UNCASED = 0.85
"""Where names have no capital letters (Arabic, Hebrew, Hindi …), fewer unknown words may pass."""

_MARK = re.compile(r"(?:(?<!\s)\s+)?(?:\[[0-9]{1,3}(?:\s*[,;–-]\s*[0-9]{1,3})*\]|【[0-9]{1,3}】)")
_CLOSERS = "\"'”’»)]）」』*_`!！"
_HINT = re.compile(r"[0-9]{1,3}")
_CLAUSE = re.compile(
    r"(?<![,，、;；:：()（）。.!！?？\n])[,，、;；:：()（）。.!！?？\n]+\s|[，、；：（）。！？]"
    r"|\s(?:and|but|while|whereas|unless|although|because|when|which|who|und|aber|et|mais|y|pero)\s"
)
_WORD = re.compile(r"\w+")
_NOVEL = re.compile(r"[\u30a1-\u30fa\u3400-\u9fff\uf900-\ufaff]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]{2,}")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_UNCASED = re.compile(r"[\u0590-\u08ff\u0900-\u0dff]")
# Signs that build a Chinese sentence without adding to what it says.
_BUILDING = set(
    "的是了在和与及为有由于等个这该其并而则就也都还可以将对从到中上下时需要会被把给让向按照据根如果因所它他她们您你我请内外后前得着过"
    "之者以便即且或但一二三四五六七八九十百千万零年月日號号分钟小点半间应当须必能够使用进行通知称叫做说明答案文档资料显示"
)


class Reason(enum.StrEnum):
    """Why a sentence is not supported."""

    NO_EVIDENCE = "no evidence"
    NO_STATEMENT = "no statement"
    NUMBER = "number"
    NAME = "name"
    NEGATION = "negation"
    COMPARISON = "comparison"
    CONTENT = "content"
    BINDING = "binding"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a sentence says and its evidence does not; `detail` is what."""

    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ground:
    """Text that may bear out a sentence, and the numbers of the evidence that it is made of.

    `heading` is the part of it that says what the rest is about: who repeats that alone has said nothing.
    """

    evidence: tuple[int, ...]
    text: str
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`supported` by the evidence of these numbers, or not, for these reasons (of the ground that comes closest)."""

    claim: str
    supported: bool
    evidence: tuple[int, ...] = ()
    problems: tuple[Problem, ...] = ()


def verify(sentence: str, grounds: Sequence[Ground]) -> Verdict:
    """The verdict on one sentence; `claim` is the sentence without its marks.

    Grounds are tried in their order, those that the sentence's marks name before the others.
    """
    claim = claim_of(sentence)
    if not _is_statement(claim):
        return Verdict(claim, supported=False, problems=(Problem(Reason.NO_STATEMENT, claim),))
    shown = inert(claim)
    closest: tuple[Problem, ...] = (Problem(Reason.NO_EVIDENCE),)
    for at, ground in enumerate(_hinted_first(sentence, grounds)):
        # What is shown is held to the same: a «not» in a comment is taken out with it.
        problems = tuple(_problems(claim, ground)) or tuple(_problems(shown, ground) if shown != claim else ())
        if not problems:
            return Verdict(claim, supported=True, evidence=ground.evidence)
        if at == 0 or len(problems) < len(closest):
            closest = problems
    return Verdict(claim, supported=False, problems=closest)


def claim_of(sentence: str) -> str:
    """The sentence without its marks."""
    return _MARK.sub("", sentence).strip()


def _is_statement(claim: str) -> bool:
    """Questions and bare signs claim nothing that could be borne out."""
    return bool(content_words(claim)) and claim.rstrip(_CLOSERS)[-1:] not in ("?", "？", "؟")


def _hinted_first(sentence: str, grounds: Sequence[Ground]) -> list[Ground]:
    hints = {int(number) for mark in _MARK.findall(sentence) for number in _HINT.findall(mark)}
    return sorted(grounds, key=lambda ground: not hints & set(ground.evidence))


def _problems(claim: str, ground: Ground) -> Iterator[Problem]:
    yield from _titles(claim, ground.heading)
    for check in (_numbers, _names, _addresses, _polarity, _content, _binding):
        yield from check(claim, ground.text)


def _titles(claim: str, heading: str) -> Iterator[Problem]:
    titles = set(terms(heading))
    if titles and all(titles.intersection(forms) for forms in content_words(without_quantities(claim))):
        yield Problem(Reason.NO_STATEMENT, heading)


# ---------------------------------------------------------------- numbers and names


def _numbers(claim: str, ground: str) -> Iterator[Problem]:
    given, named = quantities(ground), units(ground)
    limited = directions(claim).keys() & {"up", "down"}
    exact = given if limited else quantities(without_limits(ground))
    for quantity in quantities(claim):
        if not borne_out(quantity, given, named):
            yield Problem(Reason.NUMBER, quantity.surface)
        elif not borne_out(quantity, exact, named):  # «5 t» is not what «less than 5 t» says
            yield Problem(Reason.COMPARISON, quantity.surface)


def _names(claim: str, ground: str) -> Iterator[Problem]:
    closed = closed_up(ground)
    held = {*identifiers(ground), *(closed_up(word) for word in re.findall(r"\S+", ground))}
    for identifier in identifiers(claim):
        # A code must stand by itself: KX-20 is not borne out by KX-204.
        if identifier not in held and not stands_alone(identifier, ground):
            yield Problem(Reason.NAME, identifier)
    known = set(terms(ground)) | set(fold(ground).split())
    months = MONTHS if any(quantity.kind == "date" for quantity in quantities(claim)) else {}
    for name in names(claim, initial=True):
        if name in months:
            continue
        if name not in known and not known & {form for forms in content_words(name) for form in forms}:
            yield Problem(Reason.NAME, name)
    for term in quoted(claim):
        if term not in closed:
            yield Problem(Reason.NAME, term)


def _addresses(claim: str, ground: str) -> Iterator[Problem]:
    """A link leads where the ground says, to the letter: what is put into an address is how data are carried away."""
    held = set(markup(ground))
    for each in markup(claim):
        if each not in held:
            yield Problem(Reason.NAME, each)


# ---------------------------------------------------------------- negation and comparison


def _polarity(claim: str, ground: str) -> Iterator[Problem]:
    given = directions(ground)
    for direction in directions(claim):
        if not given[direction]:
            yield Problem(Reason.COMPARISON, direction)
    if is_negated(claim) != _nearest_is_negated(claim, ground):
        yield Problem(Reason.NEGATION, "negated" if is_negated(claim) else "not negated")


def _nearest_is_negated(claim: str, ground: str) -> bool:
    """Whether the part of the ground that the claim repeats is negated. In doubt: the opposite of the claim."""
    own = _forms(claim)
    negative = positive = 0
    for sentence in _sentences(ground):
        clauses = _clauses(sentence)
        if any(is_negated(clause) and len(_forms(clause)) < 2 for clause in clauses):
            # «does not, however, hold»: the negation reaches beyond its clause.
            clauses = [sentence]
        for clause in clauses:
            shared = len(own & _forms(clause))
            if is_negated(clause):
                negative = max(negative, shared)
            else:
                positive = max(positive, shared)
    if negative == positive:
        return negative > 0 and not is_negated(claim)
    return negative > positive


def _sentences(text: str) -> list[str]:
    return [text[span.start : span.end] for span in sentences(text)] or [text]


def _clauses(sentence: str) -> list[str]:
    return [clause for clause in _CLAUSE.split(sentence) if clause and clause.strip()] or [sentence]


def _forms(text: str) -> set[str]:
    return {forms[0] for forms in content_words(text)}


# ---------------------------------------------------------------- content


def _content(claim: str, ground: str) -> Iterator[Problem]:
    known = set(terms(ground))
    # Numbers, units and directions have been compared by what they mean, not by how they are spelled.
    said = neutral(without_quantities(claim))
    words = content_words(said)
    strange = [forms for forms in words if not known.intersection(forms) and not _has_kin(forms[0], known)]
    if words and 1 - len(strange) / len(words) < _enough(claim):
        yield Problem(Reason.CONTENT, " ".join(forms[0] for forms in strange))
    novel = _novel_signs(said, ground)
    if novel:
        yield Problem(Reason.CONTENT, novel)
    exchanged = _exchanged(words, ground, known)
    if exchanged:
        yield Problem(Reason.CONTENT, exchanged)


def _enough(claim: str) -> float:
    if _UNSPACED.search(claim):
        return ENOUGH_SIGNS
    return ENOUGH_UNCASED if _UNCASED.search(claim) else ENOUGH_WORDS


def _novel_signs(claim: str, ground: str) -> str:
    """Chinese characters, katakana and Korean words that the ground lacks: names have no capital letters there."""
    have = fold(ground)
    signs = {sign for sign in _NOVEL.findall(fold(claim)) if sign not in _BUILDING and sign not in have}
    words = {
        word for word in _HANGUL.findall(claim) if not any(word[at : at + 2] in have for at in range(len(word) - 1))
    }
    return "".join(sorted(signs)) + " ".join(sorted(words))


def _exchanged(words: Sequence[tuple[str, ...]], ground: str, known: set[str]) -> str:
    """Words of the claim that stand where the ground has another («in the kitchen» for «in the hall»)."""
    claimed = [next((form for form in forms if form in known), forms[0]) for forms in words]
    own = set(claimed)
    for sentence in _sentences(ground):
        given = [next((form for form in forms if form in own), forms[0]) for forms in content_words(sentence)]
        if len(own & set(given)) * 2 < len(own):
            continue
        for tag, a, b, c, d in SequenceMatcher(None, claimed, given, autojunk=False).get_opcodes():
            put = [word for word in claimed[a:b] if word not in known and word.isalpha()]
            lost = [word for word in given[c:d] if word not in own and word.isalpha()]
            put = [word for word in put if not any(_akin(word, other) for other in lost)]
            if tag == "replace" and put and lost and not any(_UNSPACED.search(word) for word in put):
                return " ".join(put)
    return ""


def _has_kin(word: str, known: set[str]) -> bool:
    return word.isalpha() and not _UNSPACED.search(word) and any(_akin(word, other) for other in known)


def _akin(word: str, other: str) -> bool:
    """weight and weigh: words with the same beginning, that stemming keeps apart."""
    shared = next(
        (at for at, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other))
    )
    return shared >= 4 and shared >= 0.6 * max(len(word), len(other))


# ---------------------------------------------------------------- which number belongs to what


def _binding(claim: str, ground: str) -> Iterator[Problem]:
    """«A weighs 5 kg, B 7 kg» does not bear out «A weighs 7 kg», though every word of it is there.

    What stands in the ground word for word binds as the ground does, however many values it has.
    """
    if _in_words(claim) in _in_words(ground):
        return
    clauses = [_Clause.of(clause) for sentence in _sentences(ground) for clause in _clauses(sentence)]
    parts = dict.fromkeys([claim, *_clauses(claim)])  # a part by itself, too: «5 euros for children and 5 for adults»
    astray = (quantity.surface.strip() for part in parts for quantity in _astray(_Clause.of(part), clauses))
    yield from (Problem(Reason.BINDING, surface) for surface in dict.fromkeys(astray))

    people = list(dict.fromkeys(names(claim, initial=True)))
    if len(people) > 1 and language(claim) not in NOUN_CAPITALS and not _in_order(people, ground):
        yield Problem(Reason.BINDING, " ".join(people))


@dataclass(frozen=True, slots=True)
class _Clause:
    """What a clause, or `several` in one, says of which values."""

    words: set[str]
    directions: set[str]
    quantities: list[Quantity]
    several: bool

    @classmethod
    def of(cls, text: str) -> _Clause:
        return cls(_forms(text), set(directions(text)), quantities(text), len(_clauses(text)) > 1)


def _astray(part: _Clause, clauses: Sequence[_Clause]) -> Iterator[Quantity]:
    """The quantities of a part of a claim with which the ground's clauses say something else than the part does."""
    for quantity in part.quantities:
        holding = [clause for clause in clauses if borne_out(quantity, clause.quantities)]
        rivals = [
            clause
            for clause in clauses
            if not borne_out(quantity, clause.quantities) and _rivals(quantity, clause.quantities)
        ]
        if not holding or not rivals:
            continue
        best = max(holding, key=lambda clause: len(part.words & clause.words))
        if any(_says_rather(part, rival, best, quantity) for rival in rivals):
            yield quantity


def _says_rather(part: _Clause, rival: _Clause, best: _Clause, quantity: Quantity) -> bool:
    """Whether a rival says what the part says, and the best clause with its quantity does not."""
    # «opens at 8:00 and closes at 17:00» has the words of both: each of its clauses is looked at alone.
    if part.several and any(borne_out(other, part.quantities) for other in rival.quantities):
        return False
    more, less = part.words & rival.words - best.words, part.words & best.words - rival.words - _digits(quantity)
    return len(more) > len(less) or bool(part.directions & rival.directions - best.directions)


def _in_words(text: str) -> str:
    """The words of a text in their order, folded, whatever stands between them."""
    return f" {' '.join(_WORD.findall(fold(text)))} "


def _in_order(people: Sequence[str], ground: str) -> bool:
    """Whether the names occur in this order: who pays whom is told by nothing else that can be checked."""
    folded = fold(ground)
    at = 0
    for name in people:
        at = folded.find(name, at) + len(name)
        if at < len(name):
            return False
    return True


def _rivals(quantity: Quantity, given: Sequence[Quantity]) -> bool:
    """Whether a clause has another value of the same sort."""
    return any(other.kind == quantity.kind and other.units == quantity.units for other in given)


def _digits(quantity: Quantity) -> set[str]:
    return set(terms(quantity.surface))
