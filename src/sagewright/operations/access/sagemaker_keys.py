"""SageMaker's condition keys, read out of requests.

Keys: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sagewright.operations.access.request import Request, Source, Sources, Values
from sagewright.resources.arn import sagemaker_arn

# What ends the path of a member, wherever in the request it is, by key.
_MEMBERS: Final[Mapping[str, Sequence[str]]] = {
    "InstanceTypes": ("InstanceType", "InstanceTypes", "DefaultResourceSpec.InstanceType"),
    "AcceleratorTypes": ("AcceleratorType", "AcceleratorTypes"),
    "VpcSecurityGroupIds": ("SecurityGroupIds", "SecurityGroups", "SecurityGroupId"),
    "VpcSubnets": ("Subnets", "SubnetIds", "SubnetId"),
    "VolumeKmsKey": ("VolumeKmsKeyId", "HomeEfsFileSystemKmsKeyId", "OnlineStoreConfig.SecurityConfig.KmsKeyId"),
    "OutputKmsKey": (
        "OutputDataConfig.KmsKeyId",
        "OutputConfig.KmsKeyId",
        "ProcessingOutputConfig.KmsKeyId",
        "MonitoringOutputConfig.KmsKeyId",
        "TransformOutput.KmsKeyId",
    ),
    "DomainSharingOutputKmsKey": ("SharingSettings.S3KmsKeyId",),
    "NetworkIsolation": ("EnableNetworkIsolation",),
    "InterContainerTrafficEncryption": ("EnableInterContainerTrafficEncryption",),
    "MaxRuntimeInSeconds": ("MaxRuntimeInSeconds",),
    "KeepAlivePeriod": ("KeepAlivePeriodInSeconds",),
    "EnableRemoteDebug": ("EnableRemoteDebug",),
    "FileSystemAccessMode": ("FileSystemAccessMode",),
    "FileSystemDirectoryPath": ("FileSystemDataSource.DirectoryPath",),
    "FileSystemId": ("FileSystemDataSource.FileSystemId",),
    "FileSystemType": ("FileSystemDataSource.FileSystemType",),
    "ImageArns": ("SageMakerImageArn",),
    "ImageVersionArns": ("SageMakerImageVersionArn",),
    "StudioLifecycleConfigArns": ("LifecycleConfigArn", "LifecycleConfigArns"),
    "AppNetworkAccessType": ("AppNetworkAccessType",),
    "RootAccess": ("RootAccess",),
    "DirectInternetAccess": ("DirectInternetAccess",),
    "MinimumInstanceMetadataServiceVersion": ("MinimumInstanceMetadataServiceVersion",),
    "RemoteAccess": ("RemoteAccess",),
    "ServerlessMaxConcurrency": ("ServerlessConfig.MaxConcurrency",),
    "ServerlessMemorySize": ("ServerlessConfig.MemorySizeInMB",),
    "FeatureGroupEnableOnlineStore": ("EnableOnlineStore",),
    "FeatureGroupOnlineStoreKmsKey": ("OnlineStoreConfig.SecurityConfig.KmsKeyId",),
    "FeatureGroupOfflineStoreS3Uri": ("S3StorageConfig.S3Uri",),
    "FeatureGroupOfflineStoreKmsKey": ("S3StorageConfig.KmsKeyId",),
    "FeatureGroupDisableGlueTableCreation": ("DisableGlueTableCreation",),
    "ModelApprovalStatus": ("ModelApprovalStatus",),
    "ModelLifeCycle:Stage": ("ModelLifeCycle.Stage",),
    "ModelLifeCycle:StageStatus": ("ModelLifeCycle.StageStatus",),
    "CustomerMetadataPropertiesToRemove": ("CustomerMetadataPropertiesToRemove",),
    "PipelineVersionId": ("PipelineVersionId",),
    "SpaceSharingType": ("SpaceSharingSettings.SharingType",),
    "TargetModel": ("TargetModel",),
    "WorkteamArn": ("WorkteamArn",),
}
_DEFAULTS: Final[Mapping[str, str]] = {
    "NetworkIsolation": "false",
    "InterContainerTrafficEncryption": "false",
    "EnableRemoteDebug": "false",
    "RootAccess": "Enabled",
    "DirectInternetAccess": "Enabled",
}
"""What a request without the member asks for."""


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """All values of a request with their paths: `.A.B`."""
    if isinstance(value, Mapping):
        for name, child in value.items():
            yield from leaves(child, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for child in value:
            yield from leaves(child, path)
    elif isinstance(value, bool):
        yield path, str(value).lower()
    elif isinstance(value, (str, int, float)):
        yield path, str(value)


def _members(name: str) -> Source:
    endings = tuple(f".{ending}" for ending in _MEMBERS[name])
    default = _DEFAULTS.get(name)

    def read(request: Request, key: str) -> Values:
        if key not in request.keys:
            return None
        found = [value for path, value in leaves(request.params) if path.endswith(endings)]
        return [*dict.fromkeys(found)] or (None if default is None else [default])

    return read


def _models(request: Request, key: str) -> Values:
    """Models are named; the key holds ARNs."""
    if key not in request.keys:
        return None
    call = request.call
    names = [value for path, value in leaves(request.params) if path.endswith(".ModelName")]
    arns = [
        name if name.startswith("arn:") else sagemaker_arn(call.region, call.account, "model", name) for name in names
    ]
    return arns or None


def _has_offline_store(request: Request, key: str) -> Values:
    return ["true" if "OfflineStoreConfig" in request.params else "false"] if key in request.keys else None


def _workteam_type(request: Request, key: str) -> Values:
    """A workteam's ARN says whose it is: `…:workteam/private-crowd/name`."""
    arns = [value for path, value in leaves(request.params) if path.endswith(".WorkteamArn")]
    return [arn.split("/")[1] for arn in arns if arn.count("/") > 1] or None


def _owner(request: Request, key: str) -> Values:
    """The user profile that a space belongs to."""
    owner = request.params.get("OwnershipSettings", {}).get("OwnerUserProfileName")
    if owner is None:
        return None
    call = request.call
    return [sagemaker_arn(call.region, call.account, "user-profile", f"{request.params.get('DomainId', '')}/{owner}")]


def _property(request: Request, key: str) -> Values:
    found = request.params.get("CustomerMetadataProperties") or {}
    wanted = key.partition("/")[2]
    return next(([value] for name, value in found.items() if name.lower() == wanted), None)


def _member(name: str) -> Source:
    return lambda request, _: [str(request.params[name])] if name in request.params else None


SOURCES: Final[Sources] = {
    **{f"sagemaker:{name.lower()}": _members(name) for name in _MEMBERS},
    "sagemaker:modelarn": _models,
    "sagemaker:featuregroupofflinestoreconfig": _has_offline_store,
    "sagemaker:workteamtype": _workteam_type,
    "sagemaker:owneruserprofilearn": _owner,
    "sagemaker:customermetadataproperties/": _property,
    "sagemaker:domainid": _member("DomainId"),
    "sagemaker:userprofilename": _member("UserProfileName"),
}
