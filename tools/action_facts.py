"""What the Service Authorization Reference does not say, or not in the words of requests. Read by `action_table.py`.

Sources: the API references of the services ("Required permissions", members and their meaning) and their pages in
https://docs.aws.amazon.com/service-authorization/latest/reference/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PREFIXES: Mapping[str, str] = {
    "sagemaker-runtime": "sagemaker",
    "sagemaker-featurestore-runtime": "sagemaker",
    "sagemaker-metrics": "sagemaker",
    "sagemaker-a2i-runtime": "sagemaker",
    "sagemaker-edge": "sagemaker",
    "stepfunctions": "states",
    "resourcegroupstaggingapi": "tag",
    "service-quotas": "servicequotas",
    "sso-admin": "sso",
    "efs": "elasticfilesystem",
}
"""How actions begin where that is not botocore's name of the service."""

FAMILY = ("sagemaker", "sagemaker-runtime", "sagemaker-featurestore-runtime", "sagemaker-metrics",
          "sagemaker-a2i-runtime", "sagemaker-edge")  # fmt: skip
WITH_KEYS = FAMILY
"""Services whose own condition keys go with some operations only."""

PRINCIPALS: Mapping[str, str] = {
    "sagemaker": "sagemaker.amazonaws.com",
    "sagemaker-geospatial": "sagemaker-geospatial.amazonaws.com",
    "lambda": "lambda.amazonaws.com",
    "stepfunctions": "states.amazonaws.com",
    "events": "events.amazonaws.com",
    "scheduler": "scheduler.amazonaws.com",
    "glue": "glue.amazonaws.com",
    "cloudformation": "cloudformation.amazonaws.com",
    "logs": "logs.amazonaws.com",
    "application-autoscaling": "application-autoscaling.amazonaws.com",
    "cloudwatch": "cloudwatch.amazonaws.com",
    "ecr": "ecr.amazonaws.com",
    "ssm": "ssm.amazonaws.com",
}
"""To whom roles are passed."""
PASSING_VERBS = ("Create", "Update", "Start", "Put", "Register")
ROLE_MEMBERS = r"((?!CrossAccount)\w*[Rr]ole(Arn|ARN)|Role|\w*ExecutionRole|ValidationRole)"

TAGGING = FAMILY
"""Services that ask for their AddTags too where a request that creates something brings tags."""
TAG_OPERATIONS = ("AddTags", "DeleteTags", "ListTags", "TagResource", "UntagResource")

BASES: Mapping[str, str] = {
    "s3": "arn:aws:s3:::",
    "iam": "arn:aws:iam::{account}:",
    "sts": "arn:aws:sts::{account}:",
    "cloudwatch": "arn:aws:cloudwatch:{region}:{account}:",
}
"""How the ARNs of a service begin where that is not `arn:aws:PREFIX:{region}:{account}:`."""

