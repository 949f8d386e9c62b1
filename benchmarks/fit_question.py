"""Train the adapter that reads questions, so that the right passage is near whatever language it is in.

    python benchmarks/fit_question.py [--write] [--epochs N]

Only the question's side is trained (`rag.models.adapters`): texts are embedded as before. Each step takes questions of
some organisations of corpora/polyglot and all chunks of these organisations, in several languages, as an index would
store them, and asks for the right chunk: cross-entropy over dense scores and over MaxSim. So that nothing is lost
where question and text share a language, the scores over chunks in the question's own language are held near those of
the untrained model (KL divergence). Prints, for the held-out organisations and the handbook's development half, the
share of questions whose document is among the first 3 chunks, without a lexical leg. `--write` puts the adapter and
the mean token vector into rag/models/adapters. About a quarter of an hour on 2 cores.
"""

from __future__ import annotations

import argparse
import copy
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from handbook import CORPUS, half_of, qrels, questions
from lora import AdaptedEncoder, padded, save_adapter
from numpy.typing import NDArray
from polyglot import Organisation, organisations
from reader_data import chunked
from torch import Tensor

from rag import load_embedder
from rag.corpus.readers import reader_for
from rag.datatypes import Document
from rag.index.late import TokenCodec, rotation
from rag.models import adapters
from rag.models.catalogue import DEFAULT_EMBEDDER
from rag.models.encoder import EncoderEmbedder
from rag.models.pull import pull

RANK = 16
TOGETHER = 4  # organisations whose chunks are searched at once
BATCH = 32
RATE = 5e-4
DROPOUT = 0.1
DENSE_TEMPERATURE, LATE_TEMPERATURE = 0.01, 0.02  # the first is that of e5's own training
HELD_NEAR = 1.0  # weight of the divergence from the untrained model
MEAN_LEAST = 3000  # tokens of a language from which its mean joins the mean of all
LONGEST = 60  # tokens of a question

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Asked:
    """An answerable question with the places of the chunks that answer it and of all chunks of their documents."""

    text: str
    language: str
    foreign: bool
    right: tuple[int, ...]
    documents: frozenset[int]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Chunks that are searched together: vectors, token vectors as stored, languages; and questions on them."""

    vectors: Floats
    tokens: tuple[Floats, ...]
    languages: tuple[str, ...]
    asked: tuple[Asked, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--epochs", type=int, default=4)
    options = parser.parse_args()
    random.seed(0)
    torch.manual_seed(0)
    embedder = load_embedder()
    assert isinstance(embedder, EncoderEmbedder)
    everything = organisations()
    mean = token_mean([one for one in everything if not one.held_out], embedder)
    shelves = {one.name: shelf_of(one, embedder, mean) for one in everything}
    train = [shelves[one.name] for one in everything if not one.held_out]
    held = [shelves[one.name] for one in everything if one.held_out]
    checks = {"held out": [joined(held[at : at + TOGETHER]) for at in range(0, len(held), TOGETHER)]}
    checks["handbook"] = [handbook(embedder, mean)]
    trainer = Trainer(embedder, mean)
    trainer.report("before", checks)
    trainer.fit(train, options.epochs)
    trainer.report("after", checks)
    if options.write:
        tensors = trainer.encoder.adapter() | {adapters.TOKEN_MEAN: torch.from_numpy(mean)}
        save_adapter(Path(adapters.__file__).with_name("question.safetensors"), tensors, RANK)


# ---------------------------------------------------------------- what is searched


def token_mean(some: Sequence[Organisation], embedder: EncoderEmbedder) -> Floats:
    """The mean token vector (d,): of the languages' means, so that none of them weighs more."""
    sums: dict[str, Floats] = defaultdict(lambda: np.zeros(embedder.dimension, np.float32))
    counts: dict[str, int] = defaultdict(int)
    for one in some:
        for paper in one.papers:
            texts = [passage.text for passage in chunked(paper.document, paper.name, embedder)]
            for tokens in embedder.embed_texts(texts, tokens=True).tokens:
                sums[paper.language] += tokens.sum(axis=0)
                counts[paper.language] += len(tokens)
    means = [sums[language] / count for language, count in counts.items() if count >= MEAN_LEAST]
    return np.asarray(np.mean(means, axis=0), np.float32)


