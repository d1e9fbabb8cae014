"""What actions, artifacts and contexts do alike."""

from __future__ import annotations

from dataclasses import replace

from botocore import xform_name

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.lineage import association, lineage_group
from sagewright.operations.sagemaker.noun import Noun, already_exists, resource_not_found
from sagewright.operations.table import Operations
from sagewright.resources.record import Record


def declare(title: str, kind: str, name_member: str = "") -> Noun:
    facets = {"SourceUri": "Source.SourceUri", f"{title}Type": f"{title}Type"}
    return Noun(
        title,
        kind,
        resource_not_found(title),
        already_exists(title),
        name_member=name_member,
        ignores_case=True,
        facets=facets,
        filters={name: name for name in facets},
    )


def operations_of(noun: Noun) -> Operations:
    """Everything but create, for nouns that are found by their name."""
    operations = noun.operations()

    def update(call: Call, request: Params) -> Params:
        return updated(call, noun, request)

    def delete(call: Call, request: Params) -> Params:
        return deleted(call, noun, noun.named(call, request))

    operations.add(xform_name(f"Update{noun.title}"), update)
    operations.add(xform_name(f"Delete{noun.title}"), delete)
    return operations


def created(call: Call, noun: Noun, request: Params) -> Params:
    record = noun.create(call, request, status={"LineageGroupArn": lineage_group.default_arn(call)})
    return noun.answer(call, record)


def updated(call: Call, noun: Noun, request: Params) -> Params:
    """Given properties replace those that are there; those in PropertiesToRemove go."""
    fixed = (noun.name_member, "PropertiesToRemove")
    given = {member: value for member, value in request.items() if member not in fixed}
    gone = request.get("PropertiesToRemove", ())

    def update(record: Record) -> Record:
        spec = {**record.spec, **given}
        kept = {key: value for key, value in spec.pop("Properties", {}).items() if key not in gone}
        return replace(record, spec={**spec, **({"Properties": kept} if kept else {})})

    return noun.answer(call, noun.amend(call, request[noun.name_member], update))


def deleted(call: Call, noun: Noun, record: Record) -> Params:
    def free(record: Record) -> None:
        if next(association.touching(call, record.status[noun.arn_member]), None) is not None:
            raise validation_error(
                f"{noun.title} {record.status[noun.arn_member]} has associations. Delete them first; "
                "ListAssociations names them."
            )

    noun.remove(call, record, free)
    return noun.answer(call, record)
