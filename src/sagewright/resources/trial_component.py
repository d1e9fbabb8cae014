"""The trial component that each training, processing and transform job has: what of the job it tells.

Whoever creates such a job writes its component along with it; whoever ends the job, ends its component.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sagewright.resources.arn import sagemaker_arn
from sagewright.resources.lineage import DEFAULT_GROUP
from sagewright.resources.record import Key, Record
from sagewright.resources.training_job import IMAGE_OF_ALGORITHM

KIND: Final = "experiment-trial-component"
MAPS: Final = ("Parameters", "InputArtifacts", "OutputArtifacts")
"""Members that grow by updates."""

_MEDIA_TYPE: Final = re.compile(r"[-\w]+/[-\w+]+", re.ASCII)
_MEDIA_TYPE_LIMIT: Final = 64
_MESSAGE_LIMIT: Final = 1024
_RESOURCES: Final = ("InstanceCount", "InstanceType", "VolumeSizeInGB")
_DATA: Final = "DataSet"


@dataclass(frozen=True, slots=True)
class Story:
    """What a job says of itself, in the words that its component and its lineage have for it."""

    parameters: Mapping[str, str | float] = field(default_factory=dict)
    inputs: Sequence[tuple[str, str, str | None]] = ()
    """Name, address and content type of the data that went in."""
    outputs: Sequence[tuple[str, str, str | None]] = ()
    """The same of what is known to have come out."""
    began: float | None = None
    """Epoch seconds, as `ended`."""
    ended: float | None = None
    used: Sequence[tuple[str, str]] = ()
    """Address and lineage type of everything that contributed to it."""
    made: Sequence[tuple[str, str]] = ()
    """The same of what it produced."""


def has_component(job: Record) -> bool:
    """Whether a record is a job of a kind that has a component."""
    return job.key.kind in _SOURCES


def tell(job: Record) -> Story:
    """What a job says of itself now."""
    return _SOURCES[job.key.kind][1](job)


def name_of(job: Record) -> str:
    """The name of a job's component, as SDKs spell it: `NAME-aws-training-job`."""
    return f"{job.name}-aws-{job.key.kind}"


def key_of(job: Record) -> Key:
    """Components are kept under their names in lower case."""
    return job.key._replace(kind=KIND, parent="", name=name_of(job).lower())


def source(job: Record) -> dict[str, str]:
    """`Source` of a job's component."""
    arn = sagemaker_arn(job.key.region, job.key.account, job.key.kind, job.name)
    return {"SourceArn": arn, "SourceType": _SOURCES[job.key.kind][0]}


def new(job: Record, *, uid: str, display_name: str | None = None) -> Record:
    """The component of a job that is about to be written down, in no trial."""
    region, account = job.key.region, job.key.account
    own = source(job)
    named = {} if display_name is None else {"DisplayName": display_name}
    return Record(
        key=key_of(job),
        uid=uid,
        created=job.created,
        modified=job.created,
        spec={"TrialComponentName": name_of(job), **given(job), **named},
        status={
            "TrialComponentArn": sagemaker_arn(region, account, KIND, name_of(job)),
            "LineageGroupArn": sagemaker_arn(region, account, "lineage-group", DEFAULT_GROUP),
            "Source": own,
            "Status": {"PrimaryStatus": "InProgress"},
        },
        facets={"SourceArn": own["SourceArn"]},
    )


def given(job: Record) -> dict[str, Any]:
    """What is known of a job when it is asked for: its parameters and what goes in."""
    told = tell(job)
    members = {
        "Parameters": {name: _parameter(value) for name, value in told.parameters.items()},
        "InputArtifacts": _artifacts(told.inputs),
    }
    return {member: value for member, value in members.items() if value}


def result(job: Record) -> dict[str, Any]:
    """What is known of it when it is over: how it ended, when, and what came out."""
    told = tell(job)
    reason = job.status.get("FailureReason", "")
    message = f"Status: {job.state}, failure reason: {reason}" if reason else f"Status: {job.state}"
    members = {
        "Status": {"PrimaryStatus": job.state, "Message": " ".join(message.split())[:_MESSAGE_LIMIT]},
        "StartTime": told.began,
        "EndTime": told.ended,
        "OutputArtifacts": _artifacts(told.outputs),
    }
    return {member: value for member, value in members.items() if value}


def _parameter(value: str | float) -> dict[str, Any]:
    """A number where it is one: hyperparameters are texts."""
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return {"StringValue": value}
        # Texts such as `nan`, `1_000` or ` 1` are none to anybody but Python.
        plain = math.isfinite(number) and "_" not in value and value == value.strip()
        return {"NumberValue": number} if plain else {"StringValue": value}
    return {"NumberValue": float(value)}


