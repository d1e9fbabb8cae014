"""Code repositories: cloned beside each other below the volume, once; with credentials from Secrets Manager."""

from __future__ import annotations

import os
import subprocess
import sys

from sagewright_container.notebook.settings import VOLUME, Failed, Repository, Settings

_LIMIT_S = 300.0


def clone_all(settings: Settings) -> None:
    """Clone what is not there yet. Raises Failed with Git's last words."""
    environment = {**settings.environment(), "GIT_TERMINAL_PROMPT": "0"}
    for repository in settings.repositories:
        if repository.secret:
            _ask_for_credentials(repository, environment)
        if not os.path.exists(os.path.join(VOLUME, repository.folder)):
            _clone(repository, environment)


def _ask_for_credentials(repository: Repository, environment: dict[str, str]) -> None:
    """Have Git fetch them when it needs them, now and from JupyterLab: they are written down nowhere."""
    helper = f"!{sys.executable} -m sagewright_container.notebook.credential {repository.secret}"
    for name, value in (("helper", helper), ("useHttpPath", "true")):
        key = f"credential.{repository.url}.{name}"
        subprocess.run(["git", "config", "--global", key, value], env=environment, check=True)


def _clone(repository: Repository, environment: dict[str, str]) -> None:
    branch = ["--branch", repository.branch] if repository.branch else []
    command = ["git", "clone", "--quiet", *branch, "--", repository.url, repository.folder]
    try:
        done = subprocess.run(
            command,
            env=environment,
            cwd=VOLUME,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_LIMIT_S,
            check=False,
        )
    except FileNotFoundError:
        raise Failed("Code repositories need Git on the server's machine (`apt install git`).") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"Cloning {repository.url} took longer than {_LIMIT_S / 60:g} minutes.") from None
    said = done.stdout.decode(errors="replace").strip()
    print(said, flush=True)
    if done.returncode:
        last = said.splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise Failed(f"The code repository {repository.url} could not be cloned. Git says: {last[0]}")