def shelf_of(one: Organisation, embedder: EncoderEmbedder, mean: Floats) -> Shelf:
    """An organisation's chunks and answerable questions."""
    texts: list[str] = []
    languages: list[str] = []
    asked: list[Asked] = []
    for paper in one.papers:
        parts = chunked(paper.document, paper.name, embedder)
        places = range(len(texts), len(texts) + len(parts))
        texts += [passage.text for passage in parts]
        languages += [paper.language] * len(parts)
        for question in paper.questions:
            right = [
                place
                for place, passage in zip(places, parts, strict=True)
                if any(answer in passage.text[passage.own :] for answer in question.answers)
            ]
            if question.answers:
                foreign = question.language != paper.language
                asked.append(
                    Asked(question.text, question.language, foreign, tuple(right or places), frozenset(places))
                )
    return stored(texts, languages, asked, embedder, mean)


def handbook(embedder: EncoderEmbedder, mean: Floats) -> Shelf:
    """The handbook's chunks and the answerable questions of its development half."""
    texts: list[str] = []
    places: dict[str, range] = {}
    root = CORPUS / "documents"
    for path in sorted(each for each in root.rglob("*") if each.is_file()):
        reader = reader_for(path)
        document = reader.read(path.read_bytes(), path.as_posix()) if reader else None
        assert isinstance(document, Document)
        parts = chunked(document, path.name, embedder)
        places[path.relative_to(root).as_posix()] = range(len(texts), len(texts) + len(parts))
        texts += [passage.text for passage in parts]
    relevant = qrels()
    asked = [
        Asked(
            question,
            str(gold["language"]),
            gold["language"] != gold["document_language"],
            (),
            frozenset(place for name in relevant[str(gold["_id"])] for place in places[name]),
        )
        for gold, question in questions()
        if gold["answerable"] and half_of(str(gold["near"])) == "development"
    ]
    return stored(texts, [""] * len(texts), asked, embedder, mean)


def stored(
    texts: list[str], languages: list[str], asked: list[Asked], embedder: EncoderEmbedder, mean: Floats
) -> Shelf:
    """The texts as an index stores them."""
    embedded = embedder.embed_texts(texts, tokens=True)
    codec = TokenCodec(mean)
    tokens = tuple(codec.decode(codec.encode(each)) for each in embedded.tokens)
    return Shelf(embedded.vectors, tokens, tuple(languages), tuple(asked))


def joined(shelves: Sequence[Shelf]) -> Shelf:
    """Several as one."""
    asked: list[Asked] = []
    start = 0
    for shelf in shelves:
        for each in shelf.asked:
            right = tuple(place + start for place in each.right)
            documents = frozenset(place + start for place in each.documents)
            asked.append(Asked(each.text, each.language, each.foreign, right, documents))
        start += len(shelf.vectors)
    vectors = np.concatenate([shelf.vectors for shelf in shelves])
    tokens = tuple(each for shelf in shelves for each in shelf.tokens)
    return Shelf(vectors, tokens, tuple(each for shelf in shelves for each in shelf.languages), tuple(asked))


# ---------------------------------------------------------------- training


