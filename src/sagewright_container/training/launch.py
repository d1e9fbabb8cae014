"""Run the user's training script as the `train` entry of a framework image does.

Imports next to nothing: what is needed only sometimes (installing, waiting for other hosts) is loaded then.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys

from sagewright_container.contract import DISTRIBUTIONS, Contract, TrainingEnvironment
from sagewright_container.training.failure import EXECUTE, ClientError, report
from sagewright_container.training.relay import Run, run

TYPE_CHECKING = False
if TYPE_CHECKING:  # see contract.py
    from types import FrameType

PACKAGE, SCRIPT, COMMAND = "package", "script", "command"


def main() -> int:
    """Prepare and run the script; answer its exit code. A failure is written to /opt/ml/output/failure."""
    contract = Contract()
    try:
        environment = TrainingEnvironment(contract, os.environ)
        command = prepare(environment)
        started = run(command, cwd=contract.code_dir, environ=_child_environ(environment), forward=_forward)
    except ClientError as error:
        message = str(error)
        contract.write_failure(message)
        sys.stderr.write(message + "\n")
        return error.exit_code
    if started.exit_code:
        contract.write_failure(report(EXECUTE, command, started.exit_code, started.stderr_tail))
    return started.exit_code


def prepare(environment: TrainingEnvironment) -> list[str]:
    """The command that runs the entry point. Raises ClientError with a sentence that says what is wrong."""
    _refuse_distribution(environment)
    entry_point = environment.entry_point
    if not entry_point:
        raise ClientError(
            "No training script was named: give the estimator an entry_point, which becomes the"
            " hyperparameter sagemaker_program."
        )
    folder = _code_dir(environment)
    _check_inside(folder, entry_point)
    kind = _kind(folder, entry_point)
    if not os.environ.get("SAGEWRIGHT_REQUIREMENTS_DONE"):
        _install(folder, kind)
    if len(environment.hosts) > 1:
        importlib.import_module("sagewright_container.training.hosts").wait(environment.hosts)
    return _command(folder, entry_point, kind, environment.arguments())


def _refuse_distribution(environment: TrainingEnvironment) -> None:
    for name in DISTRIBUTIONS:
        if environment.framework_parameters.get(name):
            raise ClientError(f"This image runs one script on each host; it has no launcher for {name}.")


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


def _check_inside(folder: str, entry_point: str) -> None:
    root = os.path.realpath(folder)
    target = os.path.realpath(os.path.join(root, entry_point))
    if os.path.isabs(entry_point) or not target.startswith(root + os.sep):
        raise ClientError(f"The entry point {entry_point!r} is not a path inside the source directory.")
    if not os.path.exists(target) and not os.path.exists(target + ".py"):
        there = ", ".join(sorted(os.listdir(root))[:20])
        raise ClientError(f"There is no {entry_point!r} in the source directory, which holds: {there}.")


def _kind(folder: str, entry_point: str) -> str:
    if entry_point.endswith(".sh"):
        return COMMAND
    if os.path.exists(os.path.join(folder, "setup.py")):
        return PACKAGE
    return SCRIPT if entry_point.endswith(".py") else COMMAND


def _install(folder: str, kind: str) -> None:
    requirements = kind != COMMAND and os.path.exists(os.path.join(folder, "requirements.txt"))
    if requirements or kind == PACKAGE:
        install = importlib.import_module("sagewright_container.training.install")
        install.install(folder, package=kind == PACKAGE, requirements=requirements)


def _command(folder: str, entry_point: str, kind: str, arguments: list[str]) -> list[str]:
    if kind == PACKAGE:
        return [sys.executable, "-m", entry_point.removesuffix(".py").replace("/", "."), *arguments]
    if kind == SCRIPT:
        marker = ["--"] if entry_point.startswith("-") else []
        return [sys.executable, *marker, entry_point, *arguments]
    os.chmod(os.path.join(folder, entry_point), 0o755)  # noqa: S103  archives lose the bit; the script must run
    return ["/bin/sh", "-c", 'exec "./$0" "$@"', entry_point, *arguments]


def _child_environ(environment: TrainingEnvironment) -> dict[str, str]:
    path = os.environ.get("PYTHONPATH")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    return {
        **os.environ,
        **environment.variables(),
        "CURRENT_HOST": environment.current_host,
        "SAGEMAKER_JOB_NAME": str(environment.settings.get("sagemaker_job_name") or ""),
        "SAGEMAKER_REGION": str(environment.settings.get("sagemaker_region") or region),
        "PYTHONPATH": os.pathsep.join(filter(None, [environment.contract.code_dir, path])),
        "PYTHONUNBUFFERED": "1",
    }


def _forward(child: Run) -> None:
    """Pass a stop on to the script: it has the platform's grace time to save its work."""

    def pass_on(number: int, _frame: FrameType | None) -> None:
        child.signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, pass_on)
