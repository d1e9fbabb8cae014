"""What changes, told to pages that are open: one stream of server-sent events for each.

    data: {"kind": "training-job", "name": "…"}

Only that something changed is told, and only to who may list things of its kind; the page asks for what it shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Final

import orjson

from sagewright.base.errors import AwsError
from sagewright.edge.endless import Endless
from sagewright.operations.call import Call, Services
from sagewright.resources import (
    endpoint,
    endpoint_config,
    hyper_parameter_tuning_job,
    inference_component,
    mlflow_app,
    mlflow_tracking_server,
    notebook_instance,
    processing_job,
    query_execution,
    training_job,
    transform_job,
    trial_component,
)
from sagewright.resources.record import Key

ACTIONS: Final[Mapping[str, str]] = {
    training_job.KIND: "sagemaker:ListTrainingJobs",
    endpoint.KIND: "sagemaker:ListEndpoints",
    endpoint_config.KIND: "sagemaker:ListEndpointConfigs",
    "model": "sagemaker:ListModels",
    transform_job.KIND: "sagemaker:ListTransformJobs",
    hyper_parameter_tuning_job.KIND: "sagemaker:ListHyperParameterTuningJobs",
    notebook_instance.KIND: "sagemaker:ListNotebookInstances",
    processing_job.KIND: "sagemaker:ListProcessingJobs",
    inference_component.KIND: "sagemaker:ListInferenceComponents",
    "notebook-instance-lifecycle-config": "sagemaker:ListNotebookInstanceLifecycleConfigs",
    "code-repository": "sagemaker:ListCodeRepositories",
    "feature-group": "sagemaker:ListFeatureGroups",
    "experiment": "sagemaker:ListExperiments",
    trial_component.KIND: "sagemaker:ListTrialComponents",
    "trial-component-link": "sagemaker:ListTrialComponents",
    mlflow_tracking_server.KIND: "sagemaker:ListMlflowTrackingServers",
    mlflow_app.KIND: "sagemaker:ListMlflowApps",
    query_execution.KIND: "athena:ListQueryExecutions",
}
"""By kind of record, what one must be allowed to hear of it."""
_GATHER_S: Final = 0.5
"""What changes often is told so often."""
_BEAT_S: Final = 15.0
"""How often something is said where nothing changes: proxies close what is silent."""
_MOST: Final = 256
"""Streams at a time."""
_HELD: Final = 1000


class Live:
    """All streams of one server. Everything here runs on the event loop, but for `_heard`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._streams: set[_Stream] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def stream(self, call: Call, holds: Callable[[], bool]) -> Endless:
        """The bytes of a stream, as long as the session `holds`. Raises AwsError (429) where there are too many."""
        if len(self._streams) >= _MOST:
            raise AwsError("TooManyRequestsException", "Too many pages are open: close some.", status=429)
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._services.store.subscribe(self._heard)
        return Endless(self._told(call, holds))

    async def _told(self, call: Call, holds: Callable[[], bool]) -> AsyncGenerator[bytes]:
        stream = _Stream()
        self._streams.add(stream)
        try:
            yield b"retry: 3000\n\n"
            while await asyncio.to_thread(holds):
                for key in await stream.next(_BEAT_S):
                    if key.region == call.region and await asyncio.to_thread(self._may, call, key.kind):
                        yield b"data: " + orjson.dumps({"kind": key.kind, "name": key.name}) + b"\n\n"
                yield b": still here\n\n"
        finally:
            self._streams.discard(stream)

    def _may(self, call: Call, kind: str) -> bool:
        return self._services.gate.allows(call, ACTIONS[kind], "*")

    def _heard(self, key: Key) -> None:
        """Of a write, in the thread that wrote."""
        if self._streams and key.kind in ACTIONS and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hand_on, key)

    def _hand_on(self, key: Key) -> None:
        for stream in self._streams:
            stream.add(key)


class _Stream:
    """What one page has not been told yet."""

    def __init__(self) -> None:
        self._changed: dict[Key, None] = {}
        self._some = asyncio.Event()

    def add(self, key: Key) -> None:
        if len(self._changed) < _HELD:
            self._changed[key] = None
        self._some.set()

    async def next(self, seconds: float) -> list[Key]:
        """What has changed, or nothing after so many seconds."""
        try:
            await asyncio.wait_for(self._some.wait(), seconds)
        except TimeoutError:
            return []
        await asyncio.sleep(_GATHER_S)
        changed, self._changed = list(self._changed), {}
        self._some.clear()
        return changed
