"""Endpoints: CreateEndpoint and its kin. `controllers/endpoint.py` makes them serve.

An endpoint keeps a copy of the configuration and the models it was made from, because users delete these first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import quotas
from sagewright.operations.sagemaker.inference import endpoint_config, hosting, model
from sagewright.operations.sagemaker.noun import Noun, already_existing, could_not_find
from sagewright.resources.alarm import COMPOSITE, METRIC
from sagewright.resources.deployment import problem
from sagewright.resources.endpoint import (
    KIND,
    LIFE,
    counts,
    hosts_components,
    resized,
    updated,
    variants,
    with_settings,
)
from sagewright.resources.owner import OWNER, owner_of
from sagewright.resources.record import Record
from sagewright.resources.scaling import targets_of


def _last_deployment(record: Record) -> Params:
    return {"LastDeploymentConfig": record.spec["DeploymentConfig"]} if "DeploymentConfig" in record.spec else {}


NOUN: Final = Noun("Endpoint", KIND, could_not_find("endpoint"), already_existing("endpoint"), also=_last_deployment)
operations = NOUN.operations()


@operations
def create_endpoint(call: Call, request: Params) -> Params:
    frozen = _frozen(call, request["EndpointConfigName"])
    _check_deployment(call, request.get("DeploymentConfig", {}), frozen["config"])
    record = NOUN.create(
        call,
        {**request, **frozen, "generation": 1},
        state="Creating",
        status={OWNER: owner_of(call.principal.arn)},
        beside=lambda record: quotas.taken(call, record),
    )
    return {"EndpointArn": record.status["EndpointArn"]}


@operations
def update_endpoint(call: Call, request: Params) -> Params:
    name = request["EndpointConfigName"]
    frozen = _frozen(call, name)

    def update(record: Record) -> Record:
        if not LIFE.allows(record.state, "update"):
            raise validation_error(f'Cannot update in-progress endpoint "{record.status["EndpointArn"]}".')
        config: Mapping[str, Any] = frozen["config"]
        _check_scaled(call, record, config)
        hosting.refuse_without(call, record.name, config)
        if request.get("RetainAllVariantProperties"):
            config = _retained(config, record.status, request.get("ExcludeRetainedVariantProperties", ()))
        deployment = request.get("DeploymentConfig")
        if deployment is None and request.get("RetainDeploymentConfig"):
            deployment = record.spec.get("DeploymentConfig")
        _check_deployment(call, deployment or {}, config)
        return updated(record, {**frozen, "config": config}, name, deployment)

    return {"EndpointArn": _amended(call, request, update).status["EndpointArn"]}


@operations
def update_endpoint_weights_and_capacities(call: Call, request: Params) -> Params:
    wanted = {each["VariantName"]: each for each in request["DesiredWeightsAndCapacities"]}

    def update(record: Record) -> Record:
        if record.state != "InService":
            raise validation_error(f'Cannot update in-progress endpoint "{record.status["EndpointArn"]}".')
        try:
            return resized(record, wanted)
        except LookupError as error:
            raise validation_error(f"The endpoint has no variant named {error.args[0]}.") from None
        except ValueError as error:
            raise validation_error(str(error)) from None

    return {"EndpointArn": _amended(call, request, update).status["EndpointArn"]}


@operations
def delete_endpoint(call: Call, request: Params) -> Params:
    def delete(record: Record) -> Record:
        hosting.refuse_while_hosting(call, record)
        return replace(record, intent="delete", state=LIFE.after(record.state, "delete"))

    NOUN.amend(call, request["EndpointName"], delete)
    return {}


def _amended(call: Call, request: Params, update: Callable[[Record], Record]) -> Record:
    """The endpoint as it is to be from now on, within its quotas."""
    return NOUN.amend(call, request["EndpointName"], update, beside=lambda record: quotas.taken(call, record))


def _frozen(call: Call, config_name: str) -> Params:
    """The configuration and its models as they are now."""
    config = endpoint_config.NOUN.find(call, config_name).spec
    models = {}
    for variant in variants(config):
        if hosts_components(variant):
            continue
        found = model.NOUN.find(call, variant["ModelName"])
        models[found.name] = model.served(found)
    return {"config": config, "models": models}


def _check_scaled(call: Call, record: Record, config: Mapping[str, Any]) -> None:
    """Raises AwsError for an update that takes away or replaces what Application Auto Scaling scales."""
    kept = {each["VariantName"]: each.get("InstanceType") for each in config["ProductionVariants"]}
    for variant in record.spec["config"]["ProductionVariants"]:
        name = variant["VariantName"]
        if kept.get(name, "") == variant.get("InstanceType"):
            continue
        targets = [target for key in targets_of(record.key, name) if (target := call.store.get(key)) is not None]
        if any(target.status["resource"] == record.uid for target in targets):
            raise validation_error(
                f'The variant(s) "{name}" must be deregistered as a scalable target with AWS Auto Scaling before they '
                "can be removed or have their instance type updated."
            )


def _check_deployment(call: Call, deployment: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Raise what is wrong with a deployment configuration."""
    found = problem(deployment, counts(config))
    if found is not None:
        raise validation_error(found)
    for alarm in deployment.get("AutoRollbackConfiguration", {}).get("Alarms", ()):
        if all(call.store.get(call.key(kind, alarm["AlarmName"])) is None for kind in (METRIC, COMPOSITE)):
            raise validation_error(
                f"The CloudWatch alarm {alarm['AlarmName']} of AutoRollbackConfiguration does not exist."
            )


def _retained(config: Mapping[str, Any], status: Mapping[str, Any], excluded: Sequence[Params]) -> Mapping[str, Any]:
    """The new configuration with the instance counts and weights that the endpoint has now, but for those excluded.

    Data capture is not of variants: the new configuration's counts in any case.
    """
    now = {each["VariantName"]: each for each in variants(status)}
    return with_settings(config, now, {each["VariantPropertyType"] for each in excluded})