# By service: what a hole in an ARN is called in requests (`type.Hole`, or `Hole` whatever the type).
ALIASES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "sagemaker": {
        "AutoMLJobJobName": ("AutoMLJobName",),
        "ClusterId": ("ClusterName",),
        "DataQualityJobDefinitionName": ("JobDefinitionName",),
        "ModelQualityJobDefinitionName": ("JobDefinitionName",),
        "ModelBiasJobDefinitionName": ("JobDefinitionName",),
        "ModelExplainabilityJobDefinitionName": ("JobDefinitionName",),
        "DeviceName": ("Devices[].DeviceName",),
        "InferenceExperimentName": ("Name",),
        "InferenceRecommendationsJobName": ("JobName",),
        "MlflowTrackingServerName": ("TrackingServerName",),
        "MonitoringScheduleAlertName": ("MonitoringAlertName",),
        "app.UserProfileName": ("SpaceName",),
    },
    "iam": {
        "RoleNameWithPath": ("RoleName",),
        "UserNameWithPath": ("UserName",),
        "GroupNameWithPath": ("GroupName",),
        "PolicyNameWithPath": ("PolicyName",),
        "InstanceProfileNameWithPath": ("InstanceProfileName",),
        "CertificateNameWithPath": ("ServerCertificateName",),
        "MfaTokenIdWithPath": ("VirtualMFADeviceName",),
    },
    "sts": {"FederatedUserName": ("Name",)},
    "logs": {
        "LogGroupName": ("logGroupIdentifier", "logGroupNames", "logGroupIdentifiers", "logGroupArn"),
        "DeliverySourceName": ("name",),
        "DeliveryDestinationName": ("name",),
        "DeliveryName": ("id",),
    },
    "cloudwatch": {"AlarmName": ("AlarmNames",), "InsightRuleName": ("RuleName",), "MetricStreamName": ("Name",)},
    "ecr": {"RepositoryName": ("repositoryNames",)},
    "athena": {
        "WorkGroupName": ("WorkGroup=primary",),
        "DataCatalogName": ("CatalogName", "Catalog", "Name"),
    },
    "glue": {
        "database.DatabaseName": ("DatabaseInput.Name", "Name"),
        "table.TableName": ("TableInput.Name", "Name"),
        "CatalogName": ("CatalogId", "Name"),
        "JobName": ("Name",),
        "CrawlerName": ("Name",),
        "TriggerName": ("Name",),
        "WorkflowName": ("Name",),
        "ConnectionName": ("ConnectionInput.Name", "Name"),
        "RegistryName": ("RegistryId.RegistryName", "RegistryId.RegistryArn"),
        "SchemaName": ("SchemaId.SchemaName", "SchemaId.SchemaArn"),
    },
    "events": {
        "EventBusName": ("Name",),
        "ConnectionName": ("Name",),
        "ApiDestinationName": ("Name",),
        "EndpointName": ("Name",),
    },
    "scheduler": {"schedule.GroupName": ("GroupName=default",), "ScheduleName": ("Name",), "GroupName": ("Name",)},
    "lambda": {"EventSourceMappingId": ("UUID",)},
    "ec2": {"SecurityGroupId": ("GroupId",), "NaclId": ("NetworkAclId",)},
    "codecommit": {"RepositoryName": ("oldName",)},
    "kms": {"KeyId": ("TargetKeyId", "SourceKeyId")},
    "secretsmanager": {"SecretId": ("Name",)},
    "ssm": {
        "ParameterNameWithoutLeadingSlash": ("Name", "Names", "Path"),
        "DocumentName": ("Name",),
        "WindowId": ("Name",),
    },
    "sns": {"TopicName": ("Name",)},
    "sqs": {"QueueName": ("QueueUrl",)},
    "stepfunctions": {"StateMachineName": ("name",), "ActivityName": ("name",)},
    "cloudformation": {"Type": ("TypeName",)},
    "resource-groups": {"GroupName": ("Name", "Group")},
    "servicecatalog": {"PortfolioId": ("Id",), "ProductId": ("Id",), "ApplicationId": ("application",)},
}

# Members that hold the ARN of what an action is about, lower-cased, where that is not `<type>Arn`.
ARN_MEMBERS: Mapping[str, Sequence[str]] = {
    "sagemaker": ("modelpackagearnlist", "resourceidentifier"),
    "iam": ("policyarn", "policysourcearn", "openidconnectproviderarn", "samlproviderarn", "serialnumber"),
    "sts": ("rolearn",),
    "sns": ("targetarn", "subscriptionarn"),
    "sqs": ("sourcearn",),
    "stepfunctions": ("statemachinealiasarn",),
}

_CLUSTER = {"on": ["cluster/{ClusterName}"]}
_EXTENSION = {"on": ["{ClusterArn}", "?{ExtensionArn}"]}
_ROLE_LIKE = ("Create", "Delete", "Describe", "Stop", "Update")
_NEW_NOUNS: Mapping[str, str] = {
    "AIBenchmarkJob": "ai-benchmark-job/{AIBenchmarkJobName}",
    "AIRecommendationJob": "ai-recommendation-job/{AIRecommendationJobName}",
    "AIWorkloadConfig": "ai-workload-config/{AIWorkloadConfigName}",
    "InferenceRouter": "inference-router/{InferenceRouterName}",
    "Job": "job/{JobCategory}/{JobName}",
    "TrainingSession": "training-session/{TrainingSessionName}",
}
"""Nouns of SageMaker that are younger than the reference; their ARNs are those of the service model."""


