"""Requests that no model spells as it should be: S3 as curl and browsers speak it, and the registry of images."""

from __future__ import annotations

import base64
import json
import random
import zlib
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from sagewright.testing.http import Spelled

_METHODS: Final = ("GET", "GET", "PUT", "PUT", "POST", "DELETE", "HEAD", "OPTIONS")
_SETTINGS: Final = (
    "acl", "policy", "policyStatus", "versioning", "tagging", "cors", "lifecycle", "notification", "encryption",
    "location", "logging", "website", "replication", "requestPayment", "accelerate", "object-lock", "publicAccessBlock",
    "ownershipControls", "intelligent-tiering", "inventory", "analytics", "metrics", "versions", "uploads", "delete",
    "legal-hold", "retention", "attributes", "torrent", "restore", "select", "select-type=2", "session", "abac",
    "metadataTable", "renameObject", "encryptionx", "",
)  # fmt: skip
_MORE: Final = (
    "list-type=2", "max-keys=0", "max-keys=-1", "max-keys=99999999999999999999", "prefix=fold", "delimiter=/",
    "delimiter=", "start-after=a", "continuation-token=zzz", "encoding-type=url", "encoding-type=html", "marker=a",
    "key-marker=a", "version-id-marker=none", "versionId=null", "versionId=", "versionId=%00", "partNumber=0",
    "partNumber=1", "partNumber=10001", "uploadId=none", "id=a", "fetch-owner=true", "response-content-type=a%0d%0ab",
    "response-expires=x", "max-uploads=1", "upload-id-marker=x", "max-parts=2", "x-id=GetObject", "=", "&&", "%",
    "prefix=%ff%fe", "prefix=%F0%9F%A6%89",
)  # fmt: skip
_HEADERS: Final[Sequence[tuple[str, str]]] = (
    ("range", "bytes=0-1"), ("range", "bytes=-1"), ("range", "bytes=9999999-"), ("range", "bytes=1-0,2-3"),
    ("range", "bytes=-99999999999999999999999999"), ("range", "apples=1-2"),
    ("if-match", "*"), ("if-none-match", "*"), ("if-match", "\"a\""), ("if-none-match", "a,b,\"c"),
    ("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT"), ("if-unmodified-since", "never"),
    ("x-amz-copy-source", "/{bucket}/a"), ("x-amz-copy-source", "{bucket}/a?versionId=null"),
    ("x-amz-copy-source", "nothing"), ("x-amz-copy-source", "/"), ("x-amz-copy-source", "arn:aws:s3:::{bucket}/a"),
    ("x-amz-copy-source-range", "bytes=0-99999"), ("x-amz-copy-source-if-match", "x"),
    ("x-amz-metadata-directive", "REPLACE"), ("x-amz-tagging-directive", "SOMETIMES"),
    ("x-amz-acl", "public-read"), ("x-amz-acl", "mine"), ("x-amz-grant-read", "id=1, uri=\"a\""),
    ("x-amz-tagging", "a=1&b=2"), ("x-amz-tagging", "a=1&a=2"), ("x-amz-tagging", "%"),
    ("x-amz-storage-class", "GLACIER"), ("x-amz-storage-class", "SHED"), ("x-amz-website-redirect-location", "x"),
    ("x-amz-server-side-encryption", "aws:kms"), ("x-amz-server-side-encryption", "AES256"),
    ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
    ("x-amz-server-side-encryption-customer-key", "!!!"), ("x-amz-server-side-encryption-aws-kms-key-id", "none"),
    ("x-amz-object-lock-mode", "GOVERNANCE"), ("x-amz-object-lock-retain-until-date", "2999-01-01T00:00:00Z"),
    ("x-amz-object-lock-retain-until-date", "99999-01-01T00:00:00Z"), ("x-amz-object-lock-legal-hold", "ON"),
    ("x-amz-bypass-governance-retention", "true"), ("x-amz-bucket-object-lock-token", "x"),
    ("x-amz-checksum-sha256", "AAAA"), ("x-amz-checksum-mode", "ENABLED"), ("x-amz-checksum-type", "FULL_OBJECT"),
    ("x-amz-sdk-checksum-algorithm", "CRC64NVME"), ("content-md5", "AAAA"), ("x-amz-meta-\u00fc", "\u00fc"),
    ("x-amz-meta-long", "x" * 3000), ("content-type", "a" * 300), ("cache-control", "\x01"),
    ("x-amz-expected-bucket-owner", "210987654321"), ("x-amz-request-payer", "requester"), ("expires", "soon"),
    ("x-amz-mfa", "1 2"), ("x-amz-object-attributes", "ETag,ObjectParts,Size"), ("x-amz-object-attributes", "Weight"),
    ("x-amz-write-offset-bytes", "3"), ("origin", "http://a.example"), ("access-control-request-method", "PUT"),
    ("host", "{bucket}.s3.amazonaws.com"), ("host", "a.b.c.localhost"), ("accept", "text/html"),
)  # fmt: skip
_DOCUMENTS: Final = (
    b"", b"<", b"<a/>", b"<a><b></a></b>", b"{}", b"\xff\xfe", b"<?xml version='1.0' encoding='utf-16'?><a/>",
    b"<!DOCTYPE a [<!ENTITY b 'c'><!ENTITY d '&b;&b;&b;'>]><a>&d;</a>",
    b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", b"<Tagging><TagSet/></Tagging>",
    b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
    b"<VersioningConfiguration><Status>Perhaps</Status></VersioningConfiguration>",
    b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>",
    b"<Delete><Object><Key>a</Key></Object></Delete>", b"<Delete><Object><Key></Key></Object></Delete>",
    b"<Delete>" + b"<Object><Key>a</Key></Object>" * 1001 + b"</Delete>",
    b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>",
    b"<CompleteMultipartUpload/>", b"<CreateBucketConfiguration><LocationConstraint>mars</LocationConstraint>"
    b"</CreateBucketConfiguration>", b"<AccessControlPolicy/>",
    b"<AccessControlPolicy><Owner/><AccessControlList><Grant/></AccessControlList></AccessControlPolicy>",
    b"<LifecycleConfiguration><Rule><Status>Enabled</Status></Rule></LifecycleConfiguration>",
    b"<CORSConfiguration><CORSRule><AllowedOrigin>*a*b*</AllowedOrigin></CORSRule></CORSConfiguration>",
    b"<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2999</RetainUntilDate></Retention>",
    b"<LegalHold><Status>ON</Status></LegalHold>", b"<a>" * 5000 + b"</a>" * 5000, b"plain bytes",
    b"{\"Version\": \"2012-10-17\", \"Statement\": []}", b"{\"Statement\": [[[]]]}",
)  # fmt: skip
_KEYS: Final = (
    "a", "folder/b", "gone", "parts", "none", "folder/", "..", "a//b", "%2e%2e/%2e%2e/etc", "%00", "%ff", "a%20b",
    "%F0%9F%A6%89", "+", "%zz", "x" * 1024, "x" * 1025,
)  # fmt: skip
_FIELDS: Final = ("key", "policy", "x-amz-credential", "x-amz-signature", "x-amz-algorithm", "x-amz-date", "acl",
                  "success_action_status", "success_action_redirect", "Content-Type", "file", "tagging")  # fmt: skip
