"""Documents that say nearly the same: editions, drafts, copies with another footer.

    all of an index     text → terms, numbers alike → shingles → 128 smallest hashes (MinHash, Broder 1997)
                        → buckets of equal bands → compared
    some that are new   chunks → their nearest in the index → compared

Two documents whose shingles have a Jaccard similarity of one half meet in a bucket with a probability of 87 %, of 0.8
with all but certainty (bands of 4 of 128: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4). Those that
meet are compared by their shingles themselves. A short one that is a part of a much longer one is no near-duplicate.

What an ingest has added is compared with the documents that its vectors lead to, so that no other text is read and
nothing has to be kept for it; what is nearly the same is told by the shingles there too.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from rag.index.index import Index
from rag.text.terms import terms

SHINGLE = 3
"""Terms in a row that are compared; a number counts as any other, since editions differ in their numbers."""
ALIKE = 0.7
"""Share of the shorter one's shingles that the longer one has, from which on they say nearly the same."""
OVERLAP = 0.5
"""Jaccard similarity of the shingles from which on neither is only a part of the other."""
BANDS, ROWS = 32, 4
PROBES = 4
"""Chunks of a new document that are looked up, evenly spread over it."""
NEIGHBOURS = 12
"""Chunks that are looked at around each of these."""
NEAR = 0.85
"""Cosine from which on another document's chunk leads to it."""
COMPARED = 3
"""Documents that a new one is compared with, the nearest."""
LONGEST = 2_000_000
"""Characters of the longest new document that is compared."""
_SLAB = 256

Floats = NDArray[np.float32]
Hashes = NDArray[np.uint64]

_FACTORS = np.random.default_rng(20240229).integers(1, 2**63, BANDS * ROWS, dtype=np.uint64) | np.uint64(1)
_WEIGHTS = np.array([pow(0x9E3779B97F4A7C15, power, 2**64) for power in range(SHINGLE)], np.uint64)


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """A document, and others that say nearly the same: each with the share of the shorter one's shingles, 0..1."""

    document: str
    others: tuple[tuple[str, float], ...]


def near_duplicates(index: Index, advance: Callable[[int, int], None] | None = None) -> list[NearDuplicates]:
    """Groups of documents that say nearly the same, the largest first; of each, the longest document comes first.

    Each is compared with the longest of those that it meets, not with all. Takes 1 KiB of memory a document.
    `advance` is called after each with how many are read, of how many. Raises IndexDamaged where a text cannot be read.
    """
    documents = sorted({each.document for each in index.all_sources() if each.document})
    least = np.zeros((len(documents), BANDS * ROWS), np.uint64)
    sizes = np.zeros(len(documents), np.int64)
    for place, document in enumerate(documents):
        found = shingles(index.document(document).text)
        sizes[place] = len(found)
        if len(found):
            least[place] = [(found * factor >> np.uint64(16)).min() for factor in _FACTORS]
        if advance:
            advance(place + 1, len(documents))
    worded = np.flatnonzero(sizes)
    return _groups(index, documents, sizes, list(_buckets(least, worded)))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two documents that say nearly the same, with the share of the shorter one's shingles, 0..1."""

    document: str
    other: str
    share: float


def near_duplicates_of(
    index: Index, documents: Sequence[str], advance: Callable[[int], None] | None = None
) -> list[Pair]:
    """The documents each with the one that is most like it, where that says nearly the same; no pair is there twice.

    It costs as many dense searches as the documents have probes, whatever the index holds. `advance` is called with
    how many were looked at. A document that is not there is like none. Raises IndexDamaged.
    """
    compared = _Compared(index)
    pairs: dict[frozenset[str], Pair] = {}
    for start in range(0, len(documents), _SLAB):
        some = documents[start : start + _SLAB]
        for document, others in zip(some, _neighbours(index, some), strict=True):
            shares = [(compared.likeness(document, other), other) for other in others]
            share, other = max(shares, default=(0.0, ""))
            if share:
                pairs.setdefault(frozenset((document, other)), Pair(document, other, share))
        if advance:
            advance(len(some))
    return list(pairs.values())


def _neighbours(index: Index, documents: Sequence[str]) -> list[list[str]]:
    """For each of the documents others to compare it with, the nearest first."""
    probes = [_probes(index.rows_of(document)) for document in documents]
    near = index.search_dense_each(index.vectors(np.concatenate(probes)), NEIGHBOURS)
    if not near:
        return [[] for _ in documents]
    rows = np.unique(np.concatenate([found[scores >= NEAR] for found, scores in near]))
    owner = dict(zip(rows.tolist(), index.documents_of(rows), strict=True))
    following = iter(near)
    return [
        _nearest(document, list(islice(following, len(own))), owner)
        for document, own in zip(documents, probes, strict=True)
    ]


