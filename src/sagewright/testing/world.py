"""Operations without a server: a store in memory, a clock that stands still, and a call for each question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

from botocore import xform_name

from sagewright.base.ids import RandomIds
from sagewright.base.settings import Settings
from sagewright.compute import instances
from sagewright.dataplane.cost.ledger import Ledger
from sagewright.dataplane.events.bus import Bus
from sagewright.dataplane.features.groups import FeatureStore
from sagewright.dataplane.images.base import Images
from sagewright.dataplane.inference.meter import Meter
from sagewright.neighbours.client import Neighbours
from sagewright.operations import table
from sagewright.operations.access.gate import Gate
from sagewright.operations.call import Call, Params, Principal, Services
from sagewright.operations.iam.roles import ensure_default_role
from sagewright.operations.sts.credentials import Credentials
from sagewright.store.memory import MemoryStore
from sagewright.telemetry.logs import Logs
from sagewright.telemetry.metrics import Metrics
from sagewright.testing.clock import ManualClock
from sagewright.wire import model


@dataclass(frozen=True)
class World:
    """What operations work with that need neither objects nor endpoints."""

    services: Services
    clock: ManualClock
    principal: Principal
    region: str = "us-east-1"

    @classmethod
    def make(cls, folder: Path) -> World:
        """A new world under `folder`, with its default role; the caller is root."""
        settings, clock, ids, store = Settings(data=folder), ManualClock(), RandomIds(), MemoryStore()
        ensure_default_role(store, account=settings.account, clock=clock, ids=ids)
        credentials = Credentials(folder / "keys", store, clock, settings.account)
        bus = Bus(store, clock, ids)
        metrics = Metrics(folder / "metrics", clock)
        services = Services(
            settings=settings,
            store=store,
            clock=clock,
            ids=ids,
            objects=cast(Any, None),
            images=Images(store, folder / "registry", account=settings.account, clock=clock, ids=ids, bus=bus),
            logs=Logs(folder / "logs", clock),
            metrics=metrics,
            events=bus,
            credentials=credentials,
            gate=Gate(),
            inference=cast(Any, None),
            meter=Meter(metrics, clock),
            neighbours=Neighbours(None),
            ledger=Ledger(store, clock, price=instances.price, spot_share=instances.spot_share),
            features=FeatureStore(store, folder / "features", clock),
        )
        _, root = credentials.lookup(credentials.root()[0], None, now=clock.now())
        return cls(services, clock, root)

    def as_principal(self, principal: Principal) -> World:
        """The same world, asked by somebody else."""
        return replace(self, principal=principal)

    def client(self, service: str) -> Client:
        """What answers `client.operation(Member=…)` as boto3's client would, from the operation itself."""
        return Client(self, service)

    def close(self) -> None:
        self.services.metrics.close()
        self.services.neighbours.close()
        self.services.features.close()


@dataclass(frozen=True)
class Client:
    """One service's operations, called directly: no wire, no validation."""

    world: World
    service: str

    def __getattr__(self, operation: str) -> Callable[..., Params]:
        try:
            handler = table.load(self.service)[operation]
        except KeyError:
            raise AttributeError(operation) from None

        def ask(**request: Any) -> Params:
            world = self.world
            call = Call(
                service=self.service,
                operation=_names(self.service)[operation],
                principal=world.principal,
                account=world.principal.account,
                region=world.region,
                request_id="00000000-0000-4000-8000-000000000000",
                headers={},
                host="http://127.0.0.1:4700",
                services=world.services,
            )
            return cast(Params, handler(call, request))

        return ask


@cache
def _names(service: str) -> Mapping[str, str]:
    """Operations as the model spells them, by boto3's methods."""
    return {xform_name(name): name for name in model.service(service).operation_names}
