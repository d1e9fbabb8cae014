"""The options that every command takes, and what they default to."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sagewright.base.settings import DEFAULT_PORT, Settings, data_folder


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--port` and `--data`, or SAGEWRIGHT_PORT and SAGEWRIGHT_DATA. The command gets a `Settings`."""

    @click.option("--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True,
                  envvar="SAGEWRIGHT_PORT", show_envvar=True, help="Where the server listens.")  # fmt: skip
    @click.option("--data", type=click.Path(path_type=Path), default=None, envvar="SAGEWRIGHT_DATA", show_envvar=True,
                  help="The folder that holds everything.  [default: ~/.sagewright]")  # fmt: skip
    @functools.wraps(command)
    def wrapped(*, port: int, data: Path | None, **rest: Any) -> Any:
        folder = data.expanduser().absolute() if data else data_folder(os.environ)
        runtimes = os.environ.get("SAGEWRIGHT_RUNTIMES")
        settings = Settings(
            data=folder, port=port, runtimes=Path(runtimes).expanduser().absolute() if runtimes else None
        )
        return command(settings=settings, **rest)

    return wrapped
