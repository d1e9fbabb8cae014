"""One of everything in the services around SageMaker: the requests that make it, in an order that works.

A request names what another one made as `$Member`, or `$service.Member` where that was another service; `$role` is a
role that exists. What an answer tells is known by the member's name; `kept` says where in the answer that stands when
it is not at the top. Parameters are as boto3 takes them, and as `testing.http.spell` does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sagewright.testing.asker import Asker, Refused
from sagewright.testing.http import parse, spell
from sagewright.testing.policies import allowing, trusting

Ask = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]
"""Service, operation and parameters to an answer. Raises what it likes where that is refused."""

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
        Step("logs", "PutLogEvents", {**stream, "logEvents": [{"timestamp": 1_790_000_000_000, "message": "line"}]}),
        Step("cloudwatch", "PutMetricData", {"Namespace": "Own", "MetricData": [{"MetricName": "a", "Value": 1.0}]}),
        Step("cloudwatch", "PutMetricAlarm", alarm),
        Step("cloudwatch", "PutCompositeAlarm", {"AlarmName": f"{NAME}-both", "AlarmRule": f"ALARM({NAME})"}),
        Step("cloudwatch", "PutDashboard", {"DashboardName": NAME, "DashboardBody": json.dumps({"widgets": [widget]})}),
        Step("events", "CreateEventBus", {"Name": NAME}),
        Step("events", "PutRule", {"Name": NAME, "EventPattern": json.dumps({"source": ["aws.sagemaker"]})}),
        Step("events", "PutTargets", {"Rule": NAME, "Targets": [{"Id": "a", "Arn": "$sqs.QueueArn"}]}),
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


@dataclass
class Surroundings:
    """What was made on one server, to be asked about."""

    ask: Ask
    role: str
    known: dict[str, dict[str, str]] = field(default_factory=dict)
    """Names, ids and ARNs by service and member name."""
    asked: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """The last request of each service and operation."""
    left: dict[str, str] = field(default_factory=dict)
    """What could not be made, and why."""

    def fill(self, *, neighbours: bool = True) -> None:
        """Make one of everything; what is refused, because it is there or not built, is noted in `left`."""
        steps = (*(_neighbours() if neighbours else ()), *_bucket(), *_identities(), *_watching(), *_images())
        for step in steps:
            self._make(step)

    def _make(self, step: Step) -> None:
        service, mine = step.service, self.known.setdefault(step.service, {})
        members = self._filled(service, step.members)
        mine |= {name: value for name, value in members.items() if isinstance(value, str) and len(value) < 200}
        self.asked[service, step.operation] = members
        name = f"{service} {step.operation}"
        try:
            answer = self.ask(service, step.operation, members)
        except Exception as refused:  # noqa: BLE001  whoever asks has errors of his own
            self.left[name] = str(refused)
            return
        self.left.pop(name, None)
        mine |= {name: value for name, value in answer.items() if isinstance(value, str) and len(value) < 200}
        for member, path in step.kept.items():
            mine[member] = _at(answer, path)

    def _filled(self, service: str, value: Any) -> Any:
        match value:
            case dict():
                return {key: self._filled(service, inner) for key, inner in value.items()}
            case list():
                return [self._filled(service, inner) for inner in value]
            case "$role":
                return self.role
            case str() if value.startswith("$"):
                other, dot, member = value[1:].rpartition(".")
                return self.known.get(other if dot else service, {}).get(member, "unknown")
        return value


def asking(asker: Asker) -> Ask:
    """Any operation of a server without its port. Raises Refused."""

    def ask(service: str, operation: str, members: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = asyncio.run(asker.sign_and_send(spell(service, operation, members)))
        said = parse(service, operation, answer.status, answer.headers, answer.body)
        if answer.status >= 300:
            raise Refused(answer.status, said["Error"]["Code"], said["Error"].get("Message", ""))
        return said

    return ask


def _at(answer: Any, path: str) -> str:
    for step in path.split("."):
        answer = answer[int(step)] if step.isdigit() else answer[step]
    return str(answer)
