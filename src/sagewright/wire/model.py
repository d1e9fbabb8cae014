"""The service models: botocore's own, without their prose, mended by `patches.json`.

Everything that must know a shape asks here; nobody copies field lists by hand.

`patches.json` maps a botocore service name to a list of changes that are applied in order to the model as
botocore ships it. A change is one of RFC 6902's `add`, `replace`, `remove`, plus a `why` that says where the
knowledge comes from:

    {"op": "remove", "path": "/shapes/InstanceType/enum", "why": "…"}

`path` is a JSON pointer (RFC 6901). A change that does not fit the model raises `KeyError` when the model is
loaded, so a new botocore that has mended the fault itself is noticed by the first test.
"""

from __future__ import annotations

import gc
import gzip
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import botocore
import orjson
from botocore.model import ServiceModel

_DATA: Final = Path(botocore.__file__).parent / "data"
_PATCHES: Final = Path(__file__).with_name("patches.json")
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Service:
    """How a service is told apart on the wire, known without loading its model."""

    name: str
    """botocore's name, as `boto3.client(name)` takes it."""
    signing_name: str
    """The service field of its SigV4 scope. The SageMaker family shares one."""
    target_prefix: str | None
    """What stands before the dot in `X-Amz-Target`; None for protocols without that header."""
    protocols: tuple[str, ...]
    """All that the service speaks, in botocore's order of preference."""
    validation_code: str = "ValidationException"
    """The code under which it reports constraint violations."""


_REST_JSON = ("rest-json",)
_JSON = ("json",)
_QUERY = ("query",)
_CBOR_JSON = ("smithy-rpc-v2-cbor", "json")

_TABLE: Final = (
    # Add a service here; tests/unit/wire/test_model.py compares every row with botocore's model.
    Service("sagemaker", "sagemaker", "SageMaker", _JSON),
    Service("sagemaker-runtime", "sagemaker", None, _REST_JSON, "ValidationError"),
    Service("sagemaker-featurestore-runtime", "sagemaker", None, _REST_JSON, "ValidationError"),
    Service("sagemaker-metrics", "sagemaker", None, _REST_JSON),
    Service("sagemaker-a2i-runtime", "sagemaker", None, _REST_JSON),
    Service("sagemaker-edge", "sagemaker", None, _REST_JSON),
    Service("sagemaker-geospatial", "sagemaker-geospatial", None, _REST_JSON),
    Service("s3", "s3", None, ("rest-xml",), "InvalidArgument"),
    Service("sts", "sts", None, _QUERY, "ValidationError"),
    Service("iam", "iam", None, _QUERY, "ValidationError"),
    Service("logs", "logs", "Logs_20140328", _JSON, "InvalidParameterException"),
    Service(
        "cloudwatch",
        "monitoring",
        "GraniteServiceVersion20100801",
        ("smithy-rpc-v2-cbor", "json", "query"),
        "ValidationError",
    ),
    Service("ce", "ce", "AWSInsightsIndexService", _JSON),
    Service("ecr", "ecr", "AmazonEC2ContainerRegistry_V20150921", _JSON, "InvalidParameterException"),
    Service("application-autoscaling", "application-autoscaling", "AnyScaleFrontendService", _JSON),
    Service("athena", "athena", "AmazonAthena", _JSON, "InvalidRequestException"),
    Service("glue", "glue", "AWSGlue", _JSON),
    Service("events", "events", "AWSEvents", _JSON),
    Service("scheduler", "scheduler", None, _REST_JSON),
    Service("lambda", "lambda", None, _REST_JSON),
    Service("kms", "kms", "TrentService", _JSON),
    Service("secretsmanager", "secretsmanager", "secretsmanager", _JSON),
    Service("ssm", "ssm", "AmazonSSM", _JSON),
    Service("sns", "sns", None, _QUERY, "ValidationError"),
    Service("sqs", "sqs", "AmazonSQS", _JSON),
    Service("stepfunctions", "states", "AWSStepFunctions", _JSON),
    Service("ec2", "ec2", None, ("ec2",), "ValidationError"),
    Service("cloudformation", "cloudformation", None, _QUERY, "ValidationError"),
    Service("ram", "ram", None, _REST_JSON, "InvalidParameterException"),
    Service("resource-groups", "resource-groups", None, _REST_JSON),
    Service("resourcegroupstaggingapi", "tagging", "ResourceGroupsTaggingAPI_20170126", _CBOR_JSON),
    Service("service-quotas", "servicequotas", "ServiceQuotasV20190624", _JSON, "IllegalArgumentException"),
    Service("servicecatalog", "servicecatalog", "AWS242ServiceCatalogService", _CBOR_JSON),
    Service("codecommit", "codecommit", "CodeCommit_20150413", _JSON),
    Service("sso-admin", "sso", "SWBExternalService", _JSON),
    Service("identitystore", "identitystore", "AWSIdentityStore", _JSON),
    Service("efs", "elasticfilesystem", None, _REST_JSON, "BadRequest"),
    Service("cognito-idp", "cognito-idp", "AWSCognitoIdentityProviderService", _JSON, "InvalidParameterException"),
)

