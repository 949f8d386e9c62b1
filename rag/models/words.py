"""Ids of long texts, word by word: a word that was cut before is looked up.

A tokenizer whose pieces have no space but at their beginning cuts each word by itself, so the ids of a text are those
of its words. In an ingest each text is cut several times, and most words come again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MOST = 100_000
"""Words that are remembered; then it begins anew."""
LONGEST = 40
"""Characters of a word that is remembered: runs of a script without spaces are longer, and hardly come again."""


class Words:
    """The ids of texts as `tokenizer` gives them, without specials; `space` is its sign for one.

    Threads may share it.
    """

    def __init__(self, tokenizer: Tokenizer, specials: Iterable[str], space: str) -> None:
        self._tokenizer = tokenizer
        self._specials = tuple(specials)
        self._space = space
        self._lone = [int(tokenizer.token_to_id(space) or 0)]
        blank = "".join(sign for sign in " \t\n\r" if self._normal(f"a{sign}b") == "a b")
        self._blank = tuple(blank)
        self._word = re.compile(f"[^{re.escape(blank)}]+")
        self._known: dict[str, list[int]] = {}

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text."""
        words = [self._word.findall(text) for text in texts]
        # What is remembered may be forgotten at any moment, by another thread: what is needed is taken out once.
        known = {word: self._known.get(word) for own in words for word in own}
        new = [word for word, ids in known.items() if ids is None]
        whole = {word for word in new if not self._is_cut_alone(word)}
        learnt = self._cut([word for word in new if word not in whole])
        known |= learnt
        self._remember(learnt)
        return [
            self._whole(text) if self._is_whole(text, own, whole) else self._joined(text, own, known)
            for text, own in zip(texts, words, strict=True)
        ]

    def _is_whole(self, text: str, words: Sequence[str], whole: set[str]) -> bool:
        """Whether the text has to be cut as one."""
        return not words or not whole.isdisjoint(words) or any(special in text for special in self._specials)

    def _is_cut_alone(self, word: str) -> bool:
        """Whether what stands beside the word changes nothing: it does not vanish, has no space, joins nothing."""
        normal = self._normal(word)
        joins = unicodedata.category(word[0])[0] == "M" or word[0] == "\u200d"
        return bool(normal) and " " not in normal and self._space not in normal and not joins

    def _joined(self, text: str, words: Sequence[str], known: Mapping[str, Sequence[int] | None]) -> list[int]:
        after = self._lone if text.endswith(self._blank) else []
        return [*chain.from_iterable(known[word] or () for word in words), *after]

    def _whole(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _cut(self, words: Sequence[str]) -> dict[str, list[int]]:
        found = self._tokenizer.encode_batch_fast(words, add_special_tokens=False)
        return {word: cut.ids for word, cut in zip(words, found, strict=True)}

    def _remember(self, learnt: Mapping[str, list[int]]) -> None:
        self._known.update((word, ids) for word, ids in learnt.items() if len(word) <= LONGEST)
        if len(self._known) > MOST:
            self._known = {}

    def _normal(self, text: str) -> str:
        normal: str = self._tokenizer.normalizer.normalize_str(text)
        return normal
