"""What is to come of changes of one record, said in the plainest way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Step = tuple[str, int, str]
"""Kind, event time, value."""


@dataclass
class Model:
    """`online` is event time, value, and whether it is deleted; `offline` has a row for each event."""

    online: tuple[int, str, bool] | None = None
    offline: list[tuple[int, str, bool]] = field(default_factory=list)

    @classmethod
    def of(cls, steps: Sequence[Step]) -> Model:
        model = cls()
        for kind, time, value in steps:
            model._step(kind, time, value)
        return model

    def _step(self, kind: str, time: int, value: str) -> None:
        before = self.online
        if kind == "put" and (before is None or time >= before[0]):
            self.online = (time, value, False)
        if kind == "soft" and (before is None or time > before[0]):
            self.online = (time, value, True)
        if kind == "hard":
            if before is not None and time <= before[0]:
                return  # refused: no trace of it anywhere
            self.online = None
        self.offline.append((time, value, kind != "put"))
