"""Inference experiments: a shadow variant is tried with the requests of an endpoint.

`controllers/inference_experiment.py` runs them. Models are copied into the experiment when it names them, as endpoints
do it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.dataplane.objects.values import split_uri
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.inference import endpoint, model
from sagewright.operations.sagemaker.listing import equals, output_of, project
from sagewright.operations.sagemaker.noun import Noun, refuse_while, resource_in_use, resource_not_found
from sagewright.operations.sagemaker.roles import check_role
from sagewright.operations.table import brief
from sagewright.resources.inference_experiment import (
    DEFAULT_DURATION,
    KIND,
    LIFE,
    LONGEST,
    OVER,
    models,
    problem,
    source,
    statuses,
)
from sagewright.resources.model import mode
from sagewright.resources.record import Record

_UNDER_WAY: Final = sorted({state for state, _ in LIFE.transitions})


def _seen(record: Record) -> Params:
    begun, over = record.status.get("started"), record.status.get("CompletionTime")
    return {
        "Arn": record.status["InferenceExperimentArn"],
        "EndpointMetadata": {"EndpointName": record.spec["EndpointName"]},
        "ModelVariants": statuses(record),
        "Schedule": {
            **record.spec["Schedule"],
            **({} if begun is None else {"StartTime": begun}),
            **({} if over is None else {"EndTime": over}),
        },
    }


NOUN: Final = Noun(
    "InferenceExperiment",
    KIND,
    resource_not_found("Inference experiment"),
    resource_in_use("Inference experiment"),
    name_member="Name",
    state_member="Status",
    facets={"EndpointName": "EndpointName"},
    filters={"Type": equals("Type")},
    also=_seen,
)
operations = NOUN.operations(but=("describe_inference_experiment",))


@operations
def create_inference_experiment(call: Call, request: Params) -> Params:
    check_role(call, request["RoleArn"])
    serves = endpoint.NOUN.find(call, request["EndpointName"])
    spec = {**request, "Schedule": _schedule(call, request.get("Schedule", {}))}
    spec["models"] = _checked(call, spec)
    production = {each["VariantName"]: each.get("ModelName") for each in serves.spec["config"]["ProductionVariants"]}
    variant = next(each for each in spec["ModelVariants"] if each["VariantName"] == source(spec))
    if production != {variant["VariantName"]: variant["ModelName"]}:
        wanted = f"{variant['VariantName']} with model {variant['ModelName']}"
        raise validation_error(f"The endpoint must have one production variant: {wanted}.")
    config = serves.spec["config"]
    if "AsyncInferenceConfig" in config or "ServerlessConfig" in config["ProductionVariants"][0]:
        raise validation_error(
            "Inference experiments are for real-time endpoints, not asynchronous or serverless ones."
        )
    refusal = AwsError("ResourceInUse", f"The endpoint {serves.name} has an inference experiment that is not over.")
    refuse_while(call, refusal, NOUN, facets={"EndpointName": serves.name}, states=_UNDER_WAY)
    return NOUN.answer(call, NOUN.create(call, spec, state="Creating"))


@operations
@brief
def describe_inference_experiment(call: Call, request: Params) -> Params:
    record = NOUN.named(call, request)
    view = NOUN.view(record)
    found = call.store.get(call.key(endpoint.NOUN.kind, record.spec["EndpointName"]))
    if found is not None:
        seen = endpoint.NOUN.view(found)
        told = {m: seen[m] for m in ("EndpointConfigName", "EndpointStatus", "FailureReason") if m in seen}
        view["EndpointMetadata"] = {**view["EndpointMetadata"], **told}
    return project(view, output_of(call))


@operations
def start_inference_experiment(call: Call, request: Params) -> Params:
    def start(record: Record) -> Record:
        schedule = {**record.spec["Schedule"], "StartTime": call.now}
        return replace(
            record, state=_after(record, "start"), spec={**record.spec, "Schedule": _schedule(call, schedule)}
        )

    return NOUN.answer(call, NOUN.amend(call, request["Name"], start))


@operations
def update_inference_experiment(call: Call, request: Params) -> Params:
    def update(record: Record) -> Record:
        if record.state not in ("Created", "Running"):
            raise _conflict(record)
        spec = {**record.spec, **{member: value for member, value in request.items() if member != "Name"}}
        if "Schedule" in request:
            spec["Schedule"] = _rescheduled(call, record, request["Schedule"])
        spec["ModelVariants"] = _merged(record.spec["ModelVariants"], request.get("ModelVariants", ()))
        spec["models"] = {**record.spec["models"], **_checked(call, spec)}
        deployed = {"ModelVariants", "ShadowModeConfig", "DataStorageConfig"} & set(request)
        if record.state == "Created" or not deployed:
            return replace(record, spec=spec)
        spec["revision"] = record.spec.get("revision", 0) + 1
        return replace(record, spec=spec, state=_after(record, "update"))

    return NOUN.answer(call, NOUN.amend(call, request["Name"], update))


@operations
def stop_inference_experiment(call: Call, request: Params) -> Params:
    asked = {member: value for member, value in request.items() if member != "Name"}

    def stop(record: Record) -> Record:
        state = _after(record, "stop")
        spec = {**record.spec, "stop": asked, "revision": record.spec.get("revision", 0) + 1}
        spec["models"] = {**record.spec["models"], **_checked(call, spec)}
        return replace(record, spec=spec, state=state, intent="stop")

    return NOUN.answer(call, NOUN.amend(call, request["Name"], stop))


@operations
def delete_inference_experiment(call: Call, request: Params) -> Params:
    def check(record: Record) -> None:
        if record.state not in OVER:
            raise AwsError("ConflictException", f"The inference experiment is {record.state}. Stop it first.")

    record = NOUN.named(call, request)
    NOUN.remove(call, record, check)
    return NOUN.answer(call, record)


def _after(record: Record, event: str) -> str:
    """The state that follows, where a client may ask for it now."""
    if not LIFE.allows(record.state, event):
        raise _conflict(record)
    return LIFE.after(record.state, event)


def _conflict(record: Record) -> AwsError:
    return AwsError(
        "ConflictException", f"The inference experiment {record.name} is {record.state}: it cannot do that."
    )


def _checked(call: Call, spec: Params) -> Params:
    """The models that an experiment names, by name. Raises what is wrong with it."""
    found = problem(spec)
    if found is not None:
        raise validation_error(found)
    if "DataStorageConfig" in spec:
        try:
            split_uri(spec["DataStorageConfig"]["Destination"])
        except ValueError as error:
            raise validation_error(f"Destination of DataStorageConfig: {error}.") from None
    served: dict[str, Any] = {}
    for name in sorted(models(spec) - set(spec.get("models", ()))):
        served[name] = model.served(model.NOUN.find(call, name))
        if mode(served[name]) != "single":
            raise validation_error(f"Model {name} has several containers or models: it cannot be in an experiment.")
    return served


def _schedule(call: Call, asked: Params) -> Params:
    """Begin and end, in epoch seconds: now and a week later, where nothing is said."""
    start = max(asked.get("StartTime", call.now), call.now)
    end = asked.get("EndTime", start + DEFAULT_DURATION)
    if end <= start:
        raise validation_error("Schedule: EndTime must lie in the future, and after StartTime.")
    if end - start > LONGEST:
        raise validation_error("Schedule: an inference experiment lasts 30 days at most.")
    return {"StartTime": start, "EndTime": end}


def _rescheduled(call: Call, record: Record, asked: Params) -> Params:
    """The schedule after an update: of one that runs, only the end may change."""
    if record.state == "Created":
        return _schedule(call, {**record.spec["Schedule"], **asked})
    if "StartTime" in asked:
        raise validation_error("Schedule: the experiment runs already, so only its EndTime may change.")
    begun = record.spec["Schedule"]["StartTime"]
    end = _schedule(call, asked)["EndTime"]
    if end - begun > LONGEST:
        raise validation_error("Schedule: an inference experiment lasts 30 days at most.")
    return {"StartTime": begun, "EndTime": end}


def _merged(variants: Any, changed: Any) -> Any:
    """The variants, with those in place of the old that have the same name; another name is one too many."""
    new = {each["VariantName"]: each for each in changed}
    kept = [new.pop(each["VariantName"], each) for each in variants]
    return [*kept, *new.values()]
