"""What the four kinds of monitoring job definitions have in common; each has a file with its name."""

from __future__ import annotations

from collections.abc import Callable

from botocore import xform_name

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import at
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found
from sagewright.operations.sagemaker.roles import check_role
from sagewright.operations.table import Operations
from sagewright.resources.record import Record

_ENDPOINT = "EndpointInput.EndpointName"


def declare(kind: str) -> Noun:
    """The noun of a kind of definition: `DataQuality`, `ModelQuality`, `ModelBias`, `ModelExplainability`."""
    job_input = f"{kind}JobInput"

    def summarised(record: Record) -> Params:
        return {
            "MonitoringJobDefinitionName": record.name,
            "MonitoringJobDefinitionArn": record.status["JobDefinitionArn"],
            "EndpointName": at(record.spec, f"{job_input}.{_ENDPOINT}"),
        }

    title = f"{kind}JobDefinition"
    return Noun(
        title,
        xform_name(title).replace("_", "-"),
        resource_not_found("Job definition"),
        resource_in_use("Job definition"),
        name_member="JobDefinitionName",
        arn_member="JobDefinitionArn",
        facets={"EndpointName": "EndpointName"},
        filters={"EndpointName": "EndpointName"},
        also=summarised,
    )


def operations_of(noun: Noun) -> Operations:
    operations = noun.operations(delete=True)
    operations.add(xform_name(f"Create{noun.title}"), _creator(noun))
    return operations


def _creator(noun: Noun) -> Callable[[Call, Params], Params]:
    job_input = f"{noun.title.removesuffix('JobDefinition')}JobInput"

    def create(call: Call, request: Params) -> Params:
        check_role(call, request["RoleArn"])
        if ("EndpointInput" in request[job_input]) == ("BatchTransformInput" in request[job_input]):
            raise validation_error(f"{job_input} must hold exactly one of EndpointInput and BatchTransformInput.")
        return noun.answer(call, noun.create(call, request))

    return create
