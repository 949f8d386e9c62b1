"""The seams: what a stage asks of a part that can be exchanged. As few verbs as their caller needs.

Fakes that keep these promises ship with the library: `rag.models.fakes.HashEmbedder` and `CannedModel`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from rag.datatypes import GREEDY, Chunk, Condition, Embeddings, Hit, Markup, Message, Page, Reading, Sampling, Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


class Fingerprinted(Protocol):
    """What an index is bound to: an embedder, or the record of one."""

    @property
    def name(self) -> str:
        """What a user calls the model: a catalogue name, a hub name or a path."""

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""

    @property
    def fingerprint(self) -> str:
        """Hash of weights, pooling, prompts and dimension; equal fingerprints may share an index."""


class Embedder(Fingerprinted, Protocol):
    """Text → unit vectors. Models treat queries and texts differently, so these are two verbs.

    An embedder may also have `token_mean`, the mean (d,) of its token vectors over text of all kinds, which an index
    subtracts before it stores token vectors; without it, the mean of the first texts is taken. And it may be `neutral`
    between languages: its questions are no nearer to texts in their own language; without that, a search ranks each
    language's chunks among themselves. With `start_texts(texts)` it begins `embed_texts(texts, tokens=True)` on threads
    of its own and returns an `EmbeddingJob`: an ingest reads on meanwhile.
    """

    @property
    def max_tokens(self) -> int:
        """Tokens that fit into one text together with `overhead`; nothing longer may be handed in."""

    @property
    def overhead(self) -> int:
        """Tokens that the passage prompt and the special tokens cost in every text."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text alone, without prompt and specials."""

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """The half-open character range of each token of `text`, in order, without prompt and specials."""

    def embed_query(self, text: str, *, tokens: bool = False) -> Embeddings:
        """Embeddings of one question (n = 1); a question too long for the model is cut, with a warning logged."""

    def embed_texts(self, texts: Sequence[str], *, tokens: bool = False) -> Embeddings:
        """Embeddings of the texts in their order. Raises ValueError where a text is longer than `max_tokens`."""


class EmbeddingJob(Protocol):
    """Texts that are being embedded."""

    def done(self) -> bool:
        """Whether `result` has them without waiting; not where something was cancelled before it was begun."""

    def result(self) -> Embeddings:
        """The embeddings, in the order of the texts, when they are there; raises what embedding them raised."""

    def cancel(self) -> None:
        """Do no more than has begun."""


class PassageReader(Protocol):
    """Reads a question and a passage together."""

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """What each passage has of an answer, in their order."""


class Reranker(Protocol):
    """Hits → the same hits in a better order."""

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        """The same hits, best first, with new scores."""


class LanguageModel(Protocol):
    """Messages → text, streamed."""

    @property
    def name(self) -> str:
        """What a user calls the model."""

    @property
    def context_tokens(self) -> int:
        """Tokens that prompt and completion may have together."""

    @property
    def quotes_first(self) -> bool:
        """True where the catalogue marks the model as too small for prose by default."""

    def render(self, messages: Sequence[Message]) -> str:
        """Exactly the text that the model is sent."""

    def count_tokens(self, text: str) -> int:
        """Tokens of a text in the model's own tokenizer."""

    def generate(self, messages: Sequence[Message], sampling: Sampling = GREEDY) -> Iterator[str]:
        """The completion, piece by piece, as it is made.

        What a reasoning model thinks before it answers stands in front, between <think> and </think>. The same prompt
        and sampling give the same text; a server of others may not promise that.
        """


class Store(Protocol):
    """What a retriever and a generator ask of an index. A row is a chunk's number in the store, never reused.

    All verbs of one store see the same commit. A retriever searches lexically in a thread of its own, beside the rest.
    """

    def search_dense(
        self, vector: Floats, k: int, among: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], Floats]:
        """Rows and inner products of the `k` nearest chunks, best first (fewer where there are fewer).

        With `among` (m,), ascending, only chunks in these rows.
        """

    def search_lexical(
        self, query: str, k: int, among: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], Floats]:
        """Rows and BM25 scores (> 0) of the `k` best chunks, best first (fewer where fewer match).

        With `among` (m,), ascending, only chunks in these rows.
        """

    def rows_in(self, languages: Collection[str]) -> NDArray[np.int64]:
        """The rows of the chunks in these languages, ascending."""

    def rows_where(self, conditions: tuple[Condition, ...]) -> NDArray[np.int64]:
        """The rows of the chunks that meet all the conditions, ascending."""

    def dense_scores(self, vector: Floats, rows: NDArray[np.int64]) -> Floats:
        """Exact inner products of the rows' vectors with `vector`, in the rows' order."""

    def lexical_scores(self, query: str, rows: NDArray[np.int64]) -> Floats:
        """BM25 of each row for the query, in the rows' order; 0 where no term matches."""

    def exact(self, query: str, rows: NDArray[np.int64]) -> Floats:
        """How much of the query's numbers and identifiers each row holds as typed, 0..1, in the rows' order."""

    def named(self, question: str) -> dict[str, float]:
        """How far the question names each document by its path, 0..1; those that it does not name are not there."""

    def rows_of(self, document: str) -> list[int]:
        """The rows of a document's chunks, in the order of its text."""

    def rows_having(self, words: Sequence[Sequence[str]]) -> NDArray[np.int64]:
        """The rows, ascending, that have one at least of the terms (`rag.text.terms`) of each word."""

    def mass(self, query: str) -> float:
        """Sum of the IDF of the query's distinct terms, known to the index or not; 0 where it has none."""

    def idf(self, term: str) -> float:
        """The IDF of a term (`rag.text.terms`), as `mass` adds them up."""

    def languages(self) -> dict[str, int]:
        """How many chunks the index has of each language, by the code that `rag.text.language` gives it."""

    def languages_of(self, rows: NDArray[np.int64]) -> list[str]:
        """The language of each row, in the rows' order."""

    def documents_of(self, rows: NDArray[np.int64]) -> list[str]:
        """The document of each row, in the rows' order."""

    def late_scores(self, query_tokens: Floats, rows: NDArray[np.int64]) -> Floats:
        """MaxSim of the query's token vectors (t, d) with each row's stored token vectors, in the rows' order."""

    def chunks(self, rows: Sequence[int]) -> list[Chunk]:
        """The chunks of these rows, in their order."""

    def sources(self, document: str) -> list[Source]:
        """Where a document lies; more than one for equal files."""

    def all_sources(self) -> list[Source]:
        """All sources, by location, whatever their state."""

    def text(self, document: str, start: int = 0, end: int | None = None) -> str:
        """The document's text, or that span of it."""

    def markup(self, document: str) -> Markup:
        """How the document's text marks its structure."""

    def date(self, document: str) -> str:
        """The day, month or year that a document's metadata give, such as "2024-05"; "" where they give none."""

    def vectors(self, rows: NDArray[np.int64]) -> Floats:
        """The rows' vectors (n, d), in the rows' order."""

    def pages(self, document: str, start: int, end: int) -> tuple[Page, ...]:
        """The pages that the span of the document's text touches; none where the format has no pages."""
