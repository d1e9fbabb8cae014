"""What Java's older AWS SDK runs for a profile's keys: those of this process's environment, else the task's role's."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Mapping

_NAMES = {"AccessKeyId": "AWS_ACCESS_KEY_ID", "SecretAccessKey": "AWS_SECRET_ACCESS_KEY"}
_TOKEN = "AWS_SESSION_TOKEN"  # noqa: S105  # its name


def found() -> Mapping[str, str]:
    """Keys, as a credential process tells them."""
    if _NAMES["AccessKeyId"] in os.environ:
        own = {name: os.environ[variable] for name, variable in _NAMES.items()}
        return {**own, "SessionToken": os.environ[_TOKEN]} if _TOKEN in os.environ else own
    place, grant = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    request = urllib.request.Request(place, headers={"Authorization": grant})  # noqa: S310  # the platform's own
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        told = json.load(answer)
    names = ("AccessKeyId", "SecretAccessKey", "Expiration")
    return {**{name: told[name] for name in names}, "SessionToken": told["Token"]}


if __name__ == "__main__":
    json.dump({"Version": 1, **found()}, sys.stdout)
