"""What a linear model is measured by, and the threshold that makes a binary one best. Names are AWS's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

REGRESSION = ("mse", "rmse", "absolute_loss", "mae", "r2")
BINARY = ("binary_classification_accuracy", "precision", "recall", "binary_f_beta", "roc_auc_score")
MULTICLASS = (
    *("multiclass_accuracy", "multiclass_top_k_accuracy", "dcg"),
    *("macro_precision", "macro_recall", "macro_f_beta"),
)


def regression(labels: Any, scores: Any) -> dict[str, float]:
    """REGRESSION."""
    errors = scores - labels
    mse, absolute = float(np.mean(errors**2)), float(np.mean(np.abs(errors)))
    spread = float(np.var(labels))
    r2 = 1 - mse / spread if spread else 0.0
    return dict(zip(REGRESSION, (mse, mse**0.5, absolute, absolute, r2), strict=True))


def binary(labels: Any, scores: Any, threshold: float, beta: float) -> dict[str, float]:
    """BINARY, of rows that are positive from the threshold on; the area under the curve only where both classes are."""
    said = scores >= threshold
    right, positive = float(np.sum(said & (labels == 1))), float(np.sum(labels == 1))
    precision, recall = _ratio(right, float(said.sum())), _ratio(right, positive)
    found = (float(np.mean(said == (labels == 1))), precision, recall, f_beta(precision, recall, beta))
    measured = dict(zip(BINARY, found, strict=False))
    if 0 < positive < len(labels):
        measured["roc_auc_score"] = _area(labels, scores)
    return measured


def multiclass(labels: Any, scores: Any, top: int, beta: float) -> dict[str, float]:
    """MULTICLASS. Macro averages are over the classes that occur or are predicted."""
    classes, said = labels.astype(int), scores.argmax(axis=1)
    # A tie counts against the model, except with itself.
    ranks = (scores >= scores[np.arange(len(classes)), classes][:, None]).sum(axis=1)
    count = scores.shape[1]
    right = np.bincount(classes[said == classes], minlength=count)
    there, predicted = np.bincount(classes, minlength=count), np.bincount(said, minlength=count)
    any_of = (there + predicted) > 0
    precision = [_ratio(*pair) for pair in zip(right[any_of], predicted[any_of], strict=True)]
    recall = [_ratio(*pair) for pair in zip(right[any_of], there[any_of], strict=True)]
    f_betas = [f_beta(*pair, beta) for pair in zip(precision, recall, strict=True)]
    found = (
        *(np.mean(said == classes), np.mean(ranks <= top), np.mean(1 / np.log2(1 + ranks))),
        *(np.mean(precision), np.mean(recall), np.mean(f_betas)),
    )
    return dict(zip(MULTICLASS, map(float, found), strict=True))


def f_beta(precision: float, recall: float, beta: float) -> float:
    """The mean of the two that weighs recall `beta` times as much."""
    return _ratio((1 + beta**2) * precision * recall, beta**2 * precision + recall)


def best_threshold(labels: Any, scores: Any, values: Mapping[str, Any]) -> tuple[float, float]:
    """The threshold that serves binary_classifier_model_selection_criteria best, and how well (more is better).

    A target that no threshold reaches is missed by as little as can be.
    """
    order = np.argsort(-scores, kind="stable")
    ordered, positive = scores[order], np.cumsum(labels[order] == 1)
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))  # equal scores fall on the same side
    said, right = last + 1.0, positive[last].astype(float)
    there, count = float(max(positive[-1], 1)), len(labels)
    precision, recall = right / said, right / there
    criterion, beta = values["binary_classifier_model_selection_criteria"], values["f_beta"]
    if criterion == "precision_at_target_recall":
        worth = _aimed(precision, recall, values["target_recall"])
    elif criterion == "recall_at_target_precision":
        worth = _aimed(recall, precision, values["target_precision"])
    elif criterion in ("f1", "f_beta"):
        squared = 1.0 if criterion == "f1" else beta**2
        worth = (1 + squared) * right / (squared * there + said)
    else:
        worth = (count - (said - right) - (positive[-1] - right)) / count
    best = int(worth.argmax())
    following = last[best] + 1
    # Halfway to the next score: unseen rows fall to the nearer side.
    threshold = ordered[last[best]] if following == count else (ordered[last[best]] + ordered[following]) / 2
    return float(threshold), float(worth[best])


def _aimed(wanted: Any, bound: Any, target: float) -> Any:
    return np.where(bound >= target, wanted, bound - target - 1)


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else 0.0


def _area(labels: Any, scores: Any) -> float:
    """The area under the ROC curve: how often a positive row scores above a negative one."""
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    positive = labels == 1
    more = int(positive.sum())
    return float((ranks[positive].sum() - more * (more + 1) / 2) / (more * (len(labels) - more)))
