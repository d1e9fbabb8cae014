"""What is wrong with a request for a processing job, beyond what the model can say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from sagewright.base.errors import validation_error
from sagewright.dataplane.athena import datasets
from sagewright.operations.call import Params
from sagewright.resources.processing_job import ROOT

_NAME_LIMIT: Final = 255
_NOT_YET: Final = "Sagewright does not do {} yet. {} Nothing was started."


def check(request: Params) -> None:
    """Raises a ValidationException for what no job is started for."""
    read: Sequence[Mapping[str, Any]] = request.get("ProcessingInputs", ())
    written: Sequence[Mapping[str, Any]] = request.get("ProcessingOutputConfig", {}).get("Outputs", ())
    for reason in (*_wrong_names(read, "InputName"), *_wrong_names(written, "OutputName")):
        raise validation_error(reason)
    for each in read:
        for reason in _wrong_input(each, f"Invalid input {each['InputName']!r}: "):
            raise validation_error(reason)
    for each in written:
        for reason in _wrong_output(each, f"Invalid output {each['OutputName']!r}: "):
            raise validation_error(reason)
    _check_instances(request["ProcessingResources"]["ClusterConfig"])


def _wrong_names(given: Sequence[Mapping[str, Any]], member: str) -> Iterator[str]:
    names = [each[member] for each in given]
    for name in names:
        if name in ("", ".", "..") or "/" in name or "\0" in name or len(name.encode()) > _NAME_LIMIT:
            yield f"{member} {name!r} cannot be used. It must be 1 to {_NAME_LIMIT} bytes without a slash."
    if len(set(names)) < len(names):
        yield f"Each needs an {member} of its own: {', '.join(sorted({n for n in names if names.count(n) > 1}))}."


def _wrong_input(each: Mapping[str, Any], where: str) -> Iterator[str]:
    if ("S3Input" in each) == ("DatasetDefinition" in each):
        yield f"{where}exactly one of S3Input and DatasetDefinition must be given."
        return
    if "DatasetDefinition" in each:
        yield from _wrong_dataset(each["DatasetDefinition"], where, managed=bool(each.get("AppManaged")))
        return
    source = each["S3Input"]
    if each.get("AppManaged"):
        return
    yield from _wrong_path(source, where)
    if source.get("S3CompressionType") == "Gzip" and source.get("S3InputMode") != "Pipe":
        yield f"{where}S3CompressionType Gzip can only be used with S3InputMode Pipe. Leave it out."


def _wrong_dataset(definition: Mapping[str, Any], where: str, *, managed: bool) -> Iterator[str]:
    if ("AthenaDatasetDefinition" in definition) == ("RedshiftDatasetDefinition" in definition):
        yield f"{where}exactly one of AthenaDatasetDefinition and RedshiftDatasetDefinition must be given."
        return
    if managed:
        return  # the program does it
    if "RedshiftDatasetDefinition" in definition:
        what = "dataset definitions of Redshift: it has no Redshift"
        yield where + _NOT_YET.format(what, "Unload the data into S3 and give its address as S3Input.")
        return
    yield from _wrong_path(definition, where)
    if (problem := datasets.problem(definition["AthenaDatasetDefinition"])) is not None:
        yield f"{where}{problem}"


def _wrong_output(each: Mapping[str, Any], where: str) -> Iterator[str]:
    if ("FeatureStoreOutput" in each) == ("S3Output" in each):
        yield f"{where}exactly one of S3Output and FeatureStoreOutput must be given."
    elif "FeatureStoreOutput" in each:
        if not each.get("AppManaged"):
            yield f"{where}FeatureStoreOutput needs AppManaged: the job's program puts the records, by PutRecord."
    elif not each.get("AppManaged"):
        yield from _wrong_path(each["S3Output"], where)


def _wrong_path(place: Mapping[str, Any], where: str) -> Iterator[str]:
    path = PurePosixPath(place.get("LocalPath", ""))
    if not path.is_relative_to(ROOT) or ".." in path.parts or "\0" in str(path):
        yield f"{where}LocalPath must be an absolute path that begins with {ROOT}/, not {str(path)!r}."


def _check_instances(cluster: Mapping[str, Any]) -> None:
    if "InstancePreferences" in cluster:
        if {"InstanceType", "InstanceCount"} & cluster.keys():
            raise validation_error("ClusterConfig takes either InstancePreferences, or InstanceType and InstanceCount.")
    elif "InstanceType" not in cluster or "InstanceCount" not in cluster:
        raise validation_error("ClusterConfig needs InstanceType and InstanceCount.")
