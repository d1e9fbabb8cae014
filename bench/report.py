"""Figures as tables for people, and as plain data for programs."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from typing import Any

import psutil

from bench.base import OURS, Figure


def machine() -> str:
    """The machine in words, without its name."""
    memory = round(psutil.virtual_memory().total / 2**30)
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores, {memory} GiB, {platform.system()}, Python {platform.python_version()}; "
        f"load before the run {load:.1f}"
    )


def table(title: str, figures: Sequence[Figure], notes: Sequence[str]) -> str:
    """One row for each figure: ours, its goal, and each reference with ours as a share of it."""
    subjects = [OURS, *dict.fromkeys(name for each in figures for name in each.samples if name != OURS)]
    head = ["", "", OURS, "goal", *subjects[1:]]
    rows = [head] + [_row(figure, subjects) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["", title]
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0]), row[1].ljust(widths[1])]
        cells += [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
        lines.append("  " + "  ".join(cells).rstrip())
        if number == 0:
            lines.append("  " + "  ".join("-" * width for width in widths))
    if figures:
        lines.append("  Medians; in brackets ours as a multiple of the reference. ↑ more is better, ↓ less is better.")
    else:
        lines = lines[:2]
    return "\n".join(lines + [f"  Note: {note}" for note in notes])


def plain(figures: Sequence[Figure], notes: Sequence[str]) -> dict[str, Any]:
    """Every sample."""
    return {
        "notes": list(notes),
        "figures": [
            {
                "what": figure.what,
                "unit": figure.unit,
                "better": "more" if figure.more else "less",
                "goal": figure.target(),
                "medians": {name: figure.median(name) for name in figure.samples},
                "samples": figure.samples,
            }
            for figure in figures
        ],
    }


def _row(figure: Figure, subjects: Sequence[str]) -> list[str]:
    ours, goal = figure.median(OURS), figure.target()
    reached = "" if ours is None or goal is None else " ✓" if (ours >= goal if figure.more else ours <= goal) else " ✗"
    row = [figure.what, f"{figure.unit} {'↑' if figure.more else '↓'}", _number(ours), _number(goal) + reached]
    for name in subjects[1:]:
        ratio = figure.ratio(name)
        shown = _number(figure.median(name))
        row.append(shown if ratio is None else f"{shown} ({ratio:.2f} x)".rjust(16))
    return row


def _number(value: float | None) -> str:
    """Three digits that mean something, with thousands marked."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"
