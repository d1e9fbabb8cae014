"""Channels that are refused before a job is made of them."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.operations.sagemaker.training.channels import check_channels

S3 = {"S3DataType": "S3Prefix", "S3Uri": "s3://b/d"}
EFS = {
    "FileSystemId": "fs-01234567",
    "FileSystemType": "EFS",
    "DirectoryPath": "/d",
    "FileSystemAccessMode": "ro",
}


def s3(name: str = "c", mode: str | None = None, channel: Any = None, **source: Any) -> dict[str, Any]:
    asked = {"ChannelName": name, "DataSource": {"S3DataSource": {**S3, **source}}, **(channel or {})}
    return {**asked, "InputMode": mode} if mode else asked


def efs(mode: str | None = None, channel: Any = None, **source: Any) -> dict[str, Any]:
    asked = {"ChannelName": "c", "DataSource": {"FileSystemDataSource": {**EFS, **source}}, **(channel or {})}
    return {**asked, "InputMode": mode} if mode else asked


def check(*channels: dict[str, Any], mode: str = "File", groups: tuple[str, ...] = ()) -> None:
    resources = {"InstanceGroups": [{"InstanceGroupName": name} for name in groups]}
    check_channels(
        {
            "InputDataConfig": channels,
            "AlgorithmSpecification": {"TrainingInputMode": mode},
            "ResourceConfig": resources,
        }
    )


AUGMENTED: dict[str, Any] = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["a-ref"]}


def test_what_makes_sense_passes() -> None:
    check()
    check_channels({})
    check(s3("a"), s3("b", "Pipe"), s3("c", "FastFile"), s3("a_0"))
    check(s3("a", "Pipe", **AUGMENTED, channel={"RecordWrapperType": "RecordIO", "ShuffleConfig": {"Seed": 1}}))
    check(s3(**AUGMENTED), mode="Pipe")
    check(s3(S3DataType="ManifestFile", S3DataDistributionType="ShardedByS3Key"))
    check(s3(InstanceGroupNames=["gpu"]), groups=("cpu", "gpu"))
    check(efs(), s3("d"))
    # Of no consequence in File mode, as on AWS.
    check(s3(channel={"CompressionType": "Gzip", "RecordWrapperType": "None"}))


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        ([s3("a"), s3("a")], "Channel names must be unique. Given more than once: a."),
        ([s3(".")], "cannot be called '.'"),
        ([s3("..")], "cannot be called '..'"),
        ([s3("a", "Pipe"), s3("a_1")], "'a_1' has the name of a FIFO of channel 'a'"),
        ([{"ChannelName": "c", "DataSource": {}}], "exactly one of"),
        ([{"ChannelName": "c", "DataSource": {"S3DataSource": S3, "FileSystemDataSource": EFS}}], "exactly one of"),
        ([{"ChannelName": "c", "DataSource": {"DatasetSource": {"DatasetArn": "arn"}}}], "dataset sources"),
        ([s3(S3DataType="Converse")], "the data type Converse"),
        ([s3(**AUGMENTED)], "only be used in Pipe mode"),
        ([s3(mode="FastFile", **AUGMENTED)], "only be used in Pipe mode"),
        ([s3(mode="Pipe", S3DataType="AugmentedManifestFile")], "needs AttributeNames"),
        ([s3(mode="Pipe", channel={"CompressionType": "Gzip"}, **AUGMENTED)], "Gzip cannot be used"),
        ([s3(AttributeNames=["a"])], "only be used with AugmentedManifestFile"),
        ([s3(mode="FastFile", S3DataType="ManifestFile")], "supports S3Prefix only"),
        ([s3(InstanceGroupNames=["gpu"])], "groups that ResourceConfig does not: gpu"),
        ([s3(S3Uri="s3:///x")], "names no bucket"),
        ([efs("Pipe")], "supports File mode only"),
        ([efs(DirectoryPath="d")], "must begin with a slash"),
        ([efs(channel={"ShuffleConfig": {"Seed": 1}})], "ShuffleConfig cannot be used"),
        ([efs(channel={"CompressionType": "Gzip"})], "CompressionType cannot be used"),
    ],
)
def test_what_does_not_is_refused(channels: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(AwsError) as caught:
        check(*channels)
    assert caught.value.code == "ValidationException"
    assert words in caught.value.message