class Trainer:
    """The adapted encoder, and the untrained one that it is held near to."""

    def __init__(self, embedder: EncoderEmbedder, mean: Floats) -> None:
        self.embedder = embedder
        self.mean = torch.from_numpy(mean)
        self.rotation = torch.from_numpy(np.array(rotation(len(mean))))
        self.encoder = AdaptedEncoder(pull(DEFAULT_EMBEDDER), RANK)
        self.encoder.dropout = DROPOUT
        self.untrained = copy.deepcopy(self.encoder).eval()

    def fit(self, shelves: Sequence[Shelf], epochs: int) -> None:
        """Train on organisations that are mixed anew in each epoch."""
        wanted = [each for each in self.encoder.parameters() if each.requires_grad]
        optimizer = torch.optim.AdamW(wanted, RATE, weight_decay=0.01)
        steps = epochs * len(list(batches(shelves)))
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min(1.0, (step + 1) / 50, max(0.02, 1 - step / steps))
        )
        started = time.perf_counter()
        for epoch in range(epochs):
            self.encoder.train()
            losses = []
            for shelf, asked in batches(shelves):
                loss = self.loss(shelf, asked)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(wanted, 1.0)
                optimizer.step()
                schedule.step()
                losses.append(loss.item())
            seconds = time.perf_counter() - started
            print(f"epoch {epoch + 1}: loss {np.mean(losses):.3f}, {seconds:.0f} s", flush=True)

    def loss(self, shelf: Shelf, asked: Sequence[Asked]) -> Tensor:
        """Cross-entropy of the right chunks, and the divergence from the untrained model in the own language."""
        right = torch.zeros(len(asked), len(shelf.vectors))
        own = torch.zeros(len(asked), len(shelf.vectors), dtype=torch.bool)
        for row, each in enumerate(asked):
            right[row, list(each.right)] = 1 / len(each.right)
            own[row] = torch.tensor([language == each.language for language in shelf.languages])
        texts = [each.text for each in asked]
        with torch.no_grad():
            before = self.scores(self.untrained, shelf, texts)
        after = self.scores(self.encoder, shelf, texts)
        total = torch.zeros(())
        for new, old, temperature, weight in zip(
            after, before, (DENSE_TEMPERATURE, LATE_TEMPERATURE), (0.5, 1.0), strict=True
        ):
            total = total + weight * F.cross_entropy(new / temperature, right)
            some = own.sum(1) > 3
            if some.any():
                here, there = (
                    F.log_softmax((each[some] / temperature).masked_fill(~own[some], -1e4), 1) for each in (new, old)
                )
                total = total + HELD_NEAR * weight * F.kl_div(here, there, reduction="batchmean", log_target=True)
        return total

    def scores(self, encoder: AdaptedEncoder, shelf: Shelf, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Dense and MaxSim scores (b, n) of b questions with n chunks."""
        before, after = self.embedder.frames[0]
        own = [tokens.ids[:LONGEST] for tokens in self.embedder.tokenizer.cut(texts)]
        ids, mask = padded([[*before, *each, *after] for each in own])
        states = encoder(ids, mask)
        pooled = F.normalize((states * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True), dim=-1)
        counts = torch.tensor([len(each) for each in own])
        inside = torch.arange(ids.shape[1] - len(before))[None, :] < counts[:, None]
        tokens = F.normalize(F.normalize(states[:, len(before) :], dim=-1) - self.mean, dim=-1) @ self.rotation
        late = max_sim(tokens, shelf.tokens)
        return pooled @ torch.from_numpy(shelf.vectors).T, (late * inside[:, :, None]).sum(1) / counts[:, None]

    def report(self, when: str, checks: dict[str, list[Shelf]]) -> None:
        """Document among the first 3 chunks, by `z(dense) + 3 · z(late)`."""
        self.encoder.eval()
        for name, shelves in checks.items():
            found: dict[bool, list[bool]] = defaultdict(list)
            for shelf in shelves:
                for start in range(0, len(shelf.asked), BATCH):
                    asked = shelf.asked[start : start + BATCH]
                    with torch.no_grad():
                        dense, late = self.scores(self.encoder, shelf, [each.text for each in asked])
                    for each, best in zip(asked, (z(dense) + 3 * z(late)).topk(3, 1).indices.tolist(), strict=True):
                        found[each.foreign].append(bool(each.documents & set(best)))
            same, cross = (f"{np.mean(found[key]):.3f} of {len(found[key])}" for key in (False, True))
            print(f"{when}, {name}: same language {same}, across {cross}", flush=True)


def batches(shelves: Sequence[Shelf]) -> Iterator[tuple[Shelf, Sequence[Asked]]]:
    """Questions with the shelf that they are asked of."""
    mixed = random.sample(list(shelves), len(shelves))
    found = []
    for at in range(0, len(mixed), TOGETHER):
        shelf = joined(mixed[at : at + TOGETHER])
        asked = random.sample(shelf.asked, len(shelf.asked))
        found += [(shelf, asked[start : start + BATCH]) for start in range(0, len(asked) - BATCH + 1, BATCH)]
    return iter(random.sample(found, len(found)))


def max_sim(tokens: Tensor, texts: Sequence[Floats]) -> Tensor:
    """(b, t, d) token vectors of questions → (b, t, n), the largest dot product with a token of each text."""
    longest = max(map(len, texts))
    places = np.full((len(texts), longest), sum(map(len, texts)))
    start = 0
    for row, text in enumerate(texts):
        places[row, : len(text)] = np.arange(start, start + len(text))
        start += len(text)
    products = tokens @ torch.from_numpy(np.concatenate(texts)).T
    products = F.pad(products, (0, 1), value=-1e4)
    gathered: Tensor = products[:, :, torch.from_numpy(places).reshape(-1)]
    return gathered.view(*gathered.shape[:2], *places.shape).amax(3)


def z(values: Tensor) -> Tensor:
    return (values - values.mean(1, keepdim=True)) / values.std(1, keepdim=True)


if __name__ == "__main__":
    main()
