"""A channel as its job asked for it: what it shows, in which mode, and to which hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sagewright.controllers.staging import split_uri
from sagewright.resources.training_host import ONE_GROUP

Mode = Literal["File", "FastFile", "Pipe"]
Kind = Literal["S3Prefix", "ManifestFile", "AugmentedManifestFile"]


@dataclass(frozen=True, slots=True)
class Host:
    """One of the hosts that a job runs on."""

    index: int = 0
    """Among all hosts of the job, from 0."""
    count: int = 1
    group: str = ONE_GROUP


@dataclass(frozen=True, slots=True)
class FileSystem:
    """The folder of a file system that a channel shows."""

    id: str
    path: str
    writable: bool


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel. `file_system` is None where it shows objects."""

    name: str
    mode: Mode
    uri: str = ""
    kind: Kind = "S3Prefix"
    sharded: bool = False
    """Each host gets its part of the objects."""
    groups: Sequence[str] = ()
    """The instance groups that get it; none named: all."""
    attributes: Sequence[str] = ()
    """Of each line of an augmented manifest, in this order."""
    gzip: bool = False
    """The objects are compressed. Pipes decompress them, files stay as they are."""
    record_io: bool = False
    """Pipes wrap each object into a record."""
    seed: int | None = None
    """Shuffle with this seed; None: keep the order."""
    file_system: FileSystem | None = None
    folder: str = ""
    """Where it is shown, below /opt/ml; '': where training jobs look for a channel of this name."""
    copied: bool = False
    """The task may change its files, however many there are."""

    @property
    def place(self) -> str:
        """Where it is shown, below /opt/ml."""
        return self.folder or f"input/data/{self.name}"

    @property
    def address(self) -> tuple[str, str]:
        """(bucket, key or prefix). Raises Terminal."""
        return split_uri(self.uri)


def channel(asked: Mapping[str, Any], default_mode: Mode) -> Channel:
    """A channel from its request (botocore's shape Channel)."""
    name, mode = asked["ChannelName"], asked.get("InputMode", default_mode)
    source = asked["DataSource"]
    if "FileSystemDataSource" in source:
        folder = source["FileSystemDataSource"]
        system = FileSystem(folder["FileSystemId"], folder["DirectoryPath"], folder["FileSystemAccessMode"] == "rw")
        return Channel(name, mode, file_system=system)
    objects = source["S3DataSource"]
    return Channel(
        name,
        mode,
        uri=objects["S3Uri"],
        kind=objects.get("S3DataType", "S3Prefix"),
        sharded=objects.get("S3DataDistributionType") == "ShardedByS3Key",
        groups=tuple(objects.get("InstanceGroupNames", ())),
        attributes=tuple(objects.get("AttributeNames", ())),
        gzip=asked.get("CompressionType") == "Gzip",
        record_io=asked.get("RecordWrapperType") == "RecordIO",
        seed=asked.get("ShuffleConfig", {}).get("Seed"),
    )


def of_host(spec: Mapping[str, Any], host: Host) -> Sequence[Mapping[str, Any]]:
    """The channels that a host gets of a training job's, as they were asked for."""
    asked: Sequence[Mapping[str, Any]] = spec.get("InputDataConfig", ())
    return [each for each in asked if host.group in (_groups(each) or (host.group,))]


def hosts_of(asked: Mapping[str, Any], hosts: Sequence[Host]) -> Sequence[Host]:
    """The hosts that a channel is dealt to."""
    return [host for host in hosts if host.group in (_groups(asked) or (host.group,))]


def mode_of(asked: Mapping[str, Any], spec: Mapping[str, Any]) -> Mode:
    """A channel's own mode, else its job's."""
    default: Mode = spec.get("AlgorithmSpecification", {}).get("TrainingInputMode", "File")
    mode: Mode = asked.get("InputMode", default)
    return mode


def configuration(spec: Mapping[str, Any], host: Host) -> dict[str, dict[str, str]]:
    """What a host's inputdataconfig.json says."""
    return {each["ChannelName"]: _described(each, spec) for each in of_host(spec, host)}


def _groups(asked: Mapping[str, Any]) -> Sequence[str]:
    groups: Sequence[str] = asked["DataSource"].get("S3DataSource", {}).get("InstanceGroupNames", ())
    return groups


def _described(asked: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, str]:
    source = asked["DataSource"].get("S3DataSource", {})
    described = {
        "TrainingInputMode": mode_of(asked, spec),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": asked.get("RecordWrapperType", "None"),
    }
    if "ContentType" in asked:
        described["ContentType"] = asked["ContentType"]
    return described
