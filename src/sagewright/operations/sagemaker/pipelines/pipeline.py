"""Pipelines. What one does is its definition, which its versions hold; its record counts them and knows their aliases.

Another definition makes a new version. Everything else that an update changes is the pipeline's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sagewright.base.errors import AlreadyExists, AwsError, validation_error
from sagewright.dataplane.objects.values import NoSuchVersion, ObjectsError
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker.listing import output_of, project
from sagewright.operations.sagemaker.noun import Noun, refuse_while, resource_not_found, together
from sagewright.operations.sagemaker.pipelines import definition
from sagewright.operations.sagemaker.roles import check_role
from sagewright.resources.record import Record
from sagewright.store.base import Query, Write

VERSION: Final = "pipeline-version"
EXECUTION: Final = "pipeline/execution"
MOST_ALIASES: Final = 10
_DIGITS: Final = 9
_LARGEST: Final = 1_048_576
"""Bytes of a definition."""


def _exists(name: str, arn: str) -> AwsError:
    # The SDKs look for either half of this sentence before they turn to UpdatePipeline.
    return validation_error(
        "Pipeline names must be unique within an AWS account and region. "
        f"A pipeline named {name} already exists ({arn})."
    )


NOUN: Final = Noun(
    "Pipeline",
    "pipeline",
    resource_not_found("Pipeline"),
    _exists,
    filters={
        "PipelineNamePrefix": lambda view, prefix: bool(view["PipelineName"].startswith(prefix)),
        "ManagedBy": lambda _view, who: bool(who == "CUSTOMER"),
    },
    also=lambda record: {"LastExecutionTime": record.status.get("LastRunTime")},
)
operations = NOUN.operations(but=("describe_pipeline",))

_FOR_VERSIONS: Final = (
    "PipelineDefinition",
    "PipelineDefinitionS3Location",
    "PipelineVersionAliases",
)


@operations
def create_pipeline(call: Call, request: Params) -> Params:
    check_role(call, request["RoleArn"])
    text = _definition(call, request)
    if text is None:
        raise validation_error("One of PipelineDefinition and PipelineDefinitionS3Location must be given.")
    aliases = with_more({}, request.get("PipelineVersionAliases", ()), 1)
    own = {member: value for member, value in request.items() if member not in _FOR_VERSIONS}
    record = NOUN.new(call, own, state="Active", status={"versions": 1, "aliases": aliases})
    try:
        together(call.store, lambda: (("create", record), ("create", _new_version(call, record, text))))
    except AlreadyExists:
        earlier = NOUN.named(call, request)
        if earlier.spec.get("ClientRequestToken") != request["ClientRequestToken"]:
            raise _exists(record.name, record.status["PipelineArn"]) from None
    return NOUN.answer(call, record)


@operations
def describe_pipeline(call: Call, request: Params) -> Params:
    record = NOUN.named(call, request)
    number = chosen(record, request)
    found = version(call, record, number)
    shown = {**NOUN.view(record), **found.spec, "PipelineVersionAliases": aliases_of(record, found) or None}
    return project(shown, output_of(call))


@operations
def update_pipeline(call: Call, request: Params) -> Params:
    if "RoleArn" in request:
        check_role(call, request["RoleArn"])
    text = _definition(call, request)
    given = {m: value for m, value in request.items() if m not in (*_FOR_VERSIONS, "PipelineName")}

    def updated() -> Sequence[Write]:
        record = NOUN.named(call, request)
        changed = NOUN.touched(call, replace(record, spec={**record.spec, **given}))
        newest = version(call, record, record.status["versions"])
        if text is None or text == newest.spec["PipelineDefinition"]:
            if "PipelineVersionAliases" in request:
                raise validation_error(
                    "PipelineVersionAliases are for the version that another definition makes. "
                    "UpdatePipelineVersion changes those of versions that are there."
                )
            return (("update", changed),)
        number = record.status["versions"] + 1
        aliases = with_more(record.status["aliases"], request.get("PipelineVersionAliases", ()), number)
        changed = replace(changed, status={**changed.status, "versions": number, "aliases": aliases})
        return (("update", changed), ("create", _new_version(call, changed, text)))

    record = together(call.store, updated)[0]
    return {"PipelineArn": record.status["PipelineArn"], "PipelineVersionId": record.status["versions"]}


@operations
def delete_pipeline(call: Call, request: Params) -> Params:
    """Takes its versions and its executions along; refused while one of these runs."""

    def everything() -> Sequence[Write]:
        record = NOUN.named(call, request)
        sentence = f"Pipeline {record.name} has running executions. Stop them first."
        running = {"parent": record.name, "states": ("Executing", "Stopping")}
        refuse_while(call, AwsError("ConflictException", sentence), EXECUTION, **running)
        under = (Query(call.account, call.region, kind, parent=record.name) for kind in (VERSION, EXECUTION))
        return (("delete", record), *(("delete", each) for query in under for each in call.store.every(query)))

    answer = NOUN.answer(call, NOUN.named(call, request))
    together(call.store, everything)
    return answer


def chosen(record: Record, request: Params) -> int:
    """The number of the version that a request means by id or alias; the newest without either."""
    if "PipelineVersionId" in request and "PipelineVersionAlias" in request:
        raise validation_error("Give PipelineVersionId or PipelineVersionAlias, not both.")
    if "PipelineVersionAlias" in request:
        return with_alias(record, request["PipelineVersionAlias"])
    return int(request.get("PipelineVersionId", record.status["versions"]))


def with_alias(record: Record, alias: str) -> int:
    number = record.status["aliases"].get(alias)
    if number is None:
        raise AwsError("ResourceNotFound", f"Pipeline {record.name} has no version with the alias {alias}.")
    return int(number)


def version(call: Call, record: Record, number: int) -> Record:
    """One version of a pipeline. Raises ResourceNotFound."""
    found = call.store.get(call.key(VERSION, f"{number:0{_DIGITS}d}", record.name))
    if found is None:
        raise AwsError("ResourceNotFound", f"Pipeline {record.name} has no version {number}.")
    return found


def aliases_of(record: Record, of: Record) -> list[str]:
    """A version's aliases."""
    return [alias for alias, number in record.status["aliases"].items() if number == of.status["PipelineVersionId"]]


