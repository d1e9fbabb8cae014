"""CodeCommit's repositories by name. moto's own know neither tags nor keys nor changes, so all of them are here."""

from __future__ import annotations

import time
import uuid
from typing import Any

from sagewright.base.errors import AwsError
from sagewright.neighbours.host.additions import Place

Params = dict[str, Any]


def create_repository(place: Place, params: Params) -> Params:
    """A new one, empty. RepositoryNameExistsException."""
    name, now = params["repositoryName"], time.time()
    repositories = _repositories(place)
    if name in repositories:
        raise AwsError("RepositoryNameExistsException", f"Repository named {name} already exists.")
    metadata = {
        "accountId": place.account,
        "repositoryId": str(uuid.uuid4()),
        "creationDate": now,
        "lastModifiedDate": now,
        **_named(place, name),
    }
    for member in ("repositoryDescription", "kmsKeyId"):
        if member in params:
            metadata[member] = params[member]
    repositories[name] = {"metadata": metadata, "tags": dict(params.get("tags", {}))}
    return {"repositoryMetadata": metadata}


def get_repository(place: Place, params: Params) -> Params:
    return {"repositoryMetadata": _existing(place, params["repositoryName"])["metadata"]}


def batch_get_repositories(place: Place, params: Params) -> Params:
    known, names = _repositories(place), params["repositoryNames"]
    found = [known[name]["metadata"] for name in names if name in known]
    return {"repositories": found, "repositoriesNotFound": [name for name in names if name not in known]}


def list_repositories(place: Place, params: Params) -> Params:
    """All of them on one page, by name or by when they were changed."""
    found = [each["metadata"] for each in _repositories(place).values()]
    order = params.get("sortBy", "repositoryName")
    found.sort(key=lambda each: each[order], reverse=params.get("order") == "descending")
    pairs = [{"repositoryName": each["repositoryName"], "repositoryId": each["repositoryId"]} for each in found]
    return {"repositories": pairs}


def delete_repository(place: Place, params: Params) -> Params:
    """As on AWS, deleting what is not there is no error."""
    gone = _repositories(place).pop(params["repositoryName"], None)
    return {} if gone is None else {"repositoryId": gone["metadata"]["repositoryId"]}


def update_repository_description(place: Place, params: Params) -> Params:
    metadata = _existing(place, params["repositoryName"])["metadata"]
    metadata.pop("repositoryDescription", None)
    if "repositoryDescription" in params:
        metadata["repositoryDescription"] = params["repositoryDescription"]
    metadata["lastModifiedDate"] = time.time()
    return {}


def update_repository_name(place: Place, params: Params) -> Params:
    old, new = params["oldName"], params["newName"]
    repositories = _repositories(place)
    repository = _existing(place, old)
    if new in repositories:
        raise AwsError("RepositoryNameExistsException", f"Repository named {new} already exists.")
    repository["metadata"].update(_named(place, new), lastModifiedDate=time.time())
    repositories[new] = repositories.pop(old)
    return {}


def list_tags_for_resource(place: Place, params: Params) -> Params:
    return {"tags": _of_arn(place, params["resourceArn"])["tags"]}


def tag_resource(place: Place, params: Params) -> Params:
    _of_arn(place, params["resourceArn"])["tags"].update(params["tags"])
    return {}


def untag_resource(place: Place, params: Params) -> Params:
    tags = _of_arn(place, params["resourceArn"])["tags"]
    for key in params["tagKeys"]:
        tags.pop(key, None)
    return {}


def _named(place: Place, name: str) -> Params:
    """The members that contain a repository's name."""
    host = f"git-codecommit.{place.region}.amazonaws.com"
    return {
        "repositoryName": name,
        "Arn": f"arn:aws:codecommit:{place.region}:{place.account}:{name}",
        "cloneUrlHttp": f"https://{host}/v1/repos/{name}",
        "cloneUrlSsh": f"ssh://{host}/v1/repos/{name}",
    }


def _repositories(place: Place) -> dict[str, Params]:
    held: dict[str, Params] = place.held("codecommit").setdefault("repositories", {})
    return held


def _existing(place: Place, name: str) -> Params:
    try:
        return _repositories(place)[name]
    except KeyError:
        raise AwsError("RepositoryDoesNotExistException", f"{name} does not exist.") from None


def _of_arn(place: Place, arn: str) -> Params:
    return _existing(place, arn.rpartition(":")[2])
