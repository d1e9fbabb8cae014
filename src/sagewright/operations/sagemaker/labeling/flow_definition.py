"""Flow definitions: when and by whom a prediction is reviewed (Augmented AI)."""

from __future__ import annotations

from typing import Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.labeling import human_task_ui, workteam
from sagewright.operations.sagemaker.noun import Noun, refuse_while, resource_in_use, resource_not_found
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources.record import Record

NOUN: Final = Noun(
    "FlowDefinition",
    "flow-definition",
    resource_not_found("Flow definition"),
    resource_in_use("Flow definition"),
    facets={"WorkteamArn": "HumanLoopConfig.WorkteamArn", "HumanTaskUiArn": "HumanLoopConfig.HumanTaskUiArn"},
)
operations = NOUN.operations()


@operations
def create_flow_definition(call: Call, request: Params) -> Params:
    check_role(call, request["RoleArn"])
    if "HumanLoopConfig" not in request:
        raise validation_error("HumanLoopConfig is required: it says who reviews, and on which page.")
    if "HumanLoopActivationConfig" in request and "HumanLoopRequestSource" not in request:
        raise validation_error("HumanLoopActivationConfig needs a HumanLoopRequestSource that it reacts to.")
    workteam.NOUN.find(call, request["HumanLoopConfig"]["WorkteamArn"])
    human_task_ui.NOUN.find(call, request["HumanLoopConfig"]["HumanTaskUiArn"])
    return NOUN.answer(call, NOUN.create(call, request, state="Active"))


@operations
def delete_flow_definition(call: Call, request: Params) -> Params:
    def check(record: Record) -> None:
        used = AwsError("ResourceInUse", f"The flow definition {record.name} has human loops. Stop and delete them.")
        refuse_while(call, used, "human-loop", facets={"FlowDefinitionArn": record.status["FlowDefinitionArn"]})

    NOUN.remove(call, NOUN.named(call, request), check)
    return {}
