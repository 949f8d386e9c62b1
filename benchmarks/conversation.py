"""What follow-up questions find, and what they are answered with: by themselves, as `rag chat` asks them, written out.

    python benchmarks/conversation.py [--half measured|development] [--answers] [--misses]

Follow-ups are those of corpora/handbook/conversations.jsonl; the written-out form beside each is the upper bound. Then
every answerable question of queries.jsonl after a conversation about another document: one that stands alone must
find what it found without. Prints how often the right document is among the first 1, 3, 5 hits; with --answers also
what is answered, where the questions before the follow-up are asked and answered for real. Nothing is tuned on the
measured half.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from handbook import CORPUS, gold_of, half_of, lines, qrels, share

from rag import Answer, Generator, Hit, Retriever, ask, ingest, load_embedder, load_reader
from rag.conversation import Conversation, retrieved
from rag.datatypes import Message
from rag.evaluation.answers import contains, looked_at
from rag.evaluation.dataset import Gold
from rag.generation.follow_up import searches
from rag.text.language import language

DEPTHS = (1, 3, 5)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question after `turns`; `relevant`, `gold` and the document `near` are of the query that asks the same."""

    id: str
    text: str
    turns: tuple[Message, ...]
    standalone: str
    near: str
    relevant: frozenset[str]
    gold: Gold


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("measured", "development"), default="measured")
    parser.add_argument("--answers", action="store_true", help="answer them too")
    parser.add_argument("--misses", action="store_true", help="list what was not found (development half only)")
    options = parser.parse_args()
    asked = [each for each in follow_ups() if half_of(each.near) == options.half]
    alone = [each for each in unrelated(asked) if half_of(each.near) == options.half]
    embedder = load_embedder()
    with tempfile.TemporaryDirectory() as folder:
        ingest([CORPUS / "documents"], Path(folder) / "index", embedder)
        retriever = Retriever.open(Path(folder) / "index", embedder)
        print(f"handbook, {options.half} half: {len(asked)} follow-ups\n")
        print(retrieval_table(asked, retriever, show_misses=options.misses and options.half == "development"))
        changed = sum(searches(each.text, each.turns) != (each.text,) for each in alone)
        print(f"\n{len(alone)} questions on another document than the one before, {changed} taken for follow-ups\n")
        print(retrieval_table(alone, retriever))
        if options.answers:
            print("\n" + answer_table(asked, retriever, Generator(load_reader())))


def follow_ups() -> list[FollowUp]:
    golds, relevant = {str(line["_id"]): line for line in lines("answers.jsonl")}, qrels()
    found = []
    for line in lines("conversations.jsonl"):
        query, history = str(line["query"]), line["history"]
        assert isinstance(history, list)
        turns = tuple(Message(each["role"], each["text"]) for each in history)
        texts = (str(line["_id"]), str(line["text"]), turns, str(line["standalone"]))
        found.append(FollowUp(*texts, str(golds[query]["near"]), frozenset(relevant[query]), gold_of(golds[query])))
    return found


def unrelated(asked: Sequence[FollowUp]) -> list[FollowUp]:
    """Each answerable question of the corpus, after the turns of one of these follow-ups, on another document."""
    golds, relevant, found = {str(line["_id"]): line for line in lines("answers.jsonl")}, qrels(), []
    for number, line in enumerate(line for line in lines("queries.jsonl") if line["_id"] in relevant):
        name, text = str(line["_id"]), str(line["text"])
        near = str(golds[name]["near"])
        others = [each.turns for each in asked if each.near != near]
        turns = others[number % len(others)]
        found.append(FollowUp(name, text, turns, text, near, frozenset(relevant[name]), gold_of(golds[name])))
    return found


def retrieval_table(asked: Sequence[FollowUp], retriever: Retriever, *, show_misses: bool = False) -> str:
    ways: dict[str, Callable[[FollowUp], Sequence[str]]] = {
        "by itself": lambda each: (each.text,),
        "the last question before it": lambda each: (f"{last_question(each)} {each.text}",),
        "as `rag chat` searches": lambda each: searches(each.text, each.turns),
        "written out by hand": lambda each: (each.standalone,),
    }
    rows = [
        "| searched | first hit | first 3 | first 5 | first 5, English | Chinese |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, way in ways.items():
        places = {each.id: place(retrieved(retriever, way(each), DEPTHS[-1]), each.relevant) for each in asked}
        shares = [share([found <= depth for found in places.values()]) for depth in DEPTHS]
        for code in ("en", "zh"):
            spoken = [each for each in asked if (language(each.text) == "zh") == (code == "zh")]
            shares.append(share([places[each.id] <= DEPTHS[-1] for each in spoken]))
        rows.append(f"| {name} | {' | '.join(shares)} |")
        if show_misses:
            rows.extend(f"  {each.id} {way(each)}" for each in asked if places[each.id] > DEPTHS[-1])
    return "\n".join(rows)


def place(hits: Sequence[Hit], relevant: frozenset[str]) -> int:
    """The 1-based place of the first hit in a relevant document; one past the last where there is none."""
    root = (CORPUS / "documents").resolve().as_posix() + "/"
    found = ({where.removeprefix(root) for where in (hit.source, *hit.copies)} for hit in hits)
    return next((rank for rank, places in enumerate(found, 1) if places & relevant), DEPTHS[-1] + 1)


def last_question(each: FollowUp) -> str:
    return [turn.content for turn in each.turns if turn.role == "user"][-1]


def answer_table(asked: Sequence[FollowUp], retriever: Retriever, generator: Generator) -> str:
    def continued(each: FollowUp) -> Answer:
        talk = Conversation(retriever, generator)
        for turn in each.turns:
            if turn.role == "user":
                talk.ask(turn.content)
        return talk.ask(each.text)

    ways: dict[str, Callable[[FollowUp], Answer]] = {
        "by itself": lambda each: ask(each.text, retriever, generator),
        "in a conversation": continued,
        "written out by hand": lambda each: ask(each.standalone, retriever, generator),
    }
    rows = ["| asked | contains gold | wrong | refused |", "|---|---:|---:|---:|"]
    for name, way in ways.items():
        answers = [(way(each), each.gold) for each in asked]
        right = [answer.answered and contains(looked_at(answer), gold) for answer, gold in answers]
        refused = [not answer.answered for answer, _ in answers]
        wrong = [not (first or second) for first, second in zip(right, refused, strict=True)]
        rows.append(f"| {name} | {share(right)} | {share(wrong)} | {share(refused)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
