"""What the two ways to share a cluster have in common: an id, and a version that every update counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from botocore import xform_name

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.clusters import cluster
from sagewright.operations.sagemaker.listing import contains, output_of, project
from sagewright.operations.sagemaker.noun import Noun, resource_in_use, resource_not_found
from sagewright.operations.table import Operations
from sagewright.resources.record import Record


def declare(title: str, kind: str, what: str) -> Noun:
    return Noun(
        title,
        kind,
        resource_not_found(what),
        resource_in_use(what),
        name_member=f"{title}Id",
        state_member="Status",
        facets={"ClusterArn": "ClusterArn"},
        filters={"ClusterArn": "ClusterArn", "NameContains": contains("Name")},
        sorts={"Name": "Name", "ClusterArn": "ClusterArn"},
    )


def operations_of(noun: Noun) -> Operations:
    operations = Operations()
    for verb, handler in (("Create", _creator), ("Describe", _describer), ("Update", _updater)):
        operations.add(xform_name(f"{verb}{noun.title}"), handler(noun))
    operations.add(xform_name(f"List{noun.title}s"), noun.list)
    operations.add(xform_name(f"Delete{noun.title}"), noun.delete)
    return operations


Handler = Callable[[Call, Params], Params]


def _creator(noun: Noun) -> Handler:
    def create(call: Call, request: Params) -> Params:
        host = cluster.NOUN.find(call, request["ClusterArn"])
        made = call.services.ids.token(12)
        status = {noun.name_member: made, f"{noun.title}Version": 1}
        record = noun.create(
            call,
            request,
            name=made,
            state="Created",
            status=status,
            under=lambda: cluster.NOUN.find(call, host.name),
        )
        return noun.answer(call, record)

    return create


def _describer(noun: Noun) -> Handler:
    def describe(call: Call, request: Params) -> Params:
        record = noun.named(call, request)
        newest = record.status[f"{noun.title}Version"]
        if request.get(f"{noun.title}Version", newest) != newest:
            raise AwsError("ResourceNotFound", f"Only version {newest} of {record.name} is kept.")
        return project(noun.view(record), output_of(call))

    return describe


def _updater(noun: Noun) -> Handler:
    version = f"{noun.title}Version"

    def update(call: Call, request: Params) -> Params:
        given = {m: value for m, value in request.items() if m not in (noun.name_member, "TargetVersion")}

        def change(record: Record) -> Record:
            if request["TargetVersion"] != record.status[version]:
                raise validation_error(
                    f"TargetVersion is {request['TargetVersion']}, but the newest version is {record.status[version]}. "
                    "Describe it, and decide again."
                )
            status = {**record.status, version: record.status[version] + 1}
            return replace(record, spec={**record.spec, **given}, status=status, state="Updated")

        return noun.answer(call, noun.amend(call, request[noun.name_member], change))

    return update
