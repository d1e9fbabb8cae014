"""The strategies, one module each; `STRATEGIES.load(name)` gives one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from sagewright.base.registry import Registry
from sagewright.tuning.ranges import Space
from sagewright.tuning.trials import Trial


class Strategy(Protocol):
    """Proposes what to try next.

    A strategy may keep what it has worked out, but takes what happened from `trials` alone: one that is made anew in
    the midst of a search proposes what the first one would have. Called by one thread at a time.
    """

    def propose(self, trials: Sequence[Trial], number: int) -> dict[str, str] | None:
        """The values of the job with that number, which no own job has had yet; None when all were tried.

        `trials` are all until now, parents' first, then our own in the order of their creation, running ones too.
        """
        ...


Make = Callable[[Space, int], Strategy]
"""From a space and a seed."""

STRATEGIES: Final[Registry[Make]] = Registry(
    "strategy",
    {
        # Add a strategy here: a function from a space and a seed to a `Strategy`.
        "Random": "sagewright.tuning.strategies.random:Random",
        "Grid": "sagewright.tuning.strategies.grid:Grid",
        "Bayesian": "sagewright.tuning.strategies.bayesian:Bayesian",
        # Hyperband draws at random; what makes it Hyperband is whom it ends (`early_stopping.py`).
        "Hyperband": "sagewright.tuning.strategies.random:Random",
    },
)
