"""The one place where concrete classes are chosen and joined."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from sagewright.base.clock import Clock, SystemClock
from sagewright.base.errors import Terminal
from sagewright.base.ids import Ids, RandomIds
from sagewright.base.registry import Registry
from sagewright.base.settings import Settings
from sagewright.compute.base import Engine
from sagewright.compute.runtimes import Environments
from sagewright.controllers.alarm import Alarms, CompositeAlarms
from sagewright.controllers.async_invocation import AsyncInvocations
from sagewright.controllers.background import Background
from sagewright.controllers.bucket import Buckets
from sagewright.controllers.ecr_repository import EcrRepositories
from sagewright.controllers.endpoint import Endpoints
from sagewright.controllers.endpoint_usage import EndpointUsage
from sagewright.controllers.event_delivery import Deliveries
from sagewright.controllers.event_rule import EventRules
from sagewright.controllers.hyper_parameter_tuning_job import HyperParameterTuningJobs
from sagewright.controllers.inference_component import InferenceComponents
from sagewright.controllers.inference_experiment import InferenceExperiments
from sagewright.controllers.loop import Loop
from sagewright.controllers.mlflow_tracking_server import MlflowServers
from sagewright.controllers.model_folders import ModelFolders
from sagewright.controllers.platform import Platform
from sagewright.controllers.room import Room
from sagewright.controllers.scalable_target import ScalableTargets
from sagewright.controllers.schedule import Schedules
from sagewright.controllers.scheduled_action import ScheduledActions
from sagewright.controllers.training_job import TrainingJobs
from sagewright.controllers.transform_job import TransformJobs
from sagewright.dataplane.events.bus import Bus
from sagewright.dataplane.events.targets import Outlets
from sagewright.dataplane.images.base import Images
from sagewright.dataplane.inference.capture import Captures
from sagewright.dataplane.inference.demand import Demand
from sagewright.dataplane.inference.meter import Meter
from sagewright.dataplane.inference.router import Router
from sagewright.dataplane.inference.sessions import Sessions
from sagewright.dataplane.objects.base import Objects
from sagewright.edge.app import Edge
from sagewright.edge.platform import Platform as EdgePlatform
from sagewright.neighbours.client import Neighbours
from sagewright.operations.access.gate import Gate
from sagewright.operations.access.role_files import RoleFiles
from sagewright.operations.call import Services
from sagewright.operations.ecr.fetching import OwnImages
from sagewright.operations.events.state_changes import Announcing
from sagewright.operations.iam.roles import ensure_default_role
from sagewright.operations.sts.credentials import Credentials
from sagewright.resources import mlflow_app, mlflow_tracking_server
from sagewright.store.base import Store
from sagewright.telemetry.logs import Logs
from sagewright.telemetry.metrics import Metrics

ENGINES: Final[Registry[Callable[[Settings, Clock], Engine]]] = Registry(
    "engine",
    {
        # Add an engine here: a function from settings and a clock to an `Engine`.
        "process": "sagewright.compute.process:make",
        "container": "sagewright.compute.container:make",
    },
    group="sagewright.engines",
)


@dataclass(frozen=True, slots=True)
class Server:
    """Everything that one data folder's server is made of."""

    settings: Settings
    app: Edge
    start: Callable[[], None]
    """Begin to work; called on the event loop that requests are answered on."""
    engine: Engine
    store: Store
    objects: Objects
    metrics: Metrics
    loop: Loop
    watching: Loop
    """For what is small and must not wait: deliveries, alarms, schedules."""
    lock: IO[str]
    background: Background
    """What is still done for tasks that run."""
    captures: Captures
    made: tuple[str, ...]
    """A line for each thing that was made because it was not there."""

    def close(self) -> None:
        """Let go of everything; called after the last request was answered."""
        self.loop.stop()
        self.watching.stop()
        self.background.stop("")
        self.captures.close()
        self.app.services.inference.close()
        self.engine.close()
        self.app.services.neighbours.close()
        self.objects.close()
        self.metrics.close()
        self.app.services.credentials.close()
        self.store.close()
        self.lock.close()


