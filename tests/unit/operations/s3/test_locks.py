"""Object lock, with the time in hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from sagewright.base.errors import AwsError

Ask = Callable[..., dict[str, Any]]
DAY = 86_400


@pytest.fixture
def vault(ask: Ask) -> str:
    ask("create_bucket", Bucket="vault", ObjectLockEnabledForBucket=True)
    return "vault"


def put(ask: Ask, **more: Any) -> str:
    headers = {"content-md5": "XUFAKrxLKna5cZ2REBfFkg=="}
    return str(ask("put_object", Bucket="vault", Key="k", Body=b"hello", headers=headers, **more)["VersionId"])


def refused(ask: Ask, name: str, **request: Any) -> str:
    with pytest.raises(AwsError) as caught:
        ask(name, Bucket="vault", Key="k", **request)
    return caught.value.code


def test_retention_ends(ask: Ask, vault: str, clock: Any) -> None:
    version = put(ask, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=clock.time + DAY)
    assert refused(ask, "delete_object", VersionId=version, BypassGovernanceRetention=True) == "AccessDenied"
    clock.time += DAY
    ask("delete_object", Bucket=vault, Key="k", VersionId=version)
    assert refused(ask, "get_object", VersionId=version) == "NoSuchVersion"


def test_a_lock_may_become_longer_or_stricter(ask: Ask, vault: str, clock: Any) -> None:
    def retain(mode: str, days: int, **more: Any) -> str | None:
        request = {"Bucket": vault, "Key": "k", "Retention": {"Mode": mode, "RetainUntilDate": clock.time + days * DAY}}
        try:
            ask("put_object_retention", **request, **more)
        except AwsError as error:
            return error.code
        return None

    put(ask)
    assert retain("GOVERNANCE", 2) is None
    assert retain("GOVERNANCE", 3) is None
    assert retain("GOVERNANCE", 1) == "AccessDenied"
    assert retain("GOVERNANCE", 1, BypassGovernanceRetention=True) is None
    assert retain("COMPLIANCE", 1) is None
    assert retain("COMPLIANCE", 2) is None
    assert retain("GOVERNANCE", 9, BypassGovernanceRetention=True) == "AccessDenied"
    assert refused(ask, "put_object_retention", Retention={}) == "AccessDenied"
    clock.time += 3 * DAY
    ask("put_object_retention", Bucket=vault, Key="k", Retention={})
    assert refused(ask, "get_object_retention") == "NoSuchObjectLockConfiguration"


def test_years_are_calendar_years(ask: Ask, vault: str, clock: Any) -> None:
    clock.time = datetime(2024, 2, 29, 12, tzinfo=UTC).timestamp()
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Years": 1}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    ask("put_object_lock_configuration", Bucket=vault, ObjectLockConfiguration=configuration)
    put(ask)
    until = ask("head_object", Bucket=vault, Key="k")["ObjectLockRetainUntilDate"]
    assert datetime.fromtimestamp(until, UTC) == datetime(2025, 2, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"ObjectLockMode": "GOVERNANCE"}, "InvalidArgument"),
        ({"ObjectLockMode": "NONE", "ObjectLockRetainUntilDate": 2e9}, "InvalidArgument"),
        ({"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": 1.0}, "InvalidArgument"),
        ({"ObjectLockLegalHoldStatus": "MAYBE"}, "InvalidArgument"),
        ({"ObjectLockEventHold": "ON"}, "NotImplemented"),
    ],
)
def test_locks_that_are_none(ask: Ask, vault: str, request_: dict[str, Any], code: str) -> None:
    assert refused(ask, "put_object", Body=b"hello", **request_) == code


def test_what_is_locked_must_have_come_whole(ask: Ask, vault: str) -> None:
    assert refused(ask, "put_object", Body=b"hello", ObjectLockLegalHoldStatus="ON") == "InvalidRequest"


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"Mode": "GOVERNANCE"}, "MalformedXML"),
        ({"Mode": "GOVERNANCE", "Days": 1, "Years": 1}, "MalformedXML"),
        ({"Days": 1}, "MalformedXML"),
        ({"Mode": "GOVERNANCE", "Days": 0}, "InvalidArgument"),
        ({"Mode": "GOVERNANCE", "Years": 101}, "InvalidArgument"),
    ],
)
def test_default_retentions_that_are_none(ask: Ask, vault: str, rule: dict[str, Any], code: str) -> None:
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": rule}}
    with pytest.raises(AwsError) as caught:
        ask("put_object_lock_configuration", Bucket=vault, ObjectLockConfiguration=configuration)
    assert caught.value.code == code
