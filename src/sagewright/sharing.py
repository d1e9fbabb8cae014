"""What a server is made of that shares its data with others (docs/guide/replicas.md)."""

from __future__ import annotations

import os
import secrets
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagewright.base.clock import Clock
from sagewright.base.file_locks import FileLocks
from sagewright.base.settings import Settings
from sagewright.compute.base import Engine
from sagewright.controllers.leading import LEASE_SECONDS
from sagewright.controllers.replicas import FOLDER, Membership
from sagewright.dataplane.peers import owner
from sagewright.store.base import Store
from sagewright.telemetry.logs import Logs
from sagewright.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Among:
    """What a server has to do with the others."""

    owner: str
    """What it calls itself in leases."""
    membership: Membership
    locks: FileLocks
    """Of what is in the folder."""
    records: FileLocks
    """Of the records that controllers are at."""

    @property
    def loops(self) -> dict[str, Any]:
        """How loops hold their lease: a server that loses it starts itself anew, which is what the signal asks for."""
        return {"seconds": LEASE_SECONDS, "lost": lambda: os.kill(os.getpid(), signal.SIGUSR2)}


def among(settings: Settings, store: Store, clock: Clock, engine: Engine, url: str) -> Among:
    """`url` is where the others reach this server. Raises Terminal for what cannot go well."""
    membership = Membership(settings.data, store, clock, engine)
    folder = settings.data / FOLDER
    me = owner(secrets.token_hex(8), url)
    return Among(me, membership, FileLocks(folder / "locks"), FileLocks(folder / "records"))


def telemetry(store: Store, clock: Clock, account: str, region: str) -> tuple[Logs, Metrics]:
    """Logs and metrics in the database of the records."""
    # Imported here: who shares nothing needs no database library.
    from sagewright.store.postgres import PostgresStore
    from sagewright.store.shared_tables import METRICS, SharedTables
    from sagewright.telemetry.shared_logs import SharedLogs

    assert isinstance(store, PostgresStore), "replicas have been refused any other store"
    logs = SharedLogs(SharedTables(store), clock, account=account, region=region)
    shared = SharedTables(store, METRICS)
    return logs, Metrics(Path(), clock, account=account, region=region, shared=shared)
