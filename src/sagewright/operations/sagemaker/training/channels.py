"""What is wrong with the channels of a training job's request, before anything is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.operations.call import Params

_SOURCES: Final = ("S3DataSource", "FileSystemDataSource", "DatasetSource")
_EPOCH: Final = re.compile(r"(.+)_\d+")
"""How the FIFOs of a channel in Pipe mode are called."""


def check_channels(request: Params) -> None:
    """Raises ValidationException. `request` is CreateTrainingJob's, or what has the same members."""
    channels: Sequence[Mapping[str, Any]] = request.get("InputDataConfig", ())
    default = request.get("AlgorithmSpecification", {}).get("TrainingInputMode", "File")
    groups = {group["InstanceGroupName"] for group in request.get("ResourceConfig", {}).get("InstanceGroups", ())}
    _check_names(channels, default)
    for channel in channels:
        _check_source(channel)
        source = channel["DataSource"]
        mode = channel.get("InputMode", default)
        if "FileSystemDataSource" in source:
            _check_file_system(channel, source["FileSystemDataSource"], mode)
        else:
            _check_objects(channel, source["S3DataSource"], mode)
            _check_groups(channel, source["S3DataSource"].get("InstanceGroupNames", ()), groups)


def _check_names(channels: Sequence[Mapping[str, Any]], default: str) -> None:
    names = [channel["ChannelName"] for channel in channels]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise validation_error(f"Channel names must be unique. Given more than once: {', '.join(sorted(twice))}.")
    pipes = {channel["ChannelName"] for channel in channels if channel.get("InputMode", default) == "Pipe"}
    for name in names:
        if not name.strip("."):
            raise validation_error(f"A channel cannot be called {name!r}: its folder bears its name.")
        if (found := _EPOCH.fullmatch(name)) and found[1] in pipes:
            raise validation_error(f"Channel {name!r} has the name of a FIFO of channel {found[1]!r}. Rename one.")


def _check_source(channel: Mapping[str, Any]) -> None:
    given = [name for name in _SOURCES if name in channel["DataSource"]]
    if len(given) != 1:
        raise _wrong(channel, f"DataSource must have exactly one of {', '.join(_SOURCES)}; it has {len(given)}")
    if given == ["DatasetSource"]:
        raise _wrong(
            channel,
            "Sagewright does not do dataset sources for training jobs yet. Copy the data to S3 and give their "
            "S3DataSource. Nothing was started",
        )


def _check_objects(channel: Mapping[str, Any], source: Mapping[str, Any], mode: str) -> None:
    kind = source["S3DataType"]
    attributes = source.get("AttributeNames", ())
    if not source["S3Uri"].partition("://")[2].partition("/")[0]:
        raise _wrong(channel, f"{source['S3Uri']!r} names no bucket")
    if kind == "Converse":
        raise _wrong(
            channel,
            "Sagewright does not do the data type Converse yet. Give the objects as S3Prefix; the script finds them as "
            "they are. Nothing was started",
        )
    if kind == "AugmentedManifestFile":
        if mode != "Pipe":
            raise _wrong(channel, f"AugmentedManifestFile can only be used in Pipe mode, and its mode is {mode}")
        if not attributes:
            raise _wrong(channel, "AugmentedManifestFile needs AttributeNames: which attributes of each line to send")
        if channel.get("CompressionType") == "Gzip":
            raise _wrong(channel, "CompressionType Gzip cannot be used with AugmentedManifestFile")
    elif attributes:
        raise _wrong(channel, f"AttributeNames can only be used with AugmentedManifestFile, not with {kind}")
    if mode == "FastFile" and kind != "S3Prefix":
        raise _wrong(channel, f"FastFile mode supports S3Prefix only, not {kind}. Use File or Pipe mode")


def _check_file_system(channel: Mapping[str, Any], source: Mapping[str, Any], mode: str) -> None:
    if mode != "File":
        raise _wrong(channel, f"FileSystemDataSource supports File mode only, and its mode is {mode}")
    if not source["DirectoryPath"].startswith("/"):
        raise _wrong(channel, f"DirectoryPath must begin with a slash: {source['DirectoryPath']!r}")
    for member, idle in (("CompressionType", "None"), ("RecordWrapperType", "None"), ("ShuffleConfig", None)):
        if channel.get(member, idle) != idle:
            raise _wrong(channel, f"{member} cannot be used with FileSystemDataSource")


def _check_groups(channel: Mapping[str, Any], named: Sequence[str], groups: set[str]) -> None:
    if unknown := sorted(set(named) - groups):
        raise _wrong(channel, f"InstanceGroupNames names groups that ResourceConfig does not: {', '.join(unknown)}")


def _wrong(channel: Mapping[str, Any], what: str) -> AwsError:
    return validation_error(f"Invalid channel {channel['ChannelName']!r}: {what}.")
