"""The console's browser of S3: pages of keys, uploads, downloads, deletion, previews."""

from __future__ import annotations

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from playwright.sync_api import Page, expect

Picture = Callable[[str], None]

# pyarrow made it: strings in a dictionary, compressed with Snappy, and a column of lists.
PARQUET = base64.b64decode(
    "UEFSMRUEFSQVKEwVBBUAEgAAEkQEAAAAT3NsbwYAAABCZXJnZW4VABUSFRYsFQYVEBUGFQYcAAAACSACAAAAAwMBAwIVBBUwFSxMFQYVABIAABgA"
    "AAUBBPg/BQcoAAJAAAAAAAAACEAVABUUFRgsFQYVEBUGFQYcAAAACiQCAAAABgECAyQAFQQVEBUUTBUCFQASAAAIHAAwSdStSQYAFQAVEhUWLBUG"
    "FRAVBhUGHAAAAAkgAgAAAAMBAQIAFQQVFBUYTBUEFQASAAAKJAEAAABhAQAAAGIVABUgFSQsFQgVEBUGFQYcAAAAEDwCAAAAAwIDAAAAAx8AAQMC"
    "FQQZfDUAGAZzY2hlbWEVCAAVDCUCGARjaXR5JQBMHAAAABUKJQIYBXByaWNlABUEJQIYBHNvbGQlFEyMEhwsAAAAAAA1AhgEdGFncxUCFQZMPAAA"
    "ADUEGARsaXN0FQIAFQwlAhgHZWxlbWVudCUATBwAAAAWBhkcGUwmABwVDBk1AAYQGRgEY2l0eRUCFgYWeBaAASZMJggpLBUEFQAVAgAVABUQFQIA"
    "PBYUGQYZJgIEAAAAJgAcFQoZNQAGEBkYBXByaWNlFQIWBhaGARaGASbQASaIASksFQQVABUCABUAFRAVAgA8KQYZJgAGAAAAJgAcFQQZNQAGEBkY"
    "BHNvbGQVAhYGFmQWbCa+AiaOAiksFQQVABUCABUAFRAVAgA8KQYZJgQCAAAAJgAcFQwZNQAGEBk4BHRhZ3MEbGlzdAdlbGVtZW50FQIWCBZ2Fn4m"
    "rgMm+gIpLBUEFQAVAgAVABUQFQIAPBYEGSYGAhlGAgIABAAAABbYAxYGJggW8AMAKCBwYXJxdWV0LWNwcC1hcnJvdyB2ZXJzaW9uIDI2LjAuMRlM"
    "HAAAHAAAHAAAHAAAALEBAABQQVIx"
)
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def objects(bucket: str) -> str:
    """A prefix with more than a page of keys, a folder, and things to look at."""
    s3 = boto3.client("s3")
    content = {
        "table.csv": b'a,b\n1,"x, y"\n2,"two\nlines"\n',
        "houses.parquet": PARQUET,
        "pixel.png": PIXEL,
        "report.json": b'{"score":{"value":0.5}}',
        "deep/er/one.txt": b"1",
        "deep/two.txt": b"2",
        **{f"z-{number:04d}": b"\0\1" for number in range(130)},
    }
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: s3.put_object(Bucket=bucket, Key=f"shown/{each[0]}", Body=each[1]), content.items()))
    return "shown/"


def look(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def close(page: Page) -> None:
    page.get_by_role("button", name="Close").click()


def test_objects_are_looked_at(page: Page, picture: Picture, bucket: str, objects: str) -> None:
    page.goto("/#/s3")
    page.get_by_role("link", name=bucket).click()
    page.get_by_role("link", name=objects).click()
    look(page, "table.csv")
    expect(page.get_by_role("cell", name="x, y")).to_be_visible()
    expect(page.get_by_role("cell", name="two lines")).to_be_visible()
    picture("s3-csv")
    close(page)
    look(page, "houses.parquet")
    expect(page.get_by_role("cell", name="Bergen")).to_be_visible()
    expect(page.get_by_role("cell", name='["a","b"]')).to_be_visible()
    expect(page.get_by_text("The first 3 of 3 rows; 4 columns")).to_be_visible()
    picture("s3-parquet")
    close(page)
    look(page, "report.json")
    expect(page.get_by_text('"value": 0.5')).to_be_visible()
    close(page)
    look(page, "pixel.png")
    expect(page.get_by_role("img", name="shown/pixel.png")).to_be_visible()
    close(page)
    look(page, "z-0000")
    expect(page.get_by_text("There is no preview of such files")).to_be_visible()


def test_keys_come_by_the_page(page: Page, picture: Picture, bucket: str, objects: str) -> None:
    asked: list[Any] = []
    page.on("request", lambda request: asked.append(request) if "ListObjectsV2" in request.url else None)
    page.goto(f"/#/s3/{bucket}/{objects.replace('/', '%2F')}")
    expect(page.get_by_role("button", name="table.csv", exact=True)).to_be_visible()
    for _ in range(2):
        page.get_by_role("button", name="Next page").click()
    expect(page.get_by_role("button", name="z-0129")).to_be_visible()
    picture("s3-last-page")
    assert len(asked) == 3  # each page once
    page.get_by_label("Names that begin with").fill("z-01")
    expect(page.get_by_role("button", name="z-0100", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="table.csv")).not_to_be_visible()


def test_files_and_folders_go_up_and_come_down(page: Page, picture: Picture, bucket: str, tmp_path: Path) -> None:
    s3 = boto3.client("s3")
    page.goto(f"/#/s3/{bucket}/up%2F")
    expect(page.get_by_text("Nothing is here yet.")).to_be_visible()
    picture("s3-empty")
    (tmp_path / "tree/inner").mkdir(parents=True)
    for name in ("a.txt", "tree/b.txt", "tree/inner/c.txt"):
        (tmp_path / name).write_text(f"this is {name}")
    page.locator("input[aria-label='Upload files']").set_input_files([tmp_path / "a.txt", tmp_path / "tree/b.txt"])
    expect(page.get_by_text("2 files uploaded").first).to_be_visible()
    page.locator("input[aria-label='Upload folder']").set_input_files(tmp_path / "tree")
    expect(page.get_by_role("link", name="tree/")).to_be_visible()
    expect(page.get_by_text("4 files uploaded").first).to_be_visible()
    picture("s3-uploaded")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="up/")["Contents"]]
    assert keys == ["up/a.txt", "up/b.txt", "up/tree/b.txt", "up/tree/inner/c.txt"]
    look(page, "a.txt")
    with page.expect_download() as downloaded:
        page.get_by_role("button", name="Download").click()
    assert downloaded.value.path().read_text() == "this is a.txt"


def test_what_is_chosen_is_deleted(page: Page, picture: Picture, bucket: str, objects: str) -> None:
    page.goto(f"/#/s3/{bucket}/{objects.replace('/', '%2F')}")
    page.get_by_role("checkbox", name="Choose table.csv").check()
    page.get_by_role("checkbox", name="Choose deep/").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("All that is in folders is deleted too.")).to_be_visible()
    picture("s3-delete")
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(dialog).not_to_be_visible()
    expect(page.get_by_role("button", name="table.csv")).not_to_be_visible()
    expect(page.get_by_role("button", name="houses.parquet")).to_be_visible()
    left = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"{objects}deep/")
    assert left["KeyCount"] == 0
