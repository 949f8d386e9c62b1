"""Whether the files have the form that README.md describes; prints the counts it quotes.

python corpora/polyglot/check.py
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from polyglot import Organisation, organisations

PAPERS, QUESTIONS = 9, 12
LONGEST_ANSWER = 120
_MARK = re.compile(r"(?m)^(?:### (?:DOC|QUESTIONS)|\? [a-z]{2} |= )")


def main() -> int:
    found = organisations()
    problems = [problem for one in found for problem in damage(one)]
    print("\n".join([*problems, *counts(found)]))
    return 1 if problems else 0


def damage(one: Organisation) -> Iterator[str]:
    """What is wrong with an organisation, a line each."""
    if len(one.papers) != PAPERS or len({paper.document.id for paper in one.papers}) != PAPERS:
        yield f"{one.name}: {len(one.papers)} papers"
    asked = Counter(question.text for paper in one.papers for question in paper.questions)
    yield from (f"{one.name}: asked {count} times: {text}" for text, count in asked.items() if count > 1)
    for paper in one.papers:
        if len(paper.questions) != QUESTIONS or _MARK.search(paper.document.text):
            yield f"{one.name}: {paper.document.text[:40]!r} has {len(paper.questions)} questions, or marks in its text"
        for question in paper.questions:
            for answer in question.answers:
                if answer not in paper.document.text or len(answer) > LONGEST_ANSWER:
                    yield f"{one.name}: not a substring, or too long: {answer!r}"


def counts(found: list[Organisation]) -> Iterator[str]:
    """The table of README.md."""
    papers = [paper for one in found for paper in one.papers]
    asked = [(paper, question) for paper in papers for question in paper.questions]
    spoken = Counter(paper.language for paper in papers)
    yield f"{len(found)} organisations, {sum(one.held_out for one in found)} held out; {len(papers)} papers"
    yield "papers: " + ", ".join(f"{language} {count}" for language, count in spoken.most_common())
    for title, wanted in (("with an answer", True), ("without", False)):
        some = [(paper, question) for paper, question in asked if bool(question.answers) == wanted]
        foreign = sum(paper.language != question.language for paper, question in some)
        yield f"questions {title}: {len(some)}, {foreign} in another language than their paper"


if __name__ == "__main__":
    sys.exit(main())
