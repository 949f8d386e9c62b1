"""What travels between the stages: frozen, slotted, checked when made.

    Document ─split→ Chunk ─embed→ Embeddings        files to index
    Chunk ─search→ Hit ─compose→ Answer, Citation    question to answer

Offsets are half-open ranges of Unicode code points in `Document.text`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

Markup = Literal["plain", "markdown", "rst", "org", "asciidoc", "latex", "code", "yaml", "ini", "json", "lines"]
Role = Literal["system", "user", "assistant"]


def check_span(start: int, end: int, length: int | None = None) -> None:
    """Raise ValueError unless `0 <= start < end` (and `end <= length` where it is given)."""
    if not 0 <= start < end or (length is not None and end > length):
        raise ValueError(f"not a span: start={start}, end={end}, length={length}")


# ---------------------------------------------------------------- files to documents


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page (1-based) lies in a document's text, as a half-open range; a blank page is an empty one.

    `label` says where a person has to look in a file without pages: "slide 3", "Sheet1!A2:D2", "message 4". Several
    may then have the same number, as the rows of one sheet do. `state` is said of a page that could not be read, such
    as one of pictures alone; of the others the text tells it (`ended`).
    """

    number: int
    start: int
    end: int
    label: str = ""
    state: State | None = None

    def __post_init__(self) -> None:
        if self.number < 1 or not 0 <= self.start <= self.end:
            raise ValueError(f"not a page: {self.number} at {self.start}:{self.end}")


Metadata = tuple[tuple[str, str], ...]
"""Keys with their values, in any order; a key that has several values stands once for each."""


@dataclass(frozen=True, slots=True)
class Document:
    """The text of one file's content, final as its reader returned it.

    `id` is hash(file bytes, reader and its version). `markup` says how `text` marks its structure
    (headings, tables, code): see `rag.text.structure`. `title` joins the heading context of every chunk.
    `metadata` is what the content says of itself, such as a front matter.
    """

    id: str
    text: str
    markup: Markup = "plain"
    title: str = ""
    pages: tuple[Page, ...] = ()
    metadata: Metadata = ()

    def page_at(self, offset: int) -> int | None:
        """The 1-based page that holds the character at `offset`; None where the format has no pages."""
        return page_at(self.pages, offset)

    def ended(self, page: Page) -> State:
        """How one of its pages ended: as its reader said, else indexed, or empty where it has no text."""
        return page.state or (State.INDEXED if self.text[page.start : page.end].strip() else State.EMPTY)


def page_at(pages: Iterable[Page], offset: int) -> int | None:
    """The number of the page that holds the character at `offset`; None where none does."""
    return next((page.number for page in pages if page.start <= offset < page.end), None)


def place_at(pages: Iterable[Page], offset: int) -> str:
    """What is said of where the character at `offset` stands: "page 3" or the page's label; "" where nothing is."""
    found = next((page for page in pages if page.start <= offset < page.end), None)
    return "" if found is None else found.label or f"page {found.number}"


class State(enum.StrEnum):
    """How a file, or a page of one, ended. The summary folds them: see `FOLDED`."""

    INDEXED = "indexed"
    UNCHANGED = "unchanged"
    EMPTY = "empty"
    DUPLICATE = "duplicate-of"
    FAILED = "failed"
    UNDECODABLE = "undecodable"
    ENCRYPTED = "encrypted"
    SKIPPED = "skipped"
    UNSUPPORTED = "unsupported"
    TOO_LARGE = "too-large"
    NEEDS_OCR = "needs-ocr"
    NEEDS_EXTRA = "needs-extra"


FOLDED: dict[State, str] = {
    State.INDEXED: "indexed",
    State.UNCHANGED: "unchanged",
    State.EMPTY: "empty",
    State.DUPLICATE: "duplicate",
    State.FAILED: "failed",
    State.UNDECODABLE: "failed",
    State.ENCRYPTED: "failed",
    State.SKIPPED: "skipped",
    State.UNSUPPORTED: "skipped",
    State.TOO_LARGE: "skipped",
    State.NEEDS_OCR: "skipped",
    State.NEEDS_EXTRA: "skipped",
}


