"""Lifecycle scripts: as root, for five minutes at most, their output in files that the platform carries into logs."""

from __future__ import annotations

import base64
import os
import signal
import subprocess

from sagewright_container.notebook.settings import BASE, Failed, Settings

LIMIT_S = 300.0
LOGS = f"{BASE}/lifecycle"
_PLAIN = "/bin/bash"


def run_all(settings: Settings, limit: float = LIMIT_S, logs: str = LOGS) -> None:
    """Run what is to run. Raises Failed for a script that ends badly, or not in time."""
    for hook, content in settings.scripts.items():
        run(settings, hook, base64.b64decode(content), limit, logs)


def run(settings: Settings, hook: str, content: bytes, limit: float, logs: str) -> None:
    """Run one. What it leaves in the background goes on, as on AWS."""
    os.makedirs(logs, exist_ok=True)
    path = os.path.join(logs, hook)
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, 0o700)
    command = [path] if content.startswith(b"#!") else [_PLAIN, path]
    about = f"Notebook Instance Lifecycle Config '{settings.scripts_arn}' for Notebook Instance '{settings.arn}'"
    with open(f"{path}.log", "wb") as log:
        try:
            process = subprocess.Popen(
                command,
                env=settings.environment("root"),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise Failed(f"{about} could not be run as {hook}: {error.strerror}.") from error
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise Failed(
                f"{about} took longer than {limit / 60:g} minutes in {hook}. Do what takes longer in the background: "
                "nohup … &"
            ) from None
    if code:
        raise Failed(f"{about} failed: {hook} ended with exit code {code}. Its output is in the log stream {hook}.")
