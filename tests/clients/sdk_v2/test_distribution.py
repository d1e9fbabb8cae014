"""`distribution=` as SDK v2 sends it, on several hosts: the losses are those of one process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
SCRIPTS = ROOT / "tests/clients/scripts"


@pytest.fixture(scope="module")
def pytorch(session: Any, role: str) -> Callable[..., Any]:
    from sagemaker.pytorch import PyTorch

    def make(script: str | Path, distribution: dict[str, Any], hosts: int = 2, **options: Any) -> Any:
        return PyTorch(
            entry_point=str(SCRIPTS / script),
            role=role,
            instance_type="ml.g5.xlarge",  # the SDK takes torch_distributed for instances with GPUs only
            instance_count=hosts,
            framework_version="2.8.0",
            py_version="py312",
            distribution=distribution,
            sagemaker_session=session,
            **options,
        )

    return make


@pytest.fixture(scope="module")
def one_process(pytorch: Any, run: Any, uploaded: str) -> list[float]:
    """The losses of a single process."""
    made = pytorch("ddp_housing.py", {"torch_distributed": {"enabled": True}}, hosts=1)
    report = json.loads(run(made, {"train": uploaded})["losses.json"])
    assert report["world"] == 1
    return list(report["losses"])


@pytest.fixture(scope="module")
def rows() -> Any:
    """The housing data, each column with mean 0 and deviation 1."""
    table = np.loadtxt(ROOT / "examples/housing.csv", delimiter=",")
    return (table - table.mean(0)) / table.std(0)


def test_torchrun_on_two_hosts(pytorch: Any, run: Any, uploaded: str, one_process: list[float]) -> None:
    made = pytorch(
        "ddp_housing.py",
        {"torch_distributed": {"enabled": True}},
        hyperparameters={"sagemaker_mpi_num_of_processes_per_host": 2},
    )
    report = json.loads(run(made, {"train": uploaded})["losses.json"])
    assert (report["world"], report["host"]) == (4, "algo-1")
    assert report["losses"] == pytest.approx(one_process, abs=1e-5)


def test_mpi_on_two_hosts(pytorch: Any, run: Any, uploaded: str, rows: Any) -> None:
    mpi = {"enabled": True, "processes_per_host": 2, "custom_mpi_options": "-x WORD=1 --mca btl_base_verbose 0"}
    report = json.loads(run(pytorch("mpi_housing.py", {"mpi": mpi}), {"train": uploaded})["losses.json"])
    assert report["hosts"] == ["algo-1", "algo-1", "algo-2", "algo-2"]
    weights, expected = np.zeros(13), []
    for _ in range(30):
        errors = rows[:, :-1] @ weights - rows[:, -1]
        expected.append(errors @ errors / len(rows))
        weights -= 0.1 * rows[:, :-1].T @ errors / len(rows)
    assert report["losses"] == pytest.approx(expected, abs=1e-5)


def test_mirrored_workers_on_two_hosts(session: Any, role: str, run: Any, uploaded: str, rows: Any) -> None:
    from sagemaker.tensorflow import TensorFlow

    made = TensorFlow(
        entry_point=str(SCRIPTS / "mirrored_housing.py"),
        role=role,
        instance_type="ml.m5.large",
        instance_count=2,
        framework_version="2.16",
        py_version="py310",
        distribution={"multi_worker_mirrored_strategy": {"enabled": True}},
        sagemaker_session=session,
    )
    report = json.loads(run(made, {"train": uploaded})["losses.json"])
    assert report["world"] == 2
    assert report["losses"] == pytest.approx(list(_mirrored(rows)), abs=1e-5)


def _mirrored(rows: Any) -> Any:
    """What mirrored_housing.py does, in one process."""
    random = np.random.default_rng(7)
    first, second = random.normal(size=(13, 8)) / 4, random.normal(size=(8, 1)) / 4
    for _ in range(3):
        for start in range(0, 500, 100):
            features, targets = rows[start : start + 100, :-1], rows[start : start + 100, -1:]
            hidden = np.tanh(features @ first)
            errors = hidden @ second - targets
            yield float((errors**2).sum() / 100)
            back = 2 * errors / 100
            slope = (back @ second.T) * (1 - hidden**2)
            first, second = first - 0.05 * features.T @ slope, second - 0.05 * hidden.T @ back


def test_a_rank_that_fails_is_the_reason(pytorch: Any, run: Any, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "from torch import distributed\n"
        "distributed.init_process_group('gloo')\n"
        "if distributed.get_rank() == 1:\n"
        "    raise ValueError('the second rank was told to fail')\n"
        "distributed.barrier()\n"
    )
    reason = run.failed(pytorch(script, {"torch_distributed": {"enabled": True}}))
    assert "ValueError: the second rank was told to fail" in reason
    assert "algo-2" in reason


def test_mpi_on_one_of_two_groups(session: Any, role: str, run: Any, tmp_path: Path) -> None:
    """A cluster of different instances: those of the distribution's group work together, the others by themselves."""
    from sagemaker.instance_group import InstanceGroup
    from sagemaker.pytorch import PyTorch

    script = tmp_path / "train.py"
    script.write_text(
        "import json, os\n"
        "told = {name: os.environ.get(name) for name in ('OMPI_COMM_WORLD_SIZE', 'SM_CURRENT_INSTANCE_GROUP')}\n"
        "place = os.path.join(os.environ['SM_MODEL_DIR'], os.environ['SM_CURRENT_HOST'] + '.json')\n"
        "json.dump(told, open(place, 'w'))\n"
    )
    data, train = InstanceGroup("data", "ml.c5.xlarge", 1), InstanceGroup("train", "ml.m5.large", 2)
    made = PyTorch(
        entry_point=str(script),
        role=role,
        instance_groups=[data, train],
        framework_version="2.8.0",
        py_version="py312",
        distribution={"mpi": {"enabled": True}, "instance_groups": [train]},
        sagemaker_session=session,
    )
    told = {name: json.loads(text) for name, text in run(made).items()}
    assert {name: each["OMPI_COMM_WORLD_SIZE"] for name, each in told.items()} == {
        "algo-1.json": None,
        "algo-2.json": "2",
        "algo-3.json": "2",
    }
    assert told["algo-1.json"]["SM_CURRENT_INSTANCE_GROUP"] == "data"


