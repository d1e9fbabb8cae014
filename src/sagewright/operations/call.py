"""Call: who asks, where, when, and what there is to work with. Every operation takes one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sagewright.base.clock import Clock
from sagewright.base.ids import Ids
from sagewright.base.settings import Settings
from sagewright.base.values import frozen
from sagewright.resources.record import Key
from sagewright.store.base import Store

if TYPE_CHECKING:
    from sagewright.dataplane.cost.ledger import Ledger
    from sagewright.dataplane.events.bus import Bus
    from sagewright.dataplane.features.groups import FeatureStore
    from sagewright.dataplane.images.base import Images
    from sagewright.dataplane.inference.meter import Meter
    from sagewright.dataplane.inference.router import Router
    from sagewright.dataplane.objects.base import Objects
    from sagewright.dataplane.peers import Peers
    from sagewright.neighbours.client import Neighbours
    from sagewright.operations.access.gate import Gate
    from sagewright.operations.sts.credentials import Credentials
    from sagewright.telemetry.logs import Logs
    from sagewright.telemetry.metrics import Metrics

Params = dict[str, Any]
"""A decoded request, or a result to encode: members as the service model names them; timestamps are epoch
seconds, blobs are bytes, a streaming payload is `AsyncIterator[bytes]` going in and `Payload` coming out."""


@dataclass(frozen=True, slots=True)
class FileSlice:
    """A streaming answer that is a piece of a file: the edge sends it without holding it in memory."""

    path: Path
    offset: int
    length: int


Payload = bytes | FileSlice | AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who signed a request."""

    account: str
    arn: str
    """`arn:aws:iam::A:root`, `arn:aws:iam::A:user/PATH/N`, `arn:aws:sts::A:assumed-role/ROLE/SESSION` or
    `arn:aws:sts::A:federated-user/N`."""
    user_id: str
    """What GetCallerIdentity calls UserId."""
    kind: Literal["root", "user", "role", "federated", "anonymous"]
    session: Session | None = None
    """What its temporary credentials say; None for keys that stay."""


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """What temporary credentials say beyond whose they are.

    Two sessions are never equal, so that what was decided for one is never taken for another.
    """

    issued: float
    """Epoch seconds."""
    policies: Sequence[str] = ()
    """Documents that narrow the session down; with `policy_arns`, their union bounds what it may do."""
    policy_arns: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: Sequence[str] = ()
    """Keys of the tags that go along into the sessions of roles that this one assumes."""
    source_identity: str | None = None
    mfa: bool = False
    issuer: Principal | None = None
    """Of a federated user: who asked for it, whose permissions it has at most."""
    owner: bool = False
    """Whether who holds the root key asked for it (`sagewright env`): in name a role's, it may what root may."""


@dataclass(frozen=True, slots=True)
class Services:
    """What `compose` joined, for operations to work with."""

    settings: Settings
    store: Store
    clock: Clock
    ids: Ids
    objects: Objects
    images: Images
    logs: Logs
    metrics: Metrics
    events: Bus
    credentials: Credentials
    gate: Gate
    inference: Router
    meter: Meter
    neighbours: Neighbours
    ledger: Ledger
    features: FeatureStore
    holds: Callable[[str], bool] = lambda _instance_type: True
    """Whether some machine can hold an instance of a type; all are cut to size unless capacity is strict."""
    runs_on: Callable[[], Mapping[str, Any]] = dict
    """What tasks run on, for who administers the server: `Machines`, and in sentences what the engine `Cannot`."""
    peers: Peers | None = None
    """The servers that share this one's data; None where it shares them with nobody."""


@frozen
class Call:
    """One request to one operation."""

    service: str
    operation: str
    principal: Principal
    account: str
    region: str
    request_id: str
    headers: Mapping[str, str]
    """The HTTP request's, lower-cased: for the few answers that depend on more than the model says."""
    host: str
    """`scheme://host:port` as the client spelled it, for the addresses that answers contain."""
    services: Services
    peer: str = ""
    """The address that the request came from; '' where that is not known."""
    received: float | None = None
    """When the request came in, by the clock's monotonic time; None where it is not one of a client."""
    presigned: bool = False
    """Whether the signature stood in the address instead of a header."""
    posted: bool = False
    """Whether a browser's form was posted instead, whose policy was signed."""

    @property
    def store(self) -> Store:
        return self.services.store

    @property
    def now(self) -> float:
        return self.services.clock.now()

    def key(self, kind: str, name: str, parent: str = "") -> Key:
        """The key of one of this account's records in this region."""
        return Key(self.account, self.region, kind, parent, name)
