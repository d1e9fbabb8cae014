"""A server, of all that it is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from sagewright.base.clock import Clock, SystemClock
from sagewright.base.ids import Ids, RandomIds
from sagewright.base.registry import Registry
from sagewright.base.settings import Settings
from sagewright.compose import data_folder, storage
from sagewright.compose.data_folder import DataFolder
from sagewright.compose.storage import Storage
from sagewright.compose.work import Work
from sagewright.compute import instances
from sagewright.compute.base import Engine
from sagewright.compute.instances import holds
from sagewright.compute.runtimes import Environments
from sagewright.controllers import replicas
from sagewright.controllers.loop import LEASE
from sagewright.controllers.model_folders import ModelFolders
from sagewright.controllers.offline_store import OfflineStores
from sagewright.controllers.platform import Platform
from sagewright.dataplane.cost.ledger import Ledger
from sagewright.dataplane.features.groups import FeatureStore
from sagewright.dataplane.inference.capture import Captures
from sagewright.dataplane.inference.demand import Demand
from sagewright.dataplane.inference.meter import Meter
from sagewright.dataplane.inference.router import Router
from sagewright.dataplane.inference.sessions import Sessions
from sagewright.dataplane.peers import Peers
from sagewright.edge.app import Edge
from sagewright.edge.platform import Platform as EdgePlatform
from sagewright.neighbours.client import Neighbours
from sagewright.operations.access.gate import Gate
from sagewright.operations.access.role_files import RoleFiles
from sagewright.operations.call import Services
from sagewright.operations.ecr.fetching import OwnImages

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
    engine: Engine
    captures: Captures
    work: Work
    folder: DataFolder
    storage: Storage

    @property
    def made(self) -> tuple[str, ...]:
        """A line for each thing that was made because it was not there."""
        return self.storage.made

    def start(self) -> None:
        """Begin to work; called on the event loop that requests are answered on."""
        self.captures.start()
        self.work.start()

    def close(self) -> None:
        """Let go of everything; called after the last request was answered."""
        services, storage = self.app.services, self.storage
        self.work.stop()
        self.captures.close()
        services.inference.close()
        self.engine.close()
        services.neighbours.close()
        services.features.close()
        storage.objects.close()
        storage.metrics.close()
        storage.credentials.close()
        storage.store.close()
        for lock in self.folder.locks:
            lock.close()

    def serves_alone(self) -> bool:
        """Whether there is no other server that model servers could go on for."""
        return not self.settings.replica or replicas.alone(self.folder.locks[0])


def build(settings: Settings) -> Server:
    """Join a server on `settings.data`, making what is not there. Raises Terminal when another one uses it."""
    clock: Clock = SystemClock()
    ids: Ids = RandomIds()
    folder = data_folder.held(settings)
    engine = ENGINES.load(settings.engine)(settings, clock)
    kept = storage.opened(settings, folder, engine, clock, ids, url=_url(settings))
    store, among, meter = kept.store, kept.among, Meter(kept.metrics, clock)

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
        objects=kept.objects,
        images=kept.images,
        logs=kept.logs,
        metrics=kept.metrics,
        events=kept.bus,
        credentials=kept.credentials,
        gate=Gate(),
        inference=router,
        meter=meter,
        neighbours=Neighbours(
            None if settings.store == "memory:" else settings.data, database=settings.store if among else None
        ),
        ledger=Ledger(store, clock, price=instances.price, spot_share=instances.spot_share),
        features=FeatureStore(store, settings.data / "features", clock),
        peers=Peers(store, clock, LEASE, among.owner, kept.credentials.peers_secret) if among else None,
        holds=lambda instance: settings.capacity != "strict" or holds(engine.machines(), instance),
        runs_on=lambda: {"Machines": [asdict(each) for each in engine.machines()], "Cannot": [*engine.cannot()]},
    )
    platform = Platform(
        store=store,
        engine=engine,
        environments=Environments(settings.runtimes_folder),
        objects_as=objects_as,
        logs=kept.logs,
        metrics=kept.metrics,
        meter=meter,
        grants=kept.credentials,
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
    owner = among.owner if among else data_folder.server_id(settings.data)
    offline_stores = OfflineStores(services.features, store, objects_as, services.neighbours.ask, clock)
    work = Work(services, platform, kept, router, offline_stores, owner=owner)
    return Server(settings, Edge(services, platform=EdgePlatform(services)), engine, captures, work, folder, kept)


def _url(settings: Settings) -> str:
    """Where this server is reached from its own machine, or by others at the host that it listens on."""
    return f"http://{settings.reachable_host}:{settings.port}"