def build(settings: Settings) -> Server:
    """Join a server on `settings.data`, making what is not there. Raises Terminal when another one uses it."""
    made: list[str] = []
    if not settings.data.exists():
        made.append(f"data folder {settings.data}")
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = _lock(settings.data)
    clock: Clock = SystemClock()
    ids: Ids = RandomIds()
    inner = _store(settings)
    bus = Bus(inner, clock, ids)
    store: Store = Announcing(inner, bus)
    credentials = Credentials(settings.data / "keys", store=store, clock=clock, account=settings.account)
    if credentials.new:
        made.append(f"root access key {credentials.root()[0]} (its secret is in {settings.data / 'keys'})")
    if ensure_default_role(store, account=settings.account, clock=clock, ids=ids):
        made.append("role SagewrightExecutionRole, the default execution role")
    objects = Objects(
        store,
        settings.data / "objects",
        account=settings.account,
        clock=clock,
        ids=ids,
        upstreams=settings.data / "keys" / "upstreams",
    )
    images = Images(store, settings.data / "registry", account=settings.account, clock=clock, ids=ids, bus=bus)
    logs = Logs(settings.data / "logs", clock=clock, account=settings.account, region=settings.region)
    metrics = Metrics(settings.data / "metrics", clock=clock, account=settings.account, region=settings.region)
    meter = Meter(metrics, clock)

    def objects_as(role_arn: str, region: str) -> RoleFiles:
        return RoleFiles(services, role_arn, region)

    def keep(role_arn: str, region: str, bucket: str, key: str, data: bytes) -> object:
        return objects_as(role_arn, region).put_bytes(bucket, key, data)

    captures = Captures(keep, clock, ids)
    tasks = settings.data / "tasks"
    folders = ModelFolders(objects_as, tasks)
    demand = Demand(store, clock, ids, meter, idle=settings.serverless_idle)
    router = Router(store, meter, captures, folders, demand, Sessions(settings.data / "sessions.json"))
    services = Services(
        settings=settings,
        store=store,
        clock=clock,
        ids=ids,
        objects=objects,
        images=images,
        logs=logs,
        metrics=metrics,
        events=bus,
        credentials=credentials,
        gate=Gate(),
        inference=router,
        meter=meter,
        neighbours=Neighbours(None if settings.store == "memory:" else settings.data),
    )
    engine = ENGINES.load(settings.engine)(settings, clock)
    platform = Platform(
        store=store,
        engine=engine,
        environments=Environments(settings.runtimes_folder),
        objects_as=objects_as,
        logs=logs,
        metrics=metrics,
        meter=meter,
        grants=credentials,
        own_images=OwnImages(services, f"{settings.reachable_host}:{settings.port}"),
        clock=clock,
        machine=max(engine.machines(), key=lambda machine: machine.size),
        tasks=tasks,
        endpoint_url=f"http://{settings.reachable_host}:{settings.port}",
        serverless_idle=settings.serverless_idle,
        serverless_standby=settings.serverless_standby,
        vpc_network=settings.vpc_network,
    )
    loop = _loop(platform, settings, owner=_server_id(settings.data))
    watching = _watching(services, platform, owner=_server_id(settings.data))

    def start() -> None:
        router.follow()
        meter.ask(EndpointUsage(platform))
        platform.background.start("metrics of endpoints", meter.run)
        platform.background.start("old datapoints", metrics.thin_hourly)
        captures.start()
        loop.start(sweep=platform.sweep)
        watching.start(sweep=lambda _owned: None)

    app = Edge(services, platform=EdgePlatform(services))
    return Server(
        settings,
        app,
        start,
        engine,
        store,
        objects,
        metrics,
        loop,
        watching,
        lock,
        platform.background,
        captures,
        tuple(made),
    )


def _loop(platform: Platform, settings: Settings, *, owner: str) -> Loop:
    data = settings.data
    loop = Loop(platform.store, clock=platform.clock, owner=owner)
    room = Room(
        platform.engine.machines(),
        loop.wake,
        overcommit=settings.overcommit,
        strict=settings.capacity == "strict",
        share_ports=lambda record: not platform.engine.private_networks and platform.network(record.spec) == "host",
    )
    # Add a noun with a life here.
    loop.add(TrainingJobs(platform, loop.wake, room))
    loop.add(Endpoints(platform, loop.wake))
    loop.add(InferenceComponents(platform, loop.wake))
    loop.add(TransformJobs(platform, loop.wake, room))
    loop.add(MlflowServers(platform, loop.wake, data / "mlflow", mlflow_tracking_server.KIND))
    loop.add(MlflowServers(platform, loop.wake, data / "mlflow", mlflow_app.KIND))
    return loop


def _watching(services: Services, platform: Platform, *, owner: str) -> Loop:
    """A loop of its own: jobs that stage their inputs keep the other one's threads for minutes."""
    store, bus, metrics, clock = services.store, services.events, services.metrics, services.clock
    loop = Loop(store, clock=clock, owner=owner, workers=4)
    targets = ScalableTargets(store, metrics, clock, services.ids, loop.wake)
    loop.add(Deliveries(store, Outlets(services.logs, bus, services.neighbours.ask, targets.call), metrics, clock))
    loop.add(EventRules(store, bus, clock, services.ids))
    loop.add(Schedules(store, bus, clock, services.ids))
    loop.add(Alarms(store, bus, metrics, clock, loop.wake, targets.call))
    loop.add(CompositeAlarms(store, bus, clock, loop.wake))
    loop.add(targets)
    loop.add(ScheduledActions(store, clock, services.ids))
    loop.add(Buckets(services.objects, bus, clock))
    loop.add(EcrRepositories(store, services.images, clock))
    loop.add(AsyncInvocations(platform, bus, loop.wake))
    loop.add(HyperParameterTuningJobs(store, metrics, clock, services.ids, loop.wake))
    loop.add(InferenceExperiments(store, clock, services.ids))
    return loop


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


def _lock(data: Path) -> IO[str]:
    """Held while the server lives: two servers on one folder would undo each other's work."""
    file = (data / "server.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise Terminal(
            f"Another Sagewright server already uses {data}. Stop it, or choose another folder with --data."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def working_on(data: Path) -> int | None:
    """The process id of the server that works on a data folder; None when none does."""
    try:
        file = (data / "server.lock").open("r+")
    except OSError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            told = file.read()
            return int(told) if told.isdigit() else None
    return None


def _server_id(data: Path) -> str:
    path = data / "server.id"
    if not path.exists():
        path.write_text(secrets.token_hex(8))
    return path.read_text()
