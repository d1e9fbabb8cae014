"""Data capture as an endpoint's configuration asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Settings = Mapping[str, Any]
"""to (`s3://bucket/prefix`), role (ARN), percentage, input and output (whether each is wanted), csv and
json (the content types that are kept as text)."""


def enabled(config: Mapping[str, Any]) -> bool:
    """Whether an endpoint configuration asks for capture."""
    wanted = config.get("DataCaptureConfig")
    return wanted is not None and wanted.get("EnableCapture", True)


def settings(config: Mapping[str, Any], role: str) -> Settings | None:
    """What is captured of a variant that works as this role, and where it goes; None where nothing is."""
    if not enabled(config):
        return None
    wanted = config["DataCaptureConfig"]
    modes = {option["CaptureMode"] for option in wanted["CaptureOptions"]}
    types = wanted.get("CaptureContentTypeHeader", {})
    return {
        "to": wanted["DestinationS3Uri"].rstrip("/"),
        "role": role,
        "percentage": wanted["InitialSamplingPercentage"],
        "input": bool(modes & {"Input", "InputAndOutput"}),
        "output": bool(modes & {"Output", "InputAndOutput"}),
        "csv": [each.lower() for each in types.get("CsvContentTypes", ())],
        "json": [each.lower() for each in types.get("JsonContentTypes", ())],
    }


def summary(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """DataCaptureConfig of DescribeEndpoint, for a configuration that serves; None where it has none."""
    wanted = config.get("DataCaptureConfig")
    if wanted is None:
        return None
    on = enabled(config)
    return {
        "EnableCapture": on,
        "CaptureStatus": "Started" if on else "Stopped",
        "CurrentSamplingPercentage": wanted["InitialSamplingPercentage"],
        "DestinationS3Uri": wanted["DestinationS3Uri"],
        "KmsKeyId": wanted.get("KmsKeyId", ""),
    }