@pytest.mark.parametrize("distribution", ["torch_distributed", "mpi"])
def test_a_stop_reaches_every_process(
    pytorch: Any, run: Any, session: Any, tmp_path: Path, eventually: Callable[..., Any], distribution: str
) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import os, signal, sys\n"
        "rank = os.environ.get('RANK') or os.environ['OMPI_COMM_WORLD_RANK']\n"
        "def save(*_):\n"
        "    open(os.path.join(os.environ['SM_MODEL_DIR'], rank), 'w').close()\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, save)\n"
        "print(f'rank {rank} is ready', flush=True)\n"
        "signal.pause()\n"
    )
    processes = {"sagemaker_mpi_num_of_processes_per_host": 2}
    made = pytorch(script, {distribution: {"enabled": True}}, hyperparameters=processes)
    made.fit(wait=False)
    name = made.latest_training_job.name
    logs = session.boto_session.client("logs")
    ask = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamNamePrefix": f"{name}/", "filterPattern": "ready"}
    eventually(lambda: len(_events(logs, ask)) == 4)
    made.latest_training_job.stop()
    eventually(lambda: made.latest_training_job.describe()["TrainingJobStatus"] == "Stopped")
    assert sorted(run.unpacked(made, "model.tar.gz")) == ["0", "1", "2", "3"]


def _events(logs: Any, ask: dict[str, str]) -> list[Any]:
    try:
        return list(logs.filter_log_events(**ask)["events"])
    except logs.exceptions.ResourceNotFoundException:
        return []
