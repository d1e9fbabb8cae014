"""A user of S3: what was acknowledged is there, byte for byte."""

from __future__ import annotations

import random
import time

from .world import BUCKET, World

SIZES = (0, 100, 4096, 4097, 60_000, 1_500_000)
PART = 5 << 20


class Files:
    """Writes, overwrites, copies and deletes objects under a prefix of its own."""

    def __init__(self, world: World, user: str) -> None:
        self._world = world
        self._prefix = f"files/{user}/"
        self.there: dict[str, bytes] = {}
        self._life = 0

    def act(self, choose: random.Random) -> None:
        """One write, and at times a look at everything."""
        if self._life != self._world.front.lives:
            self._life = self._world.front.lives
            self.audit(sample=choose.sample(sorted(self.there), min(3, len(self.there))))
        key = f"{self._prefix}{choose.randrange(12)}" + choose.choice(("", "/below"))
        what = choose.choices((self._put, self._copy, self._delete, self._tag, self._in_parts), (10, 3, 3, 2, 0.3))[0]
        what(key, choose)
        if choose.random() < 0.3 and key in self.there:
            self.audit(sample=[key])
        time.sleep(choose.uniform(0.0, 0.1))

    def audit(self, sample: list[str] | None = None) -> None:
        """The keys are those that were written, and so are the bytes (of some, or of all)."""
        for key in self.there if sample is None else sample:
            body = self._world("s3", "get_object", Bucket=BUCKET, Key=key).body["Body"]
            assert body == self.there[key], f"{key} has {len(body)} bytes, not the {len(self.there[key])} written"
        listed = self._world("s3", "list_objects_v2", Bucket=BUCKET, Prefix=self._prefix).body
        keys = sorted(each["Key"] for each in listed.get("Contents", ()))
        assert keys == sorted(self.there), f"listed are {keys}, written were {sorted(self.there)}"

    def delete_all(self) -> None:
        for key in list(self.there):
            self._world("s3", "delete_object", Bucket=BUCKET, Key=key)
            del self.there[key]

    def _put(self, key: str, choose: random.Random) -> None:
        data = choose.randbytes(choose.choice(SIZES))
        self._world("s3", "put_object", Bucket=BUCKET, Key=key, Body=data)
        self.there[key] = data

    def _copy(self, key: str, choose: random.Random) -> None:
        others = [each for each in self.there if each != key]
        if others:
            source = choose.choice(others)
            self._world("s3", "copy_object", Bucket=BUCKET, Key=key, CopySource={"Bucket": BUCKET, "Key": source})
            self.there[key] = self.there[source]

    def _delete(self, key: str, _choose: random.Random) -> None:
        self._world("s3", "delete_object", Bucket=BUCKET, Key=key)
        self.there.pop(key, None)

    def _tag(self, key: str, choose: random.Random) -> None:
        if key not in self.there:
            return
        tags = [{"Key": "mark", "Value": str(choose.random())}]
        self._world("s3", "put_object_tagging", Bucket=BUCKET, Key=key, Tagging={"TagSet": tags})
        assert self._world("s3", "get_object_tagging", Bucket=BUCKET, Key=key).body["TagSet"] == tags, key

    def _in_parts(self, key: str, choose: random.Random) -> None:
        """An upload in two parts; a few are given up."""
        upload = self._world("s3", "create_multipart_upload", Bucket=BUCKET, Key=key).body["UploadId"]
        place = {"Bucket": BUCKET, "Key": key, "UploadId": upload}
        bodies = [choose.randbytes(1000) * (PART // 1000 + 1), choose.randbytes(70_000)]
        etags = []
        for number, body in enumerate(bodies, 1):
            etags.append(self._world("s3", "upload_part", PartNumber=number, Body=body, **place).body["ETag"])
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        if choose.random() < 0.3:
            gone = self._world("s3", "abort_multipart_upload", refused=("NoSuchUpload",), **place)
            assert gone.perhaps_twice or not gone.refusal, f"{key}: {gone.refusal}"
            return
        done = self._world(
            "s3", "complete_multipart_upload", refused=("NoSuchUpload",), MultipartUpload={"Parts": parts}, **place
        )
        assert done.perhaps_twice or not done.refusal, f"{key}: {done.refusal}"
        self.there[key] = b"".join(bodies)
