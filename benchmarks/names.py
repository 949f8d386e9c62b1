"""Documents that only their paths tell apart: does search, and an answer, come from the one that the question names?

    python benchmarks/names.py [--weights 0 2 4 7 10] [--answers]

Made by rule: an agreement for each of 60 customers, a report for each quarter of six years, minutes in Chinese for each
month of three. Those of a kind differ in numbers alone, and nowhere in a text stands whose or of when it is. Each
question names one and asks for one of its numbers. Prints, by the weight `named` (`rag.retrieval.fuse`), how often the
first hit, and one of the first five, is the passage of that document; with `--answers` how often the first quote is,
and how many are refused.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag import Answer, Generator, Index, Retriever, ask, ingest, load_embedder, load_reader
from rag.retrieval.fuse import Fusion

K = 5
CUSTOMERS = [
    "Abelard", "Borough", "Calder", "Dunmore", "Elmgate", "Farrow", "Glenfield", "Harrowby", "Inverleith", "Jessop",
    "Kilbride", "Lathom", "Merrivale", "Northam", "Oakhurst", "Penrose", "Quarmby", "Ridgeway", "Selwyn", "Thornbury",
    "Ullswater", "Vantage", "Wexcombe", "Yarrow", "Zennor", "Ashdown", "Brackley", "Corfe", "Delamere", "Eastwell",
    "Fenwick", "Goodrich", "Hadleigh", "Iffley", "Kelham", "Lindale", "Marwood", "Netherby", "Orford", "Pembury",
    "Rosedale", "Stanwick", "Tilbury", "Upwood", "Vernham", "Wigmore", "Ansley", "Birdwell", "Copley", "Danby",
    "Elstow", "Frodsham", "Gisburn", "Hexton", "Ilkley", "Kersey", "Langdale", "Mickleton", "Newbold", "Ormsby",
]  # fmt: skip
AGREEMENT = {
    "Notice": (
        "Either party may end this agreement by giving {} days' notice in writing.",
        "What is the notice period in the {} agreement?",
    ),
    "Payment": (
        "Invoices are payable within {} days of receipt, without deduction.",
        "Within how many days does {} have to pay an invoice?",
    ),
    "Liability": (
        "The supplier's liability is limited to {} thousand pounds in any year.",
        "How high is the liability cap towards {}?",
    ),
    "Support": (
        "Faults are answered within {} hours on working days.",
        "How fast do faults at {} have to be answered?",
    ),
    "Audit": ("The customer may inspect the supplier's records {} times a year.", "{}一年可以查几次供应商的账？"),
    "Data": (
        "Personal data is erased {} weeks after the agreement has ended.",
        "{}的合同结束后，个人数据多久删除？",
    ),
}
REPORT = {
    "Revenue": ("Revenue of the group came to {} million crowns.", "What was the group's revenue in {}?"),
    "Staff": (
        "On the last day {} people worked for the group.",
        "How many people did the group employ at the end of {}?",
    ),
    "Debt": ("Loans that were outstanding stood at {} million crowns.", "How much did the group owe in {}?"),
}
MINUTES = {
    "出勤": ("本次会议共有{}人参加，缺席者均已请假。", "{}的会议有多少人参加？"),
    "预算": ("会议同意拨款{}万元用于更换设备。", "{}的会议批准了多少设备款？"),
    "培训": ("当月组织安全培训{}场。", "How many safety trainings were held according to the minutes of {}?"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the path of the document that it names, and what the right passage says."""

    kind: str
    question: str
    path: str
    says: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=float, nargs="+", default=[0, 2, 4, 7, 10])
    parser.add_argument("--answers", action="store_true")
    options = parser.parse_args()
    embedder = load_embedder()
    with tempfile.TemporaryDirectory() as folder:
        asked = list(made(Path(folder) / "documents"))
        ingest([Path(folder) / "documents"], Path(folder) / "index", embedder)
        with Index.open(Path(folder) / "index", embedder=embedder) as index:
            said = "first quote right, another, refused" if options.answers else f"first, of {K}"
            print(f"| weight | {' | '.join(f'{kind}: {said}' for kind in kinds(asked))} |")
            print("|---:|" + "---|" * len(kinds(asked)))
            generator = Generator(load_reader())
            for weight in options.weights:
                retriever = Retriever(index, embedder, fusion=Fusion(named=weight))
                if options.answers:
                    answers = {each: ask(each.question, retriever, generator) for each in asked}
                    columns = [verdicts(answers, kind) for kind in kinds(asked)]
                else:
                    places = {each: place(retriever, each) for each in asked}
                    columns = [shares(places, kind) for kind in kinds(asked)]
                print(f"| {weight:g} | {' | '.join(columns)} |", flush=True)


def made(folder: Path) -> Iterator[Asked]:
    """Write the documents; the questions about them, two of each document."""
    chance = random.Random(7)
    quarters = [
        (f"reports/{year} Q{number}.txt", f"Q{number} {year}") for year in range(2019, 2025) for number in range(1, 5)
    ]
    months = [
        (f"会议纪要/{year}年{month}月.md", f"{year}年{month}月") for year in range(2022, 2025) for month in range(1, 13)
    ]
    agreements = [(f"customers/{name}/service-agreement.md", name) for name in CUSTOMERS]
    for kind, clauses, named in (
        ("agreements", AGREEMENT, agreements),
        ("reports", REPORT, quarters),
        ("minutes", MINUTES, months),
    ):
        for path, name in named:
            said = {title: clause.format(chance.randint(2, 400)) for title, (clause, _) in clauses.items()}
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            text = "\n\n".join(f"## {title}\n\n{sentence}" for title, sentence in said.items())
            (folder / path).write_text(f"# {kind}\n\n{text}\n", encoding="utf-8")
            for title in chance.sample(sorted(clauses), 2):
                yield Asked(kind, clauses[title][1].format(name), path, said[title])


def place(retriever: Retriever, asked: Asked) -> int:
    """The place, from 1, of the passage that was asked for among the first hits; 0 where it is not there."""
    hits = enumerate(retriever.retrieve(asked.question, K), start=1)
    right = (rank for rank, hit in hits if hit.source.endswith(asked.path) and asked.says in hit.text)
    return next(right, 0)


def kinds(asked: list[Asked]) -> list[str]:
    return list(dict.fromkeys(each.kind for each in asked))


def shares(places: dict[Asked, int], kind: str) -> str:
    """How many of a kind come first, and are there at all."""
    found = [place for each, place in places.items() if each.kind == kind]
    return f"{found.count(1)} and {len(found) - found.count(0)} of {len(found)}"


def verdicts(answers: dict[Asked, Answer], kind: str) -> str:
    """Of a kind: how many answers begin with the sentence that was asked for, or another, and how many are refused."""
    own = {each: answer for each, answer in answers.items() if each.kind == kind}
    given = {each: answer.citations[0] for each, answer in own.items() if answer.answered}
    right = [each for each, first in given.items() if first.source.endswith(each.path) and first.quote == each.says]
    return f"{len(right)}, {len(given) - len(right)}, {len(own) - len(given)} of {len(own)}"


if __name__ == "__main__":
    main()
