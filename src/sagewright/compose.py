"""The one place where concrete classes are chosen and joined."""

from __future__ import annotations

import asyncio
import fcntl
import functools
import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final

from sagewright import sharing
from sagewright.base.clock import Clock, SystemClock
from sagewright.base.errors import Terminal
from sagewright.base.ids import Ids, RandomIds
from sagewright.base.registry import Registry
from sagewright.base.settings import Settings
from sagewright.compute import instances
from sagewright.compute.base import Engine
from sagewright.compute.instances import holds
from sagewright.compute.runtimes import Environments
from sagewright.controllers import replicas
from sagewright.controllers.alarm import Alarms, CompositeAlarms
from sagewright.controllers.async_invocation import AsyncInvocations
from sagewright.controllers.background import Background
from sagewright.controllers.bucket import Buckets
from sagewright.controllers.ecr_repository import EcrRepositories
from sagewright.controllers.endpoint import Endpoints
from sagewright.controllers.endpoint_usage import EndpointUsage
from sagewright.controllers.event_delivery import Deliveries
from sagewright.controllers.event_rule import EventRules
from sagewright.controllers.housekeeping import Housekeeping
from sagewright.controllers.hyper_parameter_tuning_job import HyperParameterTuningJobs
from sagewright.controllers.inference_component import InferenceComponents
from sagewright.controllers.inference_experiment import InferenceExperiments
from sagewright.controllers.leading import Leading
from sagewright.controllers.loop import LEASE, Loop
from sagewright.controllers.mlflow_tracking_server import MlflowServers
from sagewright.controllers.model_folders import ModelFolders
from sagewright.controllers.notebook_instance import NotebookInstances
from sagewright.controllers.offline_store import OfflineStores
from sagewright.controllers.platform import Platform
from sagewright.controllers.processing_job import ProcessingJobs
from sagewright.controllers.query_execution import QueryExecutions
from sagewright.controllers.room import Room
from sagewright.controllers.scalable_target import ScalableTargets
from sagewright.controllers.schedule import Schedules
from sagewright.controllers.scheduled_action import ScheduledActions
from sagewright.controllers.training_job import TrainingJobs
from sagewright.controllers.transform_job import TransformJobs
from sagewright.controllers.warm_pools import WarmPools
from sagewright.dataplane.cost.ledger import Ledger
from sagewright.dataplane.events.bus import Bus
from sagewright.dataplane.events.targets import Outlets
from sagewright.dataplane.features.groups import FeatureStore
from sagewright.dataplane.images.base import Images
from sagewright.dataplane.inference.capture import Captures
from sagewright.dataplane.inference.demand import Demand
from sagewright.dataplane.inference.meter import Meter
from sagewright.dataplane.inference.router import Router
from sagewright.dataplane.inference.sessions import Sessions
from sagewright.dataplane.objects.base import Objects
from sagewright.dataplane.peers import Peers
from sagewright.edge.app import Edge
from sagewright.edge.platform import Platform as EdgePlatform
from sagewright.neighbours.client import Neighbours
from sagewright.operations.access import caller
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
        "ray": "sagewright.compute.ray_cluster.engine:make",
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
    leading: Leading
    lock: Sequence[IO[str]]
    background: Background
    """What is still done for tasks that run."""
    captures: Captures
    made: tuple[str, ...]
    """A line for each thing that was made because it was not there."""

    def close(self) -> None:
        """Let go of everything; called after the last request was answered."""
        self.leading.stop()
        self.background.stop("")
        self.captures.close()
        self.app.services.inference.close()
        self.engine.close()
        self.app.services.neighbours.close()
        self.app.services.features.close()
        self.objects.close()
        self.metrics.close()
        self.app.services.credentials.close()
        self.store.close()
        for lock in self.lock:
            lock.close()

    def serves_alone(self) -> bool:
        """Whether there is no other server that model servers could go on for."""
        return not self.settings.replica or replicas.alone(self.lock[0])


