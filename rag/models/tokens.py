"""A folder's Unigram tokenizer, quick to start: a short text is cut with only those pieces that could occur in it.

Building the whole tokenizer of 250,000 pieces takes longer than everything else in a search; a question needs a few
hundred of them. So `pieces.safetensors` lists all pieces by hash: those that occur in a short text are looked up, and
a small tokenizer over them cuts it, by the same code and with the same result. Long jobs load the whole one, once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rag.models.folder import PIECES, TOKENIZER
from rag.models.words import Words

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.normalizers import Normalizer

SPACE = "▁"  # stands for a space, and begins every word
_SHORT = 40_000  # characters in all; looking up the pieces of more takes longer than loading the whole tokenizer


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text's tokens, without prompt and specials: ids, and half-open ranges of code points of the text."""

    ids: list[int]
    offsets: list[tuple[int, int]]


class TextTokenizer:
    """The tokenizer in `folder`, as `write_tokenizer` left it there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._characters = 0

    def cut(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text alone."""
        if self._are_short(texts):
            return self._cut_short(texts)
        encoded = self._whole.encode_batch(list(texts), add_special_tokens=False)
        return [Tokens(item.ids, item.offsets) for item in encoded]

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of the tokens of each text alone."""
        if self._are_short(texts):
            return [tokens.ids for tokens in self._cut_short(texts)]
        return self._words.ids(texts)

    @property
    def specials(self) -> dict[str, int]:
        """The special tokens' ids."""
        return self._pieces.specials

    @cached_property
    def _pieces(self) -> _Pieces:
        return _Pieces(self._folder / PIECES)

    def _are_short(self, texts: Sequence[str]) -> bool:
        """Whether to build a small tokenizer for the texts; once the whole one is there it takes less time."""
        self._characters += sum(map(len, texts))
        loaded = "_whole" in self.__dict__
        return not loaded and self._characters <= _SHORT and not self._mentions_specials(texts)

    @cached_property
    def _whole(self) -> Tokenizer:
        from tokenizers import Tokenizer

        return Tokenizer.from_file(str(self._folder / TOKENIZER))

    @cached_property
    def _words(self) -> Words:
        return Words(self._whole, self.specials, SPACE)

    def _mentions_specials(self, texts: Sequence[str]) -> bool:
        return any(special in text for text in texts for special in self.specials)

    def _cut_short(self, texts: Sequence[str]) -> list[Tokens]:
        vocabulary = self._pieces.found_in(texts)
        ids = np.array(list(vocabulary), np.int64)
        tokenizer = assemble(list(vocabulary.values()), list(self.specials), self._pieces.charsmap)
        encoded = tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [Tokens(ids[np.array(item.ids, np.int64)].tolist(), item.offsets) for item in encoded]


class _Pieces:
    """The pieces by hash. `fixed` are in every small tokenizer: the specials, and a piece with the lowest score, for
    the score of an unknown character is reckoned from that."""

    def __init__(self, path: Path) -> None:
        from safetensors import safe_open

        with safe_open(path, "numpy") as file:
            self.hashes: NDArray[np.uint64] = file.get_tensor("hashes")
            self.ids: NDArray[np.int32] = file.get_tensor("ids")
            self.scores: NDArray[np.float32] = file.get_tensor("scores")
            self.charsmap: bytes = file.get_tensor("charsmap").tobytes()
            settings = json.loads(file.metadata()["settings"])
        self.longest: int = settings["longest"]
        self.specials: dict[str, int] = settings["specials"]
        self.fixed: dict[int, tuple[str, float]] = {id_: (text, score) for text, id_, score in settings["fixed"]}
        self._normalizer = _normalizer(self.charsmap)

    def found_in(self, texts: Sequence[str]) -> dict[int, tuple[str, float]]:
        """id → (piece, score) of every piece that could occur in the texts, and of the fixed ones; by rising id."""
        candidates = _substrings((self._normalizer.normalize_str(text) for text in texts), self.longest)
        wanted = _hashes(candidates)
        places = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        known = np.flatnonzero(self.hashes[places] == wanted)
        found = {int(self.ids[places[n]]): (candidates[n], float(self.scores[places[n]])) for n in known}
        return dict(sorted((found | self.fixed).items()))


def _substrings(texts: Iterable[str], longest: int) -> list[str]:
    """Every distinct run of at most `longest` characters within a word of the normalised texts."""
    words = {word for text in texts for word in text.split(" ")}
    marked = [SPACE + part for word in words for part in word.split(SPACE)]
    found = {
        word[start:end]
        for word in marked
        for start in range(len(word))
        for end in range(start + 1, min(start + longest, len(word)) + 1)
    }
    return list(found)


def _hashes(texts: Iterable[str]) -> NDArray[np.uint64]:
    """64 bits of each text: with 250,000 pieces, one lookup in 10**13 finds a piece that is not there."""
    digests = (hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(digests), "<u8")


# ---------------------------------------------------------------- making one


def write_tokenizer(
    folder: Path, pieces: Sequence[tuple[str, float]], specials: dict[str, int], charsmap: bytes
) -> None:
    """Write tokenizer.json and the pieces by hash. No piece has a `SPACE` but at its beginning.

    `specials` maps <s>, </s>, <pad>, <unk> and <mask> to their ids, which are places in `pieces`.
    """
    from safetensors.numpy import save_file

    if any(SPACE in text[1:] for text, _ in pieces):
        raise ValueError("a piece has a space inside, so words cannot be cut one by one")
    whole = assemble(pieces, list(specials), charsmap).to_str()
    (folder / TOKENIZER).write_text(whole, encoding="utf-8", newline="\n")
    hashes = _hashes(text for text, _ in pieces)
    order = np.argsort(hashes)
    lowest = min(range(len(pieces)), key=lambda number: pieces[number][1])
    tensors: dict[str, NDArray[Any]] = {
        "hashes": hashes[order],
        "ids": order.astype(np.int32),
        "scores": np.array([score for _, score in pieces], np.float32)[order],
        "charsmap": np.frombuffer(charsmap, np.uint8),
    }
    settings = {
        "longest": max(len(text) for text, _ in pieces),
        "specials": specials,
        "fixed": [(pieces[id_][0], id_, pieces[id_][1]) for id_ in sorted({*specials.values(), lowest})],
    }
    save_file(tensors, folder / PIECES, metadata={"settings": json.dumps(settings)})


def assemble(pieces: Sequence[tuple[str, float]], specials: Sequence[str], charsmap: bytes) -> Tokenizer:
    """XLM-RoBERTa's way of cutting, over these pieces; an id is a place in `pieces`."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

    places = {text: number for number, (text, _) in enumerate(pieces) if text in specials}
    tokenizer = Tokenizer(models.Unigram(list(pieces), unk_id=places["<unk>"], byte_fallback=False))
    tokenizer.normalizer = _normalizer(charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", places["<s>"]), ("</s>", places["</s>"])],
    )
    tokenizer.add_special_tokens(
        [AddedToken(text, lstrip=text == "<mask>", normalized=False, special=True) for text in specials]
    )
    return tokenizer


def _normalizer(charsmap: bytes) -> Normalizer:
    """The map of single characters, then runs of spaces as one."""
    from tokenizers import Regex, normalizers

    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    return normalizers.Sequence([normalizers.Precompiled(charsmap), spaces])
