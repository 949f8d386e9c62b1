"""How the defaults do on our own corpus, measured half and development half apart.

    python benchmarks/handbook.py [--half measured|development] [--misses]

Prints, by group: the right document among the first 3 hits; the answer (as `rag eval` compares it: at most 3 sentences,
400 characters, 200 in Chinese) contains the gold answer; answerable questions refused; unanswerable ones abstained
from; and how many citations are the document's text at their span, to the character. Nothing is fitted on the
measured half.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from rag import Answer, Generator, Retriever, ask, ingest, load_embedder, load_reader
from rag.evaluation import tune
from rag.evaluation.answers import contains, looked_at
from rag.evaluation.dataset import Gold

CORPUS = Path(__file__).parents[1] / "corpora" / "handbook"
GROUPS = ("en", "zh", "cross", "unanswerable")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question: what was wanted, what came."""

    gold: dict[str, object]
    question: str
    found: bool
    answer: Answer
    right: bool
    exact: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("measured", "development"), default="measured")
    parser.add_argument("--misses", action="store_true", help="list what went wrong (development half only)")
    options = parser.parse_args()
    outcomes = run(options.half)
    print(table(outcomes, options.half))
    if options.misses and options.half == "development":
        for line in misses(outcomes):
            print(line)


def run(half: str) -> list[Outcome]:
    """Every question of one half, asked of a fresh index."""
    embedder = load_embedder()
    with tempfile.TemporaryDirectory() as folder:
        ingest([CORPUS / "documents"], Path(folder) / "index", embedder)
        retriever = Retriever.open(Path(folder) / "index", embedder)
        generator = Generator(load_reader())
        relevant = qrels()
        return [
            outcome(gold, question, relevant[str(gold["_id"])], retriever, generator)
            for gold, question in questions()
            if half_of(str(gold["near"])) == half
        ]


def outcome(
    gold: dict[str, object], question: str, relevant: set[str], retriever: Retriever, generator: Generator
) -> Outcome:
    answer = ask(question, retriever, generator)
    root = (CORPUS / "documents").resolve().as_posix() + "/"
    found = {place.removeprefix(root) for hit in answer.hits[:3] for place in (hit.source, *hit.copies)}
    exact = all(retriever.index.text(each.document, each.start, each.end) == each.quote for each in answer.citations)
    return Outcome(gold, question, bool(found & relevant), answer, contains(looked_at(answer), gold_of(gold)), exact)


def gold_of(line: dict[str, object]) -> Gold:
    facts = line.get("facts", [])
    assert isinstance(facts, list)
    assert isinstance(line["answers"], list)
    return Gold(tuple(line["answers"]), bool(line["answerable"]), tuple(tuple(group) for group in facts))


def questions() -> list[tuple[dict[str, object], str]]:
    texts = {line["_id"]: line["text"] for line in lines("queries.jsonl")}
    return [(gold, str(texts[gold["_id"]])) for gold in lines("answers.jsonl")]


def lines(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (CORPUS / name).read_text(encoding="utf-8").splitlines()]


def qrels() -> dict[str, set[str]]:
    relevant: dict[str, set[str]] = defaultdict(set)
    for line in (CORPUS / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, _ = line.split("\t")
        relevant[query].add(document)
    return relevant


def half_of(document: str) -> str:
    """The half that a document's questions belong to; the first is the one that `rag tune` chooses weights on."""
    return "development" if tune.half_of(document) == "development" else "measured"


def table(outcomes: list[Outcome], half: str) -> str:
    rows = [
        f"handbook, {half} half",
        "",
        "| group | questions | document in first 3 | contains gold | refused | abstained |",
        "|---|---:|---:|---:|---:|---:|",
        *(row(name, [each for each in outcomes if each.gold["group"] == name]) for name in GROUPS),
    ]
    answerable = [each for each in outcomes if each.gold["answerable"]]
    rows.append(row("all answerable", answerable))
    cited = sum(len(each.answer.citations) for each in outcomes)
    exact = sum(len(each.answer.citations) for each in outcomes if each.exact)
    return "\n".join([*rows, "", f"citations exact: {exact} of {cited}"])


def row(name: str, outcomes: list[Outcome]) -> str:
    refused = share([not each.answer.answered for each in outcomes])
    if name == "unanswerable":
        return f"| {name} | {len(outcomes)} | | | | {refused} |"
    found = share([each.found for each in outcomes])
    right = share([each.answer.answered and each.right for each in outcomes])
    return f"| {name} | {len(outcomes)} | {found} | {right} | {refused} | |"


def share(values: list[bool]) -> str:
    return f"{100 * sum(values) / len(values):.1f} %" if values else "–"


def misses(outcomes: list[Outcome]) -> list[str]:
    """One line per development question that went wrong: how, what was wanted, what came."""
    wrong = []
    for each in outcomes:
        answerable = bool(each.gold["answerable"])
        kinds = [
            ("not found", answerable and not each.found),
            ("refused", answerable and not each.answer.answered),
            ("wrong", answerable and each.answer.answered and not each.right),
            ("not abstained", not answerable and each.answer.answered),
        ]
        kind = ", ".join(name for name, true in kinds if true)
        if kind:
            shown = each.answer.text.replace("\n", " ")[:300]
            wrong.append(f"{kind} ({each.answer.confidence:.2f}) | {each.question} | {each.gold['answers']} | {shown}")
    return wrong


if __name__ == "__main__":
    main()
