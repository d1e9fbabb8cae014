"""For every test: Hypothesis measures no time (machines are shared) and finds the same examples each run in CI."""

from __future__ import annotations

import importlib.util
import os

if importlib.util.find_spec("hypothesis"):  # the clients' environments do without it
    from hypothesis import settings

    settings.register_profile("shared", deadline=None)
    settings.register_profile("ci", deadline=None, derandomize=True)
    settings.load_profile("ci" if os.environ.get("CI") else "shared")
