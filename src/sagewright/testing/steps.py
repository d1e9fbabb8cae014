"""The requests that make one of everything in the services around SageMaker, in an order that works.

A request names what another one made as `$Member`, or `$service.Member` where that was another service; `$role` is a
role that exists. Parameters are as boto3 takes them, and as `testing.http.spell` does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sagewright.testing.policies import allowing, trusting

NAME: Final = "one-of-everything"
_DEFINITION: Final = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}})
_TARGET: Final = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/a/variant/a",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One request."""

    service: str
    operation: str
    members: Mapping[str, Any]
    kept: Mapping[str, str] = field(default_factory=dict)
    """What to know of the answer: a member's name to a path like `KeyMetadata.KeyId`; list elements by number."""


def _bucket() -> tuple[Step, ...]:
    bucket = {"Bucket": NAME}
    owner = {"AWS": "arn:aws:iam::123456789012:root"}
    every = {"Effect": "Allow", "Principal": owner, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{NAME}/*"}
    policy = {"Version": "2012-10-17", "Statement": [every]}
    rule = {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Days": 9}}
    tags = {"TagSet": [{"Key": "a", "Value": "1"}]}
    mended = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    return (
        Step("s3", "CreateBucket", {**bucket, "ObjectLockEnabledForBucket": True}),
        Step("s3", "PutBucketVersioning", {**bucket, "VersioningConfiguration": {"Status": "Enabled"}}),
        Step("s3", "PutBucketTagging", {**bucket, "Tagging": tags}),
        Step("s3", "PutBucketPolicy", {**bucket, "Policy": json.dumps(policy)}),
        Step("s3", "PutBucketCors", {**bucket, "CORSConfiguration": mended}),
        Step("s3", "PutBucketLifecycleConfiguration", {**bucket, "LifecycleConfiguration": {"Rules": [rule]}}),
        Step(
            "s3",
            "PutBucketNotificationConfiguration",
            {**bucket, "NotificationConfiguration": {"EventBridgeConfiguration": {}}},
        ),
        Step("s3", "PutObject", {**bucket, "Key": "a", "Body": b"first"}, {"OldVersionId": "VersionId"}),
        Step("s3", "PutObject", {**bucket, "Key": "a", "Body": b"second", "Metadata": {"a": "1"}, "Tagging": "a=1"}),
        Step("s3", "PutObject", {**bucket, "Key": "folder/b", "Body": b"x" * 70_000, "ContentType": "text/plain"}),
        Step("s3", "PutObject", {**bucket, "Key": "gone", "Body": b"gone"}),
        Step("s3", "DeleteObject", {**bucket, "Key": "gone"}),
        Step("s3", "CreateMultipartUpload", {**bucket, "Key": "parts"}),
        Step(
            "s3",
            "UploadPart",
            {**bucket, "Key": "parts", "UploadId": "$UploadId", "PartNumber": 1, "Body": b"part"},
        ),
        Step("s3", "CreateBucket", {"Bucket": f"{NAME}-plain"}),
        Step("s3", "PutObject", {"Bucket": f"{NAME}-plain", "Key": "a", "Body": b"plain"}),
        Step("s3", "ListParts", {**bucket, "Key": "parts", "UploadId": "$UploadId"}),
        Step("s3", "CopyObject", {**bucket, "Key": "copy", "CopySource": f"{NAME}/a"}),
        Step("s3", "GetObject", {**bucket, "Key": "a"}),
    )


def _identities() -> tuple[Step, ...]:
    return (
        Step("iam", "CreateUser", {"UserName": NAME, "Tags": [{"Key": "a", "Value": "1"}]}),
        Step("iam", "CreateGroup", {"GroupName": NAME}),
        Step("iam", "AddUserToGroup", {"GroupName": NAME, "UserName": NAME}),
        Step(
            "iam",
            "CreateRole",
            {"RoleName": NAME, "AssumeRolePolicyDocument": trusting(Service="sagemaker.amazonaws.com")},
        ),
        Step(
            "iam",
            "CreatePolicy",
            {"PolicyName": NAME, "PolicyDocument": allowing("s3:Get*")},
            {"PolicyArn": "Policy.Arn"},
        ),
        Step(
            "iam",
            "CreatePolicyVersion",
            {"PolicyArn": "$PolicyArn", "PolicyDocument": allowing("s3:*")},
            {"VersionId": "PolicyVersion.VersionId"},
        ),
        Step("iam", "AttachRolePolicy", {"RoleName": NAME, "PolicyArn": "$PolicyArn"}),
        Step("iam", "AttachUserPolicy", {"UserName": NAME, "PolicyArn": "$PolicyArn"}),
        Step("iam", "AttachGroupPolicy", {"GroupName": NAME, "PolicyArn": "$PolicyArn"}),
        Step("iam", "PutRolePolicy", {"RoleName": NAME, "PolicyName": "inline", "PolicyDocument": allowing("s3:Put*")}),
        Step("iam", "PutUserPolicy", {"UserName": NAME, "PolicyName": "inline", "PolicyDocument": allowing("s3:Put*")}),
        Step(
            "iam",
            "PutGroupPolicy",
            {"GroupName": NAME, "PolicyName": "inline", "PolicyDocument": allowing("s3:Put*")},
        ),
        Step("iam", "CreateAccessKey", {"UserName": NAME}, {"AccessKeyId": "AccessKey.AccessKeyId"}),
        Step("iam", "CreateLoginProfile", {"UserName": NAME, "Password": "One-of-3verything"}),
        Step("iam", "CreateInstanceProfile", {"InstanceProfileName": NAME}),
        Step("iam", "AddRoleToInstanceProfile", {"InstanceProfileName": NAME, "RoleName": NAME}),
        Step("iam", "CreateAccountAlias", {"AccountAlias": NAME}),
        Step(
            "iam",
            "CreateOpenIDConnectProvider",
            {"Url": "https://id.example.com", "ClientIDList": ["a"], "ThumbprintList": ["0" * 40]},
        ),
        Step("iam", "CreateServiceLinkedRole", {"AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}),
    )


def _watching() -> tuple[Step, ...]:
    line = {"timestamp": int(time.time() * 1000), "message": "line"}
    stream = {"logGroupName": NAME, "logStreamName": "a"}
    alarm = {
        "AlarmName": NAME,
        "Namespace": "Own",
        "MetricName": "a",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "ActionsEnabled": False,
    }
    widget = {"type": "text", "properties": {"markdown": "a"}}
    every = {"Name": NAME, "ScheduleExpression": "rate(5 minutes)"}
    return (
        Step("logs", "CreateLogGroup", {"logGroupName": NAME, "tags": {"a": "1"}}),
        Step("logs", "PutRetentionPolicy", {"logGroupName": NAME, "retentionInDays": 7}),
        Step("logs", "CreateLogStream", stream),
        Step("logs", "PutLogEvents", {**stream, "logEvents": [line]}),
        Step("cloudwatch", "PutMetricData", {"Namespace": "Own", "MetricData": [{"MetricName": "a", "Value": 1.0}]}),
        Step("cloudwatch", "PutMetricAlarm", alarm),
        Step("cloudwatch", "PutCompositeAlarm", {"AlarmName": f"{NAME}-both", "AlarmRule": f"ALARM({NAME})"}),
        Step("cloudwatch", "PutDashboard", {"DashboardName": NAME, "DashboardBody": json.dumps({"widgets": [widget]})}),
        Step("events", "CreateEventBus", {"Name": NAME}),
        Step("events", "PutRule", {"Name": NAME, "EventPattern": json.dumps({"source": ["aws.sagemaker"]})}),
        Step("events", "PutTargets", {"Rule": NAME, "Targets": [{"Id": "a", "Arn": "$sqs.QueueArn"}]}),
        Step("ram", "CreateResourceShare", {"name": NAME, "principals": ["444455556666"], "clientToken": NAME}),
        Step("scheduler", "CreateScheduleGroup", {"Name": NAME}),
        Step(
            "scheduler",
            "CreateSchedule",
            {
                **every,
                "State": "DISABLED",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {"Arn": "$sqs.QueueArn", "RoleArn": "$role", "Input": "{}"},
            },
        ),
        Step("application-autoscaling", "RegisterScalableTarget", {**_TARGET, "MinCapacity": 1, "MaxCapacity": 3}),
        Step(
            "application-autoscaling",
            "PutScalingPolicy",
            {
                **_TARGET,
                "PolicyName": NAME,
                "PolicyType": "TargetTrackingScaling",
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": 70.0,
                    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
                },
            },
        ),
        Step(
            "application-autoscaling",
            "PutScheduledAction",
            {
                **_TARGET,
                "ScheduledActionName": NAME,
                "Schedule": "cron(0 8 * * ? *)",
                "ScalableTargetAction": {"MinCapacity": 2},
            },
        ),
    )


def _images() -> tuple[Step, ...]:
    pull = {"Sid": "a", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
    keep = {
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9},
        "action": {"type": "expire"},
    }
    repository = {"repositoryName": NAME}
    return (
        Step("ecr", "GetAuthorizationToken", {}, {"authorizationToken": "authorizationData.0.authorizationToken"}),
        Step("ecr", "CreateRepository", {**repository, "tags": [{"Key": "a", "Value": "1"}]}),
        Step(
            "ecr",
            "SetRepositoryPolicy",
            {**repository, "policyText": json.dumps({"Version": "2012-10-17", "Statement": [pull]})},
        ),
        Step("ecr", "PutLifecyclePolicy", {**repository, "lifecyclePolicyText": json.dumps({"rules": [keep]})}),
    )


def _neighbours() -> tuple[Step, ...]:
    table = {"Name": "a", "StorageDescriptor": {"Columns": [{"Name": "a", "Type": "double"}]}}
    product = {"Name": "a", "Info": {"LoadTemplateFromURL": "https://b.s3.amazonaws.com/t"}}
    return (
        Step("sqs", "CreateQueue", {"QueueName": NAME}),
        Step(
            "sqs",
            "GetQueueAttributes",
            {"QueueUrl": "$QueueUrl", "AttributeNames": ["QueueArn"]},
            {"QueueArn": "Attributes.QueueArn"},
        ),
        Step("sqs", "SendMessage", {"QueueUrl": "$QueueUrl", "MessageBody": "a"}),
        Step("sns", "CreateTopic", {"Name": NAME}),
        Step("sns", "Subscribe", {"TopicArn": "$TopicArn", "Protocol": "sqs", "Endpoint": "$sqs.QueueArn"}),
        Step("kms", "CreateKey", {}, {"KeyId": "KeyMetadata.KeyId"}),
        Step("kms", "CreateAlias", {"AliasName": f"alias/{NAME}", "TargetKeyId": "$KeyId"}),
        Step("secretsmanager", "CreateSecret", {"Name": NAME, "SecretString": "s"}, {"SecretId": "ARN"}),
        Step("ssm", "PutParameter", {"Name": NAME, "Value": "a", "Type": "String"}),
        Step("stepfunctions", "CreateStateMachine", {"name": NAME, "definition": _DEFINITION, "roleArn": "$role"}),
        Step("glue", "CreateDatabase", {"DatabaseInput": {"Name": "a"}}),
        Step("glue", "CreateTable", {"DatabaseName": "a", "TableInput": table}, {}),
        Step("ec2", "CreateVpc", {"CidrBlock": "10.9.0.0/16"}, {"VpcId": "Vpc.VpcId"}),
        Step("ec2", "CreateSubnet", {"VpcId": "$VpcId", "CidrBlock": "10.9.1.0/24"}, {"SubnetId": "Subnet.SubnetId"}),
        Step("ec2", "CreateSecurityGroup", {"VpcId": "$VpcId", "GroupName": "a", "Description": "a"}),
        Step("efs", "CreateFileSystem", {"CreationToken": NAME}),
        Step(
            "servicecatalog",
            "CreatePortfolio",
            {"DisplayName": NAME, "ProviderName": "a", "IdempotencyToken": NAME},
            {"PortfolioId": "PortfolioDetail.Id"},
        ),
        Step(
            "servicecatalog",
            "CreateProduct",
            {
                "Name": NAME,
                "Owner": "a",
                "ProductType": "CLOUD_FORMATION_TEMPLATE",
                "ProvisioningArtifactParameters": product,
                "IdempotencyToken": NAME,
            },
            {"ProductId": "ProductViewDetail.ProductViewSummary.ProductId"},
        ),
        Step("codecommit", "CreateRepository", {"repositoryName": NAME}),
        Step(
            "sso-admin",
            "ListInstances",
            {},
            {"InstanceArn": "Instances.0.InstanceArn", "IdentityStoreId": "Instances.0.IdentityStoreId"},
        ),
        Step(
            "sso-admin",
            "CreatePermissionSet",
            {"Name": NAME, "InstanceArn": "$InstanceArn"},
            {"PermissionSetArn": "PermissionSet.PermissionSetArn"},
        ),
        Step(
            "identitystore",
            "CreateUser",
            {
                "IdentityStoreId": "$sso-admin.IdentityStoreId",
                "UserName": NAME,
                "DisplayName": "a",
                "Name": {"GivenName": "a", "FamilyName": "b"},
            },
        ),
        Step("cognito-idp", "CreateUserPool", {"PoolName": NAME}, {"UserPoolId": "UserPool.Id"}),
        Step(
            "cognito-idp",
            "CreateUserPoolClient",
            {"UserPoolId": "$UserPoolId", "ClientName": "a"},
            {"ClientId": "UserPoolClient.ClientId"},
        ),
        Step("cognito-idp", "CreateGroup", {"UserPoolId": "$UserPoolId", "GroupName": "a"}),
    )


def _questions() -> tuple[Step, ...]:
    """What names alone do not ask about."""
    hour = 3600
    metric = {
        "Namespace": "Own",
        "MetricName": "a",
        "Period": hour,
        "Statistics": ["Sum"],
        "StartTime": int(time.time() / hour - 1) * hour,
        "EndTime": int(time.time() / hour + 2) * hour,
    }
    group, arn = {"logGroupName": NAME}, "arn:aws:{}:us-east-1:123456789012:{}".format
    return (
        Step("logs", "DescribeLogStreams", group),
        Step("logs", "GetLogEvents", {**group, "logStreamName": "a"}),
        Step("logs", "ListTagsForResource", {"resourceArn": arn("logs", f"log-group:{NAME}")}),
        Step("cloudwatch", "GetMetricStatistics", metric),
        Step("cloudwatch", "ListTagsForResource", {"ResourceARN": arn("cloudwatch", f"alarm:{NAME}")}),
        Step("ecr", "ListTagsForResource", {"resourceArn": arn("ecr", f"repository/{NAME}")}),
        Step("sns", "ListTagsForResource", {"ResourceArn": "$TopicArn"}),
        Step("s3", "GetObjectAttributes", {"Bucket": NAME, "Key": "a", "ObjectAttributes": ["ETag", "ObjectSize"]}),
        Step("s3", "ListObjectVersions", {"Bucket": NAME}),
        Step("servicecatalog", "DescribePortfolio", {"Id": "$PortfolioId"}),
        Step("servicecatalog", "DescribeProductAsAdmin", {"Id": "$ProductId"}),
    )


def steps() -> tuple[Step, ...]:
    """All of them; questions that names alone do not ask come last."""
    return (*_neighbours(), *_bucket(), *_identities(), *_watching(), *_images(), *_questions())
