"""Cron, for the crontabs that lifecycle scripts write: each user's lines, looked at once a minute."""

from __future__ import annotations

import os
import subprocess
import threading
import time

from sagewright_container.notebook.settings import SPOOL, USER, Settings

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES: tuple[dict[str, int], ...] = (
    {},
    {},
    {},
    {name: number for number, name in enumerate(_MONTHS, 1)},
    {name: number for number, name in enumerate(_DAYS)},
)
_SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def run(settings: Settings, stop: threading.Event, spool: str = SPOOL) -> None:
    """Run what is due until `stop`."""
    for user in ("root", USER):
        for command in due(_read(spool, user), None):
            _start(settings, user, command)
    while not stop.wait(60 - time.time() % 60):
        now = time.localtime()
        for user in ("root", USER):
            for command in due(_read(spool, user), now):
                _start(settings, user, command)


def due(table: str, now: time.struct_time | None) -> list[str]:
    """The commands of a crontab for this minute; for None, those that run at the start. Lines that say nothing that
    cron understands are left out, as cron leaves them out; assignments hold for the commands below them."""
    found, assigned = [], ""
    for line in map(str.strip, table.splitlines()):
        first = line.split(maxsplit=1)[0] if line and not line.startswith("#") else ""
        if not first:
            continue
        if first.lower() == "@reboot":
            if now is None:
                found.append(assigned + line[len(first) :].strip())
        elif "=" in first:
            name, _, value = line.partition("=")
            assigned += f"export {name.strip()}={value.strip()}; "
        elif now is not None:
            times = _SHORT.get(first.lower())
            fields = line.split(maxsplit=1) if times else line.split(maxsplit=5)
            if len(fields) == (2 if times else 6) and _matches((times or " ".join(fields[:5])).split(), now):
                found.append(assigned + fields[-1])
    return found


def _matches(fields: list[str], now: time.struct_time) -> bool:
    weekday = (now.tm_wday + 1) % 7
    values = (now.tm_min, now.tm_hour, now.tm_mday, now.tm_mon, weekday)
    try:
        sets = [_numbers(*each) for each in zip(fields, _RANGES, _NAMES, strict=True)]
    except ValueError:
        return False
    sets[4] = {number % 7 for number in sets[4]}
    hit = [value in wanted for value, wanted in zip(values, sets, strict=True)]
    # Where both days are named, either of them will do.
    day = (hit[2] or hit[4]) if "*" not in (fields[2][0], fields[4][0]) else (hit[2] and hit[4])
    return hit[0] and hit[1] and hit[3] and day


def _numbers(text: str, bounds: tuple[int, int], names: dict[str, int]) -> set[int]:
    """What a field stands for. Raises ValueError."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            low, high = bounds
        else:
            first, dash, last = span.partition("-")
            low = names.get(first.lower(), -1) if first.isalpha() else int(first)
            high = (names.get(last.lower(), -1) if last.isalpha() else int(last)) if dash else low
            high = bounds[1] if step and not dash else high
        if not (bounds[0] <= low <= high <= bounds[1]) or (step and int(step) < 1):
            raise ValueError(text)
        found.update(range(low, high + 1, int(step or 1)))
    return found


def _read(spool: str, user: str) -> str:
    try:
        with open(os.path.join(spool, user), encoding="utf-8", errors="replace") as file:
            return file.read(1 << 20)
    except OSError:
        return ""


def _start(settings: Settings, user: str, command: str) -> None:
    environment = settings.environment(user)
    subprocess.Popen(
        ["/bin/sh", "-c", command],
        env=environment,
        cwd=environment["HOME"],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
