"""What documents are called, and how far a question names them.

Of documents of one kind (reports by quarter, agreements by customer) each text says nearly the same, and which is whose
is often told by the path alone. To single out one of N takes ln N of information, of which a word that n of them have
in their paths gives ln(N / n). What a question's words give for a document, as a share of what they give for the one
they name best, and of ln N if that is more, is how far they name it; squared, so that siblings stay behind. A question
that says little else means the document itself: `(1 + 2 s) / 3` of that, where s is the share of its words that name
it. A number that is no year names nothing by itself: "at 12 volts" does not mean `part 12.md`, "in part 12" does.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from rag.text.names import asked_words, file_of, is_bare, name_words

COMMON = 1000
"""Documents with a word from which on it names none by itself, but tells those apart that rarer words name."""


@dataclass(frozen=True, slots=True)
class Names:
    """The documents that have each word in a path of theirs; `count` are all."""

    holders: dict[str, set[str]]
    count: int

    @classmethod
    def of(cls, places: Iterable[tuple[str, str | None]]) -> Names:
        """The names of documents by the paths at which they lie: (path, document) pairs, None for no document."""
        holders: dict[str, set[str]] = defaultdict(set)
        within: dict[str, set[str]] = defaultdict(set)
        for path, document in ((path, document) for path, document in places if document is not None):
            folder, _, file = file_of(path).rpartition("/")
            within[folder].add(document)
            for word in name_words(file):
                holders[word].add(document)
        for folder, documents in within.items():
            for word in name_words(f"{folder}/"):
                holders[word] |= documents
        return cls(dict(holders), len(set().union(*within.values())))

    def named(self, question: str) -> dict[str, float]:
        """How far the question names each document, 0..1; those that it does not name are not there."""
        words = asked_words(question)
        # The rarest first, and sums that do not depend on the order of a set.
        asked = sorted((word for word in words if word in self.holders), key=lambda one: (len(self.holders[one]), one))
        given: dict[str, float] = defaultdict(float)
        for word in asked:
            held = self.holders[word]
            told = math.log(self.count / len(held))
            if told:  # what all are called names none
                for document in held if len(held) <= COMMON else [one for one in given if one in held]:
                    given[document] += told
        in_words = [self.holders[word] for word in asked if not is_bare(word)]
        if len(in_words) < len(asked):
            given = {one: own for one, own in given.items() if any(one in held for held in in_words)}
        whole = max(math.log(self.count), *given.values()) if given else 0.0
        shares = {one: sum(one in self.holders[word] for word in asked) / len(words) for one in given}
        return {one: (own / whole) ** 2 * (1 + 2 * shares[one]) / 3 for one, own in given.items()}