def build(settings: Settings) -> Server:
    """Join a server on `settings.data`, making what is not there. Raises Terminal when another one uses it."""
    made: list[str] = []
    if not settings.data.exists():
        made.append(f"data folder {settings.data}")
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    locks, alone = _locks(settings)
    clock: Clock = SystemClock()
    ids: Ids = RandomIds()
    engine = ENGINES.load(settings.engine)(settings, clock)
    inner = _store(settings)
    among = sharing.among(settings, inner, clock, engine, _url(settings)) if settings.replica else None
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
        locks=among.locks if among else None,
        alone=alone,
    )
    images = Images(
        store,
        settings.data / "registry",
        account=settings.account,
        clock=clock,
        ids=ids,
        bus=bus,
        locks=among.locks if among else None,
        alone=alone,
    )
    if among is not None:
        replicas.share(locks[0])
    place = settings.account, settings.region
    logs: Logs
    if among is not None:
        logs, metrics = sharing.telemetry(inner, clock, *place)
    else:
        logs = Logs(settings.data / "logs", clock, account=place[0], region=place[1])
        metrics = Metrics(settings.data / "metrics", clock, account=place[0], region=place[1])
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
        neighbours=Neighbours(
            None if settings.store == "memory:" else settings.data, database=settings.store if among else None
        ),
        ledger=Ledger(store, clock, price=instances.price, spot_share=instances.spot_share),
        features=FeatureStore(store, settings.data / "features", clock),
        peers=Peers(store, clock, LEASE, among.owner, credentials.peers_secret) if among else None,
        holds=lambda instance: settings.capacity != "strict" or holds(engine.machines(), instance),
        runs_on=lambda: {"Machines": [asdict(each) for each in engine.machines()], "Cannot": [*engine.cannot()]},
    )
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
        endpoint_url=settings.endpoint_url.rstrip("/") or _url(settings),
        serverless_idle=settings.serverless_idle,
        # They are called by a socket beside their server's, on this machine.
        serverless_standby=settings.serverless_standby and engine.shares_disk,
        vpc_network=settings.vpc_network,
    )
    owner = among.owner if among else _server_id(settings.data)
    events: list[asyncio.AbstractEventLoop] = []

    def lead() -> Sequence[Loop]:
        """What one server does for all that share its data."""
        make = functools.partial(Loop, store, clock=clock, owner=owner, **(among.loops if among else {}))
        loop = _loop(services, platform, settings, make(locks=among.records if among else None))
        watching = _watching(services, platform, make(workers=4))
        loop.start(sweep=platform.sweep)
        try:
            watching.start(sweep=lambda _owned: None)
        except BaseException:
            loop.stop()
            raise
        with suppress(RuntimeError):  # this server is just being stopped, and its event loop with it
            events[0].call_soon_threadsafe(router.lead)
        platform.background.start("old datapoints", metrics.thin_hourly)
        platform.background.start("offline stores", offline_stores.run)
        if among is not None:
            platform.background.start("what is old", Housekeeping(objects, logs).run)
        return loop, watching

    leading = Leading(store, clock, owner=owner, begin=lead, end=router.close, waits=among is not None)
    usage = EndpointUsage(platform)
    offline_stores = OfflineStores(services.features, store, objects_as, services.neighbours.ask, clock)

    def start() -> None:
        events.append(asyncio.get_running_loop())
        router.follow()
        meter.ask(lambda now: usage(now) if leading.leads else None)
        platform.background.start("metrics of endpoints", meter.run)
        captures.start()
        if among is not None:
            platform.background.start("membership", among.membership.keep)
        leading.start()

    app = Edge(services, platform=EdgePlatform(services))
    return Server(
        settings,
        app,
        start,
        engine,
        store,
        objects,
        metrics,
        leading,
        locks,
        platform.background,
        captures,
        tuple(made),
    )


def _docker(settings: Settings) -> Path | None:
    """The container engine's socket, where notebook instances are shown it."""
    if not settings.notebook_docker:
        return None
    from sagewright.compute.container import find_socket

    return Path(find_socket(settings.container_socket))


def _loop(services: Services, platform: Platform, settings: Settings, loop: Loop) -> Loop:
    data = settings.data
    room = Room(
        platform.engine.machines(),
        loop.wake,
        overcommit=settings.overcommit,
        strict=settings.capacity == "strict",
        share_ports=lambda record: platform.network(record.spec) == "host" and not platform.engine.private_networks,
    )
    # Add a noun with a life here.
    loop.add(TrainingJobs(platform, loop.wake, room))
    loop.add(Endpoints(platform, loop.wake, room))
    loop.add(InferenceComponents(platform, loop.wake))
    loop.add(WarmPools(platform, loop.wake, room))
    loop.add(TransformJobs(platform, loop.wake, room))
    docker = _docker(settings)
    loop.add(
        NotebookInstances(platform, loop.wake, room, data / "notebooks", idle=settings.notebook_idle, docker=docker)
    )
    callers = functools.partial(caller.of, services)
    loop.add(ProcessingJobs(platform, loop.wake, room, callers))
    loop.add(QueryExecutions(platform, loop.wake, callers))
    loop.add(MlflowServers(platform, loop.wake, data / "mlflow", mlflow_tracking_server.KIND))
    loop.add(MlflowServers(platform, loop.wake, data / "mlflow", mlflow_app.KIND))
    return loop


def _watching(services: Services, platform: Platform, loop: Loop) -> Loop:
    """For what is small and must not wait, deliveries, alarms, schedules: jobs that stage their inputs keep the other
    loop's threads for minutes."""
    store, bus, metrics, clock = services.store, services.events, services.metrics, services.clock
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


def _locks(settings: Settings) -> tuple[Sequence[IO[str]], bool]:
    """What is held while the server lives, and whether no other server works on the folder just now."""
    if not settings.replica:
        replicas.refuse_one_server(settings.data)
        return [_lock(settings.data)], True
    lock, alone = replicas.join(settings.data, settings.store)
    return [lock, replicas.announced(settings.data, settings.port)], alone


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


def working_on(data: Path, port: int) -> int | None:
    """The process id of the server that works on a data folder, of several the one on this port; None for none."""
    if (replica := replicas.working_on(data, port)) is not None:
        return replica
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


def _url(settings: Settings) -> str:
    """Where this server is reached from its own machine, or by others at the host that it listens on."""
    return f"http://{settings.reachable_host}:{settings.port}"
