"""Event logs that smspark-submit itself puts into S3."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from sagewright_container.spark import event_logs


class Bucket:
    """A client of S3 that keeps objects."""

    def __init__(self) -> None:
        self.objects: dict[str, str] = {}

    def upload_file(self, path: str, bucket: str, key: str) -> None:
        self.objects[f"{bucket}/{key}"] = Path(path).read_text()

    def delete_object(self, Bucket: str, Key: str) -> None:  # noqa: N803
        del self.objects[f"{Bucket}/{Key}"]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    made = Bucket()
    boto3, exceptions = ModuleType("boto3"), ModuleType("botocore.exceptions")
    boto3.client = lambda _service: made  # type: ignore[attr-defined]
    vars(exceptions).update(BotoCoreError=KeyError, ClientError=LookupError)
    monkeypatch.setitem(sys.modules, "boto3", boto3)
    monkeypatch.setitem(sys.modules, "botocore.exceptions", exceptions)
    return made


def test_what_grows_is_sent_again_and_a_log_is_there_once(bucket: Bucket, tmp_path: Path) -> None:
    publisher = event_logs._Publisher(tmp_path, "s3://b/events/")
    (tmp_path / "app-1.inprogress").write_text("a")
    (tmp_path / ".app-1.inprogress.crc").write_text("checksum")
    publisher._send()
    assert bucket.objects == {"b/events/app-1.inprogress": "a"}
    (tmp_path / "app-1.inprogress").write_text("ab")
    publisher._send()
    assert bucket.objects == {"b/events/app-1.inprogress": "ab"}
    (tmp_path / "app-1.inprogress").rename(tmp_path / "app-1")
    publisher._send()
    assert bucket.objects == {"b/events/app-1": "ab"}


def test_all_is_there_at_the_end(bucket: Bucket, tmp_path: Path) -> None:
    with event_logs.published(tmp_path, "s3a://b"):
        (tmp_path / "eventlog_v2_a").mkdir()
        (tmp_path / "eventlog_v2_a/events_1_a").write_text("x")
    assert bucket.objects == {"b/eventlog_v2_a/events_1_a": "x"}


def test_nothing_is_done_without_an_address(tmp_path: Path) -> None:
    with event_logs.published(tmp_path, None):
        pass
    assert list(tmp_path.iterdir()) == []
