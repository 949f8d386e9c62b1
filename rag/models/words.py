"""Ids of long texts, word by word: a word that was cut before is looked up.

A tokenizer whose pieces have no space but at their beginning cuts each word by itself, so the ids of a text are those
of its words. In an ingest each text is cut several times, and most words come again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MOST = 100_000
"""Words that are remembered; then it begins anew."""
LONGEST = 40
"""Characters of a word that is remembered: runs of a script without spaces are longer, and hardly come again."""


class Words:
    """The ids of texts as `tokenizer` gives them, without specials; `space` is its sign for one."""

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
        new = [word for word in {word for own in words for word in own} if word not in self._known]
        whole = {word for word in new if not self._is_cut_alone(word)}
        self._learn([word for word in new if word not in whole])
        found = [
            self._whole(text) if self._is_whole(text, own, whole) else self._joined(text, own)
            for text, own in zip(texts, words, strict=True)
        ]
        self._forget(new)
        return found

    def _is_whole(self, text: str, words: Sequence[str], whole: set[str]) -> bool:
        """Whether the text has to be cut as one."""
        return not words or not whole.isdisjoint(words) or any(special in text for special in self._specials)

    def _is_cut_alone(self, word: str) -> bool:
        """Whether what stands beside the word changes nothing: it does not vanish, has no space, joins nothing."""
        normal = self._normal(word)
        joins = unicodedata.category(word[0])[0] == "M" or word[0] == "\u200d"
        return bool(normal) and " " not in normal and self._space not in normal and not joins

    def _joined(self, text: str, words: Sequence[str]) -> list[int]:
        after = self._lone if text.endswith(self._blank) else []
        return [*chain.from_iterable(map(self._known.__getitem__, words)), *after]

    def _whole(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _learn(self, words: Sequence[str]) -> None:
        for word, cut in zip(words, self._tokenizer.encode_batch_fast(words, add_special_tokens=False), strict=True):
            self._known[word] = cut.ids

    def _forget(self, new: Iterable[str]) -> None:
        for word in new:
            if len(word) > LONGEST:
                self._known.pop(word, None)
        if len(self._known) > MOST:
            self._known.clear()

    def _normal(self, text: str) -> str:
        normal: str = self._tokenizer.normalizer.normalize_str(text)
        return normal
