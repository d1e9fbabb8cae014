from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused


@pytest.fixture
def image(asker: Asker, role: str) -> str:
    asker.call("CreateImage", ImageName="lab", RoleArn=role)
    return "lab"


def made(asker: Asker, image: str, token: str, **members: Any) -> str:
    answer = asker.call("CreateImageVersion", ImageName=image, BaseImage=f"base:{token}", ClientToken=token, **members)
    return str(answer["ImageVersionArn"])


def test_versions_are_counted_and_never_used_again(asker: Asker, image: str) -> None:
    assert [made(asker, image, token)[-4:] for token in "ab"] == ["ab/1", "ab/2"]
    asker.call("DeleteImageVersion", ImageName=image, Version=2)
    assert made(asker, image, "c").endswith(":image-version/lab/3")
    assert asker.call("DescribeImageVersion", ImageName=image)["Version"] == 3
    assert asker.call("DescribeImageVersion", ImageName=image, Version=1)["BaseImage"] == "base:a"


def test_a_repeated_request_makes_one_version(asker: Asker, image: str) -> None:
    assert made(asker, image, "a") == made(asker, image, "a")
    assert len(asker.call("ListImageVersions", ImageName=image)["ImageVersions"]) == 1


def test_versions_made_at_once_have_numbers_of_their_own(asker: Asker, image: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        made_at_once = list(pool.map(lambda number: made(asker, image, f"t{number % 8}"), range(16)))
    numbers = sorted(int(arn.rpartition("/")[2]) for arn in set(made_at_once))
    assert numbers == list(range(1, 9))


def test_versions_are_listed_in_order_of_their_numbers(asker: Asker, image: str) -> None:
    for number in range(11):
        made(asker, image, f"t{number}")
    page = {"ImageName": image, "SortBy": "VERSION", "SortOrder": "ASCENDING", "MaxResults": 8}
    first = asker.call("ListImageVersions", **page)
    second = asker.call("ListImageVersions", **page, NextToken=first["NextToken"])
    numbers = [each["Version"] for each in first["ImageVersions"] + second["ImageVersions"]]
    assert numbers == list(range(1, 12))


def test_an_alias_names_one_version(asker: Asker, image: str) -> None:
    made(asker, image, "a", Aliases=["latest", "stable"])
    made(asker, image, "b")
    with pytest.raises(Refused, match="already names version 1") as caught:
        asker.call("UpdateImageVersion", ImageName=image, Version=2, AliasesToAdd=["latest"])
    assert caught.value.code == "ResourceInUse"
    asker.call("UpdateImageVersion", ImageName=image, Alias="latest", AliasesToDelete=["latest"], Horovod=True)
    asker.call("UpdateImageVersion", ImageName=image, Version=2, AliasesToAdd=["latest"])
    assert asker.call("DescribeImageVersion", ImageName=image, Alias="latest")["Version"] == 2
    assert asker.call("DescribeImageVersion", ImageName=image, Version=1)["Horovod"] is True
    aliases = asker.call("ListAliases", ImageName=image)
    assert aliases["SageMakerImageVersionAliases"] == ["latest", "stable"]
    assert asker.call("ListAliases", ImageName=image, Version=1)["SageMakerImageVersionAliases"] == ["stable"]
    asker.call("DeleteImageVersion", ImageName=image, Alias="stable")
    assert asker.call("ListAliases", ImageName=image)["SageMakerImageVersionAliases"] == ["latest"]


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({}, "Either Version or Alias"),
        ({"Version": 1, "Alias": "a"}, "not both"),
        ({"Version": 7}, r"ImageVersion \[7\] does not exist"),
        ({"Alias": "a"}, "does not exist"),
    ],
)
def test_a_version_must_be_named(asker: Asker, image: str, members: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        asker.call("DeleteImageVersion", ImageName=image, **members)


def test_versions_belong_to_an_image(asker: Asker) -> None:
    for operation in ("ListImageVersions", "ListAliases", "DescribeImageVersion"):
        with pytest.raises(Refused, match=r"Image \[none\] does not exist") as caught:
            asker.call(operation, ImageName="none")
        assert caught.value.code == "ResourceNotFound"