LEFT_OUT = "left out: "
"""How the reason of a source begins that a rule keeps out of every index: hidden files, what a program made."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document lies: `root` (absolute) joined with `path` (POSIX, relative), and how its file ended.

    `document` is None where the file never gave one. `stale` marks a file that once worked, fails now, and keeps
    its last good version. `digest` is the SHA-256 of the file's bytes; `size`, `mtime_ns` and `inode` may spare
    computing it. `reader` names the reader and its version, so that an upgraded reader reads again. `given` is what the
    user said of it when it was ingested, `sidecar` what the file beside it says.
    """

    root: str
    path: str
    state: State
    document: str | None = None
    digest: str = ""
    size: int = 0
    mtime_ns: int = 0
    inode: int = 0
    reader: str = ""
    reason: str = ""
    fix: str = ""
    stale: bool = False
    given: Metadata = ()
    sidecar: Metadata = ()

    @property
    def location(self) -> str:
        """The absolute path (or URL) that names this source; one file has one."""
        return f"{self.root.rstrip('/')}/{self.path}" if self.root else self.path

    @property
    def left_out(self) -> str:
        """The rule that keeps it out of every index: "hidden"; "" where there is none. It is nobody's problem."""
        return self.reason.removeprefix(LEFT_OUT) if self.reason.startswith(LEFT_OUT) else ""


# ---------------------------------------------------------------- documents to chunks and vectors


@dataclass(frozen=True, slots=True)
class Chunk:
    """A slice `[start, end)` of one document's text: `document.text[start:end] == chunk.text`, always.

    `id` is hash(document id, start, end, chunking settings). `heading` is the heading path, outermost first;
    `table_header` the header row(s) of the table that the chunk continues, else "". `tokens` counts `text` alone.
    `language` is a guess, as a code such as "en"; "" where there is nothing to tell it by.
    """

    id: str
    document: str
    start: int
    end: int
    text: str
    heading: tuple[str, ...] = ()
    table_header: str = ""
    tokens: int = 0
    language: str = ""

    def __post_init__(self) -> None:
        check_span(self.start, self.end)
        if self.end - self.start != len(self.text):
            raise ValueError(f"chunk {self.start}:{self.end} holds {len(self.text)} characters")


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors of n texts: `vectors` (n, d) float32, unit rows.

    `tokens`, when asked for, has one (t_i, d) float32 array of unit rows per text: the text's own tokens in order,
    without specials and without the model's prompt; else it is empty.
    """

    vectors: Floats
    tokens: tuple[Floats, ...] = ()

    def __post_init__(self) -> None:
        if self.tokens and len(self.tokens) != len(self.vectors):
            raise ValueError(f"{len(self.vectors)} vectors but {len(self.tokens)} token arrays")


# ---------------------------------------------------------------- question to hits


@dataclass(frozen=True, slots=True)
class Condition:
    """What a filter asks of a chunk: `field operator value`, where any of the `values` will do."""

    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """A hit's score by each leg and by the reranker, higher is better; None where it did not run.

    `named` is how far the question names the hit's document by its path, 0..1; None where it does not.
    """

    dense: float | None = None
    lexical: float | None = None
    late: float | None = None
    named: float | None = None
    rerank: float | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk with its score; higher is better.

    `text` is the document's text at `start:end`, which may be wider than the chunk where neighbours were joined.
    `source` and `copies` (the other places of the same document) are locations as in `Source.location`; `pages` are
    those that the text touches. `alike` are the hits that this one stands for where near-duplicates were collapsed;
    `score` is then that of the best of them. `date` is what its document's metadata give, such as "2024-05", "" where
    they give none; `newest` is said where all that are alike are older. `markup` is that of its document. `called` are
    the words of its path by which the question names it, "" where it does not.
    """

    chunk: Chunk
    score: float
    scores: Scores
    source: str
    text: str
    start: int
    end: int
    pages: tuple[Page, ...] = ()
    copies: tuple[str, ...] = ()
    alike: tuple[Hit, ...] = ()
    date: str = ""
    newest: bool = False
    markup: Markup = "plain"
    called: str = ""

    def __post_init__(self) -> None:
        check_span(self.start, self.end)
        if self.end - self.start != len(self.text):
            raise ValueError(f"hit {self.start}:{self.end} holds {len(self.text)} characters")

    @property
    def page(self) -> int | None:
        """The 1-based page that the hit begins on; None where the format has no pages."""
        return page_at(self.pages, self.start)

    @property
    def place(self) -> str:
        """Where a person looks for its beginning, such as "page 3" or "slide 3"; "" where the format has no such."""
        return place_at(self.pages, self.start)


# ---------------------------------------------------------------- hits to an answer


