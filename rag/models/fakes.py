"""Stand-ins that keep the promises of `rag.protocols` without weights: for tests, ours and yours.

`HashEmbedder` and `OverlapReader` are here, `CannedModel` in `rag.models.canned`, importable from here as well.

They know no language: two texts are similar, and a passage answers a question, as far as they share words (in Chinese,
Japanese and Thai: characters). They are deterministic on every machine, load nothing and cost microseconds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Embeddings, Reading
from rag.models.canned import CannedModel

__all__ = ["CannedModel", "HashEmbedder", "OverlapReader"]

Floats = NDArray[np.float32]

# One token: a character of a script without spaces, up to 12 characters of a word, or a single other mark.
_TOKEN = re.compile(
    r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|\w{1,12}?(?=[\u3040-\u30ff\u3400-\u9fff])|\w{1,12}|[^\w\s]"
)


class HashEmbedder:
    """An `Embedder` whose vectors are sums of hashed tokens: `vectors` (n, dimension) float32, unit rows.

    Queries and texts are embedded alike. Two tokens of every text are overhead, as a model's specials would be.

    >>> import numpy as np
    >>> embedder = HashEmbedder()
    >>> float(np.round(embedder.embed_texts(["a b"]).vectors @ embedder.embed_query("B a").vectors.T, 6).item())
    1.0
    """

    def __init__(self, dimension: int = 64, max_tokens: int = 512) -> None:
        if dimension < 1 or max_tokens < 3:
            raise ValueError(f"dimension={dimension} must be at least 1, max_tokens={max_tokens} at least 3")
        self.dimension = dimension
        self.max_tokens = max_tokens
        self.overhead = 2
        self.name = "hash"
        self.fingerprint = hashlib.sha256(f"hash-embedder 1 {dimension}".encode()).hexdigest()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text alone."""
        return [sum(1 for _ in _TOKEN.finditer(text)) for text in texts]

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """The half-open character range of each token."""
        return [match.span() for match in _TOKEN.finditer(text)]

    def embed_query(self, text: str, *, tokens: bool = False) -> Embeddings:
        """Embeddings of one question; what is over `max_tokens` is left out."""
        return self._embed([self._pieces(text)[: self.max_tokens - self.overhead]], tokens)

    def embed_texts(self, texts: Sequence[str], *, tokens: bool = False) -> Embeddings:
        """Embeddings of the texts. Raises ValueError where one is longer than `max_tokens` with its overhead."""
        pieces = [self._pieces(text) for text in texts]
        for number, piece in enumerate(pieces):
            if len(piece) + self.overhead > self.max_tokens:
                count = len(piece) + self.overhead
                raise ValueError(f"text {number} has {count} tokens, the model takes {self.max_tokens}")
        return self._embed(pieces, tokens)

    def _pieces(self, text: str) -> list[str]:
        return [match.group().casefold() for match in _TOKEN.finditer(text)]

    def _embed(self, texts: Sequence[Sequence[str]], tokens: bool) -> Embeddings:
        rows = [np.array([_hashed(piece, self.dimension) for piece in pieces], np.float32) for pieces in texts]
        rows = [row.reshape(-1, self.dimension) for row in rows]
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for number, row in enumerate(rows):
            total = row.sum(axis=0)
            norm = float(np.linalg.norm(total))
            vectors[number] = total / norm if norm > 1e-6 else _hashed("", self.dimension)
        return Embeddings(vectors, tuple(rows) if tokens else ())


class OverlapReader:
    """A `PassageReader` by shared words: an answer begins where many of the question's words are near.

    `answered` goes from -5, no word is shared, to 5, all are.
    """

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """What each passage has of an answer."""
        asked = {match.group().casefold() for match in _TOKEN.finditer(question) if match.group().isalnum()}
        return [self._reading(asked, passage) for passage in passages]

    @staticmethod
    def _reading(asked: set[str], passage: str) -> Reading:
        found = [(match.span(), match.group().casefold() in asked) for match in _TOKEN.finditer(passage)]
        shared = {passage[start:end].casefold() for (start, end), known in found if known}
        known = [3.0 * known for _, known in found]
        weights = np.exp(np.convolve(known or [0.0], np.ones(5) / 5, "same")[: len(found)])
        begins = (weights / max(float(weights.sum()), 1e-9)).astype(np.float32)
        return Reading(10 * len(shared) / max(1, len(asked)) - 5, tuple(span for span, _ in found), begins, begins)


@lru_cache(maxsize=65536)
def _hashed(piece: str, dimension: int) -> Floats:
    """A unit vector (dimension,) float32 of equal magnitudes whose signs are the bits of a hash."""
    digest = hashlib.shake_256(piece.encode("utf-8", "surrogatepass")).digest((dimension + 7) // 8)
    bits = np.unpackbits(np.frombuffer(digest, np.uint8))[:dimension]
    return ((bits.astype(np.float32) * 2 - 1) / np.float32(dimension) ** 0.5).astype(np.float32)
