"""Train the adapter that reads a question and a passage together: is it answered, and where.

    python benchmarks/fit_reader.py [--write] [--epochs N] [--steps N] [--rate R] [--from ADAPTER [--mean]]
        [--state FILE] [--data FOLDER]

The base stays frozen; low-rank changes of its upper layers and three small heads are trained (`lora.py`,
`rag.models.passage_reader`) on the pairs of `reader_data.py`: cross-entropy on whether the passage answers and, where
it does, on the tokens with which an answer begins and ends. It begins with ADAPTER, such as the one that is shipped,
or with nothing; interrupted, it goes on from FILE. With `--mean` the result is the mean of ADAPTER and of what came of
it, weight by weight: a part of what was learned, and hardly anything forgotten (WiSE-FT, arXiv:2109.01903). Prints,
over held-out questions by source: AUROC of answered against not, and the share of answers whose first token is right.
`--write` puts the adapter into rag/models/adapters. Some hours on 2 cores.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from lora import AdaptedEncoder, padded, save_adapter
from reader_data import Pair, cases, pairs
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from rag import load_embedder
from rag.models import adapters
from rag.models.catalogue import DEFAULT_EMBEDDER
from rag.models.encoder import EncoderEmbedder
from rag.models.passage_reader import MOST_QUESTION, framed
from rag.models.pull import pull
from rag.models.threads import limit_torch

RANK = 32
FIRST = 3  # layers below are left as they are: little is lost, and a third of the time is saved
DROPOUT = 0.1
BATCH_TOKENS = 6144
SPAN_WEIGHT = 0.5
SAVED_EVERY = 100  # steps


@dataclass(frozen=True, slots=True)
class Example:
    """A pair as the encoder reads it; `starts` and `ends` are the places of right tokens."""

    ids: list[int]
    passage: tuple[int, int]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    pair: Pair


class ReaderModel(nn.Module):
    """The adapted encoder and its heads; names are those of `rag.models.passage_reader`."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.encoder = AdaptedEncoder(folder, RANK, dtype=torch.bfloat16, first=FIRST)
        self.encoder.dropout = DROPOUT
        width = self.encoder.places.shape[1]
        self.span = nn.Linear(width, 2)
        self.answered = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(self, batch: Sequence[Example]) -> tuple[Tensor, Tensor]:
        """Log-odds of being answered (b,), and logits of starts and ends (b, t, 2), far below 0 outside passages."""
        ids, mask = padded([each.ids for each in batch])
        states = self.encoder(ids, mask)
        places = torch.arange(ids.shape[1])
        inside = torch.stack([(places >= each.passage[0]) & (places < each.passage[1]) for each in batch])
        return self.answered(states[:, 0])[:, 0], self.span(states).masked_fill(~inside[:, :, None], -1e4)

    def tensors(self) -> dict[str, Tensor]:
        """What was trained, by name."""
        heads = {name: value.detach() for name, value in self.named_parameters() if not name.startswith("encoder")}
        return self.encoder.adapter() | heads

    def take(self, path: Path, share: float = 1.0) -> None:
        """Take over an adapter that was trained before, or move by such a share towards it."""
        given, own = load_file(path), self.tensors()
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.lerp_(given[name].to(tensor.dtype), share)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of each epoch at most")
    parser.add_argument("--rate", type=float, default=8e-4, help="of learning, at its highest")
    parser.add_argument("--from", dest="begin", type=Path, metavar="ADAPTER")
    parser.add_argument("--mean", action="store_true", help="of what it began with and what came of it")
    parser.add_argument("--state", type=Path, default=Path("reader.state"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args()
    torch.manual_seed(0)
    limit_torch()
    embedder = load_embedder()
    assert isinstance(embedder, EncoderEmbedder)
    given = cases(options.data, embedder)
    train = [case for case in given if not case.held_out]
    held = random.Random(0).sample([case for case in given if case.held_out], 2000)
    checked = examples(list(pairs(held, random.Random(0))), embedder)
    model = ReaderModel(pull(DEFAULT_EMBEDDER))
    if options.begin and not options.state.is_file():
        model.take(options.begin)
        report(model, checked, "before")
    fit(model, lambda epoch: examples(list(pairs(train, random.Random(epoch))), embedder), checked, options)
    if options.mean and options.begin:
        model.take(options.begin, share=0.5)
        report(model, checked, "mean")
    if options.write:
        save_adapter(Path(adapters.__file__).with_name("reader.safetensors"), model.tensors(), RANK)


def fit(
    model: ReaderModel,
    drawn: Callable[[int], list[Example]],
    checked: Sequence[Example],
    options: argparse.Namespace,
) -> None:
    """All epochs, from where an interrupted run was."""
    wanted = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(wanted, options.rate, weight_decay=0.01)
    begun = (0, 0)
    if options.state.is_file():
        saved = torch.load(options.state, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        begun = tuple(saved["begun"])
        print(f"going on at epoch {begun[0] + 1}, step {begun[1]}", flush=True)
    for epoch in range(begun[0], options.epochs):
        steps = batches(drawn(epoch), random.Random(epoch))[: options.steps]
        losses: list[float] = []
        started = time.perf_counter()
        for number, batch in enumerate(steps):
            if (epoch, number) < begun:
                continue
            done = epoch + number / len(steps)
            for group in optimizer.param_groups:
                group["lr"] = options.rate * min(1.0, done * 10 + 0.01, max(0.02, 1 - done / options.epochs))
            loss = loss_of(model, batch)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(wanted, 1.0)
            optimizer.step()
            losses.append(loss.item())
            if number % SAVED_EVERY == SAVED_EVERY - 1:
                save(options.state, model, optimizer, (epoch, number + 1))
                seconds = time.perf_counter() - started
                print(
                    f"epoch {epoch + 1}, {number + 1} of {len(steps)}: loss {np.mean(losses):.3f}, {seconds:.0f} s",
                    flush=True,
                )
                losses.clear()
        save(options.state, model, optimizer, (epoch + 1, 0))
        report(model, checked, f"epoch {epoch + 1}")


def save(path: Path, model: ReaderModel, optimizer: torch.optim.Optimizer, begun: tuple[int, int]) -> None:
    """Write the state beside itself, then in its place."""
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "begun": begun}
    temporary = path.with_name(path.name + ".new")
    torch.save(state, temporary)
    temporary.replace(path)


def loss_of(model: ReaderModel, batch: Sequence[Example]) -> Tensor:
    """Whether it is answered, and where: any of the right tokens counts as right."""
    answered, spans = model(batch)
    right = torch.tensor([1.0 if each.starts else 0.0 for each in batch])
    loss = F.binary_cross_entropy_with_logits(answered, right)
    for which, name in enumerate(("starts", "ends")):
        wanted = torch.zeros(spans.shape[:2], dtype=torch.bool)
        for row, each in enumerate(batch):
            wanted[row, list(getattr(each, name))] = True
        some = wanted.any(1)
        if some.any():
            logits = spans[some][:, :, which]
            missed = torch.logsumexp(logits, 1) - torch.logsumexp(logits.masked_fill(~wanted[some], -1e4), 1)
            loss = loss + SPAN_WEIGHT * missed.sum() / len(batch)
    return loss


def report(model: ReaderModel, checked: Sequence[Example], title: str) -> None:
    """AUROC, and first tokens that are right, by source."""
    judged: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    begun: dict[str, list[bool]] = defaultdict(list)
    model.eval()
    with torch.no_grad():
        for batch in batches(checked, random.Random(0)):
            answered, spans = model(batch)
            for row, each in enumerate(batch):
                case = each.pair.case
                key = case.source + (" across" if case.foreign else "")
                judged[key].append((bool(each.starts), float(answered[row])))
                if each.starts:
                    begun[key].append(int(spans[row, :, 0].argmax()) in each.starts)
    model.train()
    for key, rows in sorted(judged.items()):
        right, scores = zip(*rows, strict=True)
        area = roc_auc_score(right, scores)
        print(f"{title}, {key}: AUROC {area:.3f} of {len(rows)}, begins right {np.mean(begun[key]):.3f}", flush=True)


def examples(given: Sequence[Pair], embedder: EncoderEmbedder) -> list[Example]:
    """The pairs as ids; an answer beyond what fits is left out with its pair."""
    asked = embedder.tokenizer.cut([pair.case.question for pair in given])
    texts = embedder.tokenizer.cut([pair.text for pair in given])
    found = []
    for pair, question, text in zip(given, asked, texts, strict=True):
        ids, start = framed(question.ids[:MOST_QUESTION], text.ids, embedder.frames)
        if len(ids) > embedder.max_tokens:
            continue
        tokens = [token_span(text.offsets, *span) for span in pair.spans]
        starts, ends = (tuple(sorted({start + token[side] for token in tokens})) for side in (0, 1))
        found.append(Example(ids, (start, start + len(text.ids)), starts, ends, pair))
    return found


def token_span(offsets: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, int]:
    """The first and the last token that share characters with the span."""
    inside = [at for at, (a, b) in enumerate(offsets) if a < end and b > start and b > a]
    return inside[0], inside[-1]


def batches(given: Sequence[Example], draw: random.Random) -> list[list[Example]]:
    """Examples of about equal length together, in any order."""
    found: list[list[Example]] = []
    for each in sorted(given, key=lambda example: len(example.ids) + 24 * draw.random()):
        if found and (len(found[-1]) + 1) * len(each.ids) <= BATCH_TOKENS:
            found[-1].append(each)
        else:
            found.append([each])
    draw.shuffle(found)
    return found


if __name__ == "__main__":
    main()
