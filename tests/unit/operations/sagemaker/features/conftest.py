"""A request for a feature group with both stores."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.testing.asker import Asker


@pytest.fixture
def houses(role: str) -> dict[str, Any]:
    return {
        "FeatureGroupName": "Houses",
        "RecordIdentifierFeatureName": "id",
        "EventTimeFeatureName": "time",
        "FeatureDefinitions": [
            {"FeatureName": "id", "FeatureType": "Integral"},
            {"FeatureName": "time", "FeatureType": "Fractional"},
        ],
        "OnlineStoreConfig": {"EnableOnlineStore": True},
        "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://features/houses/"}},
        "RoleArn": role,
    }


@pytest.fixture
def group(asker: Asker, houses: dict[str, Any]) -> str:
    """The ARN of a group that is there."""
    return str(asker.call("CreateFeatureGroup", **houses)["FeatureGroupArn"])
