"""The /opt/ml contract: where things lie, what the platform wrote there, what a script finds in `SM_*`.

Every entry point reads the container through here. The facts come from AWS's developer guide ("How SageMaker
AI provides training information") and from what `sagemaker-training` 5.1.4 hands to a script. Only `json` and
`os` are imported: this module stands between the start of a job and the first line of the user's script.
"""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` costs milliseconds that every job would pay
    from collections.abc import Mapping
    from typing import Any

BASE_DIR = "/opt/ml"
FAILURE_CHARS = 1024  # so much of the failure file becomes the job's FailureReason
FRAMEWORK_PREFIX = "sagemaker_"

# Hyperparameters that address the toolkit itself; what else begins with the prefix is a framework parameter.
TOOLKIT_PARAMETERS = frozenset(
    {
        "sagemaker_program",
        "sagemaker_submit_directory",
        "sagemaker_enable_cloudwatch_metrics",
        "sagemaker_region",
        "sagemaker_container_log_level",
        "sagemaker_job_name",
        "sagemaker_s3_output",
        "default_user_module_name",
        "_tuning_objective_metric",
    }
)

# Framework parameters that ask for a cluster: any of them makes the host's group a distribution group. Where
# several are set (torchrun with Amazon's communication library is both), the first of them launches.
DISTRIBUTIONS = (
    "sagemaker_torch_distributed_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_mpi_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_parameter_server_enabled",
)


class Contract:
    """The folders of one container, under `base` (`SAGEMAKER_BASE_DIR`, else /opt/ml)."""

    def __init__(self, base: str | None = None) -> None:
        self.base = base or os.environ.get("SAGEMAKER_BASE_DIR") or BASE_DIR
        self.code_dir = os.path.join(self.base, "code")
        self.model_dir = os.path.join(self.base, "model")
        self.input_dir = os.path.join(self.base, "input")
        self.config_dir = os.path.join(self.input_dir, "config")
        self.data_dir = os.path.join(self.input_dir, "data")
        self.output_dir = os.path.join(self.base, "output")
        self.output_data_dir = os.path.join(self.output_dir, "data")
        self.intermediate_dir = os.path.join(self.output_dir, "intermediate")
        self.failure_file = os.path.join(self.output_dir, "failure")

    def channel_dir(self, channel: str) -> str:
        """Where File and FastFile modes put a channel; Pipe mode adds `_<epoch>` to this path."""
        return os.path.join(self.data_dir, channel)

    def raw_hyperparameters(self) -> dict[str, str]:
        """hyperparameters.json as the request had it: every value is a string. None written: none given."""
        return self._read("hyperparameters.json")

    def hyperparameters(self) -> dict[str, Any]:
        """The same, each value JSON-decoded where it is JSON: script mode encodes, built-ins do not."""
        return {name: _decoded(value) for name, value in self.raw_hyperparameters().items()}

    def input_data_config(self) -> dict[str, dict[str, str]]:
        """Channel → ContentType (absent when not given), TrainingInputMode, S3DistributionType, …"""
        return self._read("inputdataconfig.json")

    def resource_config(self) -> dict[str, Any]:
        """`hosts`, `current_host`, `instance_groups`, …; one host named algo-1 where the file is missing."""
        return self._read("resourceconfig.json") or {"current_host": "algo-1", "hosts": ["algo-1"]}

    def checkpoint_dir(self) -> str:
        """Where the job's checkpoints are kept, and found again; empty where it has none."""
        path = str(self._read("checkpointconfig.json").get("LocalPath", ""))
        inside = path.startswith(BASE_DIR + "/")
        return os.path.join(self.base, os.path.relpath(path, BASE_DIR)) if inside else path

    def write_failure(self, message: str) -> None:
        """Say why the job failed. What the user's script wrote there itself is left alone."""
        if os.path.exists(self.failure_file):
            return
        os.makedirs(self.output_dir, exist_ok=True)
        with open(self.failure_file, "w", encoding="utf-8") as file:
            file.write(message)

    def _read(self, name: str) -> dict[str, Any]:
        try:
            with open(os.path.join(self.config_dir, name), encoding="utf-8") as file:
                found: dict[str, Any] = json.load(file)
        except FileNotFoundError:
            return {}
        return found


class TrainingEnvironment:
    """What a training script is told: its arguments and its `SM_*` variables."""

    def __init__(self, contract: Contract, environ: Mapping[str, str]) -> None:
        self.contract = contract
        self.environ = environ
        self.resources = contract.resource_config()
        self.channels = contract.input_data_config()
        self.hyperparameters: dict[str, Any] = {}  # the script's own
        self.settings: dict[str, Any] = {}  # the toolkit's
        self.framework_parameters: dict[str, Any] = {}
        for name, value in contract.hyperparameters().items():
            if name in TOOLKIT_PARAMETERS:
                self.settings[name] = value
            elif name.startswith(FRAMEWORK_PREFIX):
                self.framework_parameters[name] = value
            else:
                self.hyperparameters[name] = value
        program = environ.get("SAGEMAKER_PROGRAM") or self.settings.get("sagemaker_program")
        self.entry_point: str | None = program
        self.submit_directory = str(self.settings.get("sagemaker_submit_directory") or contract.code_dir)
        self.hosts: list[str] = self.resources["hosts"]
        self.current_host: str = self.resources["current_host"]

    def tell_tries_apart(self) -> None:
        """All jobs of a tuning job have the same `model_dir`; TensorFlow's image gives each its own folder there."""
        place, job = self.hyperparameters.get("model_dir"), self.environ.get("TRAINING_JOB_NAME")
        if "_tuning_objective_metric" in self.settings and place and not str(place).startswith(BASE_DIR):
            self.hyperparameters["model_dir"] = f"{place}/{job}/model"

    def arguments(self) -> list[str]:
        """The script's command line: names in order, `--name value`, `-n value` for a single letter."""
        words: list[str] = []
        for name in sorted(self.hyperparameters):
            words += [f"--{name}" if len(name) > 1 else f"-{name}", _argument(self.hyperparameters[name])]
        return words

    def variables(self) -> dict[str, str]:
        """The `SM_*` variables: strings as they are, the rest compact JSON with sorted keys, None empty."""
        groups = self._groups()
        shared = self._shared(groups)
        values: dict[str, Any] = {
            **shared,
            "hps": self.hyperparameters,
            "framework_params": self.framework_parameters,
            "channels": sorted(self.channels),
            "training_env": self._training_env(shared, groups),
            "user_args": self.arguments(),
        }
        if self.resources.get("topology"):
            values["topology"] = self.resources["topology"]
        values |= {f"channel_{name}": self.contract.channel_dir(name) for name in self.channels}
        values |= {f"hp_{name}": value for name, value in self.hyperparameters.items()}
        return {f"SM_{name.upper()}": _variable(value) for name, value in values.items()}

    def distribution(self) -> str | None:
        """The framework parameter of the distribution that this host has a part in, None for a plain script."""
        groups = self._groups()
        if groups["current_instance_group"] not in groups["distribution_instance_groups"]:
            return None
        return next((name for name in DISTRIBUTIONS if self.framework_parameters.get(name)), None)

    def distribution_hosts(self, groups: list[str] | None = None) -> list[str]:
        """The hosts that work together: those of the groups that a requested distribution spans, in their order.

        All hosts where the platform names no groups. The first is the master.
        """
        listed: list[dict[str, Any]] = self.resources.get("instance_groups", [])
        if not listed:
            return list(self.hosts)
        spanned = self._groups()["distribution_instance_groups"] if groups is None else groups
        return [host for group in listed if group["instance_group_name"] in spanned for host in group["hosts"]]

    def _shared(self, groups: dict[str, Any]) -> dict[str, Any]:
        """What is a variable of its own and a member of SM_TRAINING_ENV under the same name."""
        folders = self.contract
        return {
            "hosts": self.hosts,
            "network_interface_name": self.resources.get("network_interface_name", "eth0"),
            "user_entry_point": self.entry_point,
            "resource_config": self.resources,
            "input_data_config": self.channels,
            "output_data_dir": folders.output_data_dir,
            "current_host": self.current_host,
            "current_instance_type": self.resources.get("current_instance_type", "local"),
            **groups,
            "module_name": _module_name(self.entry_point),
            "log_level": self.settings.get("sagemaker_container_log_level", 20),
            "framework_module": self.environ.get("SAGEMAKER_TRAINING_MODULE"),
            "input_dir": folders.input_dir,
            "input_config_dir": folders.config_dir,
            "output_dir": folders.output_dir,
            "num_cpus": cpu_count(),
            "num_gpus": gpu_count(self.environ),
            "num_neurons": 0,
            "model_dir": folders.model_dir,
            "module_dir": self.submit_directory,
            "output_intermediate_dir": folders.intermediate_dir,
        }

    def _groups(self) -> dict[str, Any]:
        """The instance groups, and which of them a requested distribution spans."""
        groups: list[dict[str, Any]] = self.resources.get("instance_groups", [])
        current = self.resources.get("current_group_name", "homogeneousCluster")
        asked = any(self.framework_parameters.get(name) for name in DISTRIBUTIONS)
        spanned = self.framework_parameters.get("sagemaker_distribution_instance_groups")
        return {
            "current_instance_group": current,
            "current_instance_group_hosts": next(
                (group["hosts"] for group in groups if group["instance_group_name"] == current), []
            ),
            "instance_groups": [group["instance_group_name"] for group in groups],
            "instance_groups_dict": {group["instance_group_name"]: group for group in groups},
            "distribution_instance_groups": spanned if spanned is not None else [current] if asked else [],
            "is_hetero": len(groups) > 1,
        }

    def _training_env(self, shared: dict[str, Any], groups: dict[str, Any]) -> dict[str, Any]:
        """SM_TRAINING_ENV: all of it once more, with the few members that have no variable of their own."""
        hosts = self.distribution_hosts(groups["distribution_instance_groups"])
        master = (hosts or self.hosts)[0]
        return {
            **shared,
            "additional_framework_parameters": self.framework_parameters,
            "hyperparameters": self.hyperparameters,
            "channel_input_dirs": {name: self.contract.channel_dir(name) for name in self.channels},
            "distribution_hosts": hosts,
            "master_hostname": master,
            "is_master": self.current_host == master,
            "job_name": self.environ.get("TRAINING_JOB_NAME"),
            "topology": self.resources.get("topology", []),
            "is_modelparallel_enabled": None,
            "is_smddpmprun_installed": False,
            "is_smddprun_installed": False,
        }


def cpu_count() -> int:
    """The CPUs that this process may run on."""
    return len(os.sched_getaffinity(0))


def gpu_count(environ: Mapping[str, str]) -> int:
    """The GPUs that this process may use: those it was given, else those the driver lists."""
    given = environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return len([name for name in given.split(",") if name.strip() not in ("", "-1")])
    try:
        return len(os.listdir("/proc/driver/nvidia/gpus"))
    except OSError:
        return 0


def _decoded(value: Any) -> Any:
    try:
        return json.loads(value)
    except (ValueError, TypeError):
        return value


def _variable(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def _argument(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}={value[name]}" for name in sorted(value))
    return "" if value is None else str(value)


def _module_name(entry_point: str | None) -> str:
    return str(entry_point).removesuffix(".py")
