"""What keeps things: records, objects, images, keys, logs and metrics."""

from __future__ import annotations

from dataclasses import dataclass

from sagewright import sharing
from sagewright.base.clock import Clock
from sagewright.base.errors import Terminal
from sagewright.base.ids import Ids
from sagewright.base.settings import Settings
from sagewright.compose.data_folder import DataFolder
from sagewright.compute.base import Engine
from sagewright.controllers import replicas
from sagewright.dataplane.events.bus import Bus
from sagewright.dataplane.images.base import Images
from sagewright.dataplane.objects.base import Objects
from sagewright.operations.events.state_changes import Announcing
from sagewright.operations.iam.roles import ensure_default_role
from sagewright.operations.sts.credentials import Credentials
from sagewright.store.base import Store
from sagewright.telemetry.logs import Logs
from sagewright.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Storage:
    """All of it, for one server."""

    among: sharing.Among | None
    """What it has to do with others that share its data; None for a server of its own."""
    bus: Bus
    store: Store
    credentials: Credentials
    objects: Objects
    images: Images
    logs: Logs
    metrics: Metrics
    made: tuple[str, ...]
    """A line for each thing that was made because it was not there."""


def opened(settings: Settings, folder: DataFolder, engine: Engine, clock: Clock, ids: Ids, *, url: str) -> Storage:
    """What is in `settings.data`, made where it is not there."""
    made = list(folder.made)
    inner = _store(settings)
    among = sharing.among(settings, inner, clock, engine, url) if settings.replica else None
    bus = Bus(inner, clock, ids)
    store: Store = Announcing(inner, bus)
    account, region = settings.account, settings.region
    credentials = Credentials(settings.data / "keys", store=store, clock=clock, account=account)
    if credentials.new:
        made.append(f"root access key {credentials.root()[0]} (its secret is in {settings.data / 'keys'})")
    if ensure_default_role(store, account=account, clock=clock, ids=ids):
        made.append("role SagewrightExecutionRole, the default execution role")
    held = among.locks if among else None
    objects = Objects(
        store,
        settings.data / "objects",
        account=account,
        clock=clock,
        ids=ids,
        upstreams=settings.data / "keys" / "upstreams",
        locks=held,
        alone=folder.alone,
    )
    images = Images(
        store,
        settings.data / "registry",
        account=account,
        clock=clock,
        ids=ids,
        bus=bus,
        locks=held,
        alone=folder.alone,
    )
    logs: Logs
    if among is not None:
        replicas.share(folder.locks[0])
        logs, metrics = sharing.telemetry(inner, clock, account, region)
    else:
        logs = Logs(settings.data / "logs", clock, account=account, region=region)
        metrics = Metrics(settings.data / "metrics", clock, account=account, region=region)
    return Storage(among, bus, store, credentials, objects, images, logs, metrics, tuple(made))


def _store(settings: Settings) -> Store:
    # Imported here: a throw-away server needs no database library, and a database server no memory.
    if settings.store == "memory:":
        from sagewright.store.memory import MemoryStore

        return MemoryStore()
    if settings.store == "":
        from sagewright.store.sqlite import SqliteStore

        return SqliteStore(settings.data / "state.db")
    if settings.store.startswith(("postgresql://", "postgres://")):
        try:
            from sagewright.store.postgres import PostgresStore
        except ImportError:
            raise Terminal("Records in PostgreSQL need psycopg: pip install 'sagewright[postgres]'.") from None
        return PostgresStore(settings.store)
    raise Terminal(
        f"No store answers to {settings.store.partition(':')[0]!r}. Leave it out for SQLite, or give the address of a "
        "PostgreSQL database: postgresql://user@host/database."
    )
