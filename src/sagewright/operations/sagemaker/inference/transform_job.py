"""Batch transform jobs: CreateTransformJob and its kin. `controllers/transform_job.py` does the work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sagewright.base.errors import validation_error
from sagewright.operations.call import Call, Params
from sagewright.operations.sagemaker import quotas
from sagewright.operations.sagemaker.experiments.tracking import tracked
from sagewright.operations.sagemaker.inference import model
from sagewright.operations.sagemaker.job import job_exists, no_such_job
from sagewright.operations.sagemaker.noun import Noun
from sagewright.resources.model import mode
from sagewright.resources.owner import OWNER, owner_of
from sagewright.resources.record import Record
from sagewright.resources.transform_job import KIND, LIFE

NOUN: Final = Noun("TransformJob", KIND, no_such_job(), job_exists("transform job"))
operations = NOUN.operations()

MOST_IN_FLIGHT_MB: Final = 100
"""AWS's limit of MaxPayloadInMB, and of MaxConcurrentTransforms * MaxPayloadInMB."""

_CSV: Final = "text/csv"
_JSON: Final = "application/json"
_JSON_LINES: Final = ("application/jsonlines", "application/x-jsonlines", "application/jsonl", "application/x-ndjson")
_FORMATS: Final = {_CSV: "csv", _JSON: "json", **dict.fromkeys(_JSON_LINES, "json")}

# The operators that AWS documents, as `sagewright_container.transform.jsonpath` carries them out.
_INDEX: Final = r"\s*(?:-?\d+|(?:-?\d+)?\s*:\s*(?:-?\d+)?)\s*"
_QUOTED: Final = r"\s*(?:'[^'\[\],]*'|\"[^\"\[\],]*\")\s*"
_INDEXES: Final = rf"\.?\[(?:\s*\*\s*|{_INDEX}(?:,{_INDEX})*)\]"
_NAMES: Final = rf"\.?\[{_QUOTED}(?:,{_QUOTED})*\]"
_PATH: Final = re.compile(rf"\$(?:\.\*|\.[^.\[\]'\"*,:\s]+|{_INDEXES}|{_NAMES})*")
_CSV_PATH: Final = re.compile(rf"\$(?:{_INDEXES})?")


@operations
def create_transform_job(call: Call, request: Params) -> Params:
    found = model.served(model.NOUN.find(call, request["ModelName"]))
    for reason in (*_not_for_batches(request, found), *_mistakes(request)):
        raise validation_error(reason)
    record = NOUN.create(
        call,
        {**request, "model": found},
        state="InProgress",
        status={OWNER: owner_of(call.principal.arn)},
        beside=lambda record: (*tracked(call, record), *quotas.taken(call, record)),
    )
    return {"TransformJobArn": record.status["TransformJobArn"]}


@operations
def stop_transform_job(call: Call, request: Params) -> Params:
    def stop(record: Record) -> Record | None:
        if record.state == "Stopping":
            return None
        if not LIFE.allows(record.state, "stop"):
            raise validation_error(f"The request was rejected because the transform job is in status {record.state}.")
        return replace(record, intent="stop", state=LIFE.after(record.state, "stop"))

    NOUN.amend(call, request["TransformJobName"], stop)
    return {}


def _not_for_batches(request: Params, found: Params) -> Iterator[str]:
    """Better no job than one that does something else than it was asked for."""
    if mode(found) == "direct":
        yield (
            f"The containers of model {request['ModelName']} are invoked directly. Transform jobs need a model whose "
            "containers follow each other (mode Serial)."
        )
    elif mode(found) == "multi-model":
        yield f"Model {request['ModelName']} holds many models. Transform jobs need a model of its own for each job."


def _mistakes(request: Params) -> Iterator[str]:
    """What the model cannot say but AWS refuses at once."""
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        yield f"S3DataType {source['S3DataType']} does not go with transform jobs. Use S3Prefix or ManifestFile."
    if request["TransformResources"]["InstanceCount"] < 1:
        yield "InstanceCount must be at least 1."
    yield from _limits(request)
    yield from _processing(request)


def _limits(request: Params) -> Iterator[str]:
    payload, at_once = request.get("MaxPayloadInMB", 0), request.get("MaxConcurrentTransforms", 0)
    if payload > MOST_IN_FLIGHT_MB:
        yield f"MaxPayloadInMB must not be greater than {MOST_IN_FLIGHT_MB}, but is {payload}."
    if payload * at_once > MOST_IN_FLIGHT_MB:
        yield (
            f"MaxPayloadInMB * MaxConcurrentTransforms must not be greater than {MOST_IN_FLIGHT_MB}, but is "
            f"{payload} * {at_once} = {payload * at_once}."
        )


def _processing(request: Params) -> Iterator[str]:
    """What of the input is sent and kept: only of CSV and JSON is it known what the parts of a record are."""
    data = request.get("DataProcessing", {})
    incoming, outgoing = data.get("InputFilter", "$"), data.get("OutputFilter", "$")
    joined = data.get("JoinSource") == "Input"
    identified = bool(request.get("DataCaptureConfig", {}).get("GenerateInferenceId"))
    for member, path in (("InputFilter", incoming), ("OutputFilter", outgoing)):
        if not _PATH.fullmatch(path):
            yield (
                f"{member} {path!r} is not a JSONPath that transform jobs know. It begins with $ and goes on with "
                ".name, ['a','b'], [0,-1], [1:] or *."
            )
    if not (joined or identified or (incoming, outgoing) != ("$", "$")):
        return
    read, written = request["TransformInput"], request["TransformOutput"]
    given = _media_type(read.get("ContentType", ""))
    answered = _media_type(written.get("Accept", "")) or given
    known = ", ".join((_CSV, _JSON, _JSON_LINES[0]))
    # An inference id alone asks nothing of the input.
    wanted = {"Accept": answered} if not (joined or incoming != "$") else {"ContentType": given, "Accept": answered}
    for member, media in wanted.items():
        if media not in _FORMATS:
            yield f"DataProcessing needs {member} to be one of {known}, not {media!r}."
            return
    if len({_FORMATS[media] for media in wanted.values()}) > 1:
        yield f"DataProcessing needs ContentType and Accept of one format, not {given} and {answered}."
    split, assemble = read.get("SplitType", "None"), written.get("AssembleWith", "None")
    if split not in ("None", "Line"):
        yield f"DataProcessing reads CSV and JSON: SplitType must be None or Line, not {split}."
    csv = _FORMATS[answered] == "csv"
    if csv:
        for member, path in (("InputFilter", incoming), ("OutputFilter", outgoing)):
            if not _CSV_PATH.fullmatch(path):
                yield f"{member} {path!r} does not go with CSV: a row is an array. Use an index or a slice, as $[1:]."
    if joined and split != assemble:
        yield f"JoinSource Input needs SplitType and AssembleWith to be the same, not {split} and {assemble}."
    if joined and csv and split != "Line":
        yield "JoinSource Input needs SplitType and AssembleWith to be Line where ContentType is text/csv."


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()
