"""Which runtime answers to which image."""

from __future__ import annotations

import pytest

from sagewright.compute.runtimes import RUNTIMES, no_runtime, repository, resolve
from sagewright.compute.venvs import LOCKS

DIGEST = "@sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3", "scikit-learn"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn", "scikit-learn"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", "xgboost"),
        ("450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-xgboost:1.7-1", "xgboost"),
        ("811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1", "xgboost"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost" + DIGEST, "xgboost"),
    ],
)
def test_aws_images_have_a_runtime(uri: str, name: str) -> None:
    runtime = resolve(uri)
    assert runtime is not None
    assert runtime.name == name
    assert (LOCKS / f"{runtime.environment}.txt").is_file()


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "xgboost",
        "docker.io/library/xgboost:1",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/my-xgboost:1",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/xgboost:1",
        "1234.dkr.ecr.us-east-1.amazonaws.com/xgboost:1",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/xgboost:1\n",
    ],
)
def test_other_images_have_none(uri: str) -> None:
    assert resolve(uri) is None


def test_the_sentence_names_the_image_and_what_there_is() -> None:
    sentence = no_runtime("me/mine:1")
    assert sentence.startswith("No runtime answers to image 'me/mine:1'. Runtimes: scikit-learn (")
    assert "Own images need an engine that runs containers" in sentence


def test_no_repository_is_answered_twice() -> None:
    every = [name for runtime in RUNTIMES for name in runtime.repositories]
    assert len(every) == len(set(every))


def test_the_repository_is_what_follows_the_registry() -> None:
    assert repository("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/model:v1") == "team/model"
    assert repository("ubuntu") is None