def _artifacts(found: Sequence[tuple[str, str, str | None]]) -> dict[str, dict[str, str]]:
    return {
        name: {"Value": address, **({"MediaType": media} if media and _is_media_type(media) else {})}
        for name, address, media in found
    }


def _is_media_type(text: str) -> bool:
    """What UpdateTrialComponent would take back: `text/csv; label_size=0` is too much for it."""
    return len(text) <= _MEDIA_TYPE_LIMIT and _MEDIA_TYPE.fullmatch(text) is not None


# What each kind of job tells.


def _training(job: Record) -> Story:
    image = job.spec.get("AlgorithmSpecification", {}).get("TrainingImage") or job.status.get(IMAGE_OF_ALGORITHM)
    channels = list(_channels(job.spec.get("InputDataConfig", ())))
    model = job.status.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    debugger = job.spec.get("DebugHookConfig", {}).get("S3OutputPath")
    outputs = (("SageMaker.ModelArtifact", model), ("SageMaker.DebugHookOutput", debugger))
    made = (
        (model, "Model"),
        (job.spec.get("CheckpointConfig", {}).get("S3Uri"), "Checkpoint"),
        (job.spec.get("TensorBoardOutputConfig", {}).get("S3OutputPath"), "TensorBoard"),
    )
    return Story(
        parameters={**job.spec.get("HyperParameters", {}), **_resources(image, job.spec.get("ResourceConfig", {}))},
        inputs=channels,
        outputs=[(name, address, None) for name, address in outputs if address],
        began=job.status.get("TrainingStartTime"),
        ended=job.status.get("TrainingEndTime"),
        used=_used(channels, image),
        made=[(address, kind) for address, kind in made if address],
    )


def _processing(job: Record) -> Story:
    image = job.spec.get("AppSpecification", {}).get("ImageUri")
    inputs = _addresses(job.spec.get("ProcessingInputs", ()), "InputName", "S3Input")
    outputs = _addresses(job.spec.get("ProcessingOutputConfig", {}).get("Outputs", ()), "OutputName", "S3Output")
    resources = job.spec.get("ProcessingResources", {}).get("ClusterConfig", {})
    return Story(
        parameters={**job.spec.get("Environment", {}), **_resources(image, resources)},
        inputs=inputs,
        outputs=outputs,
        began=job.status.get("ProcessingStartTime"),
        ended=job.status.get("ProcessingEndTime"),
        used=_used(inputs, image),
        made=[(address, _DATA) for _, address, _ in outputs],
    )


def _transform(job: Record) -> Story:
    read, written = job.spec.get("TransformInput", {}), job.spec.get("TransformOutput", {})
    address = read.get("DataSource", {}).get("S3DataSource", {}).get("S3Uri")
    target = written.get("S3OutputPath")
    inputs = [("SageMaker.TransformInput", address, read.get("ContentType"))] if address else []
    return Story(
        parameters={
            **job.spec.get("Environment", {}),
            "SageMaker.ModelName": job.spec.get("ModelName", ""),
            **_resources(None, job.spec.get("TransformResources", {})),
        },
        inputs=inputs,
        outputs=[("SageMaker.TransformOutput", target, written.get("Accept"))] if target else [],
        began=job.status.get("TransformStartTime"),
        ended=job.status.get("TransformEndTime"),
        used=_used(inputs, None),
        made=[(target, _DATA)] if target else [],
    )


def _resources(image: str | None, resources: Mapping[str, Any]) -> dict[str, str | float]:
    found = {"ImageUri": image, **{name: resources.get(name) for name in _RESOURCES}}
    return {f"SageMaker.{name}": value for name, value in found.items() if value is not None}


def _channels(channels: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str | None]]:
    for channel in channels:
        address = channel.get("DataSource", {}).get("S3DataSource", {}).get("S3Uri")
        if address:
            yield channel["ChannelName"], address, channel.get("ContentType")


def _addresses(found: Sequence[Mapping[str, Any]], name: str, where: str) -> list[tuple[str, str, str | None]]:
    return [(each[name], each[where]["S3Uri"], None) for each in found if each.get(where, {}).get("S3Uri")]


def _used(inputs: Sequence[tuple[str, str, str | None]], image: str | None) -> list[tuple[str, str]]:
    return [*((address, _DATA) for _, address, _ in inputs), *([(image, "Image")] if image else [])]


# Add a kind of job here: the type that its component says its source has, and what it tells.
_SOURCES: Final[Mapping[str, tuple[str, Callable[[Record], Story]]]] = {
    "training-job": ("SageMakerTrainingJob", _training),
    "processing-job": ("SageMakerProcessingJob", _processing),
    "transform-job": ("SageMakerTransformJob", _transform),
}