def guess(service: str, operation: str) -> list[str]:
    """The resources of an operation that the reference does not know."""
    if service == "sagemaker":
        for noun, template in _NEW_NOUNS.items():
            if operation in {f"{verb}{noun}" for verb in _ROLE_LIKE}:
                return [template]
    return []


def _s3() -> dict[str, dict[str, Any]]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html"""
    rows: dict[str, dict[str, Any]] = {}
    for verbs, operation, action in (
        ("Get Put Delete", "BucketCors", "BucketCORS"),
        ("Get Put Delete", "BucketEncryption", "EncryptionConfiguration"),
        ("Get Put Delete", "BucketLifecycle", "LifecycleConfiguration"),
        ("Get Put", "BucketLifecycleConfiguration", "LifecycleConfiguration"),
        ("Get Put Delete", "BucketReplication", "ReplicationConfiguration"),
        ("Get Put Delete", "BucketOwnershipControls", "BucketOwnershipControls"),
        ("Get Put Delete", "PublicAccessBlock", "BucketPublicAccessBlock"),
        ("Get Put Delete", "BucketTagging", "BucketTagging"),
        ("Get Put", "BucketAccelerateConfiguration", "AccelerateConfiguration"),
        ("Get Put", "BucketNotification", "BucketNotification"),
        ("Get Put", "BucketNotificationConfiguration", "BucketNotification"),
        ("Get Put", "ObjectLockConfiguration", "BucketObjectLockConfiguration"),
        *(
            ("Get Put Delete", f"Bucket{kind}Configuration", f"{kind}Configuration")
            for kind in ("Analytics", "IntelligentTiering", "Inventory", "Metrics")
        ),
    ):
        for verb in verbs.split():
            # What takes a setting away is a way of putting it.
            rows[f"{verb}{operation}"] = {"action": f"s3:{'Get' if verb == 'Get' else 'Put'}{action}"}
    for kind in ("Analytics", "IntelligentTiering", "Inventory", "Metrics"):
        rows[f"ListBucket{kind}Configurations"] = {"action": f"s3:Get{kind}Configuration"}
    for operation, action in (
        ("HeadBucket", "ListBucket"),
        ("ListObjects", "ListBucket"),
        ("ListObjectsV2", "ListBucket"),
        ("ListObjectVersions", "ListBucketVersions"),
        ("ListMultipartUploads", "ListBucketMultipartUploads"),
    ):
        rows[operation] = {"action": f"s3:{action}"}
    for operation in ("CreateBucket", "DeleteBucket", "DeleteBucketPolicy", "DeleteBucketWebsite", "GetBucketAbac",
                      "PutBucketAbac", "GetBucketAcl", "PutBucketAcl", "GetBucketLocation", "GetBucketLogging",
                      "PutBucketLogging", "GetBucketPolicy", "PutBucketPolicy", "GetBucketPolicyStatus",
                      "GetBucketRequestPayment", "PutBucketRequestPayment", "GetBucketVersioning",
                      "PutBucketVersioning", "GetBucketWebsite", "PutBucketWebsite",
                      "CreateBucketMetadataTableConfiguration", "DeleteBucketMetadataTableConfiguration",
                      "GetBucketMetadataTableConfiguration", "UpdateBucketMetadataInventoryTableConfiguration",
                      "UpdateBucketMetadataJournalTableConfiguration"):  # fmt: skip
        rows[operation] = {}
    for verb in ("Create", "Delete", "Get"):
        rows[f"{verb}BucketMetadataConfiguration"] = {"action": f"s3:{verb}BucketMetadataTableConfiguration"}
    rows["UpdateBucketMetadataAnnotationTableConfiguration"] = {}
    rows["CreateSession"] = {"action": "s3express:CreateSession"}
    for found in rows.values():
        found["on"] = ["{Bucket}"]
    for operation, action in (
        ("HeadObject", "GetObject"),
        ("SelectObjectContent", "GetObject"),
        ("CopyObject", "PutObject"),
        ("CreateMultipartUpload", "PutObject"),
        ("UploadPart", "PutObject"),
        ("UploadPartCopy", "PutObject"),
        ("CompleteMultipartUpload", "PutObject"),
        ("RenameObject", "PutObject"),
        ("ListParts", "ListMultipartUploadParts"),
        *(
            (operation, operation)
            for operation in ("AbortMultipartUpload", "DeleteObject", "DeleteObjectTagging", "GetObject",
                              "GetObjectAcl", "GetObjectAttributes", "GetObjectLegalHold", "GetObjectRetention",
                              "GetObjectTagging",
                              "GetObjectTorrent", "PutObject", "PutObjectAcl", "PutObjectLegalHold",
                              "PutObjectRetention", "PutObjectTagging", "RestoreObject", "DeleteObjectAnnotation",
                              "GetObjectAnnotation", "ListObjectAnnotations", "PutObjectAnnotation",
                              "UpdateObjectEncryption")
        ),
    ):  # fmt: skip
        rows[operation] = {"action": f"s3:{action}", "on": ["{Bucket}/{Key}"]}
    for operation, row in rows.items():
        if row.get("action") == f"s3:{operation}":
            del row["action"]
    rows["DeleteObjects"] = {"action": "s3:DeleteObject", "on": ["{Bucket}/{Delete.Objects[].Key}"]}
    rows["ListBuckets"] = {"action": "s3:ListAllMyBuckets", "on": []}
    rows["WriteGetObjectResponse"] = {"action": "s3-object-lambda:WriteGetObjectResponse", "on": []}
    return rows


# Rows that the reference gives in other words, or not at all.
ROWS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "s3": _s3(),
    "ecr": {"ListImageReferrers": {"on": ["repository/{repositoryName}"]}},
    "sagemaker": {
        "AddAssociation": {"on": ["{SourceArn}", "{DestinationArn}"]},
        "DeleteAssociation": {"on": ["{SourceArn}", "{DestinationArn}"]},
        "BatchDescribeModelPackage": {"on": ["{ModelPackageArnList[]}"]},
        "CreateCluster": _CLUSTER,
        "CreateHubContentReference": {"on": ["hub/{HubName}", "hub-content/{HubName}/*/{HubContentName}"]},
        "CreateModelPackage": {
            "on": ["?model-package/{ModelPackageName}", "?model-package-group/{ModelPackageGroupName}"]
        },
        "DisassociateTrialComponent": {
            "on": ["experiment-trial/{TrialName}", "experiment-trial-component/{TrialComponentName}"]
        },
        "ListAliases": {"on": ["image/{ImageName}", "?image-version/{ImageName}/{Version}"]},
        "SendPipelineExecutionStepFailure": {"on": ["pipeline/*/execution/*"]},
        "SendPipelineExecutionStepSuccess": {"on": ["pipeline/*/execution/*"]},
        **dict.fromkeys(
            (
                "AttachClusterNodeNetworkInterface",
                "BatchRebootClusterNodes",
                "BatchReplaceClusterNodes",
                "DescribeClusterOperation",
                "ListClusterOperations",
            ),
            _CLUSTER,
        ),
        "CreateClusterExtension": {"on": ["{ClusterArn}"]},
        "ListClusterExtensions": {"on": ["{ClusterArn}"]},
        **{f"{verb}ClusterExtension": _EXTENSION for verb in ("Delete", "Describe", "Update")},
        **{f"{verb}EndpointPolicy": {"on": ["endpoint/{EndpointName}"]} for verb in ("Delete", "Get", "Put")},
        "DescribeTrainingPlanExtensionHistory": {"on": ["{TrainingPlanArn}"]},
        "ExtendTrainingPlan": {"on": ["training-plan/*"]},
    },
    "ram": {
        "GetPermission": {"on": ["{permissionArn}"]},
        "ListPermissionAssociations": {"on": ["{permissionArn}"]},
        "AssociateResourceSharePermission": {"on": ["{resourceShareArn}", "{permissionArn}"]},
        "DisassociateResourceSharePermission": {"on": ["{resourceShareArn}", "{permissionArn}"]},
    },
    "sagemaker-featurestore-runtime": {
        "BatchGetRecord": {"on": ["feature-group/{Identifiers[].FeatureGroupName}"]},
        "BatchWriteRecord": {"on": ["feature-group/{Entries[].FeatureGroupName}"]},
        "ListRecords": {"on": ["feature-group/{FeatureGroupName}"]},
        "UpdateRecord": {"on": ["feature-group/{FeatureGroupName}"]},
    },
    "sagemaker-metrics": {
        "BatchGetMetrics": {"on": ["{MetricQueries[].ResourceArn}"]},
        "BatchPutMetrics": {"on": ["experiment-trial-component/{TrialComponentName}"]},
    },
    "iam": {
        "CreateServiceLinkedRole": {"on": ["role/aws-service-role/{AWSServiceName}/*"]},
        "CreatePolicy": {"on": ["policy/{PolicyName}"]},
        "AddRoleToInstanceProfile": {"also": {"pass": ["RoleName"]}},
    },
    "sts": {
        "AssumeRole": {"on": ["{RoleArn}"]},
        "GetFederationToken": {"on": ["federated-user/{Name}"]},
        **{operation: {"on": []} for operation in ("GetCallerIdentity", "GetSessionToken", "GetAccessKeyInfo")},
    },
    "logs": {"DescribeLogGroups": {"on": ["log-group::log-stream:"]}},
    "kms": {
        "CreateAlias": {"on": ["{AliasName}", "key/{TargetKeyId}"]},
        "UpdateAlias": {"on": ["{AliasName}", "key/{TargetKeyId}"]},
        "DeleteAlias": {"on": ["{AliasName}"]},
        "ReEncrypt": {"action": "kms:ReEncryptTo", "on": ["key/{DestinationKeyId}"]},
    },
    "lambda": {
        "Invoke": {"action": "lambda:InvokeFunction", "on": ["function:{FunctionName}"]},
        "InvokeWithResponseStream": {"action": "lambda:InvokeFunction", "on": ["function:{FunctionName}"]},
        "InvokeAsync": {"action": "lambda:InvokeFunction", "on": ["function:{FunctionName}"]},
    },
    "sns": {"PublishBatch": {"action": "sns:Publish", "on": ["{TopicArn}"]}},
    "sqs": {
        "ChangeMessageVisibilityBatch": {"action": "sqs:ChangeMessageVisibility", "on": ["{QueueUrl}"]},
        "DeleteMessageBatch": {"action": "sqs:DeleteMessage", "on": ["{QueueUrl}"]},
        "SendMessageBatch": {"action": "sqs:SendMessage", "on": ["{QueueUrl}"]},
    },
    "athena": {
        "CreateWorkGroup": {"on": ["workgroup/{Name}"]},
        "UpdateNamedQuery": {"on": ["workgroup/*"]},
    },
    "events": {
        "PutEvents": {"on": ["event-bus/{Entries[].EventBusName=default}"]},
        "CreateApiDestination": {"on": ["api-destination/{Name}"]},
        "UpdateApiDestination": {"on": ["api-destination/{Name}"]},
        "DescribeApiDestination": {"on": ["api-destination/{Name}"]},
        "CreateArchive": {"on": ["archive/{ArchiveName}", "{EventSourceArn}"]},
        "StartReplay": {"on": ["replay/{ReplayName}", "{EventSourceArn}"]},
    }
    | {
        operation: {"on": [f"rule/{{EventBusName=default}}/{{{member}}}"]}
        for operation, member in (
            ("DeleteRule", "Name"),
            ("DescribeRule", "Name"),
            ("DisableRule", "Name"),
            ("EnableRule", "Name"),
            ("PutRule", "Name"),
            ("PutTargets", "Rule"),
            ("RemoveTargets", "Rule"),
            ("ListTargetsByRule", "Rule"),
        )
    },
}
