"""Every file of real collections ends in one named state, and what a person can read in it is found in the index.

    python benchmarks/formats.py [--data FOLDER] [--set NAME ...] [--list]

FOLDER (default ../shared/data/files) has the collections named below. Each file is ingested by itself, as `rag ingest`
does it, into an index of its own with `HashEmbedder` (no model is loaded): seconds are those of the whole call, memory
is the largest resident set of any process that parsed.

Prints for each collection: files, how many ended in each state, seconds of the slowest file, and of the files that a
person can read the share that ended as indexed (`UNREADABLE` names the others, each with the reason). Then, for
markitdown's list of expected strings, how many are found in the document's text and how many that must not be there
are: both sides without Markdown marks, link targets, and differences of white space, since `rag` keeps no links and
writes other Markdown than markitdown does. `--list` lists every file that is not indexed, and every string amiss.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag import Index, ingest
from rag.datatypes import State
from rag.models.fakes import HashEmbedder

SETS = ("markitdown", "unstructured", "pypdf_samples", "chardet", "article_html")
FOLDERS = {
    "markitdown": "markitdown/files",
    "unstructured": "unstructured/example-docs",
    "chardet": "chardet/files",
    "article_html": "article_html/html",
}
BESIDE = re.compile(r"expected_outputs/|README|LICENSE|files\.json|SOURCE\.txt|\.py$|Makefile|\.tex$|\.sh$|\.gitignore")
"""What lies beside the files of a collection to describe them."""
UNREADABLE = {
    "random.bin": "random bytes",
    "empty.txt": "nothing in it",
    "empty.xlsx": "nothing in it",
    "empty.eml": "nothing in it",
    "fake-text-all-whitespace.txt": "white space",
    "fake-power-point-malformed.pptx": "malformed on purpose",
    "fake-encrypted.msg": "encrypted",
    "fake-encrypted.eml": "encrypted",
    "password_protected.xlsx": "encrypted, without its password",
    "password.pdf": "encrypted, without its password",
    "libreoffice-writer-password.pdf": "encrypted, without its password",
    "signed-doc.p7s": "signed binary data",
    "picture.pptx": "a picture without words",
    "mime-no-body.eml": "no text",
    **dict.fromkeys(
        (
            *("imagemagick-ASCII85Decode.pdf", "imagemagick-CCITTFaxDecode.pdf", "imagemagick-images.pdf"),
            *("imagemagick-lzw.pdf", "grayscale-image.pdf", "cmyk-image.pdf", "example.jpg"),
        ),
        "pictures without words",
    ),
}
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"[*_`|#>\\\[\]~-]+")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one file ended; `texts` are those of its documents."""

    path: Path
    states: tuple[State, ...]
    reasons: tuple[str, ...]
    texts: tuple[str, ...]
    seconds: float

    @property
    def indexed(self) -> bool:
        return any(state in (State.INDEXED, State.DUPLICATE) for state in self.states)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/files"))
    parser.add_argument("--set", nargs="*", default=SETS, choices=SETS, dest="sets")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    readable = read = 0
    for name in options.sets:
        outcomes = [outcome(path) for path in files(options.data / FOLDERS.get(name, name))]
        wanted = [each for each in outcomes if each.path.name not in UNREADABLE]
        readable += len(wanted)
        read += sum(each.indexed for each in wanted)
        print(report(name, outcomes, wanted), flush=True)
        for each in outcomes if options.list else []:
            if not each.indexed:
                why = UNREADABLE.get(each.path.name, "READABLE")
                print(f"    {each.path.name}: {', '.join(map(str, each.states))} ({'; '.join(each.reasons)}) [{why}]")
        if name == "markitdown":
            expected(options.data / "markitdown" / "markitdown_expected.json", outcomes, told=options.list)
    print(f"files that a person can read, indexed: {read} of {readable}, {read / readable:.1%}")
    print(f"largest resident set: {memory()} MB")


def files(folder: Path) -> Iterator[Path]:
    """The files of a collection, without what describes them."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not BESIDE.search(path.relative_to(folder).as_posix()):
            yield path


def outcome(path: Path) -> Outcome:
    """Ingest one file by itself; pages that were packed for the collection are unpacked first."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        embedder = HashEmbedder()
        index = Path(folder) / "index"
        ingest([path], index, embedder)
        seconds = time.perf_counter() - started
        with Index.open(index, embedder=embedder) as opened:
            sources = opened.all_sources()
            texts = tuple(opened.document(each.document).text for each in sources if each.document)
    reasons = tuple(each.reason for each in sources if each.reason)
    return Outcome(path, tuple(each.state for each in sources), reasons, texts, seconds)


def report(name: str, outcomes: list[Outcome], wanted: list[Outcome]) -> str:
    states = Counter(str(state) for each in outcomes for state in each.states)
    without = [each.path.name for each in outcomes if not each.states]
    slowest = max(outcomes, key=lambda each: each.seconds)
    told = ", ".join(f"{count} {state}" for state, count in states.most_common())
    return (
        f"{name}: {len(outcomes)} files: {told}; without a state: {without or 'none'}; "
        f"readable and indexed {sum(each.indexed for each in wanted)} of {len(wanted)}; "
        f"slowest {slowest.seconds:.1f} s ({slowest.path.name})"
    )


def expected(listed: Path, outcomes: list[Outcome], *, told: bool) -> None:
    """Print how many of the strings that markitdown's own tests look for are there, and are not."""
    texts = {each.path.name: plain("\n".join(each.texts)) for each in outcomes}
    found = wanted = wrong = unwanted = 0
    for row in json.loads(listed.read_text(encoding="utf-8")):
        if row["filename"] not in texts:
            continue
        text = texts[row["filename"]]
        for string in row["must_include"]:
            wanted += 1
            found += plain(string) in text
            if told and plain(string) not in text:
                print(f"    {row['filename']} lacks {string!r}")
        for string in row["must_not_include"]:
            unwanted += 1
            wrong += plain(string) in text
            if told and plain(string) in text:
                print(f"    {row['filename']} has {string!r}")
    print(f"markitdown's strings: {found} of {wanted} found; {wrong} of {unwanted} that must not be there are")


def plain(text: str) -> str:
    """The words and marks of a text, without Markdown's."""
    return " ".join(_MARKS.sub(" ", _LINK.sub(r"\1", unicodedata.normalize("NFKC", text))).split())


def memory() -> int:
    """Megabytes of the largest resident set, of this process and of those that it started."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(each).ru_maxrss for each in who) // 1024


if __name__ == "__main__":
    main()
