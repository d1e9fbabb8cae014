"""Secrets' versions: moto says of each that it was made when somebody asks, and gives no ARN."""

from __future__ import annotations

from typing import Any

from sagewright.base.errors import AwsError
from sagewright.neighbours.host.additions import Place

Params = dict[str, Any]


def list_secret_version_ids(place: Place, params: Params) -> Params:
    """All of them on one page; those that no stage names where IncludeDeprecated is said. ResourceNotFoundException."""
    backend, name = place.backend("secretsmanager"), params["SecretId"]
    if not backend._is_valid_identifier(name):
        raise AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    secret = backend.secrets[name]
    versions = [
        {"VersionId": each, "VersionStages": list(version["version_stages"]), "CreatedDate": version["createdate"]}
        for each, version in secret.versions.items()
        if version["version_stages"] or params.get("IncludeDeprecated")
    ]
    return {"ARN": secret.arn, "Name": secret.name, "Versions": versions}
