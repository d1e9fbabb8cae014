"""The registry of a region: logging in, and its settings."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AlreadyExists, validation_error
from sagewright.dataplane.images.mutability import matches
from sagewright.dataplane.images.values import NoSuchRepository, Repository
from sagewright.operations.call import Call, Params
from sagewright.operations.ecr import tickets
from sagewright.operations.ecr.common import registry_host
from sagewright.operations.ecr.refusals import invalid
from sagewright.operations.table import Operations
from sagewright.resources.ecr import registry_key, repository_arn
from sagewright.resources.record import Record
from sagewright.store.base import Store

operations = Operations()

_LOGIN: Final = 12 * 3600.0
_SETTINGS: Final[Mapping[str, tuple[str, ...]]] = {
    # By name: the values that can be had; the first is how it is from the start.
    "BASIC_SCAN_TYPE_VERSION": ("AWS_NATIVE",),
    "BLOB_MOUNTING": ("ENABLED", "DISABLED"),
    "REGISTRY_POLICY_SCOPE": ("V2",),
}


@operations
def get_authorization_token(call: Call, request: Params) -> Params:
    """What `docker login` takes: the user AWS, and a ticket as the password."""
    for asked in request.get("registryIds", ()):
        if asked != call.account:
            raise invalid("registryIds", f"there is no registry {asked} here, only {call.account}: leave it out")
    ticket, expires = tickets.issue(call, tickets.LOGIN, _LOGIN)
    return {
        "authorizationData": [
            {
                "authorizationToken": base64.b64encode(f"{tickets.USER}:{ticket}".encode()).decode(),
                "expiresAt": expires,
                "proxyEndpoint": f"{call.host.partition('://')[0]}://{registry_host(call)}",
            }
        ]
    }


@operations
def describe_registry(call: Call, _request: Params) -> Params:
    return {"registryId": call.account, "replicationConfiguration": {"rules": []}}


# Settings, in one record.


def setting(call: Call, name: str) -> Any:
    """A setting of the registry; None where it was never set."""
    record = call.store.get(registry_key(call.account, call.region))
    return None if record is None else record.spec.get(name)


def changed(call: Call, settings: Mapping[str, Any]) -> None:
    """Put settings over those that are there; None takes one away."""

    def merged(record: Record) -> Record:
        spec = {**record.spec, **settings}
        return replace(record, spec={name: value for name, value in spec.items() if value is not None})

    key = registry_key(call.account, call.region)
    if call.store.get(key) is None:
        record = Record(key, uid=call.services.ids.uuid(), created=call.now, modified=call.now)
        try:
            call.store.create(merged(record))
            return
        except AlreadyExists:
            pass
    call.store.amend(key, lambda known: replace(merged(known), modified=call.now))


@operations
def get_account_setting(call: Call, request: Params) -> Params:
    name = request["name"]
    return {"name": name, "value": account_setting(call, name)}


def account_setting(call: Call, name: str) -> str:
    """Raises AwsError for a setting that there is not."""
    if name not in _SETTINGS:
        raise validation_error(f"There is no account setting {name[:100]!r}, only {', '.join(_SETTINGS)}.")
    value: str = (setting(call, "Account") or {}).get(name, _SETTINGS[name][0])
    return value


def blobs_are_mounted(store: Store, account: str, region: str) -> bool:
    """Whether a push may take layers from other repositories."""
    record = store.get(registry_key(account, region))
    return record is None or record.spec.get("Account", {}).get("BLOB_MOUNTING") != "DISABLED"


@operations
def put_account_setting(call: Call, request: Params) -> Params:
    name, value = request["name"], request["value"]
    account_setting(call, name)
    if value not in _SETTINGS[name]:
        can = " or ".join(_SETTINGS[name])
        raise validation_error(f"Sagewright does not take {value[:100]!r} for {name}: it can be {can}.")
    changed(call, {"Account": {**(setting(call, "Account") or {}), name: value}})
    return {"name": name, "value": value}


@operations
def get_registry_scanning_configuration(call: Call, _request: Params) -> Params:
    return {"registryId": call.account, "scanningConfiguration": _scanning(call)}


def _scanning(call: Call) -> Params:
    found: Params = setting(call, "Scanning") or {"scanType": "BASIC", "rules": []}
    return found


@operations
def put_registry_scanning_configuration(call: Call, request: Params) -> Params:
    """Kept as a setting: nothing scans here, and StartImageScan says so."""
    if request.get("scanType", "BASIC") != "BASIC":
        raise validation_error("Sagewright does not scan images: only the scanType BASIC can be kept as a setting.")
    rules = request.get("rules", [])
    if any(rule["scanFrequency"] == "CONTINUOUS_SCAN" for rule in rules):
        raise validation_error("CONTINUOUS_SCAN goes with the scanType ENHANCED, which Sagewright does not have.")
    configuration = {"scanType": "BASIC", "rules": rules}
    changed(call, {"Scanning": configuration})
    return {"registryScanningConfiguration": configuration}


@operations
def batch_get_repository_scanning_configuration(call: Call, request: Params) -> Params:
    found, failures = [], []
    rules = _scanning(call)["rules"]
    for name in dict.fromkeys(request["repositoryNames"]):
        try:
            record = call.services.images.repository(Repository(call.region, name))
        except NoSuchRepository:
            reason = f"The repository with name '{name}' does not exist in the registry with id '{call.account}'"
            failures.append({"repositoryName": name, "failureCode": "REPOSITORY_NOT_FOUND", "failureReason": reason})
            continue
        found.append(_scanning_of(call, record, rules))
    return {"scanningConfigurations": found, "failures": failures}


def _scanning_of(call: Call, record: Record, rules: list[Params]) -> Params:
    applied = [
        (rule["scanFrequency"], each)
        for rule in rules
        for each in rule["repositoryFilters"]
        if matches(each["filter"], record.name)
    ]
    on_push = record.spec["imageScanningConfiguration"]["scanOnPush"] or any(
        frequency == "SCAN_ON_PUSH" for frequency, _ in applied
    )
    return {
        "repositoryArn": repository_arn(call.region, call.account, record.name),
        "repositoryName": record.name,
        "scanOnPush": on_push,
        "scanFrequency": "SCAN_ON_PUSH" if on_push else "MANUAL",
        "appliedScanFilters": [each for _, each in applied],
    }
