"""Run a built-in algorithm on /opt/ml: check the request against its declarations, train, report failure."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

from sagewright_container.algorithms import catalog
from sagewright_container.algorithms.base import Algorithm, Channel, Input, Job
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate
from sagewright_container.contract import Contract
from sagewright_container.training.ports import job_key

_TUNED = "_tuning_objective_metric"  # told to every job of a tuning job; few algorithms ask


def train(name: str) -> int:
    """Train the algorithm `name`; answer the exit code. A failure is written to /opt/ml/output/failure."""
    contract = Contract()
    try:
        algorithm = catalog.load(name)
        job = prepare(algorithm, contract)
        _watch_for_stop(job)
        os.makedirs(job.model_dir, exist_ok=True)
        if len(job.hosts) > 1:
            importlib.import_module("sagewright_container.algorithms.shards").train(algorithm, job, job_key(os.environ))
        else:
            algorithm.train(job)
    except ClientError as error:
        return _fail(contract, f"ClientError: {error}")
    except Exception as error:  # noqa: BLE001  the border of the process: whatever it was becomes the reason
        importlib.import_module("traceback").print_exc()
        return _fail(contract, f"AlgorithmError: {type(error).__name__}: {error}")
    return 0


def describe(*names: str) -> int:
    """Print what algorithms declare, as JSON: names, ranges, channels, metrics (`declared.json` is this of all)."""
    print(json.dumps([declaration(catalog.load(name)) for name in names], indent=1))
    return 0


def declaration(algorithm: Algorithm) -> Mapping[str, Any]:
    """What an algorithm declares."""
    return {
        "name": algorithm.name,
        "environment": algorithm.environment,
        "repositories": list(algorithm.repositories),
        "parallel": algorithm.parallel,
        "hyperparameters": [_members(row) for row in algorithm.hyperparameters],
        "channels": [
            {"name": row.name, "required": row.required, "content_types": list(row.content_types)}
            for row in algorithm.channels
        ],
        "metrics": [_members(row) for row in algorithm.metrics],
    }


def _members(row: Any) -> Any:
    """What has names, by these."""
    if not hasattr(row, "_asdict"):
        return row
    return {name: _members(value) for name, value in row._asdict().items()}


def prepare(algorithm: Algorithm, contract: Contract) -> Job:
    """The job that the platform wrote down, checked. Raises ClientError."""
    # A built-in's values arrive plain, but an estimator of a framework class JSON-encodes them: take both.
    given = {key: _plain(value) for key, value in contract.raw_hyperparameters().items()}
    own = {key: value for key, value in given.items() if not key.startswith("sagemaker_")}
    if _TUNED not in {row.name for row in algorithm.hyperparameters}:
        own.pop(_TUNED, None)
    values = validate(algorithm.hyperparameters, own)
    algorithm.check(values)
    resources = contract.resource_config()
    if len(resources["hosts"]) > 1 and not algorithm.parallel:
        raise ClientError(f"{algorithm.name} trains on one instance, here as at AWS: set InstanceCount to 1.")
    return Job(
        hyperparameters=values,
        inputs=inputs(algorithm.channels, contract.input_data_config(), contract),
        model_dir=contract.model_dir,
        output_data_dir=contract.output_data_dir,
        hosts=tuple(resources["hosts"]),
        current_host=resources["current_host"],
        checkpoint_dir=contract.checkpoint_dir(),
    )


def inputs(channels: Sequence[Channel], given: Mapping[str, Mapping[str, str]], contract: Contract) -> dict[str, Input]:
    """A request's channels as inputs, by name. Raises ClientError for a missing, unknown or wrong one."""
    declared = {channel.name: channel for channel in channels}
    for name in given:
        if name not in declared:
            raise ClientError(f"Channel {name} is not one of this algorithm's: {', '.join(declared)}.")
    found: dict[str, Input] = {}
    for name, channel in declared.items():
        if name in given:
            found[name] = _input(channel, given[name], contract)
        elif channel.required:
            raise ClientError(f"Channel {name} is required, and was not given.")
    return found


def _input(channel: Channel, given: Mapping[str, str], contract: Contract) -> Input:
    said = given.get("ContentType") or channel.default_content_type
    media, *rest = (part.strip() for part in said.lower().split(";"))
    pairs = (part.partition("=") for part in rest if part)
    parameters = {key.strip(): value.strip() for key, _, value in pairs}
    content_type = channel.content_types.get(media)
    if content_type is None:
        allowed = ", ".join(channel.content_types)
        raise ClientError(f"Channel {channel.name}: {said} is not an accepted ContentType: {allowed}.")
    pipe = given.get("TrainingInputMode") == "Pipe"
    if pipe and content_type not in channel.pipe:
        raise ClientError(f"Channel {channel.name}: Pipe mode does not work with {content_type} data.")
    sharded = given.get("S3DistributionType") == "ShardedByS3Key"
    return Input(channel.name, content_type, contract.channel_dir(channel.name), pipe, parameters, sharded)


def _plain(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        try:
            return str(json.loads(value))
        except ValueError:
            return value
    return value


def _watch_for_stop(job: Job) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        job.stopping = True

    signal.signal(signal.SIGTERM, stop)


def _fail(contract: Contract, message: str) -> int:
    print(message, file=sys.stderr, flush=True)
    contract.write_failure(message)
    return 1


def main(arguments: list[str]) -> Any:
    """`{train|describe} {algorithm}`; answer the exit code."""
    match arguments:
        case ["train", name]:
            return train(name)
        case ["describe", *some] if set(some) <= set(catalog.CATALOG):
            return describe(*(some or sorted(catalog.CATALOG)))
    names = "|".join(sorted(catalog.CATALOG))
    print(f"usage: python -m sagewright_container.algorithms {{train|describe}} {{{names}}}", file=sys.stderr)
    return 2
