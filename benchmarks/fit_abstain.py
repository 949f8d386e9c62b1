"""Fit the confidence that the corpus answers.

    python benchmarks/fit_abstain.py [--write] [--train FOLDER]

On the development half of corpora/handbook, on the organisations of corpora/polyglot that the reader was not trained
on (each an index of its own; each fifth question), and on the first questions of the sets in FOLDER (default:
../shared/data/train) asked of the handbook, which is about something else.

Prints, by cross-validation over documents and organisations: AUROC, and what each threshold refuses of the answerable
and abstains from of the unanswerable. The measured half is not looked at here: benchmarks/handbook.py reports on it.
`--write` puts the fitted model into rag/generation/abstain.json. The threshold is the one that refuses at most
`MOST_REFUSED` of the answerable questions, each judged by a model that has not seen its document.

The curve behind `--risk` is of the same judgements: risk is the share of wrong among the answered, where an answer is
right that holds the gold answer (as `rag eval` compares them) and one to an unanswerable question is wrong; every
corpus counts alike. Of each risk it has the lowest confidence from which on no more of the answered are wrong.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from handbook import CORPUS, gold_of, half_of, questions
from numpy.typing import NDArray
from polyglot import organisations
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from rag import Retriever, ingest, load_embedder, load_reader
from rag.evaluation.answers import MOST_CHARACTERS, MOST_SENTENCES, contains
from rag.evaluation.dataset import Gold
from rag.generation import abstain
from rag.generation.abstain import Signals, signals
from rag.generation.evidence import quotes, rank, read
from rag.pipeline import READ

TARGET = Path(abstain.__file__).with_name("abstain.json")
MOST_REFUSED = 0.09
DISTANT = 30  # questions of each further set
EVERY = 5  # of the polyglot organisations, each fifth question: enough, and a matter of minutes
FOLDS = 10
LEAST = 30  # answered questions that a risk is told by
REGULARISATION = 0.1  # a few hundred questions
NOTHING = Gold((), answerable=False)
RISKS = [step / 100 for step in range(1, 51)]
NAMES = [each.name for each in fields(Signals)]

Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--train", type=Path, default=Path("../shared/data/train"))
    options = parser.parse_args()
    finder = Finder()
    rows = [*finder.handbook([*development(), *distant(options.train)]), *finder.polyglot()]
    values = np.array([[asdict(row.signals)[name] for name in NAMES] for row in rows], np.float64)
    answerable = np.array([row.answerable for row in rows])
    groups = np.array([row.group for row in rows])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, class_weight="balanced"))
    judged = cross_val_predict(model, values, answerable, groups=groups, cv=GroupKFold(FOLDS), method="predict_proba")
    confidence = judged[:, 1]
    threshold = float(np.quantile(confidence[answerable], MOST_REFUSED))
    model.fit(values, answerable)
    for at, name in enumerate(NAMES):
        print(f"{name:10} alone: AUROC {roc_auc_score(answerable, values[:, at]):.3f}")
    print(weights(model))
    for title in ("all", "handbook", "polyglot"):
        own = np.array([title in ("all", row.corpus) for row in rows])
        print(curve(f"{title}, cross-validated", confidence[own], answerable[own], threshold))
    right = np.array([row.right for row in rows])
    corpora = [row.corpus for row in rows]
    weight = np.array([1 / corpora.count(corpus) for corpus in corpora])
    weight[[corpus == "distant" for corpus in corpora]] = 0  # nobody asks so: it would make the rest look good
    risks = risk_curve(confidence, right, weight)
    print("\nrisk, from which confidence on, what share of the answerable is answered")
    for risk, mark in risks:
        print(f"{risk:.2f}  {mark:.3f}  {np.average(confidence[answerable] >= mark, weights=weight[answerable]):.1%}")
    if options.write:
        TARGET.write_text(json.dumps(calibration(model, threshold, risks), indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Row:
    """One question: its signals, what is known of it, and whether the quotes are right; a `group` stays together."""

    signals: Signals
    answerable: bool
    right: bool
    group: str
    corpus: str


def development() -> list[tuple[str, Gold, str, str]]:
    """The development half: question, its gold answer, its document, corpus."""
    return [
        (question, gold_of(gold), str(gold["near"]), "handbook")
        for gold, question in questions()
        if half_of(str(gold["near"])) == "development"
    ]


def distant(folder: Path) -> list[tuple[str, Gold, str, str]]:
    """Questions that the handbook does not answer since they are about something else."""
    found = []
    for path in sorted(folder.glob("*/queries.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()[:DISTANT]
        found += [(str(json.loads(line)["text"]), NOTHING, path.parent.name, "distant") for line in lines]
    return found


class Finder:
    """Finds the signals of questions as `rag ask` does."""

    def __init__(self) -> None:
        self.embedder, self.reader = load_embedder(), load_reader()

    def handbook(self, asked: Sequence[tuple[str, Gold, str, str]]) -> Iterator[Row]:
        """Questions asked of the handbook."""
        with tempfile.TemporaryDirectory() as folder:
            retriever = self.indexed(CORPUS / "documents", Path(folder))
            for question, gold, group, corpus in asked:
                yield self.row(question, gold, retriever, group, corpus)

    def polyglot(self) -> Iterator[Row]:
        """Questions asked of each organisation that is held out."""
        for one in organisations():
            if not one.held_out:
                continue
            with tempfile.TemporaryDirectory() as folder:
                documents = Path(folder) / "documents"
                documents.mkdir()
                for paper in one.papers:
                    (documents / paper.name).write_text(paper.document.text, encoding="utf-8")
                retriever = self.indexed(documents, Path(folder))
                for question in [each for paper in one.papers for each in paper.questions][::EVERY]:
                    gold = Gold(question.answers, bool(question.answers))
                    yield self.row(question.text, gold, retriever, one.name, "polyglot")

    def indexed(self, documents: Path, folder: Path) -> Retriever:
        ingest([documents], folder / "index", self.embedder)
        return Retriever.open(folder / "index", self.embedder)

    def row(self, question: str, gold: Gold, retriever: Retriever, group: str, corpus: str) -> Row:
        hits = retriever.retrieve(question, READ)
        readings = read(question, hits, self.reader)
        chosen = quotes(rank(question, hits, readings))[:MOST_SENTENCES]
        text = " ".join(evidence.unit.shown for evidence in chosen)[:MOST_CHARACTERS]
        right = gold.answerable and contains(text, gold)
        return Row(signals(question, hits, readings), gold.answerable, right, group, corpus)


def weights(model: Pipeline) -> str:
    pairs = zip(NAMES, model[-1].coef_[0], strict=True)
    return "weights (standardised): " + "  ".join(f"{name} {weight:+.2f}" for name, weight in pairs)


def curve(title: str, confidence: Floats, answerable: NDArray[np.bool_], threshold: float) -> str:
    lines = [f"\n{title}: AUROC {roc_auc_score(answerable, confidence):.3f}", "| refused | abstained |", "|---:|---:|"]
    marks = {f"{share:.0%}": float(np.quantile(confidence[answerable], share)) for share in (0.02, 0.05, 0.1, 0.2, 0.3)}
    for mark in (*marks.values(), threshold):
        refused, abstained = (confidence[answerable] < mark).mean(), (confidence[~answerable] < mark).mean()
        lines.append(f"| {refused:.1%} | {abstained:.1%} |" + (" at the threshold" if mark == threshold else ""))
    return "\n".join(lines)


def risk_curve(confidence: Floats, right: NDArray[np.bool_], weight: Floats) -> list[tuple[float, float]]:
    """Of each of `RISKS` that is reached, the lowest confidence from which on the share of wrong is no more."""
    order = np.argsort(-confidence)
    risk = np.cumsum(weight[order] * ~right[order]) / np.maximum(np.cumsum(weight[order]), 1e-9)
    enough = np.arange(len(order)) >= LEAST
    found = []
    for wanted in RISKS:
        places = np.flatnonzero((risk <= wanted) & enough)
        if len(places):
            found.append((wanted, round(float(confidence[order[places[-1]]]), 3)))
    return found


def calibration(model: Pipeline, threshold: float, risks: list[tuple[float, float]]) -> dict[str, object]:
    """What rag/generation/abstain.json holds."""
    scaler, regression = model[0], model[-1]
    return {
        "signals": NAMES,
        "means": [round(float(value), 5) for value in scaler.mean_],
        "scales": [round(float(value), 5) for value in scaler.scale_],
        "weights": [round(float(value), 5) for value in regression.coef_[0]],
        "bias": round(float(regression.intercept_[0]), 5),
        "threshold": round(threshold, 4),
        "risks": [list(pair) for pair in risks],
    }


if __name__ == "__main__":
    main()
