"""What ECR has on AWS and nothing here can make: listing it finds nothing."""

from __future__ import annotations

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.ecr.common import check_registry
from sagewright.operations.table import Operations

operations = Operations()


@operations
def describe_pull_through_cache_rules(call: Call, request: Params) -> Params:
    check_registry(call, request)
    for prefix in request.get("ecrRepositoryPrefixes", ()):
        raise AwsError(
            "PullThroughCacheRuleNotFoundException",
            f"No pull through cache rule was found for the prefix '{prefix}' in the registry with id '{call.account}'",
        )
    return {"pullThroughCacheRules": []}


@operations
def describe_repository_creation_templates(call: Call, _request: Params) -> Params:
    return {"registryId": call.account, "repositoryCreationTemplates": []}


@operations
def list_replication_backfills(call: Call, request: Params) -> Params:
    check_registry(call, request)
    return {"registryId": call.account, "backfills": []}


@operations
def list_pull_time_update_exclusions(_call: Call, _request: Params) -> Params:
    return {"pullTimeUpdateExclusions": []}


@operations
def get_signing_configuration(call: Call, _request: Params) -> Params:
    raise AwsError(
        "SigningConfigurationNotFoundException",
        f"Signing configuration does not exist in the registry with id '{call.account}'",
    )
