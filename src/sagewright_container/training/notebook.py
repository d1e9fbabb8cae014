"""Execute a notebook from top to bottom: its parameters put in, its outputs kept and shown in the log.

`python -m sagewright_container.training.notebook NOTEBOOK` is the script mode of notebooks: the hyperparameters are its
parameters, the executed notebook goes to /opt/ml/output/data. `notebook_job` runs Studio's notebook jobs with the same
`execute`. Parameters are put in as papermill does it, which AWS's images run: in a cell of their own, tagged
`injected-parameters`, behind the cell that is tagged `parameters`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from sagewright_container.contract import Contract, TrainingEnvironment

_PYTHON = "python3"


class NotebookError(Exception):
    """The notebook did not come to its end. The message's last line says most."""


class _Client(NotebookClient):  # type: ignore[misc]  # untyped
    """Shows what cells print while they run."""

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str, cell_index: int) -> Any:
        if msg["msg_type"] == "stream":
            stream = sys.stderr if msg["content"]["name"] == "stderr" else sys.stdout
            stream.write(msg["content"]["text"])
            stream.flush()
        return super().output(outs, msg, display_id, cell_index)


def execute(notebook: str, output: str, parameters: Mapping[str, Any], *, kernel: str | None = None) -> None:
    """Run `notebook` in its folder and write it, executed, to `output`: after each cell, and also when it fails.

    `kernel` names the kernel in place of the notebook's own. Raises NotebookError with the failing cell's traceback.
    """
    content = nbformat.read(notebook, as_version=4)
    inject(content, parameters)
    folder = os.path.dirname(os.path.abspath(notebook))
    name = _kernel(kernel or content.metadata.get("kernelspec", {}).get("name") or _PYTHON)

    def save(**_: Any) -> None:
        nbformat.write(content, output)

    client = _Client(content, timeout=None, kernel_name=name, resources={"metadata": {"path": folder}})
    client.on_cell_executed = save
    try:
        client.execute()
    except CellExecutionError as error:
        raise NotebookError(_told(content, error)) from None
    except DeadKernelError:
        raise NotebookError("The kernel died: the notebook ran out of memory, or crashed it.") from None
    finally:
        save()


def inject(notebook: Any, parameters: Mapping[str, Any]) -> None:
    """Put the parameters in, in place of those of an earlier run."""
    if not parameters:
        return
    source = "# Parameters\n" + "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["injected-parameters"]})
    notebook.cells = [each for each in notebook.cells if "injected-parameters" not in _tags(each)]
    defaults = next((at for at, each in enumerate(notebook.cells) if "parameters" in _tags(each)), -1)
    notebook.cells.insert(defaults + 1, cell)
    if notebook.get("nbformat_minor", 0) < 5:
        cell.pop("id", None)  # cells have ids since 4.5


def _tags(cell: Any) -> list[str]:
    tags: list[str] = cell.metadata.get("tags", [])
    return tags


def _kernel(name: str) -> str:
    """The kernel of that name. Names of Pythons that are not here (`conda_python3`, Studio's long ones) mean ours."""
    there = KernelSpecManager().find_kernel_specs()
    if name in there:
        return name
    if "python" in name.lower():
        sys.stdout.write(f"There is no kernel {name}; {_PYTHON} runs the notebook.\n")
        return _PYTHON
    raise NotebookError(f"There is no kernel {name!r}. There are: {', '.join(sorted(there))}.")


def _told(notebook: Any, error: CellExecutionError) -> str:
    """The traceback of the cell that failed, without colours; which cell it is; the error in one line."""
    failed = next((cell for cell in notebook.cells if _error(cell)), None)
    traceback = "\n".join(_error(failed)["traceback"]) if failed else str(error)
    number = failed.get("execution_count") if failed else "?"
    plain = _without_colours(traceback).rstrip()
    return f"{plain}\nException encountered at In [{number}]: {error.ename}: {error.evalue}"


def _error(cell: Any) -> Any:
    return next((each for each in cell.get("outputs", ()) if each["output_type"] == "error"), None)


def _without_colours(text: str) -> str:
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def _stopped(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)  # on the way out the notebook is saved as far as it came


def main(arguments: list[str]) -> int:
    """Execute the notebook with the job's hyperparameters; answer the exit code."""
    signal.signal(signal.SIGTERM, _stopped)
    contract = Contract()
    notebook = arguments[0]
    output = os.path.join(contract.output_data_dir, os.path.basename(notebook))
    os.makedirs(contract.output_data_dir, exist_ok=True)
    parameters = TrainingEnvironment(contract, os.environ).hyperparameters
    named = {name.replace("-", "_"): value for name, value in parameters.items()}
    try:
        execute(notebook, output, named)
    except NotebookError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
