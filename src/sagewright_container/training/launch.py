"""Run the user's training script as the `train` entry of a framework image does.

Imports next to nothing: what is needed only sometimes (installing, launching several processes, waiting for other
hosts) is loaded then.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys

from sagewright_container.contract import Contract, TrainingEnvironment
from sagewright_container.training.entry_point import COMMAND, NOTEBOOK, PACKAGE, EntryPoint
from sagewright_container.training.failure import EXECUTE, ClientError, report
from sagewright_container.training.ports import LOCAL, candidates, job_key
from sagewright_container.training.relay import run

TYPE_CHECKING = False
if TYPE_CHECKING:  # see contract.py
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType
    from typing import Protocol

    class Ended(Protocol):
        """How a script ended, on one host."""

        @property
        def exit_code(self) -> int: ...
        @property
        def stderr_tail(self) -> str: ...
        @property
        def command(self) -> Sequence[str]: ...

    class Stoppable(Protocol):
        """What takes a signal."""

        def signal(self, number: int) -> None: ...


# Add a launcher here: a distribution's framework parameter → the module of this folder whose `run` launches it.
LAUNCHERS = {
    "sagemaker_torch_distributed_enabled": "torch_distributed",
    "sagemaker_pytorch_ddp_enabled": "torch_distributed",
    "sagemaker_distributed_dataparallel_enabled": "torch_distributed",
    "sagemaker_mpi_enabled": "mpi",
    "sagemaker_multi_worker_mirrored_strategy_enabled": "tensorflow_cluster",
    "sagemaker_parameter_server_enabled": "tensorflow_cluster",
}


def main(image: str = "") -> int:
    """Prepare and run the script as `image` does; answer its exit code.

    A failure is written to /opt/ml/output/failure.
    """
    contract = Contract()
    try:
        environment = TrainingEnvironment(contract, os.environ)
        if image == "tensorflow":
            environment.tell_tries_apart()
        ended = launch(environment, prepare(environment))
    except ClientError as error:
        message = str(error)
        contract.write_failure(message)
        sys.stderr.write(message + "\n")
        return error.exit_code
    if ended.exit_code:
        contract.write_failure(report(EXECUTE, list(ended.command), ended.exit_code, ended.stderr_tail))
    return ended.exit_code


def prepare(environment: TrainingEnvironment) -> EntryPoint:
    """The entry point, ready to run. Raises ClientError with a sentence that says what is wrong."""
    name = environment.entry_point
    if not name:
        raise ClientError(
            "No training script was named: give the estimator an entry_point, which becomes the"
            " hyperparameter sagemaker_program."
        )
    entry_point = EntryPoint(_code_dir(environment), str(name))
    _refuse_distribution(environment, entry_point)
    _install(entry_point)
    if len(environment.hosts) > 1:
        importlib.import_module("sagewright_container.training.hosts").wait(environment.hosts)
    return entry_point


def launch(environment: TrainingEnvironment, entry_point: EntryPoint) -> Ended:
    """Run the entry point on this host, once or as its part in a distribution. Raises ClientError."""
    command = entry_point.command(environment.arguments())
    environ = child_environ(environment)
    distribution = environment.distribution()
    if distribution is None:
        folder = environment.contract.code_dir
        leads = entry_point.kind == COMMAND
        return run(command, cwd=folder, environ=environ, forward=_forward, leads=leads)
    module = importlib.import_module(f"sagewright_container.training.{LAUNCHERS[distribution]}")
    launcher: Callable[..., Ended] = module.run
    return launcher(environment, command, environ, _forward)


def child_environ(environment: TrainingEnvironment) -> Mapping[str, str]:
    """What a script finds in its environment, whoever launches it.

    The request's own variables win over where PyTorch's processes meet: a script may launch them itself.
    """
    path = os.environ.get("PYTHONPATH")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    port = str(candidates(job_key(os.environ), 2)[1])  # the first is where hosts meet
    master = environment.hosts[0] if len(environment.hosts) > 1 else LOCAL
    meeting = {"MASTER_ADDR": master, "MASTER_PORT": port, "PET_MASTER_PORT": port}
    return {
        **meeting,
        **os.environ,
        **environment.variables(),
        "CURRENT_HOST": environment.current_host,
        "SAGEMAKER_JOB_NAME": str(environment.settings.get("sagemaker_job_name") or ""),
        "SAGEMAKER_REGION": str(environment.settings.get("sagemaker_region") or region),
        "PYTHONPATH": os.pathsep.join(filter(None, [environment.contract.code_dir, path])),
        "PYTHONUNBUFFERED": "1",
    }


def _refuse_distribution(environment: TrainingEnvironment, entry_point: EntryPoint) -> None:
    distribution = environment.distribution()
    if distribution is None:
        return
    if distribution not in LAUNCHERS:
        raise ClientError(
            f"There is no launcher for {distribution}. There are torch_distributed, pytorchddp, mpi,"
            " multi_worker_mirrored_strategy and parameter_server."
        )
    if entry_point.kind == NOTEBOOK:
        raise ClientError("A notebook runs as one process: give a distribution a script as its entry point.")


def _code_dir(environment: TrainingEnvironment) -> str:
    """/opt/ml/code, filled by the platform; a local submit directory stands in for an empty one."""
    folder = environment.contract.code_dir
    source = environment.submit_directory
    if os.path.isdir(folder) and os.listdir(folder):
        return folder
    if source.startswith("s3://"):
        raise ClientError(f"The code at {source} was not staged: {folder} is empty.")
    source = source.removeprefix("file://")
    if source != folder and os.path.isdir(source):
        importlib.import_module("shutil").copytree(source, folder, dirs_exist_ok=True)
        return folder
    raise ClientError(f"There is no code to run: {folder} is empty, and {source} is no folder.")


def _install(entry_point: EntryPoint) -> None:
    requirements = entry_point.has("requirements.txt") and not os.environ.get("SAGEWRIGHT_REQUIREMENTS_DONE")
    package = entry_point.kind == PACKAGE and entry_point.is_project
    if package or (requirements and entry_point.kind != COMMAND):
        install = importlib.import_module("sagewright_container.training.install")
        install.install(entry_point.folder, package=package, requirements=requirements)


def _forward(child: Stoppable) -> None:
    """Pass a stop on to the script: it has the platform's grace time to save its work."""

    def pass_on(number: int, _frame: FrameType | None) -> None:
        child.signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, pass_on)
