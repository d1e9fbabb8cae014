"""Series over time as an SVG: one small chart for each, under one another, with one axis of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 760, 110, 70, 30, 44
_INK, _PALE, _LINE, _MARK = "#333", "#ddd", "#2a6fbb", "#c05020"
_TICK_S: Final = 60


@dataclass(frozen=True)
class Series:
    """One quantity."""

    title: str
    points: Sequence[tuple[float, float]]
    """(seconds since the beginning, value), in order."""
    steps: bool = False
    """Whether it holds its value until the next point."""
    mark: float | None = None
    """A value to draw a line at."""


def svg(series: Sequence[Series]) -> str:
    """The picture."""
    end = max(time for each in series for time, _ in each.points)
    height = _TOP + len(series) * (_HEIGHT + _GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 20}" height="{height}" '
        f'font-family="sans-serif" font-size="12" fill="{_INK}">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, each in enumerate(series):
        parts += _chart(each, end, _TOP + number * (_HEIGHT + _GAP))
    return "\n".join([*parts, "</svg>", ""])


def _chart(series: Series, end: float, top: float) -> Sequence[str]:
    most = max([value for _, value in series.points] + [series.mark or 0, 1e-9]) * 1.05

    def x(time: float) -> float:
        return round(_LEFT + time / end * _WIDTH, 1)

    def y(value: float) -> float:
        return round(top + _HEIGHT * (1 - value / most), 1)

    path = f"M{x(series.points[0][0])} {y(series.points[0][1])}"
    for time, value in series.points[1:]:
        path += f"H{x(time)}V{y(value)}" if series.steps else f"L{x(time)} {y(value)}"
    parts = [f'<text x="{_LEFT}" y="{top - 8}" font-weight="bold">{series.title}</text>']
    for value in (0.0, most / 1.05):
        parts.append(f'<text x="{_LEFT - 8}" y="{y(value) + 4}" text-anchor="end">{value:,.3g}</text>')
        parts.append(f'<path d="M{_LEFT} {y(value)}h{_WIDTH}" stroke="{_PALE}"/>')
    for time in range(0, int(end) + 1, _TICK_S):
        parts.append(f'<text x="{x(time)}" y="{top + _HEIGHT + 16}" text-anchor="middle">{time // 60} min</text>')
    if series.mark is not None:
        parts.append(f'<path d="M{_LEFT} {y(series.mark)}h{_WIDTH}" stroke="{_MARK}" stroke-dasharray="5 4"/>')
    return [*parts, f'<path d="{path}" fill="none" stroke="{_LINE}" stroke-width="2"/>']
