"""How a failed script is reported: the form of SageMaker's training toolkit, cut to what a reader sees."""

from __future__ import annotations

from sagewright_container.contract import FAILURE_CHARS

EXECUTE = "ExecuteUserScriptError"
INSTALL_REQUIREMENTS = "InstallRequirementsError"
INSTALL_MODULE = "InstallModuleError"

_PREFIX_ROOM = 24  # the service puts "AlgorithmError: " before the text
_COMMAND_CHARS = 200
_TRACEBACK = "Traceback (most recent call last)"


class ClientError(Exception):
    """The caller's to mend. The message is a whole sentence, or a report of the form below."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def report(kind: str, command: list[str], exit_code: int, stderr: str) -> str:
    """The failure file's text: kind, exit code, the end of the standard error, the command.

    Only the first FAILURE_CHARS characters reach the user, and a traceback's last line says the most: so what
    does not fit is left out in the middle, never at the end of the error message.
    """
    line = " ".join(command)
    if len(line) > _COMMAND_CHARS:
        line = line[:_COMMAND_CHARS] + "…"
    extra = '\nExtraInfo "The process was killed (signal 9): most likely it ran out of memory."'
    after = f'{extra if exit_code == 137 else ""}\nCommand "{line}"'
    before = f'{kind}:\nExitCode {exit_code}\nErrorMessage "'
    room = FAILURE_CHARS - _PREFIX_ROOM - len(before) - len(after) - 1
    return f'{before}{_message(stderr, room)}"{after}'


def _message(stderr: str, room: int) -> str:
    text = stderr.strip()
    start = text.rfind(_TRACEBACK)
    if start >= 0:
        text = text[start:]
    if len(text) <= room:
        return text
    text = text[-room:]
    _, _, whole_lines = text.partition("\n")
    return whole_lines or text
