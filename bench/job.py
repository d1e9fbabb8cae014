"""From CreateTrainingJob to the first line of the user's script."""

from __future__ import annotations

import io
import itertools
import json
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench import peers
from bench.base import OURS, ROOT, Figure, Missing, Run, Sample
from sagewright.compute import runtimes

TITLE = "a training job in script mode in each framework's image, its Python environment there already"

_SCRIPT: Final = "import time; print('first-line', time.time_ns(), flush=True)\n"
_BARE: Final = "bare process"
_TOOLKIT: Final = "sagemaker-training"
_BUCKET: Final = "bench"
_PATIENCE_S: Final = 60.0
_FIRST: Final = "scikit-learn"
_ACCOUNT: Final = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
_IMAGES: Final[Mapping[str, str]] = {
    _FIRST: peers.IMAGE,
    "XGBoost": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
    "PyTorch": f"{_ACCOUNT}/pytorch-training:2.3.0-cpu-py311",
    "Hugging Face": f"{_ACCOUNT}/huggingface-pytorch-training:2.1.0-transformers4.36.0-gpu-py310-cu121-ubuntu20.04",
    "TensorFlow": f"{_ACCOUNT}/tensorflow-training:2.19.0-cpu-py312",
    "TensorFlow 2.15": f"{_ACCOUNT}/tensorflow-training:2.14.1-cpu-py310",
    "MXNet": f"{_ACCOUNT}/mxnet-training:1.9.0-cpu-py38",
}


def measure(run: Run) -> Sequence[Figure]:
    """Ours from the API call on; the same script as a bare process; SageMaker's own toolkit in bubblewrap."""
    whole = Figure("until it has ended", "s", more=False)
    firsts = {
        name: Figure(f"until the first line, {name}", "s", more=False, goal=0.15, goal_above=_BARE)
        for name in _measured(run)
    }
    pythons = {name: peers.runtime(run, _environment(name)) / "bin" / "python" for name in firsts}
    script = run.folder / "script.py"
    script.write_text(_SCRIPT)

    with ExitStack() as stack:
        data = run.folder / "data"
        peer = peers.ours(data)
        stack.enter_context(peers.serving(peer, run.folder / "log"))
        jobs = _Jobs(peer, peers.our_keys(peer, data))
        for name, first in firsts.items():
            subjects: dict[str, Sample] = {
                OURS: partial(jobs.timed, _IMAGES[name], first, whole),
                _BARE: partial(_timed, [pythons[name], script], first, whole),
            }
            if name == _FIRST:
                try:
                    command = _toolkit(run)
                    subjects[_TOOLKIT] = partial(_timed_anew, command, first, whole)
                except Missing as missing:
                    run.note(str(missing))
            run.alternate(f"job, {name}", [first, whole] if name == _FIRST else [first], subjects)
    run.note("ours ends when DescribeTrainingJob says Completed: its model is in S3 by then. The others keep nothing.")
    return [*firsts.values(), whole]


def _environment(name: str) -> str:
    runtime = runtimes.resolve(_IMAGES[name])
    assert runtime is not None
    return runtime.environment


def _measured(run: Run) -> Sequence[str]:
    """All frameworks; in a quick run those whose environment is made already."""
    if not run.quick:
        return list(_IMAGES)
    made = [name for name in _IMAGES if name == _FIRST or peers.runtime_is_made(_environment(name))]
    if left := [name for name in _IMAGES if name not in made]:
        run.note(f"left out, because their environments are not made yet: {', '.join(left)}.")
    return made


class _Jobs:
    """Our server's jobs."""

    def __init__(self, peer: peers.Peer, keys: peers.Keys) -> None:
        s3, self._sagemaker, self._logs = (peers.client(name, peer, keys) for name in ("s3", "sagemaker", "logs"))
        s3.create_bucket(Bucket=_BUCKET)
        s3.upload_file(str(ROOT / "examples" / "housing.csv"), _BUCKET, "train/housing.csv")
        s3.put_object(Bucket=_BUCKET, Key="code/sourcedir.tar.gz", Body=packed("script.py", _SCRIPT))
        self._role = peers.role_arn(peer)
        self._numbers = itertools.count()

    def timed(self, image: str, first: Figure, whole: Figure) -> Mapping[str, float]:
        """Run a job to its end."""
        name = f"job-{next(self._numbers)}"
        begun = time.time_ns()
        self._sagemaker.create_training_job(TrainingJobName=name, **request(self._role, image))
        while (job := self._sagemaker.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] == "InProgress":
            if time.time_ns() - begun > _PATIENCE_S * 1e9:
                break
            time.sleep(0.01)
        ended = time.time_ns()
        if job["TrainingJobStatus"] != "Completed":
            raise RuntimeError(f"{name} ended as {job['TrainingJobStatus']}: {job.get('FailureReason')}")
        group = "/aws/sagemaker/TrainingJobs"
        events = self._logs.filter_log_events(logGroupName=group, logStreamNamePrefix=f"{name}/")["events"]
        return {
            first.what: _seconds(begun, "\n".join(event["message"] for event in events)),
            whole.what: (ended - begun) / 1e9,
        }


