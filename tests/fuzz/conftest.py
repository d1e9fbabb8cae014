"""How many requests and with which seed. `make fuzz` sends a hundred thousand; CI a few thousand."""

from __future__ import annotations

import random

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fuzz")
    group.addoption("--requests", type=int, default=4000, help="how many requests are sent (default: 4000)")
    group.addoption("--fuzz-seed", type=int, default=None, help="send what the run with this seed sent")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--fuzz-seed") is None:
        config.option.fuzz_seed = random.randrange(1_000_000)


def pytest_report_header(config: pytest.Config) -> str:
    return f"fuzz: {config.getoption('--requests')} requests, --fuzz-seed={config.getoption('--fuzz-seed')}"
