"""What a server does beside answering: the loops that look after what has a life, and what is done in between."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sagewright.base.settings import Settings
from sagewright.compose.storage import Storage
from sagewright.controllers.alarm import Alarms, CompositeAlarms
from sagewright.controllers.async_invocation import AsyncInvocations
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
from sagewright.controllers.loop import Loop
from sagewright.controllers.mlflow_tracking_server import MlflowServers
from sagewright.controllers.notebook_instance import NotebookInstances
from sagewright.controllers.offline_store import OfflineStores
from sagewright.controllers.platform import Platform
from sagewright.controllers.processing_job import ProcessingJobs
from sagewright.controllers.query_execution import QueryExecutions
from sagewright.controllers.room import Room
from sagewright.controllers.scalable_target import ScalableTargets
from sagewright.controllers.schedule import Schedules
from sagewright.controllers.scheduled_action import ScheduledActions
from sagewright.controllers.spark_history_server import SparkHistoryServers
from sagewright.controllers.training_job import TrainingJobs
from sagewright.controllers.transform_job import TransformJobs
from sagewright.controllers.warm_pools import WarmPools
from sagewright.dataplane.events.targets import Outlets
from sagewright.dataplane.inference.router import Router
from sagewright.operations.access import caller
from sagewright.operations.call import Services
from sagewright.resources import mlflow_app, mlflow_tracking_server


class Work:
    """Begun by `start`, ended by `stop`. The greater part is done by one server for all that share its data."""

    def __init__(
        self,
        services: Services,
        platform: Platform,
        storage: Storage,
        router: Router,
        offline_stores: OfflineStores,
        *,
        owner: str,
    ) -> None:
        self._services, self._platform, self._storage = services, platform, storage
        self._router, self._offline_stores, self._owner = router, offline_stores, owner
        self._usage = EndpointUsage(platform)
        self._leading = Leading(
            storage.store,
            services.clock,
            owner=owner,
            begin=self._lead,
            end=router.close,
            waits=storage.among is not None,
        )
        self._events: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Called on the event loop that requests are answered on."""
        self._events = asyncio.get_running_loop()
        among, meter, background = self._storage.among, self._services.meter, self._platform.background
        self._router.follow()
        meter.ask(lambda now: self._usage(now) if self._leading.leads else None)
        background.start("metrics of endpoints", meter.run)
        if among is not None:
            background.start("membership", among.membership.keep)
        self._leading.start()

    def stop(self) -> None:
        """Whatever was begun; what runs elsewhere goes on."""
        self._leading.stop()
        self._platform.background.stop("")

    def _lead(self) -> Sequence[Loop]:
        """What one server does for all."""
        storage, background = self._storage, self._platform.background
        among, clock = storage.among, self._services.clock
        make = functools.partial(
            Loop, storage.store, clock=clock, owner=self._owner, **(among.loops if among is not None else {})
        )
        jobs = _jobs(self._services, self._platform, make(locks=among.records if among is not None else None))
        watching = _watching(self._services, self._platform, make(workers=4))
        jobs.start(sweep=self._platform.sweep)
        try:
            watching.start(sweep=lambda _owned: None)
        except BaseException:
            jobs.stop()
            raise
        assert self._events is not None
        with suppress(RuntimeError):  # this server is just being stopped, and its event loop with it
            self._events.call_soon_threadsafe(self._router.lead)
        background.start("old datapoints", storage.metrics.thin_hourly)
        background.start("offline stores", self._offline_stores.run)
        if among is not None:
            background.start("what is old", Housekeeping(storage.objects, storage.logs).run)
        return jobs, watching


def _jobs(services: Services, platform: Platform, loop: Loop) -> Loop:
    """For what runs on machines."""
    settings = services.settings
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
        NotebookInstances(
            platform, loop.wake, room, settings.data / "notebooks", idle=settings.notebook_idle, docker=docker
        )
    )
    callers = functools.partial(caller.of, services)
    loop.add(ProcessingJobs(platform, loop.wake, room, callers))
    loop.add(QueryExecutions(platform, loop.wake, callers))
    loop.add(SparkHistoryServers(platform, loop.wake, callers, idle=settings.spark_history_idle))
    loop.add(MlflowServers(platform, loop.wake, settings.data / "mlflow", mlflow_tracking_server.KIND))
    loop.add(MlflowServers(platform, loop.wake, settings.data / "mlflow", mlflow_app.KIND))
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


def _docker(settings: Settings) -> Path | None:
    """The container engine's socket, where notebook instances are shown it."""
    if not settings.notebook_docker:
        return None
    from sagewright.compute.container import find_socket

    return Path(find_socket(settings.container_socket))
