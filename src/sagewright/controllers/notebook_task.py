"""The task of a notebook instance: what it is shown, and what it is told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sagewright.base.errors import Terminal
from sagewright.compute import instances
from sagewright.compute.base import Mount, Network, Task
from sagewright.compute.sandbox import python_folders
from sagewright.compute.venvs import LOCKS
from sagewright.controllers import host_task, staging
from sagewright.controllers.platform import Platform
from sagewright.controllers.pump import Narrator
from sagewright.resources.notebook_instance import HOOKS
from sagewright.resources.record import Key, Record

GIB: Final = 1 << 30
HOME: Final = "/home/ec2-user"
VOLUME: Final = f"{HOME}/SageMaker"
SOCKET: Final = "/opt/ml/run/jupyter.sock"
DOCKER: Final = "/run/docker.sock"
ENVIRONMENT: Final = "notebook"
KERNELS: Final = {
    # Add a kernel here: its name on SageMaker, and the environment that it stands on. The first one is the default.
    "conda_python3": "sagemaker-distribution",
    "conda_pytorch_p310": "pytorch",
    "conda_tensorflow2_p310": "tensorflow",
    "conda_mxnet_p38": "mxnet",
}
_LAYER: Final = LOCKS / "layers" / "notebook.txt"
_UNIX_NAMES: Final = {
    "passwd": f"root:x:0:0:root:/root:/bin/bash\nec2-user:x:1000:1000::{HOME}:/bin/bash\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "group": "root:x:0:\nec2-user:x:1000:\nnogroup:x:65534:\n",
}
_DISK: Final = 64 * GIB
"""What an instance may write beside its volume until it stops."""
_LIFECYCLE: Final = "notebook-instance-lifecycle-config"
_REPOSITORY: Final = "code-repository"


def task(
    platform: Platform, record: Record, task_id: str, volume: Path, say: Narrator, *, docker: Path | None = None
) -> Task:
    """A new task for an instance, everything for it in place. `volume` is the folder that outlives it; `docker` is the
    socket of a container engine that it is shown.

    Raises Terminal where something that it names is gone.
    """
    spec = record.spec
    platform.forget(task_id)
    ml = platform.ml_folder(task_id)
    (ml / "run").mkdir(parents=True)
    (ml / "input" / "config").mkdir(parents=True)
    (ml / "metadata").mkdir()
    home = volume / "SageMaker"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    python = platform.environments.ensure(ENVIRONMENT, say)
    kernels = _kernels(platform, say)
    arn = record.status["NotebookInstanceArn"]
    told = {"name": record.name, "arn": arn, "volume_bytes": spec["VolumeSizeInGB"] * GIB,
            "root_access": spec["RootAccess"] == "Enabled", "kernels": {n: str(path) for n, path in kernels.items()},
            **_scripts(platform, record), **_repositories(platform, record)}  # fmt: skip
    staging.write_json(ml / "input" / "config" / "notebook.json", told)
    staging.write_json(ml / "metadata" / "resource-metadata.json", {"ResourceArn": arn, "ResourceName": record.name})
    fitted = instances.fit(spec["InstanceType"], platform.machine)
    if fitted.note:
        say(fitted.note)
    given = replace(fitted.resources, disk_bytes=_DISK)
    mounts = [*_names(ml.parent), Mount(home, VOLUME, writable=True), *_shown(kernels.values(), python)]
    environment = {**host_task.index(platform), **platform.environment(record, spec["RoleArn"])}
    if docker is not None:
        mounts.append(Mount(docker, DOCKER, writable=True))
        environment["DOCKER_HOST"] = f"unix://{DOCKER}"
    return Task(
        id=task_id,
        command=("python", "-m", "sagewright_container.main", "serve", "notebook"),
        environment=environment,
        python=python,
        folder=ml,
        mounts=mounts,
        resources=given,
        network=network(platform, spec),
        hosts=_hosts(platform, record),
        hostname=f"notebook-{record.uid[:8].lower()}",
        socket=SOCKET,
        here=True,  # its volume is on this machine
    )


def network(platform: Platform, spec: Mapping[str, Any]) -> Network:
    """Without direct access to the internet it reaches what jobs in its subnet do."""
    return "host" if spec["DirectInternetAccess"] == "Enabled" else platform.vpc_network


def _hosts(platform: Platform, record: Record) -> Mapping[str, str]:
    """`localhost` is an address of the instance's own, where it has the machine's network: many listen on one port."""
    if network(platform, record.spec) != "host" or "//localhost" in platform.endpoint_url:
        return {}
    mark = hashlib.sha256(record.uid.encode()).digest()
    return {"localhost": f"127.{64 + mark[0] % 128}.{mark[1]}.{1 + mark[2] % 254}"}


def _names(folder: Path) -> Iterator[Mount]:
    """Files that name the instance's users."""
    for name, text in _UNIX_NAMES.items():
        (folder / name).write_text(text)
        yield Mount(folder / name, f"/etc/{name}")


def _kernels(platform: Platform, say: Narrator) -> Mapping[str, Path]:
    """The environments of kernels: of the default one, and of those that are made already."""
    found: dict[str, Path] = {}
    for name, environment in KERNELS.items():
        base = platform.environments.ready(environment)
        if base is None and not found:
            base = platform.environments.ensure(environment, say)
        if base is not None:
            found[name] = platform.environments.layer(base, _LAYER, say)
    return found


def _shown(environments: Iterable[Path], python: Path) -> Sequence[Mount]:
    """All folders that the kernels' environments need, but those that the task sees anyway."""
    seen = {str(folder) for folder in python_folders(python)}
    wanted = dict.fromkeys(str(folder) for each in environments for folder in python_folders(each))
    return [Mount(Path(folder), folder) for folder in wanted if folder not in seen]


def _scripts(platform: Platform, record: Record) -> Mapping[str, Any]:
    """What is to run at this start."""
    name = record.spec.get("NotebookInstanceLifecycleConfigName")
    if name is None:
        return {}
    found = platform.store.get(Key(record.key.account, record.key.region, _LIFECYCLE, "", name))
    if found is None:
        raise Terminal(f"The lifecycle configuration {name} is gone. Update the notebook instance to name another one.")
    hooks = [hook for hook in HOOKS if hook != "OnCreate" or not record.status.get("created")]
    scripts = {hook: each["Content"] for hook in hooks for each in found.spec.get(hook, ()) if each.get("Content")}
    return {"scripts": scripts, "scripts_arn": found.status["NotebookInstanceLifecycleConfigArn"]}


def _repositories(platform: Platform, record: Record) -> Mapping[str, Any]:
    spec = record.spec
    default = [spec["DefaultCodeRepository"]] if spec.get("DefaultCodeRepository") else []
    named = [*default, *spec.get("AdditionalCodeRepositories", ())]
    return {"repositories": [_repository(platform, record, each) for each in named], "has_default": bool(default)}


def _repository(platform: Platform, record: Record, named: str) -> Mapping[str, str]:
    """By its address, or by the name of a code repository."""
    if "://" in named:
        return {"url": named}
    found = platform.store.get(Key(record.key.account, record.key.region, _REPOSITORY, "", named))
    if found is None:
        raise Terminal(f"The code repository {named} is gone. Update the notebook instance to name another one.")
    git = found.spec["GitConfig"]
    return {"url": git["RepositoryUrl"], "branch": git.get("Branch", ""), "secret": git.get("SecretArn", "")}
