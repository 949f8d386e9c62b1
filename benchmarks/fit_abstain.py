"""Fit the confidence that the corpus answers, on the development half of corpora/handbook.

    python benchmarks/fit_abstain.py [--write] [--train FOLDER]

Unanswerable are the development half's own such questions, which are close to the corpus, and the first questions of
the sets in FOLDER (default: ../shared/data/train), which are far from it.

Prints, by cross-validation over its documents: AUROC, and what each threshold refuses of the answerable and abstains
from of the unanswerable. The measured half is not looked at here: benchmarks/handbook.py reports on it. `--write`
puts the fitted model into rag/generation/abstain.json. The threshold is the one that refuses at most `MOST_REFUSED` of
the answerable questions, each judged by a model that has not seen its document.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
from handbook import CORPUS, half_of, questions
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from rag import Retriever, ingest, load_embedder
from rag.generation import abstain
from rag.generation.abstain import Signals, signals
from rag.generation.evidence import rank

TARGET = Path(abstain.__file__).with_name("abstain.json")
MOST_REFUSED = 0.05
DISTANT = 60  # questions of each further set
FOLDS = 10
REGULARISATION = 0.1  # few hundred questions, correlated signals
NAMES = [each.name for each in fields(Signals)]

Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--train", type=Path, default=Path("../shared/data/train"))
    options = parser.parse_args()
    golds, values = measured_signals([*development(), *distant(options.train)])
    answerable = np.array([bool(gold["answerable"]) for gold in golds])
    near = np.array([str(gold["near"]) for gold in golds])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, class_weight="balanced"))
    judged = cross_val_predict(model, values, answerable, groups=near, cv=GroupKFold(FOLDS), method="predict_proba")[
        :, 1
    ]
    threshold = float(np.quantile(judged[answerable], MOST_REFUSED))
    model.fit(values, answerable)
    for at, name in enumerate(NAMES):
        print(f"{name:14} alone: AUROC {roc_auc_score(answerable, values[:, at]):.3f}")
    print(weights(model))
    close = np.array(["language" in gold for gold in golds])
    print(curve("with distant questions, cross-validated", judged, answerable, threshold))
    print(curve("development half alone", judged[close], answerable[close], threshold))
    if options.write:
        TARGET.write_text(json.dumps(calibration(model, threshold), indent=1) + "\n", encoding="utf-8")


def development() -> list[tuple[dict[str, object], str]]:
    """The development half: gold lines and questions."""
    return [(gold, question) for gold, question in questions() if half_of(str(gold["near"])) == "development"]


def distant(folder: Path) -> list[tuple[dict[str, object], str]]:
    """Questions that the handbook does not answer since they are about something else."""
    found = []
    for path in sorted(folder.glob("*/queries.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()[:DISTANT]
        found += [(str(each["_id"]), str(each["text"])) for each in map(json.loads, lines)]
    return [({"answerable": False, "near": name}, question) for name, question in found]


def measured_signals(asked: Sequence[tuple[dict[str, object], str]]) -> tuple[list[dict[str, object]], Floats]:
    """Each question's gold line and its signals (n, number of signals)."""
    embedder = load_embedder()
    golds, rows = [], []
    with tempfile.TemporaryDirectory() as folder:
        ingest([CORPUS / "documents"], Path(folder) / "index", embedder)
        retriever = Retriever.open(Path(folder) / "index", embedder)
        for gold, question in asked:
            hits = retriever.retrieve(question, 5)
            query = embedder.embed_query(question, tokens=True)
            found = signals(question, hits, rank(question, query, hits, embedder), query)
            golds.append(gold)
            rows.append([asdict(found)[name] for name in NAMES])
    return golds, np.array(rows, dtype=np.float64)


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


def calibration(model: Pipeline, threshold: float) -> dict[str, object]:
    """What rag/generation/abstain.json holds."""
    scaler, regression = model[0], model[-1]
    return {
        "signals": NAMES,
        "means": [round(float(value), 5) for value in scaler.mean_],
        "scales": [round(float(value), 5) for value in scaler.scale_],
        "weights": [round(float(value), 5) for value in regression.coef_[0]],
        "bias": round(float(regression.intercept_[0]), 5),
        "threshold": round(threshold, 4),
    }


if __name__ == "__main__":
    main()
