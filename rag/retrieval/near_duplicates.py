"""Documents that say nearly the same, found among all of an index: editions, drafts, copies with another footer.

text → terms, numbers alike → shingles → 128 smallest hashes (MinHash, Broder 1997) → buckets of equal bands → compared

Two documents whose shingles have a Jaccard similarity of one half meet in a bucket with a probability of 87 %, of 0.8
with all but certainty (bands of 4 of 128: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4). Those that
meet are compared by their shingles themselves. A short one that is a part of a much longer one is not looked for.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rag.index.index import Index
from rag.text.terms import terms

SHINGLE = 3
"""Terms in a row that are compared; a number counts as any other, since editions differ in their numbers."""
ALIKE = 0.7
"""Share of the shorter one's shingles that the longer one has, from which on they say nearly the same."""
BANDS, ROWS = 32, 4

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
            share = _share(shingles_of(leader), shingles_of(other))
            if share >= ALIKE:
                leader_of[other] = leader
                groups.setdefault(leader, []).append((documents[other], share))
    found = [
        NearDuplicates(documents[leader], tuple(sorted(members, key=lambda each: (-each[1], each[0]))))
        for leader, members in groups.items()
    ]
    return sorted(found, key=lambda each: (-len(each.others), each.document))


def _share(one: Hashes, other: Hashes) -> float:
    return len(np.intersect1d(one, other, assume_unique=True)) / min(len(one), len(other))
