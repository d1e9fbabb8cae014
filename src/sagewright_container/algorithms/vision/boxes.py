"""Boxes on images: how far they overlap, which default boxes stand for them, the best of many, average precision.

On PyTorch. A box is left, top, right, bottom in parts of the image's sides, unless it is said to be a default box.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

_VARIANCES = (0.1, 0.1, 0.2, 0.2)
_MATCH = 0.5
_LEAST, _MOST = 0.01, 400  # scores that are told of, and how many


def corners(boxes: Any) -> Any:
    """Default boxes as boxes."""
    half = boxes[..., 2:] / 2
    return torch.cat([boxes[..., :2] - half, boxes[..., :2] + half], -1)


def overlaps(some: Any, others: Any) -> Any:
    """Intersection over union of each with each."""
    low = torch.maximum(some[:, None, :2], others[None, :, :2])
    high = torch.minimum(some[:, None, 2:], others[None, :, 2:])
    common = (high - low).clamp(min=0).prod(2)
    return common / ((some[:, 2:] - some[:, :2]).prod(1)[:, None] + (others[:, 2:] - others[:, :2]).prod(1) - common)


def matched(defaults: Any, truth: Any) -> tuple[Any, Any]:
    """What each default box stands for: a class from 1, or 0 for nothing, and offsets. `truth`: class and box a row."""
    if not len(truth):
        return torch.zeros(len(defaults), dtype=torch.int64, device=defaults.device), torch.zeros_like(defaults)
    found = overlaps(truth[:, 1:], corners(defaults))
    best, which = found.max(0)
    own = found.argmax(1)  # each object has a default box, however small their overlap
    best[own], which[own] = 1.0, torch.arange(len(truth), device=which.device)
    classes = torch.where(best >= _MATCH, truth[which, 0].long() + 1, 0)
    box = truth[which, 1:]
    middle, size = (box[:, :2] + box[:, 2:]) / 2, box[:, 2:] - box[:, :2]
    shifts = torch.cat([(middle - defaults[:, :2]) / defaults[:, 2:], (size / defaults[:, 2:]).log()], 1)
    return classes, shifts / shifts.new_tensor(_VARIANCES)


def placed(defaults: Any, offsets: Any) -> Any:
    """The boxes that offsets mean."""
    shifts = offsets * offsets.new_tensor(_VARIANCES)
    middle = defaults[:, :2] + shifts[..., :2] * defaults[:, 2:]
    return corners(torch.cat([middle, shifts[..., 2:].exp() * defaults[:, 2:]], -1)).clamp(0, 1)


def best(scores: Any, boxes: Any, overlap: float) -> Any:
    """What is found on one image: class, score and box a row, the likeliest first.

    `scores` are probabilities, boxes by 1 + classes. Of boxes of one class that overlap by more, the likeliest is kept.
    """
    flat = scores[:, 1:].reshape(-1)
    order = flat.topk(min(_MOST, len(flat)))
    told = order.indices[order.values >= _LEAST]
    classes = scores.shape[1] - 1
    number, box, score = told % classes, boxes[told // classes], flat[told]
    same = number[:, None] == number
    near = ((overlaps(box, box) > overlap) & same).cpu().tolist()
    kept: list[int] = []
    gone = [False] * len(told)
    for index, row in enumerate(near):
        if not gone[index]:
            kept.append(index)
            gone = [one or other for one, other in zip(gone, row, strict=True)]
    rows = torch.cat([number[:, None].float(), score[:, None], box], 1)
    return rows[kept]


def mean_average_precision(found: Sequence[Any], truth: Sequence[Any], overlap: float) -> float:
    """The area under precision over recall, averaged over the classes that occur. One entry an image in both."""
    classes = sorted({int(row[0]) for rows in truth for row in rows.tolist()})
    return sum(_average_precision(number, found, truth, overlap) for number in classes) / max(1, len(classes))


def _average_precision(number: int, found: Sequence[Any], truth: Sequence[Any], overlap: float) -> float:
    hits: list[tuple[float, bool]] = []
    there = 0
    for every, true in zip(found, truth, strict=True):
        objects, rows = true[true[:, 0] == number, 1:], every[every[:, 0] == number]
        there += len(objects)
        taken: set[int] = set()
        shares = overlaps(rows[:, 2:], objects).tolist()
        for (_, score, *_), row in zip(rows.tolist(), shares, strict=True):
            at = max(range(len(row)), key=row.__getitem__, default=-1)
            hit = at >= 0 and row[at] >= overlap and at not in taken
            hits.append((score, hit))
            if hit:
                taken.add(at)
    hits.sort(key=lambda each: -each[0])
    right = torch.tensor([hit for _, hit in hits], dtype=torch.float64).cumsum(0)
    if not len(right):
        return 0.0
    precision = right / torch.arange(1, len(right) + 1)
    recall = right / there
    # At each recall the best precision at that recall or beyond.
    ceiling = precision.flip(0).cummax(0).values.flip(0)
    steps = torch.diff(recall, prepend=recall.new_zeros(1))
    return float((steps * ceiling).sum())
