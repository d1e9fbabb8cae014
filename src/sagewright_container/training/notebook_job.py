"""Studio's notebook jobs: what the command `amazon_sagemaker_scheduler` does in AWS's images.

The request names the notebook, the kernel and the scripts that run before in `SM_…` variables; the notebook and the
files that go with it are in a channel. Input, output and a log of it all end in /opt/ml/output/data. A failure begins
with `[SM-111]`: which of input, output and log are there to be fetched. The facts are those of AWS's
`sagemaker_headless_execution_driver`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import IO

from sagewright_container.contract import FAILURE_CHARS, Contract
from sagewright_container.training.notebook import execute

_CHANNEL = "sagemaker_headless_execution"
_LOG = "sagemaker_job_execution.log"
_VERSION = "1.0"
_SOURCED = '. "$1" && env -0 > "$2"'
_RUN = "--run"
_PYTHON = "python3"


class StepError(Exception):
    """A step failed; what it said last is the message."""


class NotebookJob:
    """One job, as its environment describes it."""

    def __init__(self, environ: Mapping[str, str], contract: Contract) -> None:
        self.environ = dict(environ)
        self.output = contract.output_data_dir
        self.folder = environ.get("SM_EXECUTION_INPUT_PATH") or contract.channel_dir(_CHANNEL)
        self.input_name = environ.get("SM_INPUT_NOTEBOOK_NAME", "")
        self.output_name = output_name(environ.get("SM_OUTPUT_NOTEBOOK_NAME", ""))
        self.failure_file = contract.failure_file
        self.step = "Prepare the input notebook"
        self.said = ""
        self._child: subprocess.Popen[str] | None = None

    def run(self, log: IO[str]) -> None:
        """All steps, one after the other. Raises StepError."""
        notebook = self._input()
        shutil.copy(notebook, self.output)
        self.step = "checking sagemaker job definition version"
        if (version := self.environ.get("SM_JOB_DEF_VERSION", _VERSION)) != _VERSION:
            raise StepError(f"Cannot handle SageMaker job definition version: {version}")
        self._show_as_home(log)
        self.step = "running LCC script as init-script"
        if script := self.environ.get("SM_LCC_INIT_SCRIPT"):
            self._command(["sh", os.path.join(self.folder, script)], log)
        self.step = "running init script"
        if script := self.environ.get("SM_INIT_SCRIPT"):
            self._source(os.path.join(self.folder, script), log)
        self.step = "executing notebook"
        if not self.output_name:
            raise StepError("ERROR - Output notebook name is not specified.")
        executed = os.path.join(self.output, self.output_name)
        kernel = self.environ.get("SM_KERNEL_NAME", "")
        self._command([sys.executable, "-m", __spec__.name, _RUN, notebook, executed, kernel], log)
        self._convert(executed, log)

    def stop(self, number: int, _frame: object) -> None:
        """Pass a stop on: the notebook is saved as far as it came."""
        if self._child is not None:
            self._child.send_signal(number)

    def failure(self, message: str) -> str:
        """The failure file's text: what can be fetched, which step failed, and the end of what it said."""
        files = (self.input_name, self.output_name, _LOG)
        there = "".join(str(int(bool(name) and os.path.isfile(os.path.join(self.output, name)))) for name in files)
        head = f"[SM-{there}] Error with {self.step}\n"
        return head + message.strip()[-(FAILURE_CHARS - len(head) - 200) :]

    def _input(self) -> str:
        if not self.input_name:
            raise StepError("ERROR - Input notebook name is not specified.")
        path = os.path.join(self.folder, self.input_name)
        if not os.path.isfile(path):
            raise StepError(f"Cannot find input notebook: {path}")
        return path

    def _show_as_home(self, log: IO[str]) -> None:
        """Let notebooks find their files under the path that they had in Studio, where that can be."""
        home = self.environ.get("SM_EFS_MOUNT_PATH")
        if not home or self.environ.get("SM_SKIP_EFS_SIMULATION") == "true":
            return
        try:
            os.makedirs(os.path.dirname(home), exist_ok=True)
            os.symlink(self.folder, home)
        except OSError as problem:
            _say(f"The input is at {self.folder} only, not at {home}: {problem.strerror}.\n", log)

    def _source(self, script: str, log: IO[str]) -> None:
        """What the script exports, the notebook finds."""
        variables = os.path.join(os.environ.get("TMPDIR", "/tmp"), "init-script.env")  # noqa: S108  # the task's own
        self._command(["bash", "-c", _SOURCED, "bash", script, variables], log)
        with open(variables, encoding="utf-8", errors="surrogateescape") as file:
            self.environ = dict(pair.split("=", 1) for pair in file.read().split("\0") if "=" in pair)

    def _command(self, command: list[str], log: IO[str]) -> None:
        self.said = ""
        self._child = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        with self._child as child:
            assert child.stdout is not None
            for line in child.stdout:
                self.said = (self.said + line)[-4096:]
                _say(line, log)
        if child.returncode:
            raise StepError(self.said or f"exit code {child.returncode}")

    def _convert(self, notebook: str, log: IO[str]) -> None:
        for wanted in filter(None, self.environ.get("SM_OUTPUT_FORMATS", "").split(",")):
            self._command([sys.executable, "-m", "nbconvert", "--to", wanted.strip(), notebook], log)


def output_name(name: str) -> str:
    """As AWS writes it: points and colons, which times have, become hyphens."""
    return re.sub(r"-*ipynb$", ".ipynb", name.replace(".", "-").replace(":", "-"))


def _say(text: str, log: IO[str]) -> None:
    for stream in (sys.stdout, log):
        stream.write(text)
        stream.flush()


def main(arguments: list[str]) -> int:
    """Run the job; answer the exit code."""
    contract = Contract()
    if arguments[:1] == [_RUN]:
        return _run(contract, *arguments[1:])
    os.makedirs(contract.output_data_dir, exist_ok=True)
    job = NotebookJob(os.environ, contract)
    signal.signal(signal.SIGTERM, job.stop)
    with open(os.path.join(contract.output_data_dir, _LOG), "w", encoding="utf-8") as log:
        try:
            job.run(log)
        except StepError as error:
            if str(error) != job.said:
                _say(f"{error}\n", log)
            contract.write_failure(job.failure(str(error)))
            return 1
        _say("Notebook execution is complete\n", log)
    return 0


def _run(contract: Contract, notebook: str, output: str, kernel: str) -> int:
    """The last step, in a process that has what the init script exported."""
    from jupyter_client.kernelspec import KernelSpecManager

    there = KernelSpecManager().find_kernel_specs()
    if kernel not in there and (not kernel or "python" in kernel.lower()):
        # Names of Pythons that are not here (`conda_python3`, Studio's long ones) mean ours.
        sys.stdout.write(f"There is no kernel {kernel!r}; {_PYTHON} runs the notebook.\n")
        kernel = _PYTHON
    if kernel not in there:
        sys.stderr.write(f"There is no kernel {kernel!r}. There are: {', '.join(sorted(there))}.\n")
        return 1
    return execute(notebook, output, contract.raw_hyperparameters(), kernel)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