@dataclass(frozen=True, slots=True)
class Reading:
    """What one passage has of an answer to one question.

    `answered` is the log-odds that it answers. `starts` and `ends` (t,) are the probabilities, if it does, that the
    answer begins and ends with each of its t tokens, whose half-open character ranges in the passage are `offsets`.
    """

    answered: float
    offsets: tuple[tuple[int, int], ...]
    starts: Floats
    ends: Floats

    def __post_init__(self) -> None:
        if not len(self.offsets) == len(self.starts) == len(self.ends):
            raise ValueError(f"{len(self.offsets)} tokens, {len(self.starts)} starts, {len(self.ends)} ends")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of what a language model is sent."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Template:
    """What a language model is told for one task; what stands in braces is filled in (`rag.generation.templates`).

    `examples` are turns that show how, each what a user says and what is answered. With `reasoning` the model is asked
    to think first, between <think> and </think>; that is kept apart from the answer.
    """

    system: str
    user: str
    examples: tuple[tuple[str, str], ...] = ()
    reasoning: bool = False


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a language model writes: the most probable token each time where `temperature` is 0, else drawn with `seed`.

    `max_tokens` bounds the completion, `stop` are texts that end it (they are not part of it).
    """

    max_tokens: int = 256
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_tokens < 1 or not 0 <= self.temperature <= 2 or not 0 <= self.seed < 2**31 or not all(self.stop):
            raise ValueError(
                f"max_tokens={self.max_tokens} (from 1), temperature={self.temperature} (0 to 2), seed={self.seed} "
                f"(0 to 2**31 - 1) or stop={self.stop} (no empty text) is out of range"
            )


GREEDY = Sampling()


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote that the machine has checked: the document's text at `start:end` is `quote`, to the character.

    `page` and `place` are as in `Hit`. `table_header` is the header row above a quote that is a table's row: it helps
    to understand the quote, and is no part of it.
    """

    number: int
    source: str
    document: str
    start: int
    end: int
    quote: str
    chunk: str
    page: int | None = None
    place: str = ""
    table_header: str = ""

    def __post_init__(self) -> None:
        check_span(self.start, self.end)
        if self.end - self.start != len(self.quote):
            raise ValueError(f"citation {self.start}:{self.end} quotes {len(self.quote)} characters")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer with the numbers of the citations that bear it out; of one not `supported`, none do."""

    text: str
    citations: tuple[int, ...] = ()
    supported: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """What one side of a conflict says, such as "12 weeks", its citation, and of when it is, "" where nobody knows."""

    says: str
    citation: int
    date: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Sources that say different things of one subject, the newest first where their dates are known."""

    sides: tuple[Side, ...]

    @property
    def text(self) -> str:
        """Such as "2024: 16 weeks [1]; 2023: 12 weeks [2]"."""
        return "; ".join(
            f"{each.date}: {each.says} [{each.citation}]" if each.date else f"{each.says} [{each.citation}]"
            for each in self.sides
        )


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Text of a source, at `start:end`, that addresses a machine and not a reader; `reason` is what tells it."""

    source: str
    start: int
    end: int
    reason: str

    def __post_init__(self) -> None:
        check_span(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the corpus answers, and the proof.

    `answered` is False where the corpus does not hold the answer; then `mode` is "none" and `text` says so.
    `confidence` is the probability that the corpus answers the question. `dropped` holds sentences that failed
    verification and are not shown, `omitted` the evidence that did not fit into the prompt, `prompt` exactly what the
    model was sent ("" where no model was asked), `reasoning` what it thought before it answered. `prompt_tokens` and
    `completion_tokens` count what it read and wrote. `completeness` says what was looked at, where that is more than
    the hits: all documents for a list, a whole document for a summary. `suspicious` is what addresses a machine in the
    passages that were read; `invisible` counts their characters that nobody sees, which are in `citations` and `hits`
    alone.
    """

    question: str
    answered: bool
    mode: Literal["quotes", "prose", "none"]
    text: str
    sentences: tuple[Sentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    confidence: float = 0.0
    dropped: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    omitted: tuple[str, ...] = ()
    completeness: str = ""
    hits: tuple[Hit, ...] = ()
    model: str | None = None
    prompt: str = ""
    reasoning: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    suspicious: tuple[Suspicion, ...] = ()
    invisible: int = 0

    def __post_init__(self) -> None:
        if self.answered != (self.mode != "none"):
            raise ValueError(f"answered={self.answered} does not go with mode={self.mode!r}")

    def __iter__(self) -> Iterator[Sentence]:
        """The sentences, in order."""
        return iter(self.sentences)
