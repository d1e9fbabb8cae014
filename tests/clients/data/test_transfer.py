"""boto3's transfer manager with many threads, as data loaders use it."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig

SIZE = 20 * 2**20 + 3


def test_a_file_goes_up_and_comes_down_in_parts_at_once(s3: Any, box: str, tmp_path: Path) -> None:
    up, down = tmp_path / "up", tmp_path / "down"
    up.write_bytes(os.urandom(SIZE))
    config = TransferConfig(multipart_threshold=5 * 2**20, multipart_chunksize=5 * 2**20, max_concurrency=10)
    s3.upload_file(str(up), box, "file", Config=config)
    s3.copy({"Bucket": box, "Key": "file"}, box, "copy", Config=config)
    s3.download_file(box, "copy", str(down), Config=config)
    assert down.read_bytes() == up.read_bytes()


def test_many_threads_write_read_and_overwrite(s3: Any, box: str) -> None:
    def turn(number: int) -> bool:
        key = f"many/{number % 50}"
        s3.put_object(Bucket=box, Key=key, Body=f"{key} {number:06}".encode() * 100)
        read = s3.get_object(Bucket=box, Key=key)["Body"].read()
        # Whole, and somebody's: never a mixture of two writes.
        return len(read) == len(f"{key} {number:06}") * 100 and len({*read.split(key.encode() + b" ")}) == 2

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(turn, range(400)))
