"""question → Hits over a small in-memory store, so that every score is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.datatypes import Chunk, Condition, Embeddings, Hit, Markup, Page, Source, State
from rag.errors import FilterError
from rag.index.names import Names
from rag.models.fakes import HashEmbedder
from rag.retrieval.candidates import (
    MOST_NAMED,
    Candidates,
    Search,
    gather,
    in_front,
    language_groups,
    look_closer,
    matches,
)
from rag.retrieval.others import search_words
from rag.retrieval.retriever import Retriever
from rag.text.terms import terms

TEXTS = ("the pump needs oil", "the heron turbine turns", "leave is thirty days", "oil the heron pump weekly")
Floats = NDArray[np.float32]


class ListStore:
    """A Store over a list of texts: row i is text i, lexical is the number of shared words."""

    def __init__(self, texts: Sequence[str], embedder: HashEmbedder, spoken: Sequence[str] = ()) -> None:
        self.texts = texts
        self.spoken = spoken or ["en"] * len(texts)
        embeddings = embedder.embed_texts(texts, tokens=True)
        self.own, self.tokens = embeddings.vectors, embeddings.tokens

    def vectors(self, rows: NDArray[np.int64]) -> Floats:
        return self.own[rows]

    def date(self, document: str) -> str:
        return ""

    def markup(self, document: str) -> Markup:
        return "plain"

    def search_dense(
        self, vector: Floats, k: int, among: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], Floats]:
        scores = self.own @ vector
        rows = [row for row in np.argsort(-scores) if among is None or row in among]
        order = np.array(rows[:k], dtype=np.int64)
        return order, scores[order]

    def rows_in(self, languages: Collection[str]) -> NDArray[np.int64]:
        return np.array([row for row, language in enumerate(self.spoken) if language in languages], np.int64)

    def rows_where(self, conditions: tuple[Condition, ...]) -> NDArray[np.int64]:
        """Fields are texts that stand in the texts themselves."""
        wanted = [value for condition in conditions for value in condition.values]
        return np.array([row for row, text in enumerate(self.texts) if all(word in text for word in wanted)], np.int64)

    def languages(self) -> dict[str, int]:
        return dict(Counter(self.spoken))

    def languages_of(self, rows: NDArray[np.int64]) -> list[str]:
        return [self.spoken[row] for row in rows]

    def documents_of(self, rows: NDArray[np.int64]) -> list[str]:
        return [f"d{row}" for row in rows]

    def search_lexical(
        self, query: str, k: int, among: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], Floats]:
        scores = self.lexical_scores(query, np.arange(len(self.texts)))
        rows = [row for row in np.argsort(-scores) if scores[row] > 0 and (among is None or row in among)]
        order = np.array(rows[:k], dtype=np.int64)
        return order, scores[order]

    def dense_scores(self, vector: Floats, rows: NDArray[np.int64]) -> Floats:
        return np.asarray(self.own[rows] @ vector, dtype=np.float32)

    def lexical_scores(self, query: str, rows: NDArray[np.int64]) -> Floats:
        words = set(query.split())
        return np.array([len(words & set(self.texts[row].split())) for row in rows], dtype=np.float32)

    def exact(self, query: str, rows: NDArray[np.int64]) -> Floats:
        typed = [word for word in query.split() if word.isdigit()]
        return np.array([sum(word in self.texts[row].split() for word in typed) for row in rows], dtype=np.float32)

    def idf(self, term: str) -> float:
        return 1.0

    def named(self, question: str) -> dict[str, float]:
        return Names.of((f"a/d{row}.txt", f"d{row}") for row in range(len(self.texts))).named(question)

    def rows_of(self, document: str) -> list[int]:
        return [int(document[1:])]

    def rows_having(self, words: Sequence[Sequence[str]]) -> NDArray[np.int64]:
        held = [set(terms(text)) for text in self.texts]
        rows = [row for row, own in enumerate(held) if all(not own.isdisjoint(forms) for forms in words)]
        return np.array(rows, np.int64)

    def mass(self, query: str) -> float:
        return float(len(set(query.split())))

    def late_scores(self, query_tokens: Floats, rows: NDArray[np.int64]) -> Floats:
        return np.array([(query_tokens @ self.tokens[row].T).max(axis=1).mean() for row in rows], dtype=np.float32)

    def chunks(self, rows: Sequence[int]) -> list[Chunk]:
        return [Chunk(f"c{row}", f"d{row}", 0, len(self.texts[row]), self.texts[row]) for row in rows]

    def sources(self, document: str) -> list[Source]:
        return [Source("/docs", f"{name}/{document}.txt", State.INDEXED, document) for name in ("b", "a")]

    def all_sources(self) -> list[Source]:
        return [source for row in range(len(self.texts)) for source in self.sources(f"d{row}")]

    def text(self, document: str, start: int = 0, end: int | None = None) -> str:
        return self.texts[int(document[1:])][start:end]

    def pages(self, document: str, start: int, end: int) -> tuple[Page, ...]:
        return ()


class Reversed:
    """A Reranker that turns the order round."""

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        return [replace(hit, score=-hit.score) for hit in reversed(hits)]


@pytest.fixture
def store() -> ListStore:
    return ListStore(TEXTS, HashEmbedder())


def test_hits_come_best_first_with_every_legs_score(store: ListStore) -> None:
    hits = Retriever(store, HashEmbedder()).retrieve("oil the heron pump weekly", k=3)
    assert next(hit.text for hit in hits) == TEXTS[3]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(None not in (hit.scores.dense, hit.scores.lexical, hit.scores.late) for hit in hits)


def test_a_document_in_two_places_is_one_hit_with_a_copy(store: ListStore) -> None:
    hit = Retriever(store, HashEmbedder()).retrieve("leave is thirty days", k=1)[0]
    assert hit.source == "/docs/a/d2.txt"
    assert hit.copies == ("/docs/b/d2.txt",)


def test_grouped_hits_are_the_best_of_each_document() -> None:
    class Pages(ListStore):
        """Every four rows are one document."""

        def chunks(self, rows: Sequence[int]) -> list[Chunk]:
            return [
                replace(chunk, document=f"d{row // 4}") for row, chunk in zip(rows, super().chunks(rows), strict=True)
            ]

    retriever = Retriever(Pages(TEXTS * 20, HashEmbedder()), HashEmbedder())
    plain, grouped = (retriever.retrieve("oil the heron pump", k=7, group=group) for group in (False, True))
    assert len({hit.chunk.document for hit in plain}) == len(plain) == len(grouped) == 7
    assert len({hit.text for hit in plain}) == 1  # four rows of a document differ: the same one leads in all
    for k in (30, 80):
        grouped = retriever.retrieve("oil the heron pump", k=k, group=True)
        assert sorted(hit.chunk.document for hit in grouped) == sorted(f"d{number}" for number in range(20))
        assert {hit.text for hit in grouped} == {plain[0].text}
        assert len(retriever.retrieve("oil the heron pump", k=k)) == k


def test_grouped_hits_come_from_further_down_where_long_documents_lead() -> None:
    class Books(ListStore):
        """One long document about oil, and nine short ones."""

        def chunks(self, rows: Sequence[int]) -> list[Chunk]:
            named = zip(rows, super().chunks(rows), strict=True)
            return [replace(chunk, document=f"d{0 if row < 300 else row}") for row, chunk in named]

    texts = [f"oil and oil and oil {number}" for number in range(300)] + [f"the ferry {number}" for number in range(9)]
    grouped = Retriever(Books(texts, HashEmbedder()), HashEmbedder()).retrieve("oil and oil", k=5, group=True)
    assert len({hit.chunk.document for hit in grouped}) == len(grouped) == 5
    assert len(search_words(Books(texts, HashEmbedder()), "oil ferry", 5, group=True)) == 5


@pytest.mark.parametrize("spoken", [["en"] * 300, ["en", "zh"] * 150])
def test_a_document_that_the_question_names_is_looked_into_however_many_read_alike(spoken: list[str]) -> None:
    """Of 300 alike a leg brings the first 100: the one that is named comes in all the same, where a filter lets it."""
    store = ListStore(["the notice is some weeks"] * 299 + ["the ferry"], HashEmbedder(), spoken)
    retriever = Retriever(store, HashEmbedder())
    hit = retriever.retrieve("what notice has d250", k=1)[0]
    assert (hit.chunk.document, hit.called) == ("d250", "d250")
    assert hit.scores.named is not None
    assert retriever.retrieve("what notice is there", k=1)[0].scores.named is None
    for hit in retriever.retrieve("what notice has d250", k=300, where="heading ~ ferry"):
        assert hit.chunk.document == "d299"


def test_where_a_question_names_many_none_is_singled_out(store: ListStore) -> None:
    assert matches(store, "what about d0 and d1", 1).within.tolist() == [0, 1]
    many = ListStore(["the notice is some weeks"] * 40, HashEmbedder())
    assert matches(many, "what of " + " ".join(f"d{row}" for row in range(MOST_NAMED + 1)), 1).within.tolist() == []
    assert matches(many, "what of nobody", 1).within.tolist() == []


def test_what_a_filter_leaves_out_hides_no_document_that_it_lets_through() -> None:
    called = ["acme oil drum 2024", "acme oil drum 2023", *(f"other {at}" for at in range(len(TEXTS) - 2))]

    class Quarters(ListStore):
        def named(self, question: str) -> dict[str, float]:
            return Names.of((f"{name}.txt", f"d{at}") for at, name in enumerate(called)).named(question)

    quarters = Quarters(TEXTS, HashEmbedder())
    assert matches(quarters, "acme oil drum 2024", 1).within.tolist() == [0]
    assert matches(quarters, "acme oil drum 2024", 1, np.arange(1, len(TEXTS))).within.tolist() == [1]
    assert matches(quarters, "acme oil drum 2024", 1, np.arange(2, len(TEXTS))).within.tolist() == []


def test_of_the_places_of_a_document_the_one_that_is_named_is_shown() -> None:
    class Copied(ListStore):
        """Each document lies in two places, one of them in the folder drafts."""

        def sources(self, document: str) -> list[Source]:
            places = (f"{document}.txt", f"drafts/{document}.txt")
            return [Source("/docs", place, State.INDEXED, document) for place in places]

        def named(self, question: str) -> dict[str, float]:
            places = [(source.path, f"d{row}") for row in range(len(self.texts)) for source in self.sources(f"d{row}")]
            return Names.of([*places, ("c/other.txt", "other")]).named(question)

    retriever = Retriever(Copied(TEXTS, HashEmbedder()), HashEmbedder())
    hit = retriever.retrieve("leave is thirty days in drafts of d2", k=1)[0]
    assert (hit.source, hit.copies, hit.called) == ("/docs/drafts/d2.txt", ("/docs/d2.txt",), "drafts/d2")
    hit = retriever.retrieve("leave is thirty days in d2", k=1)[0]
    assert (hit.source, hit.copies, hit.called) == ("/docs/d2.txt", ("/docs/drafts/d2.txt",), "d2")


def test_fewer_hits_come_where_the_index_has_fewer(store: ListStore) -> None:
    assert len(Retriever(store, HashEmbedder()).retrieve("oil", k=50)) == len(TEXTS)
    empty = Retriever(ListStore((), HashEmbedder()), HashEmbedder())
    assert empty.retrieve("oil", k=3) == []


def test_only_what_the_filter_lets_through_is_found_in_every_language() -> None:
    for spoken in (["en"] * 40, ["en", "zh"] * 20):
        store = ListStore(TEXTS * 10, HashEmbedder(), spoken)
        hits = Retriever(store, HashEmbedder()).retrieve("oil the heron pump weekly", k=20, where="heading ~ turbine")
        assert [hit.text for hit in hits] == [TEXTS[1]] * 10
        assert Retriever(store, HashEmbedder()).retrieve("oil", k=3, where="heading = zeppelin") == []


def test_a_filter_that_cannot_be_read_is_refused(store: ListStore) -> None:
    with pytest.raises(FilterError, match=r"format does not take '>'"):
        Retriever(store, HashEmbedder()).retrieve("oil", where="format > pdf")


def test_a_blank_question_finds_nothing_and_a_silly_k_is_refused(store: ListStore) -> None:
    retriever = Retriever(store, HashEmbedder())
    assert retriever.retrieve(" \n", k=3) == []
    with pytest.raises(ValueError, match="k=0"):
        retriever.retrieve("oil", k=0)


def test_scores_sort_as_ranks_do_beyond_what_late_interaction_looked_at() -> None:
    texts = [f"item {number} of the heron list" for number in range(130)]
    embedder = HashEmbedder()
    hits = Retriever(ListStore(texts, embedder), embedder).retrieve("heron item 7", k=60)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(("head", "tail"), [([3, 1], [4, 2]), ([0.1, -3.3], [10.1, 7]), ([2, 1], [0.5, 0])])
def test_what_was_looked_at_stays_in_front_of_older_rows_that_were_not(head: list[float], tail: list[float]) -> None:
    looked_at = Candidates.of(np.array([8, 9]), np.array(head, np.float32))
    others = Candidates.of(np.array([1, 2]), np.array(tail, np.float32))
    assert in_front(looked_at, others).ordered().rows.tolist() == [8, 9, 1, 2]


def test_a_reranker_sees_more_than_k_and_has_the_last_word(store: ListStore) -> None:
    plain = Retriever(store, HashEmbedder()).retrieve("oil the heron pump weekly", k=4)
    turned = Retriever(store, HashEmbedder(), Reversed()).retrieve("oil the heron pump weekly", k=1)
    assert turned[0].text == plain[-1].text


def test_each_language_with_enough_chunks_is_ranked_apart() -> None:
    assert language_groups({}) == []
    assert language_groups({"en": 90}) == [{"en"}]
    assert language_groups({"en": 90, "zh": 40, "nl": 2, "": 7}) == [{"en", "nl", ""}, {"zh"}]


def test_a_chunk_that_stands_out_in_its_language_beats_a_language_that_is_nearer_as_a_whole() -> None:
    query = Embeddings(np.array([[1.0, 0.0]], np.float32), (np.array([[1.0, 0.0]], np.float32),))
    near = [0.90, 0.91, 0.92, 0.90, 0.91, 0.92]  # the question's own language: all alike
    far = [0.40, 0.40, 0.41, 0.40, 0.80, 0.41]  # another one, further away, with one chunk that stands out
    store = ListStore([f"text {number}" for number in range(12)], HashEmbedder(), ["en"] * 6 + ["zh"] * 6)
    store.own = np.array([[cosine, (1 - cosine**2) ** 0.5] for cosine in near + far], np.float32)
    store.tokens = tuple(store.own[row : row + 1] for row in range(12))
    found = look_closer(partial(store.late_scores, query.tokens[0]), gather(store, Search("question", query, 5)), 5)
    assert found.rows[0] == 10
    assert (np.diff(found.scores) <= 0).all()


def test_with_a_neutral_embedder_all_languages_are_ranked_together() -> None:
    class Neutral(HashEmbedder):
        neutral = True

    store = ListStore(TEXTS * 5, HashEmbedder(), ["en", "zh", "en", "zh"] * 5)
    query = HashEmbedder().embed_query("oil", tokens=True)
    assert len(gather(store, Search("oil", query, 3))) == 2
    assert len(gather(store, Search("oil", query, 3, neutral=True))) == 1
    assert len(Retriever(store, Neutral()).retrieve("oil", k=3)) == 3
    assert gather(ListStore((), HashEmbedder()), Search("oil", query, 3, neutral=True)) == []


def test_diverse_hits_each_say_something_else() -> None:
    texts = (
        "oil the pump weekly",
        "oil the pump every week",
        "oil a pump weekly now",
        "the pump has a blue lid",
        "leave",
    )
    retriever = Retriever(ListStore(texts, HashEmbedder()), HashEmbedder())
    plain = [hit.text for hit in retriever.retrieve("oil the pump weekly", 2)]
    diverse = [hit.text for hit in retriever.retrieve("oil the pump weekly", 2, diversity=0.7)]
    assert plain[0] == diverse[0] == texts[0]
    assert plain[1] in texts[1:3]
    assert diverse[1] in texts[3:]
    everything = retriever.retrieve("oil the pump weekly", 9, diversity=1)
    assert sorted(hit.text for hit in everything) == sorted(texts)
    assert retriever.retrieve("oil", 1, diversity=0.5)
    with pytest.raises(ValueError, match=r"diversity=1\.5 is not between 0 and 1"):
        retriever.retrieve("oil", 1, diversity=1.5)


def test_copies_do_not_take_the_places_of_others() -> None:
    """However many near-duplicates come first, `k` passages are found where there are as many."""
    texts = [f"oil the heron pump weekly and wipe it dry before the next tide comes in{'.' * n}" for n in range(150)]
    store = ListStore([*texts, "the ferry leaves at seven", "leave is thirty days"], HashEmbedder())
    retriever = Retriever(store, HashEmbedder())
    assert len({hit.text for hit in retriever.retrieve("oil the heron pump", 3)} - set(texts)) == 0
    found = retriever.retrieve("oil the heron pump", 3, joined=True)
    assert len(found) == 3
    assert len(found[0].alike) > 48
    assert {hit.text for hit in found[1:]} == {"the ferry leaves at seven", "leave is thirty days"}
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda hits: hits[1:],
        lambda hits: hits[::-1],
        lambda hits: [*hits, hits[0]],
        lambda hits: [replace(hit, score=float("nan")) for hit in hits],
    ],
    ids=["lost", "order", "twice", "nan"],
)
def test_a_reranker_that_breaks_its_promise_is_named(store: ListStore, spoil: Callable[[list[Hit]], list[Hit]]) -> None:
    class Broken:
        def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
            return spoil(list(hits))

    with pytest.raises(ValueError, match="Broken has to give the same hits back"):
        Retriever(store, HashEmbedder(), Broken()).retrieve("oil the heron pump", 2)


def test_a_reranker_is_not_asked_where_nothing_was_found(store: ListStore) -> None:
    assert Retriever(store, HashEmbedder(), Reversed()).retrieve("oil", 2, where="lead = zzz") == []


def test_a_search_that_looks_deeper_keeps_what_it_had_in_front() -> None:
    """Late interaction looks at those that the hits come from, however far a search for others goes."""
    looked: list[int] = []

    class Watched(ListStore):
        def late_scores(self, query_tokens: Floats, rows: NDArray[np.int64]) -> Floats:
            looked.append(len(rows))
            return super().late_scores(query_tokens, rows)

    texts = [f"oil the heron pump weekly and wipe it dry before the next tide comes in{'.' * n}" for n in range(400)]
    retriever = Retriever(Watched(texts, HashEmbedder()), HashEmbedder())
    assert len(retriever.retrieve("oil the heron pump", 3, joined=True)) == 1
    assert len(looked) > 1
    assert set(looked) == {50}


class Counting:
    """A Reranker that prefers short texts and counts how many it has read."""

    read = 0

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        self.read += len(hits)
        return [replace(hit, score=-float(len(hit.text))) for hit in sorted(hits, key=lambda hit: len(hit.text))]


def test_a_reranker_reads_each_candidate_once_and_its_order_holds_for_passages_too() -> None:
    texts = [f"oil the heron pump weekly and wipe it dry before the next tide comes in{'.' * n}" for n in range(150)]
    store, reranker = ListStore([*texts, "the ferry leaves", "leave it"], HashEmbedder()), Counting()
    retriever = Retriever(store, HashEmbedder(), reranker)
    hits = retriever.retrieve("oil the heron pump", 60)
    assert (len(hits), reranker.read) == (60, 60)
    assert [hit.scores.rerank for hit in hits] == [hit.score for hit in hits] == [-float(len(hit.text)) for hit in hits]
    reranker.read = 0
    found = retriever.retrieve("oil the heron pump", 3, joined=True)
    assert reranker.read == 50
    assert {"rerank", "join"} <= set(retriever.seconds)
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert [hit.scores.rerank is None for hit in found] == [False, False, True]
    diverse = retriever.retrieve("oil the heron pump", 2, joined=True, diversity=0.9)
    assert len(diverse) == 2
