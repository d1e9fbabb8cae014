"""For every test: Hypothesis measures no time (machines are shared), and finds the same examples each run.

Others are found with `--hypothesis-profile=others`.
"""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("hypothesis"):  # the clients' environments do without it
    from hypothesis import HealthCheck, settings

    settings.register_profile("others", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("same", settings.get_profile("others"), derandomize=True)
    settings.load_profile("same")
