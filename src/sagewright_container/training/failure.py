"""How a failed script is reported: the form of SageMaker's training toolkit, cut to what a reader sees."""

from __future__ import annotations

import re

from sagewright_container.contract import FAILURE_CHARS

EXECUTE = "ExecuteUserScriptError"
INSTALL_REQUIREMENTS = "InstallRequirementsError"
INSTALL_MODULE = "InstallModuleError"

_PREFIX_ROOM = 24  # the service puts "AlgorithmError: " before the text
_COMMAND_CHARS = 200
_TRACEBACK = "Traceback (most recent call last)"
_KILLED = "The process was killed (signal 9): most likely it ran out of memory."

# What launchers add to a script's words: `[1,0]<stderr>: ` from mpirun, `[rank0]: ` from PyTorch, and C++ warnings
# and mpirun's own farewell, which stand behind the traceback that tells the cause.
_RANK = re.compile(r"^\[(?:\d+,\d+\](?:<stderr>)?|rank\d+\]): ?", re.MULTILINE)
_NOISE = re.compile(r"^\[W\d{3,}.*\n?", re.MULTILINE)
_ABORT = "\n------------------------------"

# What scripts written for AWS's machines trip over here, and what to do: pattern of the last words → ExtraInfo.
_ADVICE = (
    (
        "No module named 'smdistributed",
        "Amazon's smdistributed libraries are closed and run on AWS only: use torch.distributed in the script.",
    ),
    (
        "ProcessGroupNCCL is only supported with GPUs",
        "There is no GPU here: init_process_group needs the backend gloo, or none, and then finds out by itself.",
    ),
    ("No module named 'horovod'", "Horovod is not in this runtime: name it in a requirements.txt, or use mpi4py."),
    ("No module named 'mpi4py'", "Name mpi4py and openmpi in the requirements.txt of the source directory."),
)


class ClientError(Exception):
    """The caller's to mend. The message is a whole sentence, or a report of the form below."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class PeerError(ClientError):
    """Another host of the job failed, and this one ended with it."""


def report(kind: str, command: list[str], exit_code: int, stderr: str) -> str:
    """The failure file's text: kind, exit code, the end of the standard error, the command.

    Only the first FAILURE_CHARS characters reach the user, and a traceback's last line says the most: so what
    does not fit is left out in the middle, never at the end of the error message.
    """
    line = " ".join(command)
    if len(line) > _COMMAND_CHARS:
        line = line[:_COMMAND_CHARS] + "…"
    advice = _KILLED if exit_code == 137 else next((say for words, say in _ADVICE if words in stderr), "")
    extra = f'\nExtraInfo "{advice}"' if advice else ""
    after = f'{extra}\nCommand "{line}"'
    before = f'{kind}:\nExitCode {exit_code}\nErrorMessage "'
    room = FAILURE_CHARS - _PREFIX_ROOM - len(before) - len(after) - 1
    return f'{before}{_message(stderr, room)}"{after}'


def _message(stderr: str, room: int) -> str:
    text = _RANK.sub("", _NOISE.sub("", stderr)).strip()
    start = text.rfind(_TRACEBACK)
    if start >= 0:
        text = text[start:].partition(_ABORT)[0].rstrip()
    if len(text) <= room:
        return text
    text = text[-room:]
    _, _, whole_lines = text.partition("\n")
    return whole_lines or text
