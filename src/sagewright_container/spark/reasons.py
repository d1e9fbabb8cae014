"""What an application failed with, found in what it said last: behind it Spark tells how it cleans up."""

from __future__ import annotations

import re
from typing import Final

_CHATTER: Final = re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d (?:TRACE|DEBUG|INFO|WARN) ")
_RAISED: Final = re.compile(
    r"(?:Exception in thread \"[^\"]*\" |Caused by: |: )?"
    r"(?:Error: .+|(?:[A-Za-z_][\w$]*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Failure)\b.*|SystemExit\b.*)"
)
_LONGEST: Final = 800
_LINES: Final = 5


def told(*texts: str) -> str:
    """The last error's own line, of the first text that has one; else the last lines that are not Spark's log."""
    said = [[line for line in text.splitlines() if line.strip() and not _CHATTER.match(line)] for text in texts]
    for lines in said:
        for line in reversed(lines):
            if _RAISED.fullmatch(line) and not line.endswith("Traceback (most recent call last):"):
                return line.removeprefix(": ").removeprefix("Caused by: ")[:_LONGEST]
    last = next((lines for lines in said if lines), [])
    return "\n".join(last[-_LINES:])[-_LONGEST:]
