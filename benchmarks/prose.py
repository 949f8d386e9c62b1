"""What retrieval and verification are worth to one and the same language model.

    python benchmarks/prose.py DATA [--sets NAME ...] [--limit N] [--generator NAME]

Each question is answered three ways: closed-book (the model alone), with retrieval (the same prompt as `rag ask
--answer prose`, all that it writes), and with retrieval and verification (what `rag ask --answer prose` gives).
Asked are the answerable questions that nothing was fitted on (`benchmarks/answers.py`).

Prints for each way the share of wrong among the answered (the first two sentences, 300 characters, do not hold the
gold answer), and how many are answered; then of the sentences that the model wrote, how many pass the check; answers
that fall back to quotes; and sentences, written and shown, with a number or a name that the excerpts they cite do not
hold, headings included. That audit shares no code with the verification: digits without separators must stand in the
excerpts' digits, and words with a capital letter, but for the first, must stand in their text.
"""

from __future__ import annotations

import argparse
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from answers import CHARACTERS, HANDBOOK, SENTENCES, Kept, share
from recorder import Recorder

from rag import Generator, Index, Retriever, ask, load_embedder, load_language_model, load_reader
from rag.datatypes import Answer, Message, Sampling
from rag.evaluation.answers import contains
from rag.evaluation.build import built_index
from rag.evaluation.dataset import Gold, read_set
from rag.generation.generator import finished_sentences
from rag.index.chunking import Chunking
from rag.protocols import LanguageModel
from rag.reports import NoProgress

SETS = ["handbook", "cmrc2018"]
CLOSED_BOOK = 100  # tokens of an answer without excerpts
_EXCERPT = re.compile(r'<excerpt number="[0-9]+" key="(\w+)">(.*?)</excerpt key="\1">', re.DOTALL)
_MARK = re.compile(r"\[([0-9]+)\]")
_DIGITS = re.compile(r"[0-9]+")
_CAPITAL = re.compile(r"(?<![^\W_])[^\W\d_a-z][^\W\d_]*[a-z][^\W\d_]*")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, answered three ways; `written` are the sentences of the model, `excerpts` what it was given."""

    gold: Gold
    closed: str
    written: tuple[str, ...]
    excerpts: tuple[str, ...]
    answer: Answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--generator", default="smollm2-135m-instruct")
    options = parser.parse_args()
    model = load_language_model(options.generator)
    for name in options.sets:
        print(report(name, list(asked(options.data, name, model, options.limit))), flush=True)


def asked(data: Path, name: str, model: LanguageModel, limit: int) -> Iterator[Asked]:
    embedder = load_embedder()
    dataset = read_set(HANDBOOK if name == "handbook" else data / name)
    recorder = Recorder(model)
    generator = Generator(load_reader(), recorder, mode="prose")
    with Index.open(built_index(dataset, embedder, Chunking(), None, NoProgress()), embedder=embedder) as index:
        retriever = Retriever(index, embedder)
        kept = Kept(name, dataset, retriever)
        golds = dataset.answers
        wanted = [each for each in dataset.queries if each.id in golds and golds[each.id].answerable and kept(each)]
        for query in wanted[:limit]:
            closed = "".join(model.generate([Message("user", query.text)], Sampling(CLOSED_BOOK)))
            recorder.written = recorder.prompt = ""
            answer = ask(query.text, retriever, generator)
            excerpts = tuple(text for _, text in _EXCERPT.findall(recorder.prompt))
            written = tuple(finished_sentences(iter([recorder.written])))
            yield Asked(golds[query.id], closed, written, excerpts, answer)


def report(name: str, rows: Sequence[Asked]) -> str:
    answered = [each for each in rows if each.answer.answered]
    prose = [each for each in rows if each.written]
    ways = (
        ("closed-book", [wrong(each.closed, each.gold) for each in rows]),
        ("with retrieval", [wrong(" ".join(each.written[:SENTENCES]), each.gold) for each in prose]),
        ("with retrieval and verification", [wrong(shown(each.answer), each.gold) for each in answered]),
    )
    written = [(sentence, each.excerpts) for each in prose for sentence in each.written]
    passed = sum(sentence.supported for each in answered if each.answer.mode == "prose" for sentence in each.answer)
    kept = [
        (sentence.text + "".join(f"[{number}]" for number in numbers), each.excerpts)
        for each in answered
        if each.answer.mode == "prose"
        for sentence in each.answer
        for numbers in [excerpts_of(sentence.citations, each)]
    ]
    return "\n".join(
        [
            f"{name}: {len(rows)} questions, {len(prose)} of them given to the model",
            "| way | answered | wrong |",
            "|---|---:|---:|",
            *(f"| {way} | {len(outcomes)} | {share(outcomes)} |" for way, outcomes in ways),
            f"sentences written: {len(written)}, shown: {passed}",
            f"answers in quotes: {share([each.answer.mode == 'quotes' for each in answered])}",
            f"with a number or name that the excerpts lack: written {share([flawed(*each) for each in written])}, "
            f"shown {sum(flawed(*each) for each in kept)} of {len(kept)}",
            "",
        ]
    )


def wrong(text: str, gold: Gold) -> bool:
    return not contains(text[:CHARACTERS], gold)


def shown(answer: Answer) -> str:
    return " ".join(sentence.text for sentence in answer.sentences[:SENTENCES])


def excerpts_of(citations: Sequence[int], each: Asked) -> list[int]:
    """The numbers of the excerpts that hold the cited quotes."""
    quotes = [" ".join(c.quote.split()) for c in each.answer.citations if c.number in citations]
    return [at for at, text in enumerate(each.excerpts, 1) if any(quote in text for quote in quotes)]


def flawed(sentence: str, excerpts: Sequence[str]) -> bool:
    """Whether it has digits or a capitalised word that the excerpts it names (all, if it names none) do not hold."""
    numbers = {int(number) for number in _MARK.findall(sentence)}
    cited = [text for at, text in enumerate(excerpts, 1) if at in numbers] or excerpts
    held = plain(" ".join(cited))
    claim = plain(_MARK.sub("", sentence))
    digits = set(_DIGITS.findall(held))
    names = _CAPITAL.findall(claim)[1:] if _CAPITAL.match(claim) else _CAPITAL.findall(claim)
    return any(each not in digits for each in _DIGITS.findall(claim)) or any(
        each.casefold() not in held.casefold() for each in names
    )


def plain(text: str) -> str:
    return re.sub(r"(?<=\d)[,\u00a0 ](?=\d{3}(?!\d))", "", unicodedata.normalize("NFKC", text))


if __name__ == "__main__":
    main()
