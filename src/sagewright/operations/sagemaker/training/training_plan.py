"""Training plans: capacity bought ahead. None is sold here, so there are none to describe."""

from __future__ import annotations

from typing import Any, Final

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import at
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found


def _starts_after(view: Params, wanted: Any) -> bool:
    return bool(view.get("StartTime", 0) > wanted)


def _starts_before(view: Params, wanted: Any) -> bool:
    return bool(view.get("StartTime", 0) < wanted)


def _passes(view: Params, wanted: Any) -> bool:
    """Each filter is a name (Status) and a value."""
    return all(at(view, each["Name"]) == each["Value"] for each in wanted)


NOUN: Final = Noun(
    "TrainingPlan",
    "training-plan",
    resource_not_found("Training plan"),
    resource_in_use("Training plan"),
    state_member="Status",
    filters={"StartTimeAfter": _starts_after, "StartTimeBefore": _starts_before, "Filters": _passes},
    sorts={"TrainingPlanName": "TrainingPlanName", "StartTime": "StartTime", "Status": "Status"},
)
operations = NOUN.operations()


@operations
def create_training_plan(call: Call, request: Params) -> Params:
    return NOUN.answer(call, NOUN.create(call, request, state="Pending"))


@operations
def extend_training_plan(call: Call, request: Params) -> Params:
    raise resource_not_found("Training plan extension offering")(request["TrainingPlanExtensionOfferingId"], "")


@operations
def describe_training_plan_extension_history(call: Call, request: Params) -> Params:
    NOUN.find(call, request["TrainingPlanArn"])
    return {"TrainingPlanExtensions": []}


@operations
def search_training_plan_offerings(call: Call, request: Params) -> Params:
    return {"TrainingPlanOfferings": []}
