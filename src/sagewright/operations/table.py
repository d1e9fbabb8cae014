"""Which function answers which operation."""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import family

Handler = Callable[[Call, Params], Params] | Callable[[Call, Params], Awaitable[Params]]
"""Plain functions run in a worker thread and may block on the store; coroutine functions run on the event loop
and must not."""

H = TypeVar("H", bound=Callable[..., object])
T = TypeVar("T")

# Add a service, or a noun's file of a service, here.
MODULES: Mapping[str, tuple[str, ...]] = {
    "application-autoscaling": (
        "sagewright.operations.applicationautoscaling.scalable_targets",
        "sagewright.operations.applicationautoscaling.scaling_activities",
        "sagewright.operations.applicationautoscaling.scaling_policies",
        "sagewright.operations.applicationautoscaling.scheduled_actions",
    ),
    "athena": (
        "sagewright.operations.athena.query_executions",
        "sagewright.operations.athena.query_results",
        "sagewright.operations.athena.workgroups",
        "sagewright.operations.athena.named_queries",
        "sagewright.operations.athena.prepared_statements",
        "sagewright.operations.athena.catalogs",
    ),
    "ce": ("sagewright.operations.costexplorer.costs",),
    "cloudwatch": (
        "sagewright.operations.cloudwatch.metrics",
        "sagewright.operations.cloudwatch.alarms",
        "sagewright.operations.cloudwatch.composite_alarms",
        "sagewright.operations.cloudwatch.alarm_lists",
        "sagewright.operations.cloudwatch.dashboards",
        "sagewright.operations.cloudwatch.tags",
        "sagewright.operations.cloudwatch.absent",
    ),
    "ecr": (
        "sagewright.operations.ecr.repositories",
        "sagewright.operations.ecr.images",
        "sagewright.operations.ecr.layers",
        "sagewright.operations.ecr.policies",
        "sagewright.operations.ecr.lifecycle_policies",
        "sagewright.operations.ecr.registry",
        "sagewright.operations.ecr.absent",
    ),
    "events": (
        "sagewright.operations.events.buses",
        "sagewright.operations.events.rules",
        "sagewright.operations.events.targets",
        "sagewright.operations.events.entries",
        "sagewright.operations.events.tags",
        "sagewright.operations.events.absent",
    ),
    "iam": (
        "sagewright.operations.iam.access_keys",
        "sagewright.operations.iam.account",
        "sagewright.operations.iam.attachments",
        "sagewright.operations.iam.authorization_details",
        "sagewright.operations.iam.boundaries",
        "sagewright.operations.iam.context_keys",
        "sagewright.operations.iam.credential_report",
        "sagewright.operations.iam.groups",
        "sagewright.operations.iam.inline",
        "sagewright.operations.iam.instance_profiles",
        "sagewright.operations.iam.login_profiles",
        "sagewright.operations.iam.open_id_connect_providers",
        "sagewright.operations.iam.policies",
        "sagewright.operations.iam.roles",
        "sagewright.operations.iam.saml_providers",
        "sagewright.operations.iam.service_linked_roles",
        "sagewright.operations.iam.tagging",
        "sagewright.operations.iam.unkept",
        "sagewright.operations.iam.users",
        "sagewright.operations.iam.simulate",
    ),
    "logs": ("sagewright.operations.logs.groups", "sagewright.operations.logs.events"),
    "ram": (
        "sagewright.operations.ram.shares",
        "sagewright.operations.ram.associations",
        "sagewright.operations.ram.share_permissions",
        "sagewright.operations.ram.policies",
        "sagewright.operations.ram.invitations",
    ),
    "resourcegroupstaggingapi": ("sagewright.operations.tagging.resources",),
    "s3": (
        "sagewright.operations.s3.buckets",
        "sagewright.operations.s3.versioning",
        "sagewright.operations.s3.policies",
        "sagewright.operations.s3.owners",
        "sagewright.operations.s3.acls",
        "sagewright.operations.s3.cors",
        "sagewright.operations.s3.encryption",
        "sagewright.operations.s3.lifecycles",
        "sagewright.operations.s3.locks",
        "sagewright.operations.s3.notifications",
        "sagewright.operations.s3.configurations",
        "sagewright.operations.s3.objects",
        "sagewright.operations.s3.deletes",
        "sagewright.operations.s3.tagging",
        "sagewright.operations.s3.listing",
        "sagewright.operations.s3.multipart",
    ),
    "sagemaker": family.modules(),
    "sagemaker-a2i-runtime": ("sagewright.operations.a2i.human_loop",),
    "sagemaker-edge": ("sagewright.operations.edge.agent",),
    "sagemaker-featurestore-runtime": (
        "sagewright.operations.featurestore.records",
        "sagewright.operations.featurestore.batches",
    ),
    "sagemaker-metrics": ("sagewright.operations.metrics.trial_component_metric",),
    "sagemaker-runtime": (
        "sagewright.operations.runtime.invoke",
        "sagewright.operations.runtime.invoke_async",
        "sagewright.operations.runtime.stream",
    ),
    "scheduler": ("sagewright.operations.scheduler.schedules", "sagewright.operations.scheduler.groups"),
    "service-quotas": ("sagewright.operations.servicequotas.quotas", "sagewright.operations.servicequotas.requests"),
    "sts": ("sagewright.operations.sts.identity", "sagewright.operations.sts.sessions"),
}


class Operations:
    """The operations that one file answers. Functions are named like boto3's methods: `create_training_job`."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}

    def __call__(self, function: H) -> H:
        """Register a function under its own name (as a decorator)."""
        self.add(function.__name__, function)  # type: ignore[arg-type]
        return function

    def add(self, name: str, handler: Handler) -> None:
        if name in self.handlers:
            raise ValueError(f"{name} is answered twice")
        self.handlers[name] = handler


def brief(function: Callable[[Call, Params], Params]) -> Callable[[Call, Params], Awaitable[Params]]:
    """For an operation that reads a record or two by their keys: where the store answers that without waiting for
    anybody, it is done on the event loop, since handing it to a thread and back costs more than doing it."""

    @functools.wraps(function)
    async def answered(call: Call, request: Params) -> Params:
        return await briefly(call, lambda: function(call, request))

    return answered


async def briefly(call: Call, read: Callable[[], T]) -> T:
    """The same for what a coroutine function has to read."""
    return read() if call.store.local else await asyncio.to_thread(read)


def load(service: str) -> dict[str, Handler]:
    """All handlers of a service by boto3 method name; each file's `operations` is an `Operations`."""
    handlers: dict[str, Handler] = {}
    for module in MODULES.get(service, ()):
        own: Operations = importlib.import_module(module).operations
        for name, handler in own.handlers.items():
            if name in handlers:
                raise ValueError(f"{service} {name} is answered twice")
            handlers[name] = handler
    return handlers


def runs_on_loop(handler: Handler) -> bool:
    """Whether a handler is a coroutine function."""
    return inspect.iscoroutinefunction(handler)
