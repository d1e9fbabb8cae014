"""Service Quotas: what there is, what is set, what is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagewright.base.errors import AwsError
from sagewright.resources.quota import UNLIMITED, code_of
from sagewright.testing.world import Client, World

NAME = "ml.m5.large for training job usage"
CODE = code_of(NAME)
ONE = {"ServiceCode": "sagemaker", "QuotaCode": CODE}
ANN = "arn:aws:iam::123456789012:user/ann"


@pytest.fixture
def quotas(tmp_path: Path) -> Iterator[Client]:
    world = World.make(tmp_path)
    yield world.client("service-quotas")
    world.close()


def refusal(question: Any, **members: Any) -> str:
    with pytest.raises(AwsError) as caught:
        question(**members)
    assert caught.value.status == 400
    return caught.value.code


def every(question: Any, member: str, **members: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = question(**members)
        assert len(page[member]) <= 100
        found += page[member]
        if "NextToken" not in page:
            return found
        members["NextToken"] = page["NextToken"]


def test_all_quotas_are_listed_once_and_limit_nothing_at_first(quotas: Client) -> None:
    assert [each["ServiceCode"] for each in quotas.list_services()["Services"]] == ["sagemaker"]
    found = every(quotas.list_service_quotas, "Quotas", ServiceCode="sagemaker")
    assert len({each["QuotaCode"] for each in found}) == len(found) > 500
    assert {each["Value"] for each in found} == {UNLIMITED}
    assert found == every(quotas.list_aws_default_service_quotas, "Quotas", ServiceCode="sagemaker")
    (only,) = quotas.list_service_quotas(**ONE)["Quotas"]
    assert only["QuotaName"] == NAME
    assert only["QuotaArn"] == f"arn:aws:servicequotas:us-east-1:123456789012:sagemaker/{CODE}"


def test_the_owner_sets_values_up_and_down(quotas: Client) -> None:
    for value in (5.0, 2.0):
        made = quotas.request_service_quota_increase(**ONE, DesiredValue=value)["RequestedQuota"]
        assert (made["Status"], made["DesiredValue"]) == ("APPROVED", value)
        assert quotas.get_service_quota(**ONE)["Quota"]["Value"] == value
    assert quotas.get_aws_default_service_quota(**ONE)["Quota"]["Value"] == UNLIMITED
    quotas.request_service_quota_increase(**ONE, DesiredValue=UNLIMITED)
    assert quotas.get_service_quota(**ONE)["Quota"]["Value"] == UNLIMITED
    history = quotas.list_requested_service_quota_change_history_by_quota(**ONE)["RequestedQuotas"]
    assert sorted(each["DesiredValue"] for each in history) == [2.0, 5.0, UNLIMITED]
    assert quotas.list_requested_service_quota_change_history(Status="PENDING")["RequestedQuotas"] == []


def test_a_user_may_have_a_quota_of_its_own(quotas: Client) -> None:
    quotas.request_service_quota_increase(**ONE, DesiredValue=1.0, ContextId=ANN)
    assert quotas.get_service_quota(**ONE)["Quota"]["Value"] == UNLIMITED
    assert quotas.get_service_quota(**ONE, ContextId=ANN)["Quota"]["Value"] == 1.0
    (own,) = quotas.list_service_quotas(ServiceCode="sagemaker", QuotaAppliedAtLevel="RESOURCE")["Quotas"]
    assert own["QuotaContext"]["ContextId"] == ANN
    assert len(quotas.list_service_quotas(**ONE, QuotaAppliedAtLevel="ALL")["Quotas"]) == 2


def test_what_makes_no_sense_is_refused(quotas: Client) -> None:
    assert refusal(quotas.get_service_quota, ServiceCode="sagemaker", QuotaCode="L-0") == "NoSuchResourceException"
    assert refusal(quotas.list_service_quotas, ServiceCode="ec2") == "NoSuchResourceException"
    assert refusal(quotas.list_services, NextToken="²") == "InvalidPaginationTokenException"
    ask = quotas.request_service_quota_increase
    for value in (0.5, -1.0):
        assert refusal(ask, **ONE, DesiredValue=value) == "IllegalArgumentException"
    assert refusal(ask, **ONE, DesiredValue=1.0, ContextId="ann") == "IllegalArgumentException"
    missing = quotas.get_requested_service_quota_change
    assert refusal(missing, RequestId="none") == "NoSuchResourceException"