_CHUNKED: Final = (
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-",
)  # fmt: skip
_DIGEST: Final = "sha256:" + "0" * 64
_MANIFEST: Final = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": _DIGEST, "size": 1},
    "layers": [],
}


class Objects:
    """S3's requests by hand, on a bucket that is there."""

    def __init__(self, chosen: random.Random, bucket: str) -> None:
        self._random, self._bucket = chosen, bucket

    def request(self) -> Spelled:
        """The next one: a setting or an object, a browser's form, or a body in chunks."""
        kind = self._random.random()
        if kind < 0.08:
            return self._form()
        return self._in_chunks() if kind < 0.2 else self._plain()

    def _plain(self) -> Spelled:
        chosen = self._random
        queries = [chosen.choice(_SETTINGS)] if chosen.random() < 0.7 else []
        queries += [chosen.choice(_MORE) for _ in range(chosen.choice((0, 0, 1, 2)))]
        headers = dict(chosen.choice(_HEADERS) for _ in range(chosen.choice((0, 0, 1, 1, 2, 4))))
        headers = {name: value.replace("{bucket}", self._bucket) for name, value in headers.items()}
        method = chosen.choice(_METHODS)
        body = chosen.choice(_DOCUMENTS) if method in ("PUT", "POST") else b""
        return Spelled("s3", method, self._path(), "&".join(filter(None, queries)), headers, body)

    def _path(self) -> str:
        chosen = self._random
        bucket = self._bucket if chosen.random() < 0.9 else chosen.choice(("none", "", "A_", "x" * 70, "%2f", "new"))
        return f"/{bucket}" if chosen.random() < 0.4 else f"/{bucket}/{chosen.choice(_KEYS)}"

    def _form(self) -> Spelled:
        """A browser's upload."""
        chosen = self._random
        policy = {"expiration": "2999-01-01T00:00:00Z", "conditions": [{"bucket": self._bucket}, ["starts-with"]]}
        values = (
            "a", "", "${filename}", "201", "http://a.example/", "AWS4-HMAC-SHA256",
            base64.b64encode(json.dumps(policy).encode()).decode(), "AKIA/20260101/us-east-1/s3/aws4_request",
        )  # fmt: skip
        parts = "".join(
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{chosen.choice(values)}\r\n'
            for name in chosen.sample(_FIELDS, chosen.randrange(len(_FIELDS)))
        )
        body = (parts + ("--b--\r\n" if chosen.random() < 0.8 else "")).encode()
        boundary = chosen.choice(("; boundary=b", "; boundary=c", ""))
        headers = {"content-type": f"multipart/form-data{boundary}"}
        return Spelled("s3", "POST", f"/{self._bucket}", "", headers, body)

    def _in_chunks(self) -> Spelled:
        """A body in chunks, whose sizes, signatures and trailers may be wrong."""
        chosen = self._random
        data = b"d" * chosen.choice((0, 1, 100, 9000))
        signature = chosen.choice((b"", b"", b";chunk-signature=" + b"0" * 64, b";chunk-signature=x", b";x"))
        size = b"%x" % (len(data) + chosen.choice((0, 0, 0, 1, -1)) if data else 0)
        body = (size + signature + b"\r\n" + data + b"\r\n") if data else b""
        body += b"0" + signature + b"\r\n"
        checksum = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
        trailer = chosen.choice(("", f"x-amz-checksum-crc32:{checksum}\r\n", "x-amz-checksum-crc32:AAAA\r\n", "junk"))
        body += trailer.encode() + chosen.choice((b"\r\n", b"", b"more"))
        headers = {
            "x-amz-content-sha256": chosen.choice(_CHUNKED[:1] * 6 + _CHUNKED[1:]),
            "x-amz-decoded-content-length": str(len(data) + chosen.choice((0, 0, 0, 1))),
            "content-encoding": "aws-chunked",
        }
        if trailer.startswith("x-") or chosen.random() < 0.1:
            headers["x-amz-trailer"] = chosen.choice(("x-amz-checksum-crc32",) * 4 + ("x-amz-checksum-md4", ""))
        query = chosen.choice(("", "", "", "partNumber=1&uploadId=none"))
        return Spelled("s3", "PUT", f"/{self._bucket}/{chosen.choice(_KEYS)}", query, headers, body)