def with_more(aliases: Mapping[str, int], added: Iterable[str], number: int) -> dict[str, int]:
    """The aliases of a pipeline with more for one of its versions."""
    result: dict[str, Any] = dict(aliases)
    for alias in added:
        if alias.isdigit():
            raise validation_error(f"The alias {alias} consists of digits only, as version ids do.")
        if result.get(alias, number) != number:
            raise validation_error(f"The alias {alias} already exists: it names version {result[alias]}.")
        result[alias] = number
    if sum(of == number for of in result.values()) > MOST_ALIASES:
        raise validation_error(f"A pipeline version may have {MOST_ALIASES} aliases.")
    return result


def _new_version(call: Call, record: Record, text: str) -> Record:
    number = record.status["versions"]
    return Record(
        key=call.key(VERSION, f"{number:0{_DIGITS}d}", record.name),
        uid=call.services.ids.token(),
        created=call.now,
        modified=call.now,
        spec={"PipelineDefinition": text},
        status={"PipelineVersionId": number, "PipelineArn": record.status["PipelineArn"]},
    )


def _definition(call: Call, request: Params) -> str | None:
    """The definition that a request brings, checked; None where it brings none."""
    if "PipelineDefinition" in request and "PipelineDefinitionS3Location" in request:
        raise validation_error("Give PipelineDefinition or PipelineDefinitionS3Location, not both.")
    text: str | None = request.get("PipelineDefinition")
    if "PipelineDefinitionS3Location" in request:
        text = _fetched(call, request["PipelineDefinitionS3Location"])
    if text is not None:
        definition.read(text)
    return text


def _fetched(call: Call, location: Mapping[str, str]) -> str:
    bucket, key = location["Bucket"], location["ObjectKey"]
    try:
        opened = call.services.objects.open(bucket, key, location.get("VersionId"))
    except (ObjectsError, NoSuchVersion):
        raise validation_error(f"Unable to read the pipeline definition at s3://{bucket}/{key}.") from None
    if opened.info.size > _LARGEST:
        raise validation_error(f"The pipeline definition at s3://{bucket}/{key} has more than {_LARGEST} bytes.")
    data = opened.info.data if opened.path is None else opened.path.read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise validation_error(f"The pipeline definition at s3://{bucket}/{key} is not UTF-8.") from None
