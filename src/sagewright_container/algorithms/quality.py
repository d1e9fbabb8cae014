"""How the built-in algorithms print what they measured, and the expressions that find it in the log.

AWS publishes the expressions with each algorithm ("metrics computed by …"); the lines are those that its images print.
"""

from __future__ import annotations

from sagewright_container.algorithms.base import Metric

NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"


def said(host: str, channel: str, name: str, value: float, *, epoch: int | None = None, what: str = "loss") -> None:
    """Print a metric: `#quality_metric: host=algo-1, epoch=0, train msd <loss>=0.5`."""
    when = "" if epoch is None else f" epoch={epoch},"
    print(f"#quality_metric: host={host},{when} {channel} {name} <{what}>={float(value)!r}", flush=True)


def metric(channel: str, name: str, *, maximize: bool, what: str = "loss", published: str | None = None) -> Metric:
    """A metric that `said` prints; `published` is its name where AWS calls it otherwise than channel:name."""
    regex = rf"#quality_metric: host=\S+,(?: epoch=\S+,)? {channel} {name} <{what}>={NUMBER}"
    return Metric(published or f"{channel}:{name}", regex, maximize)