class Images:
    """The registry's requests, as docker and who imitates it would send them."""

    def __init__(self, chosen: random.Random, repository: str) -> None:
        self._random, self._repository = chosen, repository

    def request(self, known: Mapping[str, str]) -> Spelled:
        """The next one; it brings its own authorization, where it brings any: the ticket among what is known of ECR."""
        chosen = self._random
        what = chosen.choice(("manifests", "blobs", "blobs/uploads", "tags", "referrers", "nothing"))
        references = ("latest", "list", "", _DIGEST, "sha256:x", "a" * 200, quote("../x", safe=""), "%ff", "md5:0")
        name = self._repository if chosen.random() < 0.8 else chosen.choice(("none", "A", "a//b", "a/b/c", "%00"))
        path = f"/v2/{name}/{what}/{chosen.choice(references)}" if chosen.random() < 0.95 else "/v2/"
        query = chosen.choice(("", "", f"digest={_DIGEST}", "digest=x", "mount=" + _DIGEST, "n=-1", "n=x&last=%ff"))
        return Spelled("ecr", chosen.choice((*_METHODS, "PATCH")), path, query, self._headers(known), self._body())

    def _headers(self, known: Mapping[str, str]) -> Mapping[str, str]:
        chosen = self._random
        headers = {
            "content-type": chosen.choice((str(_MANIFEST["mediaType"]), "application/octet-stream", "x")),
            "content-range": chosen.choice(("0-3", "9-1", "x", "bytes 0-3/4")),
            "range": chosen.choice(("bytes=0-1", "bytes=9-", "x")),
        }
        sent = {name: value for name, value in headers.items() if chosen.random() < 0.4}
        if chosen.random() < 0.9:
            ticket = f"Basic {known['authorizationToken']}" if "authorizationToken" in known else ""
            sent["authorization"] = chosen.choice((*[ticket] * 5, "Basic !!!", "Basic QVdTOng=", "Bearer x", ""))
        return sent

    def _body(self) -> bytes:
        chosen = self._random
        whole = json.dumps(_MANIFEST).encode()
        bodies = (b"", b"data", b"{}", b"[]", b"\xff", whole, whole[:-9], whole.replace(b"2,", b"1,", 1), b"[" * 5000)
        return chosen.choice(bodies)
