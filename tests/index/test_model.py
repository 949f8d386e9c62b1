"""Any sequence of changes against a dict that says what the index must hold."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rag.index.index import Index
from tests.index.samples import CHUNKING, EMBEDDER, document, open_writer, put, source

NUMBERS = st.integers(0, 4)


class WriterMachine(RuleBasedStateMachine):
    """`held` and `committed` map a document's number to its version: now, and at the last commit."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "index"
        self.writer = open_writer(self.path)
        self.held: dict[int, int] = {}
        self.committed: dict[int, int] = {}

    @rule(number=NUMBERS, version=st.integers(0, 2))
    def put(self, number: int, version: int) -> None:
        put(self.writer, number, version)
        self.held[number] = version

    @rule(number=NUMBERS)
    def remove(self, number: int) -> None:
        self.writer.remove_source(source(number).location)
        self.held.pop(number, None)

    @rule()
    def commit(self) -> None:
        before = self.writer.commit()
        assert self.writer.commit() == before
        self.committed = dict(self.held)

    @rule(die=st.booleans())
    def reopen(self, die: bool) -> None:
        if die:
            self.writer.close()
            self.held = dict(self.committed)
        else:
            self.writer.__exit__(None)
            self.committed = dict(self.held)
        self.writer = open_writer(self.path)

    @invariant()
    def the_writer_knows_what_was_put(self) -> None:
        assert set(self.writer.known()) == {source(number).location for number in self.held}

    @invariant()
    def readers_see_the_last_commit(self) -> None:
        with Index.open(self.path, embedder=EMBEDDER, chunking=CHUNKING) as index:
            assert index.check() == []
            wanted = {document(number, version).id: number for number, version in self.committed.items()}
            assert {found.document for found in index.all_sources()} == set(wanted)
            rows = {row for name in wanted for row in index.rows_of(name)}
            query = EMBEDDER.embed_query("machine")
            assert set(index.search_dense(query.vectors[0], 1000)[0].tolist()) == rows
            for number in range(5):
                found = set(index.search_lexical(f"kx-{number}-1", 1000)[0].tolist())
                assert found <= rows
                assert bool(found & set(index.rows_of(f"d{number}v{self.committed.get(number)}"))) == (
                    number in self.committed
                )

    def teardown(self) -> None:
        self.writer.close()
        self.folder.cleanup()


TestWriter = WriterMachine.TestCase
TestWriter.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
