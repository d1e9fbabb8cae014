"""What `x-amz-copy-source` names. The gate and the copy read it here, so that both mean the same object."""

from __future__ import annotations

from urllib.parse import unquote_plus


def copy_source(text: str) -> tuple[str, str, str | None]:
    """Bucket, key and version of `bucket/key?versionId=…`, URL-encoded; no version where none is named."""
    path, _, query = text.partition("?")
    bucket, _, key = unquote_plus(path).removeprefix("/").partition("/")
    name, _, version = query.partition("=")
    return bucket, key, unquote_plus(version) if name == "versionId" else None
