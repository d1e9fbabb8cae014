"""What each launcher tells the processes of a host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sagewright_container.contract import TrainingEnvironment
from sagewright_container.training import mpi, notebook, tensorflow_cluster, torch_distributed
from sagewright_container.training.cluster import PROCESSES, Cluster
from sagewright_container.training.failure import ClientError
from sagewright_container.training.meeting import Meeting

from .test_training import start

GROUPS = [
    {"instance_group_name": "big", "instance_type": "ml.m5.large", "hosts": ["algo-1", "algo-2"]},
    {"instance_group_name": "small", "instance_type": "ml.m5.large", "hosts": ["algo-3"]},
]
TORCH = "sagemaker_torch_distributed_enabled"


def environment(folder: Any, current: str = "algo-2", *, parameters: dict[str, Any]) -> TrainingEnvironment:
    resources = {
        "hosts": ["algo-1", "algo-2", "algo-3"],
        "current_host": current,
        "current_group_name": "small" if current == "algo-3" else "big",
        "network_interface_name": "lo",
        "instance_groups": GROUPS,
    }
    folder.configure({name: json.dumps(value) for name, value in parameters.items()}, resources=resources)
    return TrainingEnvironment(folder.contract, {"CUDA_VISIBLE_DEVICES": ""})


def test_a_cluster_is_the_groups_of_the_distribution(folder: Any) -> None:
    cluster = Cluster.of(environment(folder, parameters={TORCH: True, PROCESSES: 2}))
    assert (cluster.hosts, cluster.rank, cluster.master, cluster.processes) == (["algo-1", "algo-2"], 1, "algo-1", 2)
    assert environment(folder, "algo-3", parameters={TORCH: True}).distribution() == TORCH
    spanned = {TORCH: True, "sagemaker_distribution_instance_groups": ["big"]}
    assert environment(folder, "algo-3", parameters=spanned).distribution() is None
    assert environment(folder, "algo-2", parameters={TORCH: False}).distribution() is None


@pytest.mark.parametrize(("gpus", "processes"), [("", 1), ("0,1,2", 3)])
def test_one_process_for_each_gpu(folder: Any, gpus: str, processes: int) -> None:
    asked = environment(folder, parameters={TORCH: True})
    asked.environ = {"CUDA_VISIBLE_DEVICES": gpus}
    assert Cluster.of(asked).processes == processes


@pytest.mark.parametrize("number", ["many", 0, 1000, -1])
def test_a_number_of_processes_that_is_none(folder: Any, number: Any) -> None:
    with pytest.raises(ClientError, match="number of processes per host must be from 1 to"):
        Cluster.of(environment(folder, parameters={TORCH: True, PROCESSES: number}))


def test_what_torchrun_would_tell_each_process() -> None:
    cluster = Cluster(["algo-1", "algo-2"], "algo-2", 3, "lo", "k")
    meeting = Meeting({"algo-1": {"port": 21000, "processes": 2}, "algo-2": {"port": 1, "processes": 3}}, {})
    told = torch_distributed.variables(cluster, meeting, {"NCCL_SOCKET_IFNAME": "mine"})
    assert [(each["RANK"], each["LOCAL_RANK"], each["WORLD_SIZE"]) for each in told] == [
        ("2", "0", "5"),
        ("3", "1", "5"),
        ("4", "2", "5"),
    ]
    assert {each["MASTER_ADDR"] + ":" + each["MASTER_PORT"] for each in told} == {"algo-1:21000"}
    assert (told[0]["GLOO_SOCKET_IFNAME"], told[0]["NCCL_SOCKET_IFNAME"]) == ("lo", "mine")
    assert told[0]["OMP_NUM_THREADS"] == "1"


def test_the_command_of_mpirun(folder: Any) -> None:
    asked = environment(
        folder,
        "algo-1",
        parameters={"sagemaker_mpi_enabled": True, "sagemaker_mpi_custom_mpi_options": "-x A=1 -bind-to core"},
    )
    meeting = Meeting({"algo-1": {"processes": 2}, "algo-2": {"processes": 1}}, {})
    command = mpi.mpirun(asked, Cluster(["algo-1", "algo-2"], "algo-1", 2, "lo", "k"), meeting)
    assert command[:6] == ["mpirun", "--allow-run-as-root", "--host", "algo-1:2,algo-2:1", "-np", "3"]
    assert command[-4:] == ["-x", "A=1", "--bind-to", "core"]
    assert command.count("--bind-to") == 1
    assert f"{sys.executable} -m sagewright_container.training.mpi_agent" in command


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("-mca btl ^openib --NCCL_DEBUG WARN", ["--mca", "btl", "^openib", "-x", "NCCL_DEBUG=WARN"]),
        ("-x 'A=b c' -np 4 -1", ["-x", "A=b c", "--np", "4", "-1"]),
    ],
)
def test_options_of_open_mpi_4(text: str, words: list[str]) -> None:
    assert mpi.options(text) == words


def test_options_that_cannot_be_read() -> None:
    with pytest.raises(ClientError, match="custom MPI options"):
        mpi.options("-x 'A")


def test_without_mpirun(folder: Any) -> None:
    with pytest.raises(ClientError, match="no mpirun"):
        mpi.run(
            environment(folder, parameters={"sagemaker_mpi_enabled": True}), ["a"], {"PATH": ""}, lambda _group: None
        )


def test_without_tensorflow(folder: Any) -> None:
    asked = environment(folder, parameters={"sagemaker_parameter_server_enabled": True})
    with pytest.raises(ClientError, match="no TensorFlow"):
        tensorflow_cluster.run(asked, ["a"], {}, lambda _group: None)


def test_tensorflow_workers() -> None:
    cluster = Cluster(["algo-1", "algo-2"], "algo-2", 1, "lo", "k")
    table = {"algo-1": {"port": 1, "server_port": 2}, "algo-2": {"port": 3, "server_port": 4}}
    assert tensorflow_cluster.mirrored(cluster, table) == {
        "cluster": {"worker": ["algo-1:1", "algo-2:3"]},
        "environment": "cloud",
        "task": {"type": "worker", "index": 1},
    }
    told = tensorflow_cluster.parameter_server(cluster, table, serves=False)
    assert told["cluster"] == {"master": ["algo-1:1"], "worker": ["algo-2:3"], "ps": ["algo-1:2", "algo-2:4"]}
    assert told["task"] == {"type": "worker", "index": 0}
    assert tensorflow_cluster.parameter_server(cluster, table, serves=True)["task"] == {"type": "ps", "index": 1}
    first = cluster._replace(current="algo-1")
    assert tensorflow_cluster.parameter_server(first, table, serves=False)["task"] == {"type": "master", "index": 0}


def test_two_hosts_run_the_script_as_two_ranks(folder: Any, tmp_path: Path) -> None:
    """Without PyTorch: what two toolkits tell the processes that they start."""
    names = ["127.0.0.1", "127.0.0.2"]
    told = []
    running = []
    for name in names:
        base = type(folder)(tmp_path / name)
        base.configure(
            {"sagemaker_program": "train.py", TORCH: "true", PROCESSES: "2"},
            resources={"hosts": names, "current_host": name, "network_interface_name": "lo"},
        )
        base.write(
            "code/train.py", "import os; print(*[os.environ[n] for n in ('RANK', 'MASTER_ADDR', 'MASTER_PORT')])"
        )
        running.append(start(base, SAGEMAKER_BASE_DIR=str(base.base), TRAINING_JOB_NAME=str(tmp_path)))
    for process in running:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        told += [line.split() for line in out.splitlines()]
    assert sorted(rank for rank, _, _ in told) == ["0", "1", "2", "3"]
    assert len({(address, port) for _, address, port in told}) == 1


def test_a_host_that_fails_ends_the_other(folder: Any, tmp_path: Path) -> None:
    names = ["127.0.0.1", "127.0.0.2"]
    running = []
    for name in names:
        base = type(folder)(tmp_path / name)
        base.configure(
            {"sagemaker_program": "train.py", TORCH: "true"},
            resources={"hosts": names, "current_host": name, "network_interface_name": "lo"},
        )
        base.write(
            "code/train.py", "import os, time\nif os.environ['RANK'] == '1': raise ValueError('bad')\ntime.sleep(60)"
        )
        running.append(start(base, SAGEMAKER_BASE_DIR=str(base.base), TRAINING_JOB_NAME=str(tmp_path)))
    for process in reversed(running):
        process.communicate(timeout=60)
    assert (running[0].returncode, running[1].returncode) == (143, 1)
    assert (tmp_path / names[0] / "output/failure").read_text().startswith("The host 127.0.0.2 ended with exit code 1")
    assert "ValueError: bad" in (tmp_path / names[1] / "output/failure").read_text()


def test_the_start_loads_no_launcher(folder: Any) -> None:
    folder.configure({"sagemaker_program": "train.py"})
    folder.write("code/train.py", "")
    script = (
        "import sys\nfrom sagewright_container.training import launch\nlaunch.main()\n"
        "print(sorted(sys.modules.keys() & {'socket', 'subprocess', 'threading', 'dataclasses', 'typing', 'hashlib'}))"
    )
    command = [sys.executable, "-S", "-c", script]
    environ = {**os.environ, "SAGEMAKER_BASE_DIR": str(folder.base), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "[]\n", done.stderr


def test_parameters_go_behind_the_tagged_cell() -> None:
    def cell(source: str, *tags: str) -> dict[str, Any]:
        return {"cell_type": "code", "source": source, "metadata": {"tags": list(tags)}}

    given = {"cells": [cell("first"), cell("lr = 1", notebook.TAG), cell("old", notebook.INJECTED), cell("last")]}
    values = {"lr": 0.5, "batch-size": 8, "class": 1, "words": "a'b", "flag": True, "none": None}
    cells = notebook.with_parameters(given, values)["cells"]
    assert [each["source"] for each in (cells[0], cells[1], cells[3])] == ["first", "lr = 1", "last"]
    assert cells[2]["source"].splitlines() == [
        "# Hyperparameters",
        "lr = 0.5",
        "batch_size = 8",
        'words = "a\'b"',
        "flag = True",
        "none = None",
    ]
    assert notebook.with_parameters({"cells": [cell("only")]}, {"a": 1})["cells"][1]["source"] == "only"
    assert notebook.with_parameters({"cells": [cell("only")]}, {})["cells"] == [cell("only")]


def test_amazons_library_is_told_to_be_missing(folder: Any) -> None:
    folder.configure({"sagemaker_program": "train.py", torch_distributed.DATA_PARALLEL: "true", PROCESSES: "2"})
    folder.write("code/train.py", "import os; print(f\"{os.environ['LOCAL_RANK']} {os.environ['MASTER_ADDR']}\")")
    with start(folder) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    first, *ranks = out.splitlines()
    assert first.startswith("Amazon's library smdistributed is not in this runtime")
    assert sorted(ranks) == ["0 127.0.0.1", "1 127.0.0.1"]
