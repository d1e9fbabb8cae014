"""The credential report: who has which keys and passwords, as a table.

The columns: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from sagewright.base.errors import AlreadyExists, AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.iam import access_keys, login_profiles
from sagewright.operations.iam.records import USER, all_of, key, together
from sagewright.operations.table import Operations
from sagewright.resources.record import Record
from sagewright.store.base import Write

operations = Operations()

_REPORT: Final = "iam-credential-report"
_HOURS: Final = 4
_COLUMNS: Final = (
    "user", "arn", "user_creation_time",
    "password_enabled", "password_last_used", "password_last_changed", "password_next_rotation", "mfa_active",
    "access_key_1_active", "access_key_1_last_rotated", "access_key_1_last_used_date",
    "access_key_1_last_used_region", "access_key_1_last_used_service",
    "access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date",
    "access_key_2_last_used_region", "access_key_2_last_used_service",
    "cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated",
)  # fmt: skip
_NO_KEY: Final = ("false", *["N/A"] * 4)
_NO_CERTIFICATES: Final = ("false", "N/A", "false", "N/A")


@operations
def generate_credential_report(call: Call, request: Params) -> Params:
    """Made at once: the first answer already says that it is there."""
    made = Record(key(call.account, _REPORT, "report"), call.services.ids.uuid(), call.now, call.now,
                  status={"Content": _table(call)})  # fmt: skip

    def writes() -> list[Write]:
        known = call.store.get(made.key)
        return [
            ("create", made) if known is None else ("update", replace(known, status=made.status, modified=call.now))
        ]

    with contextlib.suppress(AlreadyExists):  # another was quicker, with the same table
        together(call.store, writes)
    return {"State": "COMPLETE"}


@operations
def get_credential_report(call: Call, request: Params) -> Params:
    report = call.store.get(key(call.account, _REPORT, "report"))
    if report is None:
        raise AwsError(
            "ReportNotPresent", "There is no credential report. GenerateCredentialReport makes one.", status=410
        )
    if call.now - report.modified > _HOURS * 3600:
        raise AwsError(
            "ReportExpired", "The credential report is too old. GenerateCredentialReport makes one.", status=410
        )
    return {
        "Content": report.status["Content"].encode(),
        "ReportFormat": "text/csv",
        "GeneratedTime": float(int(report.modified)),
    }


def _table(call: Call) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    root = ["<root_account>", f"arn:aws:iam::{call.account}:root", "N/A", "false", *["N/A"] * 3, "false"]
    table.writerow([*root, "true", *["N/A"] * 4, *_NO_KEY, *_NO_CERTIFICATES])
    for user in all_of(call.store, call.account, USER):
        table.writerow(_row(call, user))
    return text.getvalue()


def _row(call: Call, user: Record) -> Sequence[str]:
    profile = login_profiles.of_user(call, user.name)
    password = ["false", "N/A", "N/A", "N/A"]
    if profile is not None:
        password = ["true", "no_information", _time(profile.modified), "N/A"]
    keys = [part for record in access_keys.of_user(call, user.name) for part in _key(call, record)]
    missing = access_keys.PER_USER - len(keys) // len(_NO_KEY)
    return [
        user.name, user.status["Arn"], _time(user.created), *password, "false", *keys, *(_NO_KEY * missing),
        *_NO_CERTIFICATES,
    ]  # fmt: skip


def _key(call: Call, record: Record) -> Sequence[str]:
    used = call.services.credentials.last_used.of(record)
    last = [_time(used["Date"]), used["Region"], used["ServiceName"]] if used else ["N/A"] * 3
    return [str(record.spec["Status"] == "Active").lower(), _time(record.created), *last]


def _time(when: float) -> str:
    return datetime.fromtimestamp(int(when), UTC).isoformat()
