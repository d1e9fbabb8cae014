"""`python -m sagewright_container.training.notebook NOTEBOOK`: run a notebook as a training script.

Cell by cell, output as it comes. Hyperparameters are put behind the cell tagged `parameters`, as papermill does it,
else before the first. What was executed is kept in /opt/ml/output/data, also when a cell fails. `notebook_job` runs
Studio's notebook jobs with the same `execute`.
"""

from __future__ import annotations

import asyncio
import json
import keyword
import os
import re
import signal
import sys
import tempfile
import warnings
from collections.abc import Mapping
from typing import Any

TAG = "parameters"
INJECTED = "injected-parameters"
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_NEEDS = "A notebook needs nbclient and ipykernel, which are not in this runtime: name them in a requirements.txt.\n"


def with_parameters(notebook: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A notebook (nbformat 4, as JSON) with a cell that assigns `values`; names that are none in Python are mended."""
    assigned = {re.sub(r"\W", "_", name): value for name, value in values.items()}
    lines = [
        f"{name} = {value!r}" for name, value in assigned.items() if name.isidentifier() and not keyword.iskeyword(name)
    ]
    cells = [cell for cell in notebook["cells"] if INJECTED not in _tags(cell)]
    if lines:
        place = next((index + 1 for index, cell in enumerate(cells) if TAG in _tags(cell)), 0)
        injected: dict[str, Any] = {
            "cell_type": "code",
            "metadata": {"tags": [INJECTED]},
            "source": "\n".join(["# Hyperparameters", *lines]),
            "outputs": [],
            "execution_count": None,
        }
        if notebook.get("nbformat_minor", 0) >= 5:
            injected["id"] = INJECTED
        cells.insert(place, injected)
    return {**notebook, "cells": cells}


def main(path: str) -> int:
    """Run it as a script, with the hyperparameters; answer the exit code."""
    values = json.loads(os.environ.get("SM_HPS") or "{}")
    kept = os.path.join(os.environ.get("SM_OUTPUT_DATA_DIR", "."), os.path.basename(path))
    return execute(path, kept, values)


def execute(path: str, kept: str, values: Mapping[str, Any], kernel: str = "python3") -> int:
    """Run a notebook where we are, keep it executed in `kept`; answer the exit code: 1 for a cell that failed, 143 when
    it was asked to stop."""
    try:
        import nbformat
    except ImportError:
        sys.stderr.write(_NEEDS)
        return 1
    warnings.filterwarnings("ignore", module="nbformat")  # about what the notebook's author left out
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        notebook = nbformat.reads(text, as_version=4)
    except Exception as error:  # noqa: BLE001  nbformat's readers raise whatever a damaged file leads them to
        sys.stderr.write(f"{os.path.basename(path)} is no notebook: {error}\n")
        return 1
    prepared = nbformat.from_dict(with_parameters(notebook, values))
    return asyncio.run(_run(prepared, kept, kernel))


async def _run(notebook: Any, kept: str, kernel: str) -> int:
    import nbformat
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    class Client(NotebookClient):  # type: ignore[misc,unused-ignore]  # untyped where it is not installed
        """Tells what a cell says while it says it."""

        def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
            tell(msg["msg_type"], msg["content"])
            return super().process_message(msg, cell, cell_index)

    def save(**_: Any) -> None:
        nbformat.write(notebook, kept)

    # By sockets in a folder of its own: ports of this machine are everybody's.
    folder = tempfile.mkdtemp(prefix="kernel-")
    manager = AsyncKernelManager(kernel_name=kernel, transport="ipc", connection_file=f"{folder}/kernel.json")
    client = Client(notebook, km=manager, timeout=None, on_cell_executed=save, resources={})
    stopped: list[asyncio.Task[None]] = []

    def stop() -> None:
        stopped.append(asyncio.create_task(manager.interrupt_kernel()))

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    try:
        await client.async_execute(cwd=os.getcwd())
    except CellExecutionError:
        return 143 if stopped else 1  # its traceback has been told
    except DeadKernelError:
        sys.stderr.write("The notebook's Python process died.\n")
        return 1
    finally:
        save()
        await manager.shutdown_kernel(now=True)  # before it notices that we are gone, and says so
    return 0


def tell(kind: str, content: Mapping[str, Any]) -> None:
    """A message of a kernel, as a script would have printed it."""
    if kind == "stream":
        stream = sys.stderr if content["name"] == "stderr" else sys.stdout
        stream.write(content["text"])
        stream.flush()
    elif kind in ("execute_result", "display_data") and "text/plain" in content.get("data", {}):
        sys.stdout.write(f"{content['data']['text/plain']}\n")
        sys.stdout.flush()
    elif kind == "error":
        sys.stderr.write(_COLOURS.sub("", "\n".join(content["traceback"])) + "\n")
        sys.stderr.flush()


def _tags(cell: Mapping[str, Any]) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", []))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
