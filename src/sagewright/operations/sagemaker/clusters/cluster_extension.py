"""Extensions: software that is installed on a cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NoReturn, cast

from botocore.model import StructureShape

from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import listing
from sagewright.operations.sagemaker.clusters import cluster
from sagewright.operations.sagemaker.listing import equals, output_of, project
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found
from sagewright.operations.table import Operations
from sagewright.resources.arn import Arn
from sagewright.resources.record import Record

_WHAT: Final = "Extension"
NOUN: Final = Noun(
    "ClusterExtension",
    "extension",
    resource_not_found(_WHAT),
    resource_in_use(_WHAT),
    name_member="ExtensionName",
    arn_member="ExtensionArn",
    state_member="Status",
    facets={"Arn": "ExtensionArn"},
    filters={"ClusterArn": equals("ClusterArn")},
)
operations = Operations()


@operations
def create_cluster_extension(call: Call, request: Params) -> Params:
    host = cluster.NOUN.find(call, request["ClusterArn"])
    name = request["ExtensionName"]
    cluster_id = Arn.parse(request["ClusterArn"]).id
    arn = NOUN.arn(call, f"sagemaker-{cluster_id}/{name}/{call.services.ids.token(10)}")
    status = {"ExtensionVersion": request.get("ExtensionVersion", "1")}
    record = NOUN.create(
        call,
        request,
        parent=host.name,
        arn=arn,
        state="Creating",
        status=status,
        under=lambda: cluster.NOUN.find(call, host.name),
    )
    return NOUN.answer(call, record)


@operations
def list_cluster_extensions(call: Call, request: Params) -> Params:
    cluster.NOUN.find(call, request["ClusterArn"])
    return listing.page(call, request, NOUN)


@operations
def describe_cluster_extension(call: Call, request: Params) -> Params:
    record = _of_cluster(call, request)
    details = cast(StructureShape, output_of(call).members["ExtensionDetails"])
    return {"ExtensionDetails": project(NOUN.view(record), details)}


@operations
def update_cluster_extension(call: Call, request: Params) -> Params:
    record = _of_cluster(call, request)
    given: Params = {m: request[m] for m in ("ExtensionVersion", "ConfigurationValues") if m in request}

    def update(found: Record) -> Record:
        return replace(found, spec={**found.spec, **given}, status={**found.status, **given}, state="Updating")

    return NOUN.answer(call, NOUN.amend(call, record.name, update, record.key.parent))


@operations
def delete_cluster_extension(call: Call, request: Params) -> Params:
    record = _of_cluster(call, request)
    NOUN.remove(call, record)
    return NOUN.answer(call, record)


@operations
def list_cluster_extension_versions(call: Call, request: Params) -> NoReturn:
    raise NOUN.missing(request["ExtensionName"], "")


def _of_cluster(call: Call, request: Params) -> Record:
    cluster.NOUN.find(call, request["ClusterArn"])
    record = NOUN.find(call, request["ExtensionArn"])
    if record.spec["ClusterArn"] != request["ClusterArn"]:
        raise NOUN.missing(request["ExtensionArn"], request["ExtensionArn"])
    return record
