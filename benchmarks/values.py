"""Whether a value is quoted from under the heading that a question names, where every heading has the same values.

    python benchmarks/values.py

Ten winches with four values each ("speed: 12 m/min"), made here: four in Markdown lists, three in YAML, three in XML,
one index. Each value is asked for by its winch. Printed: how often the best unit has that value, and how often it has
the value of that name under another heading instead; with the rule of `rag.generation.evidence` and without.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from rag import Retriever, ingest, load_embedder, load_reader
from rag.datatypes import Hit, Reading
from rag.generation import evidence
from rag.pipeline import READ

WINCHES = (
    *("Badger KX-204", "Otter KX-310", "Heron BR-77", "Wren BR-79", "Marten LT-5", "Plover LT-8", "Dunlin SV-2"),
    *("Curlew SV-6", "Gannet MX-1", "Fulmar MX-3"),
)
VALUES = (
    ("speed", "m/min", 11, 3, "How fast is the winch {}?"),
    ("pull", "t", 2, 1, "What does the winch {} pull?"),
    ("rope", "mm", 8, 2, "How thick is the rope of the {}?"),
    ("oil change", "months", 3, 2, "How often is the oil of the {} changed?"),
)

Read = tuple[str, str, str, list[Hit], list[Reading]]
"""A question, the value's name, the value; hits, and what the reader finds in them."""


def main() -> None:
    embedder, reader = load_embedder(), load_reader()
    with tempfile.TemporaryDirectory() as folder:
        documents = Path(folder) / "documents"
        documents.mkdir()
        write(documents)
        ingest([documents], Path(folder) / "index", embedder)
        retriever = Retriever.open(Path(folder) / "index", embedder)
        told: list[Read] = []
        for place, winch in enumerate(WINCHES):
            for name, unit, first, step, wording in VALUES:
                question = wording.format(winch)
                hits = retriever.retrieve(question, READ)
                value = f"{first + step * place} {unit}"
                told.append((question, name, value, hits, evidence.read(question, hits, reader)))
    print("| | questions | the value | of that name under another heading |\n|---|---:|---:|---:|")
    with mock.patch.object(evidence, "_by_headings", lambda _, found: list(found)):
        print(row("without the rule", told))
    print(row("with it", told))


def write(folder: Path) -> None:
    """The winches as three files."""
    listed = [
        f"## Winch {WINCHES[at]}\n\n" + "".join(f"- {name}: {value}\n" for name, value in of(at)) for at in range(4)
    ]
    (folder / "slip.md").write_text("# Winches of the slip\n\n" + "\n".join(listed), encoding="utf-8")
    keyed = [f"  {WINCHES[at]}:\n" + "".join(f"    {name}: {value}\n" for name, value in of(at)) for at in range(4, 7)]
    (folder / "deck.yaml").write_text("winches:\n" + "".join(keyed), encoding="utf-8")
    tagged = [
        f"<winch><name>{WINCHES[at]}</name>{''.join(tag(name, value) for name, value in of(at))}</winch>"
        for at in range(7, 10)
    ]
    (folder / "crane.xml").write_text(f"<winches>{chr(10).join(tagged)}</winches>", encoding="utf-8")


def of(place: int) -> list[tuple[str, str]]:
    return [(name, f"{first + step * place} {unit}") for name, unit, first, step, _ in VALUES]


def tag(name: str, value: str) -> str:
    element = name.replace(" ", "_")
    return f"<{element}>{value}</{element}>"


def row(title: str, told: Sequence[Read]) -> str:
    right = elsewhere = 0
    for question, name, value, hits, readings in told:
        best = evidence.rank(question, hits, readings)[0].unit
        is_it = f" {value}" in best.text
        right += is_it
        elsewhere += name in best.name and not is_it
    return f"| {title} | {len(told)} | {right} | {elsewhere} |"


if __name__ == "__main__":
    main()
