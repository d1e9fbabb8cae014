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
from pathlib import Path
from typing import Any, Final

from bench import peers
from bench.base import OURS, ROOT, Figure, Missing, Run, Sample

TITLE = "a training job in script mode, its Python environment there already"

_SCRIPT: Final = "import time; print('first-line', time.time_ns(), flush=True)\n"
_BARE: Final = "bare process"
_TOOLKIT: Final = "sagemaker-training"
_BUCKET: Final = "bench"
_PATIENCE_S: Final = 60.0


def measure(run: Run) -> Sequence[Figure]:
    """Ours from the API call on; the same script as a bare process; SageMaker's own toolkit in bubblewrap."""
    first = Figure("until the script's first line", "s", more=False, goal=0.15, goal_above=_BARE)
    whole = Figure("until it has ended", "s", more=False)
    python = peers.runtime(run, "scikit-learn") / "bin" / "python"
    script = run.folder / "script.py"
    script.write_text(_SCRIPT)

    def bare() -> Mapping[str, float]:
        return _timed([python, script], first, whole)

    with ExitStack() as stack:
        data = run.folder / "data"
        peer = peers.ours(data)
        stack.enter_context(peers.serving(peer, run.folder / "log"))
        subjects: dict[str, Sample] = {OURS: _ours(peer, peers.our_keys(peer, data), first, whole), _BARE: bare}
        try:
            command = _toolkit(run)
            subjects[_TOOLKIT] = lambda: _timed(command(), first, whole)
        except Missing as missing:
            run.note(str(missing))
        run.alternate("job", [first, whole], subjects)
    run.note("ours ends when DescribeTrainingJob says Completed: its model is in S3 by then. The others keep nothing.")
    return [first, whole]


def _ours(peer: peers.Peer, keys: peers.Keys, first: Figure, whole: Figure) -> Sample:
    s3, sagemaker, logs = (peers.client(name, peer, keys) for name in ("s3", "sagemaker", "logs"))
    s3.create_bucket(Bucket=_BUCKET)
    s3.upload_file(str(ROOT / "examples" / "housing.csv"), _BUCKET, "train/housing.csv")
    s3.put_object(Bucket=_BUCKET, Key="code/sourcedir.tar.gz", Body=packed("script.py", _SCRIPT))
    asked = request(peers.role_arn(peer))
    numbers = itertools.count()

    def sample() -> Mapping[str, float]:
        name = f"job-{next(numbers)}"
        begun = time.time_ns()
        sagemaker.create_training_job(TrainingJobName=name, **asked)
        while (job := sagemaker.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] == "InProgress":
            if time.time_ns() - begun > _PATIENCE_S * 1e9:
                break
            time.sleep(0.01)
        ended = time.time_ns()
        if job["TrainingJobStatus"] != "Completed":
            raise RuntimeError(f"{name} ended as {job['TrainingJobStatus']}: {job.get('FailureReason')}")
        group = "/aws/sagemaker/TrainingJobs"
        events = logs.filter_log_events(logGroupName=group, logStreamNamePrefix=f"{name}/")["events"]
        return {
            first.what: _seconds(begun, "\n".join(event["message"] for event in events)),
            whole.what: (ended - begun) / 1e9,
        }

    return sample


def request(role: str) -> dict[str, Any]:
    code = {"sagemaker_program": "script.py", "sagemaker_submit_directory": f"s3://{_BUCKET}/code/sourcedir.tar.gz"}
    channel = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{_BUCKET}/train/"}}
    return {
        "AlgorithmSpecification": {"TrainingImage": peers.IMAGE, "TrainingInputMode": "File"},
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


def _seconds(begun: int, printed: str) -> float:
    found = re.search(r"first-line (\d+)", printed)
    if found is None:
        raise RuntimeError(f"The script's first line is not in what was printed:\n{printed[-2000:]}")
    return (int(found[1]) - begun) / 1e9
