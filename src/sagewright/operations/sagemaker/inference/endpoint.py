"""Endpoints: CreateEndpoint and its kin. `controllers/endpoint.py` makes them serve.

An endpoint keeps a copy of the configuration and the models it was made from, because users delete these first.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.inference import endpoint_config, hosting, model
from sagewright.operations.sagemaker.noun import Noun, already_existing, could_not_find
from sagewright.resources.endpoint import KIND, LIFE, hosts_components, resized, with_settings
from sagewright.resources.record import Record

NOUN: Final = Noun("Endpoint", KIND, could_not_find("endpoint"), already_existing("endpoint"))
operations = NOUN.operations()


@operations
def create_endpoint(call: Call, request: Params) -> Params:
    if "DeploymentConfig" in request:
        raise validation_error("Sagewright does not do deployment configurations yet. Leave DeploymentConfig out.")
    frozen = _frozen(call, request["EndpointConfigName"])
    record = NOUN.create(call, {**request, **frozen, "generation": 1}, state="Creating")
    return {"EndpointArn": record.status["EndpointArn"]}


@operations
def update_endpoint(call: Call, request: Params) -> Params:
    refused = [m for m in ("DeploymentConfig", "RetainDeploymentConfig") if request.get(m)]
    if refused:
        raise validation_error(f"Sagewright does not do {refused[0]} yet. Leave it out.")
    frozen = _frozen(call, request["EndpointConfigName"])

    def update(record: Record) -> Record:
        if not LIFE.allows(record.state, "update"):
            raise validation_error(f'Cannot update in-progress endpoint "{record.status["EndpointArn"]}".')
        config = frozen["config"]
        hosting.refuse_without(call, record.name, config)
        if request.get("RetainAllVariantProperties"):
            excluded = {each["VariantPropertyType"] for each in request.get("ExcludeRetainedVariantProperties", ())}
            config = _retained(config, record.status.get("ProductionVariants", ()), excluded)
        spec = {
            **record.spec,
            **frozen,
            "config": config,
            "EndpointConfigName": request["EndpointConfigName"],
            "generation": record.spec["generation"] + 1,
        }
        return replace(record, spec=spec, state=LIFE.after(record.state, "update"))

    return {"EndpointArn": NOUN.amend(call, request["EndpointName"], update).status["EndpointArn"]}


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

    return {"EndpointArn": NOUN.amend(call, request["EndpointName"], update).status["EndpointArn"]}


@operations
def delete_endpoint(call: Call, request: Params) -> Params:
    def delete(record: Record) -> Record:
        hosting.refuse_while_hosting(call, record)
        return replace(record, intent="delete", state=LIFE.after(record.state, "delete"))

    NOUN.amend(call, request["EndpointName"], delete)
    return {}


def _frozen(call: Call, config_name: str) -> Params:
    """The configuration and its models as they are now."""
    config = endpoint_config.NOUN.find(call, config_name).spec
    models = {}
    for variant in config["ProductionVariants"]:
        if hosts_components(variant):
            continue
        found = model.NOUN.find(call, variant["ModelName"])
        models[found.name] = model.served(found)
    return {"config": config, "models": models}


def _retained(config: Params, current: Any, excluded: Collection[str]) -> Params:
    """The new configuration with the instance counts and weights that the endpoint has now, but for those excluded.

    Data capture is not of variants: the new configuration's counts in any case.
    """
    now = {
        variant["VariantName"]: {member: value for member, value in variant.items() if member not in excluded}
        for variant in current
    }
    variants = [with_settings(each, now.get(each["VariantName"], {})) for each in config["ProductionVariants"]]
    return {**config, "ProductionVariants": variants}
