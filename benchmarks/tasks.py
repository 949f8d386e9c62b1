"""What summaries hold, and which questions are taken for lists of documents though they are none.

    python benchmarks/tasks.py DATA [--summaries] [--routing]

DATA is the folder of evaluation sets; the handbook is our own. Without a flag, both.

Summaries: of each document of four units or more, the share of the gold strings of its questions (answers; of clapnq
the sentences that bear out an answer) that its summary holds, mean over the documents; five sentences (two of clapnq,
whose documents are passages), and in brackets how many characters these have on the mean. `salient` is
`rag.generation.salience`, `first` the first sentences, `mmr` maximal marginal relevance over the built-in embedder's
vectors (lambda 0.5, nearness to the centroid against nearness to what was chosen, both standardised, less 1 for every
sentence chosen under the same heading). In the last three columns all get the same room: as many sentences as fit into
400 characters (clapnq 300, squad2 1000), the first in any case.

Routing: of each set's questions, none of which asks for documents, how many are taken for one that does.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from handbook import half_of

from rag import Index, ingest, load_embedder
from rag.datatypes import Chunk, Hit, Scores
from rag.evaluation.answers import units as words_of
from rag.generation.routing import enumeration
from rag.generation.salience import salient
from rag.generation.units import Unit, units
from rag.protocols import Embedder
from rag.retrieval.others import whole

HANDBOOK = Path(__file__).parents[1] / "corpora" / "handbook"
ASKED = ("handbook", "xquad-en", "xquad-zh", "xquad-de", "xquad-es", "cmrc2018", "clapnq", "train/squad2")
LEAST_UNITS = 4
SENTENCES = {"clapnq": 2}
CHARACTERS = {"clapnq": 300, "train/squad2": 1000}  # where all get as many; 400 elsewhere
LONGEST = 1200  # characters of a sentence that are embedded


@dataclass(frozen=True, slots=True)
class Text:
    """A document's units, and what its questions are answered with: one string of each group."""

    name: str
    units: list[Unit]
    gold: list[list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--summaries", action="store_true")
    parser.add_argument("--routing", action="store_true")
    options = parser.parse_args()
    both = options.summaries == options.routing
    if both or options.routing:
        false_alarms(options.data)
    if both or options.summaries:
        summaries(options.data)


# ---------------------------------------------------------------- routing


def false_alarms(data: Path) -> None:
    print("| set | questions | taken for a list |\n|---|---:|---:|")
    for name in ASKED:
        folder = HANDBOOK if name == "handbook" else data / name
        questions = [each["text"] for each in read(folder / "queries.jsonl")]
        print(f"| {name} | {len(questions)} | {sum(enumeration(each) is not None for each in questions)} |")


# ---------------------------------------------------------------- summaries


Choose = Callable[[Sequence[Unit], int], list[int]]


def summaries(data: Path) -> None:
    embedder = load_embedder()
    ways: dict[str, Choose] = {
        "salient": salient,
        "first": lambda found, count: list(range(min(count, len(found)))),
        "mmr": lambda found, count: mmr(found, count, embedder),
    }
    print(f"| set | documents | {' | '.join(ways)} | equal length: {' | '.join(ways)} |\n|---|---:{'|---:' * 6}|")
    for name, texts in {**handbook(embedder), "clapnq": clapnq(data), "train/squad2": squad(data)}.items():
        told = [text for text in texts if text.gold and len(text.units) >= LEAST_UNITS]
        cells = [cell(name, told, choose) for choose in ways.values()]
        even = [f"{100 * np.mean([held_even(name, text, choose) for text in told]):.1f}" for choose in ways.values()]
        print(f"| {name} | {len(told)} | {' | '.join(cells)} | {' | '.join(even)} |", flush=True)


def cell(name: str, texts: Sequence[Text], choose: Choose) -> str:
    chosen = [[text.units[at] for at in choose(text.units, SENTENCES.get(name, 5))] for text in texts]
    shares = [held(own, text.gold) for own, text in zip(chosen, texts, strict=True)]
    length = np.mean([sum(len(unit.text) for unit in own) for own in chosen])
    return f"{100 * np.mean(shares):.1f} ({length:.0f})"


def held_even(name: str, text: Text, choose: Choose) -> float:
    """What is held where all ways get the same room: more and more sentences, as long as they fit."""
    room, best = CHARACTERS.get(name, 400), 0.0
    for count in range(1, len(text.units) + 1):
        own = [text.units[at] for at in choose(text.units, count)]
        if sum(len(unit.text) for unit in own) > room and count > 1:
            break
        best = held(own, text.gold)
    return best


def held(chosen: Sequence[Unit], gold: Sequence[Sequence[str]]) -> float:
    """The share of the groups of which a string stands in the chosen units."""
    text = f" {' '.join(' '.join(words_of(unit.text)) for unit in chosen)} "
    return float(np.mean([any(" ".join(words_of(string)) in text for string in group) for group in gold]))


def mmr(found: Sequence[Unit], count: int, embedder: Embedder) -> list[int]:
    vectors = embedded(found, embedder)
    near = standardised(vectors @ vectors.mean(axis=0))
    likeness = vectors @ vectors.T
    apart = likeness[~np.eye(len(found), dtype=bool)]
    likeness = (likeness - apart.mean()) / (float(apart.std()) or 1.0)
    chosen: list[int] = []
    under: Counter[str] = Counter()
    while len(chosen) < min(count, len(found)):
        nearest = likeness[:, chosen].max(axis=1) if chosen else np.zeros(len(found))
        gain = 0.5 * near - 0.5 * nearest - [under[unit.context] for unit in found]
        gain[chosen] = -np.inf
        chosen.append(int(gain.argmax()))
        under[found[chosen[-1]].context] += 1
    return sorted(chosen)


_embedded: dict[tuple[str, str], Any] = {}


def embedded(found: Sequence[Unit], embedder: Embedder) -> Any:
    key = (found[0].hit.chunk.document, found[0].text)
    if key not in _embedded:
        _embedded[key] = embedder.embed_texts([unit.text[:LONGEST] for unit in found]).vectors
    return _embedded[key]


def standardised(values: Any) -> Any:
    return (values - values.mean()) / (float(values.std()) or 1.0)


# ---------------------------------------------------------------- sets


def handbook(embedder: Embedder) -> dict[str, list[Text]]:
    gold: dict[str, list[list[str]]] = defaultdict(list)
    for each in read(HANDBOOK / "answers.jsonl"):
        if each["answerable"]:
            gold[each["near"]].append(each["answers"])
    halves: dict[str, list[Text]] = {"handbook, development": [], "handbook, measured": []}
    with tempfile.TemporaryDirectory() as folder:
        ingest([HANDBOOK / "documents"], Path(folder) / "index", embedder)
        with Index.open(Path(folder) / "index") as index:
            for source in index.all_sources():
                text = Text(source.path, units(whole(index, source.document or "")), gold[source.path])
                halves[f"handbook, {half_of(source.path)}"].append(text)
    return halves


def clapnq(data: Path) -> list[Text]:
    texts = {each["_id"]: each["text"] for each in read(data / "clapnq" / "corpus.jsonl")}
    evidence = {each["_id"]: each.get("evidence", []) for each in read(data / "clapnq" / "answers.jsonl")}
    gold: dict[str, list[list[str]]] = defaultdict(list)
    for query, document in judged(data / "clapnq"):
        gold[document].extend([sentence] for sentence in evidence[query])
    return [Text(name, units(hits(name, [texts[name]])), gold[name]) for name in gold]


def squad(data: Path) -> list[Text]:
    """Its articles: their paragraphs one after the other."""
    folder = data / "train/squad2"
    corpus, answers = read(folder / "corpus.jsonl"), {each["_id"]: each for each in read(folder / "answers.jsonl")}
    title = {each["_id"]: each["title"] for each in corpus}
    paragraphs: dict[str, list[str]] = defaultdict(list)
    gold: dict[str, list[list[str]]] = defaultdict(list)
    for each in corpus:
        paragraphs[each["title"]].append(each["text"])
    for query, document in judged(folder):
        if answers[query]["answerable"]:
            gold[title[document]].append(answers[query]["answers"])
    return [Text(name, units(hits(name, own)), gold[name]) for name, own in paragraphs.items()]


def hits(name: str, paragraphs: Sequence[str]) -> list[Hit]:
    made, start = [], 0
    for text in paragraphs:
        chunk = Chunk(f"{name}:{start}", name, start, start + len(text), text)
        made.append(Hit(chunk, 0.0, Scores(), name, text, start, start + len(text)))
        start += len(text) + 2
    return made


def judged(folder: Path) -> Iterator[tuple[str, str]]:
    for line in (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, _ = line.split("\t")
        yield query, document


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
