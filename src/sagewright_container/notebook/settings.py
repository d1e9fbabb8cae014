"""What the platform says about a notebook instance, and where things lie in it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

USER = "ec2-user"
HOME = f"/home/{USER}"
VOLUME = f"{HOME}/SageMaker"
CONDA = f"{HOME}/anaconda3"
SPOOL = "/var/spool/cron"
"""Each user's crontab is a file there."""
BASE = "/opt/ml"
CONFIG = f"{BASE}/input/config/notebook.json"
FAILURE = f"{BASE}/output/failure"
SOCKET = f"{BASE}/run/jupyter.sock"
RESTART = f"{BASE}/run/restart"
"""Who makes this file has JupyterLab started anew."""
COMMANDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin")
"""Commands of an instance that this machine lacks, or that do not work without powers."""
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin"


class Failed(Exception):
    """The instance cannot start; the message is its FailureReason."""


@dataclass(frozen=True)
class Repository:
    """A Git repository to be cloned."""

    url: str
    branch: str = ""
    secret: str = ""
    """The ARN of the secret with its credentials, '' for a public one."""

    @property
    def folder(self) -> str:
        """What `git clone` would call it."""
        name = self.url.rstrip("/").rpartition("/")[2].removesuffix(".git")
        return name if name not in ("", ".", "..") else "repository"


@dataclass(frozen=True)
class Settings:
    """One start of an instance."""

    name: str
    arn: str
    volume_bytes: int
    root_access: bool = True
    scripts: Mapping[str, str] = field(default_factory=dict)
    """What is to run now, in order, by hook (OnCreate, OnStart): base64."""
    scripts_arn: str = ""
    """Of the lifecycle configuration that they are from."""
    repositories: tuple[Repository, ...] = ()
    """The default one first, if `has_default`."""
    has_default: bool = False
    kernels: Mapping[str, str] = field(default_factory=dict)
    """Kernels by name, each with the Python environment that it stands on."""

    @staticmethod
    def read(path: str = CONFIG) -> Settings:
        """What the platform wrote before the start."""
        with open(path, encoding="utf-8") as file:
            told: dict[str, Any] = json.load(file)
        repositories = tuple(Repository(**each) for each in told.pop("repositories", ()))
        return Settings(**told, repositories=repositories)

    def environment(self, user: str = USER) -> dict[str, str]:
        """What a user's processes find in their environment."""
        home = HOME if user == USER else "/root"
        return {
            **os.environ,
            "HOME": home,
            "USER": user,
            "LOGNAME": user,
            "SHELL": "/bin/bash",
            "PATH": ":".join([COMMANDS, SYSTEM_PATH, f"{os.environ.get('VIRTUAL_ENV', '')}/bin"]),
            "SAGEWRIGHT_ROOT_ACCESS": "1" if self.root_access else "0",
        }
