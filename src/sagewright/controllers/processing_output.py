"""What a processing job leaves: its outputs in S3, its message, and the words for why it failed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sagewright.base.errors import Terminal
from sagewright.compute.base import TaskState
from sagewright.controllers import failures, staging
from sagewright.controllers.mirrors import Carrier, Mirror
from sagewright.controllers.platform import Platform
from sagewright.resources.processing_job import hosts, outputs, task_id
from sagewright.resources.record import Record
from sagewright.resources.training_host import Host

_MESSAGE: Final = "output/message"
_MESSAGE_LIMIT: Final = 1024
"""Characters of an ExitMessage, as the service model has it."""


class Outputs:
    """Carries the outputs of one server's jobs into S3: continuous ones while their tasks run, all of them at the end.

    Where several hosts write a file of one name, one of them remains.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._carrier = Carrier(platform.clock)

    def begin(self, record: Record, host: Host) -> None:
        """Its task is about to start: what lies in its folders was not written by it."""
        identity = task_id(record, host)
        self._carrier.begin(identity, self._platform.ml_folder(identity), _mirrors(record, ("Continuous",)))

    def carry(self, record: Record, host: Host, task: TaskState) -> None:
        """What is new of the continuous outputs of a task that runs. Raises Terminal where the role may not write."""
        self._carry(record, host, _mirrors(record, ("Continuous",)), since=task.started or record.created, ended=False)

    def upload(self, record: Record, *, salvage: bool = False) -> None:
        """All that is there, once all tasks have ended. To `salvage` is to take what can be had of a failed job."""
        with contextlib.suppress(*((Terminal,) if salvage else ())):  # its own failure is the one to tell
            for host in hosts(record):
                self._carry(record, host, _mirrors(record, ("Continuous", "EndOfJob")), since=0.0, ended=True)

    def forget(self, record: Record, host: Host) -> None:
        self._carrier.forget(task_id(record, host))

    def _carry(self, record: Record, host: Host, wanted: Sequence[Mirror], *, since: float, ended: bool) -> None:
        if wanted:
            identity = task_id(record, host)
            objects = self._platform.objects_as(record.spec["RoleArn"], record.key.region)
            ml = self._platform.ml_folder(identity)
            if ml.is_dir():
                self._carrier.carry(objects, identity, ml, wanted, since=since, ended=ended)


def _mirrors(record: Record, modes: Sequence[str]) -> Sequence[Mirror]:
    found = outputs(record.spec)
    return [Mirror(path, target["S3Uri"]) for _, target, path in found if target["S3UploadMode"] in modes]


def exit_message(platform: Platform, record: Record) -> Mapping[str, Any]:
    """What the status says of the messages that the hosts left: the first one's."""
    for host in hosts(record):
        folder = platform.ml_folder(task_id(record, host))
        if said := staging.read_inside(folder, _MESSAGE, limit=_MESSAGE_LIMIT).strip():
            return {"ExitMessage": said}
    return {}


def failure_reason(platform: Platform, record: Record, host: Host, task: TaskState) -> str:
    """Why a host failed."""
    several = len(hosts(record)) > 1
    identity = task_id(record, host)
    return failures.reason(platform, identity, task, host, what="processing", file=_MESSAGE, several=several)
