"""Whatever happens to a folder, its index holds what the folder holds; a second ingest changes nothing."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from rag import intake
from rag.index.index import Index
from rag.retrieval.retriever import Retriever
from tests.reliability.ledger import GARBAGE, Ledger

NAMES = [f"{folder}{stem}{suffix}" for folder in ("", "sub/") for stem in "abc" for suffix in (".md", ".txt")]
WORDS = ("motor", "gauge", "rotor", "relay", "panel")  # of one length, so that a change may keep the size
CONTENTS = [
    *(
        f"# The {word}\n\nEach {word} turns.\n\n## Oil\n\nA {word} needs oil. 机器{word}正常。\n".encode()
        for word in WORDS
    ),
    *(b"", b" \n\n", GARBAGE, "Only one line \U0001f600 e\u0301".encode()),
]
names, picks = st.sampled_from(NAMES), st.integers(0, len(NAMES) - 1)
contents, same_size = st.sampled_from(CONTENTS), st.sampled_from(CONTENTS[: len(WORDS)])


class FolderAndIndex(RuleBasedStateMachine):
    """Changes of a folder and of its index, in any order; `Ledger` compares after each ingest."""

    @initialize(first=st.lists(st.tuples(names, contents), max_size=6))
    def begin(self, first: list[tuple[str, bytes]]) -> None:
        self.path = Path(tempfile.mkdtemp())
        self.ledger = Ledger(self.path)
        for name, content in first:
            self.ledger.write(name, content)
        self.ledger.ingest()

    def teardown(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def some(self, pick: int) -> str:
        return sorted(self.ledger.files)[pick % len(self.ledger.files)]

    def there_are_files(self) -> bool:
        return bool(self.ledger.files)

    @rule(name=names, content=contents)
    def write(self, name: str, content: bytes) -> None:
        self.ledger.write(name, content)

    @precondition(there_are_files)
    @rule(pick=picks, name=names)
    def copy(self, pick: int, name: str) -> None:
        self.ledger.write(name, self.ledger.files[self.some(pick)])

    @precondition(there_are_files)
    @rule(pick=picks, name=names)
    def rename(self, pick: int, name: str) -> None:
        self.ledger.rename(self.some(pick), name)

    @precondition(there_are_files)
    @rule(pick=picks, content=contents)
    def rename_and_take_the_name(self, pick: int, content: bytes) -> None:
        self.ledger.ingest()
        name = self.some(pick)
        self.ledger.rename(name, name.replace("b.", "c.").replace("a.", "b."))
        self.ledger.write(name, content)
        self.ledger.ingest()

    @precondition(there_are_files)
    @rule(pick=picks)
    def delete(self, pick: int) -> None:
        self.ledger.delete(self.some(pick))

    @precondition(there_are_files)
    @rule(pick=picks)
    def touch(self, pick: int) -> None:
        self.ledger.touch(self.some(pick))

    @precondition(there_are_files)
    @rule(pick=picks, before=same_size, after=same_size, replaced=st.booleans(), verify=st.booleans())
    def rewrite_with_the_old_time(self, pick: int, before: bytes, after: bytes, replaced: bool, verify: bool) -> None:
        name = self.some(pick)
        self.ledger.write(name, before)
        self.ledger.ingest()
        self.ledger.rewrite(name, after, replaced=replaced)
        self.ledger.ingest(verify=verify)

    @precondition(there_are_files)
    @rule(pick=picks)
    def remove_a_source(self, pick: int) -> None:
        self.ledger.remove(self.some(pick))

    @rule(root=st.sampled_from(["", "", "sub"]), verify=st.booleans())
    def ingest(self, root: str, verify: bool) -> None:
        self.ledger.ingest(root, verify=verify)

    @rule()
    def ingest_as_a_rebuild(self) -> None:
        self.ledger.ingest(rebuild=True)

    @rule()
    def rebuild_alone(self) -> None:
        self.ledger.rebuild()


def explore(examples: int, steps: int) -> None:
    """So many sequences of so many steps, always the same ones."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(FolderAndIndex, settings=chosen)


@pytest.fixture(params=[1, 100_000], ids=["a commit for each file", "one commit"])
def batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_TOKENS", request.param)


@pytest.mark.usefixtures("batches")
def test_an_index_follows_its_folder_and_a_second_ingest_changes_nothing() -> None:
    explore(examples=15, steps=15)


@pytest.mark.slow
@pytest.mark.usefixtures("batches")
def test_an_index_follows_its_folder_through_many_changes() -> None:
    explore(examples=100, steps=40)


def test_what_was_removed_is_no_answer_any_more(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for name in ("a.md", "b.md", "sub/c.md"):
        ledger.write(name, f"# Part {name}\n\nIts word is zyqqu{name[-4]} and it turns.\n".encode())
    ledger.ingest()
    assert found(ledger, "zyqqub") == {"b.md"}
    ledger.remove("b.md")
    assert found(ledger, "zyqqub") == set()
    ledger.delete("b.md")
    ledger.write("a.md", b"# Part a.md\n\nIts word is another and it turns.\n")
    ledger.delete("sub/c.md")
    ledger.ingest()
    assert found(ledger, "zyqqua") == found(ledger, "zyqquc") == set()
    assert found(ledger, "another") == {"a.md"}


def found(ledger: Ledger, word: str) -> set[str]:
    """The files in which any search, or any text, finds the word."""
    query = ledger.embedder.embed_query(word).vectors[0]
    with Index.open(ledger.index) as index:
        rows = {*index.search_dense(query, 100)[0].tolist(), *index.search_lexical(word, 100)[0].tolist()}
        chunks = index.chunks(sorted(rows))
        hits = Retriever(index, ledger.embedder).retrieve(word, 100)
        texts = [*(chunk.text for chunk in chunks), *(hit.text for hit in hits)]
        sources = {source.path: index.text(source.document) for source in index.all_sources() if source.document}
    holding = {name for name, text in sources.items() if word in text}
    assert bool(holding) == any(word in text for text in texts) == bool(rows and holding)
    return holding
