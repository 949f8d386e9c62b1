"""What a sentence on several documents must be borne out by: each of them, in what it is said to say.

Verified against one text alone, «in both editions 25 days» would stand where only one says so; against both texts at
once, «2023: 27 days, 2024: 25 days» where it is the other way round.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, product

from rag.generation.align import Group
from rag.generation.evidence import Evidence
from rag.generation.units import Unit
from rag.generation.verify import Ground, Verdict, verify
from rag.text.fold import light
from rag.text.terms import content_words, terms

_CLAUSE = re.compile(
    r"[,;:]\s|[，、；：。]|\s(?:and|but|while|whereas|und|aber|während|et|mais|tandis que|y|pero|mientras que)\s"
)
# What is said of several documents at once: «in both editions», «unchanged».
_TOGETHER = re.compile(
    r"\b(?:both|same|unchanged|unaltered|identical\w*|alike|equal\w*|likewise|similarly|consistent\w*|common|constant"
    r"|all|each|every|either|neither|still|remain\w*|(?:no|not|never|without) (?:any )?(?:chang|differ)\w*|as before"
    r"|agree\w*|across|throughout|two (?:editions|documents|texts|versions|years|policies)"
    r"|beide\w*|gleich\w*|[dn]?(?:er|ie|as|em|en)selben?|identisch\w*|unverändert\w*|alle[nrms]?|jede\w*|jeweils|ebenso"
    r"|ebenfalls|weiterhin|übereinstimm\w*|nach wie vor|les deux|mêmes?|identiques?|inchangée?s?|tou[ts]|toutes?|chaque"
    r"|pareil\w*|égale\w*|toujours|ambos|ambas|los dos|las dos|mism[oa]s?|igual\w*|idéntic\w*|sin cambios|tod[oa]s?"
    r"|cada|sigue\w*)\b"
    r"|两(?:者|个|份|版|部|篇|种)|二者|双方|均|都|皆|相同|一样|一致|同样|不变|未变|没有变|无变化|仍|依然|所有|全部|各"
)


def says_together(claim: str, told: Sequence[Unit]) -> bool:
    """Whether a claim says something of several documents at once, in words that the units themselves do not have."""
    said = Counter(_TOGETHER.findall(light(claim)))
    return bool(said - Counter(_TOGETHER.findall(light(" ".join(unit.grounds for unit in told)))))


def on_every_side(
    verdict: Verdict, groups: Sequence[Group], grounds: Sequence[Ground], evidence: Sequence[Evidence]
) -> Verdict:
    """A verdict on what is said of all documents: each must bear it out alone, in what it says on the same thing."""
    cited = {evidence[number - 1].unit for number in verdict.evidence}
    told = [group for group in groups if any(unit in cited for own in group for unit in own)]
    numbers: list[int] = []
    for side in zip(*told, strict=True):
        units_of_side = {unit for own in side for unit in own}
        own = [ground for ground in grounds if all(evidence[n - 1].unit in units_of_side for n in ground.evidence)]
        alone = verify(verdict.claim, own)
        if not alone.supported:
            return replace(verdict, supported=False, evidence=())
        numbers += alone.evidence
    return replace(verdict, evidence=tuple(numbers))


def pairs_of(groups: Sequence[Group], evidence: Sequence[Evidence]) -> dict[tuple[Unit, Unit], tuple[int, int]]:
    """Each two units of different documents that are of one thing, with their numbers in the prompt."""
    numbers = {each.unit: number for number, each in enumerate(evidence, start=1)}
    return {
        (one, other): (numbers[one], numbers[other])
        for group in groups
        for own, others in combinations(group, 2)
        for one, other in product(own, others)
        if one in numbers and other in numbers
    }


def borne_out_by_each(claim: str, one: Unit, other: Unit) -> bool:
    """Whether a claim that sets two documents against each other gives each its own.

    Each of its clauses must name one of them, by a word of its title that the other's has not, and be borne out by that
    one alone; or be borne out by both, as one that says «the same» must in any case. «From 25 to 27 days» names
    neither: it could be either way round.
    """
    titles = [frozenset(terms(unit.title)) for unit in (one, other)]
    marks = (titles[0] - titles[1], titles[1] - titles[0])
    clauses = [clause for clause in _CLAUSE.split(claim) if content_words(clause)]
    named = set[Unit]()
    for clause in clauses:
        said = set(terms(clause))
        told = [unit for unit, own in zip((one, other), marks, strict=True) if said & own]
        alone = len(told) == 1 and not says_together(clause, told)
        for unit in told if alone else (one, other):
            if not verify(clause, [Ground((1,), unit.grounds)]).supported:
                return False
        named.update(told)
    return len(named) == 2
