"""How the log agent of SageMaker's machines spells what programs print."""

from __future__ import annotations

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def agent_spelling(line: str) -> str:
    """A line as CloudWatch shows it: control characters as `#` and three octal digits (TAB is `#011`).

    It is syslog's escaping, and part of the contract: the metric regexes of built-in algorithms are written for it
    (`.*\\[[0-9]+\\].*#011validation-rmse:(\\S+)`), so it is what is stored and what users read.
    """
    return _CONTROL.sub(lambda found: f"#{ord(found[0]):03o}", line)
