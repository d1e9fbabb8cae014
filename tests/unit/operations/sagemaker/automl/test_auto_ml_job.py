from __future__ import annotations

from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

SOURCE = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/data"}}
OUT = {"S3OutputPath": "s3://bucket/out"}


@pytest.fixture
def first(asker: Asker, role: str, everything_built: None) -> None:
    asker.call(
        "CreateAutoMLJob",
        AutoMLJobName="first",
        InputDataConfig=[{"DataSource": SOURCE, "TargetAttributeName": "y"}],
        OutputDataConfig=OUT,
        RoleArn=role,
    )


@pytest.fixture
def second(asker: Asker, role: str, everything_built: None) -> None:
    asker.call(
        "CreateAutoMLJobV2",
        AutoMLJobName="second",
        AutoMLJobInputDataConfig=[{"DataSource": SOURCE}],
        OutputDataConfig=OUT,
        RoleArn=role,
        AutoMLProblemTypeConfig={"TabularJobConfig": {"TargetAttributeName": "y"}},
    )


def describe(asker: Asker, name: str, version: str = "") -> dict[str, Any]:
    return asker.call(f"DescribeAutoMLJob{version}", AutoMLJobName=name)


@pytest.mark.usefixtures("first", "second")
def test_both_versions_are_one_list(asker: Asker) -> None:
    names = [job["AutoMLJobName"] for job in asker.call("ListAutoMLJobs", SortBy="Name")["AutoMLJobSummaries"]]
    assert sorted(names) == ["first", "second"]


@pytest.mark.usefixtures("first", "second")
def test_the_second_version_describes_both(asker: Asker) -> None:
    assert describe(asker, "second", "V2")["AutoMLProblemTypeConfigName"] == "Tabular"
    assert describe(asker, "first", "V2")["AutoMLJobInputDataConfig"] == [{"DataSource": SOURCE}]
    with pytest.raises(Refused, match="Ask DescribeAutoMLJobV2"):
        describe(asker, "second")


@pytest.mark.usefixtures("first")
def test_a_job_that_has_not_begun_has_no_candidates(asker: Asker) -> None:
    assert asker.call("ListCandidatesForAutoMLJob", AutoMLJobName="first")["Candidates"] == []
