"""What may be asked of serverless variants."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.resources import serverless

MODEL = {"PrimaryContainer": {"Image": "i"}}
CONFIG = {"MemorySizeInMB": 1024, "MaxConcurrency": 5}


def variant(**more: Any) -> dict[str, Any]:
    return {"VariantName": "v", "ModelName": "m", "ServerlessConfig": CONFIG, **more}


def test_a_plain_serverless_variant_is_fine() -> None:
    serverless.check_config({"ProductionVariants": [variant()]}, {"m": MODEL})


@pytest.mark.parametrize(
    ("variants", "config", "model", "words"),
    [
        ([variant(InstanceType="ml.m5.large")], {}, MODEL, "an InstanceType or InitialInstanceCount"),
        ([variant(), variant(VariantName="w")], {}, MODEL, "several production variants"),
        ([variant()], {"DataCaptureConfig": {"EnableCapture": True}}, MODEL, "data capture"),
        ([variant()], {"VpcConfig": {}}, MODEL, "a VpcConfig"),
        ([variant()], {}, {**MODEL, "VpcConfig": {}}, "a VpcConfig"),
        ([variant()], {}, {**MODEL, "EnableNetworkIsolation": True}, "network isolation"),
        ([variant()], {"AsyncInferenceConfig": {}}, MODEL, "asynchronous inference"),
        ([variant()], {}, {"PrimaryContainer": {"Image": "i", "Mode": "MultiModel"}}, "multi-model"),
        ([variant()], {}, {"Containers": [{"Image": "i"}, {"Image": "j"}]}, "inference pipelines"),
        ([variant(ServerlessConfig={**CONFIG, "MemorySizeInMB": 1500})], {}, MODEL, "1024, 2048, 3072"),
        ([variant(ServerlessConfig={**CONFIG, "ProvisionedConcurrency": 6})], {}, MODEL, "must not be more than"),
    ],
)
def test_what_aws_refuses_is_refused_in_words(
    variants: list[dict[str, Any]], config: dict[str, Any], model: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        serverless.check_config({"ProductionVariants": variants, **config}, {"m": model})


def test_an_update_of_concurrency_keeps_the_rest() -> None:
    wanted = {"v": {"VariantName": "v", "ServerlessUpdateConfig": {"ProvisionedConcurrency": 2}}}
    (told,) = serverless.updated(wanted, [variant()]).values()
    assert told["DesiredServerlessConfig"] == {**CONFIG, "ProvisionedConcurrency": 2}


def test_what_an_update_cannot_ask_of_a_variant() -> None:
    with pytest.raises(ValueError, match="has no instance count"):
        serverless.check(variant(), {"DesiredInstanceCount": 2})
    with pytest.raises(ValueError, match="is not serverless"):
        serverless.check(variant(ServerlessConfig={"MaxConcurrency": 2}))
