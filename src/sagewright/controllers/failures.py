"""Why a host's task failed, in AWS's words, with what the code left and printed."""

from __future__ import annotations

from typing import Final

from sagewright.compute.base import TaskState
from sagewright.controllers import staging
from sagewright.controllers.channels.staging import FAILURE
from sagewright.controllers.platform import Platform, tail
from sagewright.controllers.pump import last_lines
from sagewright.resources.training_host import Host

_LOST: Final = (
    "InternalServerError: The machine lost the {} task before it ended "
    "(it was restarted, or somebody killed the task's supervisor). Start the job again."
)
_OUT_OF_MEMORY: Final = (
    "AlgorithmError: OutOfMemoryError: Please use an instance type with more memory, or reduce the size "
    "of {} data processed on an instance."
)
_OUT_OF_DISK: Final = (
    "ClientError: No space left on device: the job wrote more than its storage volume of {} GB holds. Please use a "
    "larger VolumeSizeInGB, or write less."
)
_FEEDERS: Final = "output/failure"
"""Where those that feed pipes say what went wrong, in whatever job."""
_TOLD: Final = ("ExecuteUserScriptError:", "InstallRequirementsError:", "InstallModuleError:")
"""How our toolkit begins a report: it has the script's last words in it already, without what launchers say after."""


def reason(
    platform: Platform, task_id: str, task: TaskState, host: Host, *, what: str, file: str, several: bool = False
) -> str:
    """A FailureReason. `what` the task does: training, processing. `file` below /opt/ml is where its code says why it
    failed; `several`: it is not the job's only host."""
    if task.phase == "lost":
        return _LOST.format(what)
    if task.out_of_memory:
        return f"{_OUT_OF_MEMORY.format(what)}, exit code: {task.exit_code}"
    if task.out_of_disk:
        return f"{_OUT_OF_DISK.format(host.volume_gb)}, exit code: {task.exit_code}"
    missed = platform.ml_folder(task_id).parent / FAILURE
    if missed.exists():
        return missed.read_text()[: staging.FAILURE_LIMIT]
    ml = platform.ml_folder(task_id)
    said = next(filter(None, (staging.read_inside(ml, each, limit=900).strip() for each in (file, _FEEDERS))), "")
    lines = last_lines(platform, task_id, count=60)
    if lines and lines[-1].strip() not in said and not said.startswith(_TOLD):
        # SDK v3's driver, for one, writes that a command failed, but not how; a shell's trace says nothing either.
        new = [line for line in lines if not line.startswith("+") and line.strip() not in said]
        nothing = f"The algorithm left no {file.rpartition('/')[2]} file."
        said = f"{_ends(said) or nothing} Its last lines: {tail(new, limit=540)}"
    told_apart = said.startswith(("AlgorithmError:", "ClientError:"))
    found = said if told_apart else f"AlgorithmError: {said}"
    where = f" (on {host.name})" if several else ""
    end = f", exit code: {task.exit_code}{where}"
    return found[: staging.FAILURE_LIMIT - len(end)] + end


def _ends(said: str) -> str:
    """The beginning, by which clients tell kinds of failures apart, and the end, which says the most."""
    return said if len(said) <= 360 else f"{said[:80]}…{said[-280:]}"