def _nearest(document: str, near: Iterable[tuple[NDArray[np.int64], Floats]], owner: dict[int, str]) -> list[str]:
    """The documents that have what is near to the probes of this one: how near, summed over its probes."""
    nearness: dict[str, float] = defaultdict(float)
    for rows, scores in near:
        best: dict[str, float] = {}
        for row, score in zip(rows.tolist(), scores.tolist(), strict=True):  # best first
            if score >= NEAR:
                best.setdefault(owner[row], score)
        for other, score in best.items():
            nearness[other] += score - NEAR
    nearness.pop(document, None)
    return sorted(nearness, key=lambda other: (-nearness[other], other))[:COMPARED]


def _probes(rows: Sequence[int]) -> NDArray[np.int64]:
    places = np.unique(np.linspace(0, len(rows) - 1, min(PROBES, len(rows))).round().astype(np.int64))
    return np.array(rows, np.int64)[places]


class _Compared:
    """Shingles of the documents of one index, a few of them kept."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._kept = lru_cache(maxsize=_SLAB)(self._shingles)

    def likeness(self, one: str, other: str) -> float:
        """See `likeness`."""
        return likeness(self._kept(one), self._kept(other))

    def _shingles(self, document: str) -> Hashes:
        head = self._index.head(document)
        return shingles(self._index.text(document)) if head.characters <= LONGEST else np.empty(0, np.uint64)


def shingles(text: str) -> Hashes:
    """The hashes (n,) of the text's shingles, each once, ascending; of a text shorter than one, of all of it."""
    found = np.array([_hash("#" if any(map(str.isdigit, term)) else term) for term in terms(text)], np.uint64)
    if not len(found):
        return found
    length = min(SHINGLE, len(found))
    windows = np.lib.stride_tricks.sliding_window_view(found, length)
    return np.unique((windows * _WEIGHTS[:length]).sum(axis=1, dtype=np.uint64))


@lru_cache(maxsize=1 << 16)
def _hash(term: str) -> int:
    data = term.encode("utf-8", "surrogatepass")
    return zlib.crc32(data) << 32 | zlib.crc32(data, 1)


def _buckets(least: Hashes, among: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The places that agree in all the smallest hashes of a band, two at least, band by band."""
    for number in range(BANDS):
        band = least[among, number * ROWS : (number + 1) * ROWS]
        _, which, counts = np.unique(band, axis=0, return_inverse=True, return_counts=True)
        order = np.argsort(which, kind="stable")
        for bucket in np.split(among[order], np.cumsum(counts)[:-1]):
            if len(bucket) > 1:
                yield bucket


def _groups(
    index: Index, documents: Sequence[str], sizes: NDArray[np.int64], buckets: Sequence[NDArray[np.int64]]
) -> list[NearDuplicates]:
    """The buckets' documents under the longest one that each is like; none leads a group and stands in another."""

    @lru_cache(maxsize=64)
    def shingles_of(place: int) -> Hashes:
        return shingles(index.document(documents[place]).text)

    leader_of: dict[int, int] = {}
    groups: dict[int, list[tuple[str, float]]] = {}
    for bucket in sorted(buckets, key=len, reverse=True):
        first, *others = sorted(map(int, bucket), key=lambda each: (-sizes[each], each))
        leader = leader_of.get(first, first)
        for other in others:
            if other in leader_of or other in groups or other == leader:
                continue
            share = likeness(shingles_of(leader), shingles_of(other))
            if share:
                leader_of[other] = leader
                groups.setdefault(leader, []).append((documents[other], share))
    found = [
        NearDuplicates(documents[leader], tuple(sorted(members, key=lambda each: (-each[1], each[0]))))
        for leader, members in groups.items()
    ]
    return sorted(found, key=lambda each: (-len(each.others), each.document))


def likeness(one: Hashes, other: Hashes) -> float:
    """The share of the shorter one's shingles that the longer one has, `ALIKE` at least; 0 where they are not alike."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    alike = (
        shared and shared >= ALIKE * min(len(one), len(other)) and shared >= OVERLAP * (len(one) + len(other) - shared)
    )
    return shared / min(len(one), len(other)) if alike else 0.0
