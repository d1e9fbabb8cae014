"""What the server runs with, for its page in the console: nothing secret, and only for who may see it."""

from __future__ import annotations

import platform
import shutil
from typing import Any, Final

import botocore

import sagewright
from sagewright.base.errors import AwsError
from sagewright.edge.steps.receive import MAX_BODY, MAX_INVOCATION
from sagewright.operations.access.needs import Need
from sagewright.operations.call import Call, Services
from sagewright.operations.console import sessions

ACTION: Final = "sagewright:GetServerSettings"
"""What a policy must allow; AdministratorAccess does."""
_STORES: Final = {"": "SQLite", "memory": "memory: gone when the server stops"}


def told(call: Call, *, started: float, provider: str) -> dict[str, Any]:
    """By headings. `provider` is the company's identity provider, if there is one. Raises AwsError for who may not.

    It asks the engine and the disk: call it from a thread.
    """
    services = call.services
    error: AwsError | None = services.gate.refusal(call, {}, [Need(ACTION, "*")])
    if error is not None:
        raise error
    return {
        "Versions": _versions(services, started),
        "Engine": {**services.runs_on(), **_engine(services)},
        "Capacity": _capacity(services),
        "Storage": _storage(services),
        "Limits": _limits(),
        "SignIn": {"Signatures": services.settings.auth, "IdentityProvider": provider},
    }


def _versions(services: Services, started: float) -> dict[str, Any]:
    return {
        "Sagewright": sagewright.__version__,
        "Python": platform.python_version(),
        "ServiceModels": botocore.__version__,
        "System": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "Started": started,
        "Account": services.settings.account,
        "Region": services.settings.region,
    }


def _engine(services: Services) -> dict[str, Any]:
    settings = services.settings
    return {"Name": settings.engine, "Sandbox": settings.sandbox, "VpcNetwork": settings.vpc_network}


def _capacity(services: Services) -> dict[str, Any]:
    settings = services.settings
    return {
        "Instances": settings.capacity,
        "Overcommit": settings.overcommit if settings.capacity == "fitted" else None,
        "ServerlessIdleSeconds": settings.serverless_idle,
        "ServerlessStandby": settings.serverless_standby,
        "NotebookIdleSeconds": settings.notebook_idle or None,
    }


def _storage(services: Services) -> dict[str, Any]:
    settings = services.settings
    disk = shutil.disk_usage(settings.data)
    # Of a database not the address, in which there may be a password.
    return {
        "Records": _STORES.get(settings.store.partition(":")[0], "PostgreSQL"),
        "Folder": str(settings.data),
        "FreeBytes": disk.free,
        "TotalBytes": disk.total,
        "Replica": settings.replica,
    }


def _limits() -> dict[str, Any]:
    return {
        "RequestBytes": MAX_BODY,
        "InvocationBytes": MAX_INVOCATION,
        "SessionSeconds": sessions.SESSION_SECONDS,
    }