def request(role: str, image: str = peers.IMAGE) -> dict[str, Any]:
    code = {"sagemaker_program": "script.py", "sagemaker_submit_directory": f"s3://{_BUCKET}/code/sourcedir.tar.gz"}
    channel = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{_BUCKET}/train/"}}
    return {
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "RoleArn": role,
        "HyperParameters": {key: json.dumps(value) for key, value in code.items()},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": channel, "ContentType": "text/csv"}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{_BUCKET}/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def packed(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def _toolkit(run: Run) -> Callable[[], Sequence[str | Path]]:
    """Makes the command of `train` as SageMaker's container starts it: /opt/ml is the job's folder, the host is
    algo-1. Raises Missing where the toolkit or bubblewrap is not there."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise Missing(f"{_TOOLKIT} is left out: it needs /opt/ml for itself, and bubblewrap is not installed.")
    environment = peers.environment(run, "toolkit")
    numbers = itertools.count()
    hosts = run.folder / "hosts"
    hosts.write_text("127.0.0.1 localhost algo-1\n")
    root = ["--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev", "/dev"]
    for name in ("bin", "sbin", "lib", "lib64"):
        root += ["--symlink", f"usr/{name}", f"/{name}"] if Path(f"/{name}").is_symlink() else []
    for path in dict.fromkeys((environment, *_prefixes())):
        root += ["--ro-bind", str(path), str(path)]
    variables = {
        "PATH": f"{environment / 'bin'}:/usr/bin:/bin",
        "HOME": "/tmp",
        "SAGEMAKER_PROGRAM": "script.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/code",
        "TRAINING_JOB_NAME": "job",
        "AWS_REGION": peers.REGION,
    }
    for key, value in variables.items():
        root += ["--setenv", key, value]

    def command() -> Sequence[str | Path]:
        folder = run.folder / f"toolkit-{next(numbers)}"
        _opt_ml(folder)
        binds = ["--bind", str(folder), "/opt/ml", "--ro-bind", str(hosts), "/etc/hosts", "--tmpfs", "/tmp"]
        inside = ["--unshare-user", "--unshare-pid", "--unshare-uts", "--hostname", "algo-1", "--die-with-parent"]
        return [bwrap, *inside, *root, *binds, "--chdir", "/opt/ml", "--clearenv", *_after_clear(root), "--", "train"]

    return command


def _after_clear(root: Sequence[str]) -> Sequence[str]:
    """The variables again: `--clearenv` forgets those before it."""
    first = root.index("--setenv")
    return root[first:]


def _prefixes() -> Sequence[Path]:
    """Where the interpreter lives, unless in /usr, which is there anyway."""
    found = [Path(sys.base_prefix), Path(sys.base_prefix).resolve()]
    return [path for path in found if not path.is_relative_to("/usr")]


def _opt_ml(folder: Path) -> None:
    """What SageMaker writes before the container starts."""
    for name in ("code", "model", "output/data", "input/config", "input/data/train"):
        (folder / name).mkdir(parents=True)
    (folder / "code" / "script.py").write_text(_SCRIPT)
    shutil.copy(ROOT / "examples" / "housing.csv", folder / "input/data/train")
    config = folder / "input" / "config"
    (config / "hyperparameters.json").write_text("{}")
    channel = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    (config / "inputdataconfig.json").write_text(json.dumps({"train": channel}))
    (config / "resourceconfig.json").write_text(
        json.dumps({"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"})
    )


def _timed(command: Sequence[str | Path], first: Figure, whole: Figure) -> Mapping[str, float]:
    """Run a program that prints the first line's time."""
    begun = time.time_ns()
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
    )
    ended = time.time_ns()
    return {first.what: _seconds(begun, done.stdout + done.stderr), whole.what: (ended - begun) / 1e9}


def _timed_anew(command: Callable[[], Sequence[str | Path]], first: Figure, whole: Figure) -> Mapping[str, float]:
    """Run a program whose folder is laid out anew each time, before the clock starts."""
    return _timed(command(), first, whole)


def _seconds(begun: int, printed: str) -> float:
    found = re.search(r"first-line (\d+)", printed)
    if found is None:
        raise RuntimeError(f"The script's first line is not in what was printed:\n{printed[-2000:]}")
    return (int(found[1]) - begun) / 1e9