SERVICES: Final[dict[str, Service]] = {row.name: row for row in _TABLE}
"""Every service whose requests the server recognises, by botocore name."""


def service(name: str) -> ServiceModel:
    """The patched model of a service, by botocore name; loaded on first use and shared (thread-safe).

    Raises `KeyError` when botocore has no such service. The model carries no `documentation`.
    """
    with _lock:
        return _load(name)


@cache
def _load(name: str) -> ServiceModel:
    folder = _DATA / name
    versions = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    if not versions:
        raise KeyError(f"botocore knows no service {name!r}")
    newest = folder / versions[-1]
    description = _read(newest / "service-2.json")
    extras = newest / "service-2.sdk-extras.json"
    if extras.is_file():
        _merge(description, orjson.loads(extras.read_bytes()).get("merge", {}))
    for change in _patches().get(name, ()):
        _apply(description, change)
    gc.freeze()  # it stays: the collector, which would stop a server for it, need not look at it again
    return ServiceModel(description, name)


@cache
def _patches() -> dict[str, list[dict[str, Any]]]:
    patches: dict[str, list[dict[str, Any]]] = orjson.loads(_PATCHES.read_bytes())
    return patches


def _read(path: Path) -> dict[str, Any]:
    packed = path.with_name(path.name + ".gz")
    raw = gzip.decompress(packed.read_bytes()) if packed.is_file() else path.read_bytes()
    description: dict[str, Any] = orjson.loads(raw)
    _drop_prose(description)
    return description


def _drop_prose(node: Any) -> None:
    """Deletes documentation strings in place: half of a model's memory, and nothing reads them here."""
    if type(node) is dict:
        # A structure may have a *member* called documentation: its value is a dict, and stays.
        if type(node.get("documentation")) is str:
            del node["documentation"]
        for child in node.values():
            _drop_prose(child)
    elif type(node) is list:
        for child in node:
            _drop_prose(child)


def _merge(into: dict[str, Any], extra: dict[str, Any]) -> None:
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _apply(document: dict[str, Any], change: dict[str, Any]) -> None:
    steps = [step.replace("~1", "/").replace("~0", "~") for step in change["path"].split("/")[1:]]
    parent: Any = document
    for step in steps[:-1]:
        parent = parent[int(step)] if isinstance(parent, list) else parent[step]
    last = steps[-1]
    match change["op"], parent:
        case "add", list():
            parent.insert(len(parent) if last == "-" else int(last), change["value"])
        case "add", dict():
            parent[last] = change["value"]
        case "replace", dict():
            if last not in parent:
                raise KeyError(f"{change['path']}: nothing to replace")
            parent[last] = change["value"]
        case "remove", dict():
            del parent[last]
        case "remove", list():
            parent.pop(int(last))
        case op, _:
            raise ValueError(f"unknown operation {op!r} in patches.json")
