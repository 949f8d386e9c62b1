"""Why a hit was found: which words of the question it holds, and which of its tokens answer the question's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.datatypes import Hit
from rag.index.index import Index
from rag.index.late import unit
from rag.protocols import Embedder
from rag.text.context import embedded_text
from rag.text.terms import content_words, terms


@dataclass(frozen=True, slots=True)
class WordMatch:
    """A word of the question: its first form in the lexical leg, its IDF, and whether the hit has any of its forms."""

    term: str
    idf: float
    held: bool


@dataclass(frozen=True, slots=True)
class TokenMatch:
    """A token of the question, the token of the hit that is nearest to it, and their cosine, -1..1."""

    asked: str
    found: str
    cosine: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Words and tokens in the order of the question. The heading context is a part of the hit, as in a search."""

    words: tuple[WordMatch, ...]
    tokens: tuple[TokenMatch, ...]


def explain(question: str, hits: Sequence[Hit], index: Index, embedder: Embedder) -> list[Explanation]:
    """One explanation for each hit. The hits' tokens are embedded for it, exactly; a search reads them from the index,
    where they are pooled and of a few bits. Of joined neighbours it is the best that is explained.
    """
    texts = [embedded_text(hit.chunk, hit.chunk.text) for hit in hits]
    words = list(dict.fromkeys(content_words(question)))
    idfs = {forms: min(map(index.idf, forms)) for forms in words}
    asked = embedder.embed_query(question, tokens=True).tokens[0]
    spans = embedder.token_offsets(question)[: len(asked)]
    mean = index.token_mean  # tokens are compared without it, as in a search
    query = unit(asked - mean)
    found = []
    for text, vectors in zip(texts, embedder.embed_texts(texts, tokens=True).tokens, strict=True):
        held = set(terms(text))
        told = tuple(WordMatch(forms[0], idfs[forms], not held.isdisjoint(forms)) for forms in words)
        cosines = query @ unit(vectors - mean).T
        offsets = embedder.token_offsets(text)
        pairs = [(spans[row], offsets[column]) for row, column in enumerate(cosines.argmax(axis=1).tolist())]
        tokens = tuple(
            TokenMatch(question[a:b].strip(), text[c:d].strip(), float(cosine))
            for ((a, b), (c, d)), cosine in zip(pairs, cosines.max(axis=1), strict=True)
        )
        found.append(Explanation(told, tokens))
    return found
