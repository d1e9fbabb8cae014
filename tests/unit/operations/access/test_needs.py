"""What requests need: each case is an operation as AWS's service authorization reference and guides describe it."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.operations.access.actions import entry
from sagewright.operations.access.needs import deletion, needs
from sagewright.wire import model

from .conftest import ACCOUNT, Realm

SM = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
IAM = f"arn:aws:iam::{ACCOUNT}"
LOGS = f"arn:aws:logs:us-east-1:{ACCOUNT}"
ROLE = f"{IAM}:role/service-role/SagewrightExecutionRole"
DEFAULT = "SagewrightExecutionRole"
KEY = "00000000-0000-4000-8000-000000000000"
TAGS = [{"Key": "a", "Value": "b"}]
CASES: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("sagemaker", "ListTrainingJobs", {}, ["sagemaker:ListTrainingJobs *"]),
    (
        "sagemaker",
        "CreateTrainingJob",
        {"TrainingJobName": "MyJob", "RoleArn": ROLE, "Tags": TAGS},
        [
            f"sagemaker:CreateTrainingJob {SM}:training-job/myjob",
            f"sagemaker:AddTags {SM}:training-job/myjob",
            f"iam:PassRole {ROLE}",
        ],
    ),
    (
        "sagemaker",
        "CreateEndpoint",
        {"EndpointName": "e", "EndpointConfigName": "c"},
        [f"sagemaker:CreateEndpoint {SM}:endpoint/e", f"sagemaker:CreateEndpoint {SM}:endpoint-config/c"],
    ),
    (
        "sagemaker",
        "CreateHyperParameterTuningJob",
        {
            "HyperParameterTuningJobName": "t",
            "TrainingJobDefinition": {"RoleArn": ROLE},
            "TrainingJobDefinitions": [{"RoleArn": ROLE}, {"RoleArn": f"{IAM}:role/other"}],
        },
        [
            f"sagemaker:CreateHyperParameterTuningJob {SM}:hyper-parameter-tuning-job/t",
            f"iam:PassRole {ROLE}",
            f"iam:PassRole {IAM}:role/other",
        ],
    ),
    (
        "sagemaker",
        "DescribeModelPackage",
        {"ModelPackageName": f"{SM}:model-package/Group/1"},
        [f"sagemaker:DescribeModelPackage {SM}:model-package/group/1"],
    ),
    ("sagemaker", "CreateDomain", {"DomainName": "d"}, [f"sagemaker:CreateDomain {SM}:domain/*"]),
    (
        "sagemaker",
        "CreateApp",
        {"DomainId": "d-1", "SpaceName": "s", "AppType": "JupyterLab", "AppName": "default"},
        [f"sagemaker:CreateApp {SM}:app/d-1/s/jupyterlab/default"],
    ),
    ("sagemaker", "AddTags", {"ResourceArn": f"{SM}:model/m", "Tags": TAGS}, [f"sagemaker:AddTags {SM}:model/m"]),
    (
        "sagemaker",
        "AddAssociation",
        {"SourceArn": f"{SM}:artifact/a", "DestinationArn": f"{SM}:action/b"},
        [f"sagemaker:AddAssociation {SM}:artifact/a", f"sagemaker:AddAssociation {SM}:action/b"],
    ),
    (
        "sagemaker",
        "DescribeArtifact",
        {"ArtifactArn": f"{SM}:artifact/a"},
        [f"sagemaker:DescribeArtifact {SM}:artifact/a"],
    ),
    (
        "sagemaker",
        "CreateAIBenchmarkJob",
        {"AIBenchmarkJobName": "b"},
        [f"sagemaker:CreateAIBenchmarkJob {SM}:ai-benchmark-job/b"],
    ),
    (
        "sagemaker-runtime",
        "InvokeEndpoint",
        {"EndpointName": "E", "InferenceComponentName": "c"},
        [f"sagemaker:InvokeEndpoint {SM}:endpoint/e", f"sagemaker:InvokeEndpoint {SM}:inference-component/c"],
    ),
    ("sagemaker-runtime", "InvokeEndpoint", {"EndpointName": "e"}, [f"sagemaker:InvokeEndpoint {SM}:endpoint/e"]),
    (
        "sagemaker-featurestore-runtime",
        "BatchGetRecord",
        {"Identifiers": [{"FeatureGroupName": "a"}, {"FeatureGroupName": f"{SM}:feature-group/b"}]},
        [f"sagemaker:BatchGetRecord {SM}:feature-group/a", f"sagemaker:BatchGetRecord {SM}:feature-group/b"],
    ),
    (
        "sagemaker-metrics",
        "BatchPutMetrics",
        {"TrialComponentName": "t"},
        [f"sagemaker:BatchPutMetrics {SM}:experiment-trial-component/t"],
    ),
    (
        "sagemaker-a2i-runtime",
        "DescribeHumanLoop",
        {"HumanLoopName": "h"},
        [f"sagemaker:DescribeHumanLoop {SM}:human-loop/h"],
    ),
    ("s3", "HeadObject", {"Bucket": "b", "Key": "k/l"}, ["s3:GetObject arn:aws:s3:::b/k/l"]),
    ("s3", "GetObject", {"Bucket": "b", "Key": "k", "VersionId": "1"}, ["s3:GetObjectVersion arn:aws:s3:::b/k"]),
    ("s3", "ListObjectsV2", {"Bucket": "b"}, ["s3:ListBucket arn:aws:s3:::b"]),
    ("s3", "ListBuckets", {}, ["s3:ListAllMyBuckets *"]),
    ("s3", "UploadPart", {"Bucket": "b", "Key": "k"}, ["s3:PutObject arn:aws:s3:::b/k"]),
    ("s3", "ListParts", {"Bucket": "b", "Key": "k"}, ["s3:ListMultipartUploadParts arn:aws:s3:::b/k"]),
    ("s3", "DeleteBucketTagging", {"Bucket": "b"}, ["s3:PutBucketTagging arn:aws:s3:::b"]),
    (
        "s3",
        "CopyObject",
        {"Bucket": "b", "Key": "k", "CopySource": "/a/x%20y?versionId=7", "Tagging": "t=1"},
        [
            "s3:PutObject arn:aws:s3:::b/k",
            "s3:GetObjectVersion arn:aws:s3:::a/x y",
            "s3:PutObjectTagging arn:aws:s3:::b/k",
        ],
    ),
    (
        "s3",
        "DeleteObjects",
        {"Bucket": "b", "Delete": {"Objects": [{"Key": "k"}, {"Key": "l", "VersionId": "1"}]}},
        [],  # asked for key by key, as the test below does
    ),
    ("iam", "GetRole", {"RoleName": DEFAULT}, [f"iam:GetRole {ROLE}"]),
    ("iam", "GetRole", {"RoleName": "none"}, [f"iam:GetRole {IAM}:role/none"]),
    ("iam", "CreateRole", {"RoleName": "r", "Path": "/team/"}, [f"iam:CreateRole {IAM}:role/team/r"]),
    (
        "iam",
        "AttachRolePolicy",
        {"RoleName": "r", "PolicyArn": "arn:aws:iam::aws:policy/p"},
        [f"iam:AttachRolePolicy {IAM}:role/r"],
    ),
    ("iam", "GetPolicy", {"PolicyArn": f"{IAM}:policy/p"}, [f"iam:GetPolicy {IAM}:policy/p"]),
    (
        "sts",
        "AssumeRole",
        {"RoleArn": ROLE, "Tags": TAGS, "SourceIdentity": "me"},
        [f"sts:AssumeRole {ROLE}", f"sts:TagSession {ROLE}", f"sts:SetSourceIdentity {ROLE}"],
    ),
    (
        "logs",
        "GetLogEvents",
        {"logGroupName": "g", "logStreamName": "s"},
        [f"logs:GetLogEvents {LOGS}:log-group:g:log-stream:s"],
    ),
    (
        "logs",
        "FilterLogEvents",
        {"logGroupIdentifier": f"{LOGS}:log-group:g:*"},
        [f"logs:FilterLogEvents {LOGS}:log-group:g:log-stream:"],
    ),
    (
        "logs",
        "DescribeLogStreams",
        {"logGroupIdentifier": "arn:aws:logs:eu-west-1:999999999999:log-group:g"},
        [
            "logs:DescribeLogStreams arn:aws:logs:eu-west-1:999999999999:log-group:g:log-stream:",
            f"logs:DescribeLogStreams {LOGS}:log-group:g:log-stream:",
        ],
    ),
    ("cloudwatch", "PutMetricData", {"Namespace": "n"}, ["cloudwatch:PutMetricData *"]),
    (
        "sagemaker",
        "ListTags",
        {"ResourceArn": f"arn:aws-cn:sagemaker:us-east-1:{ACCOUNT}:model/M"},
        [f"sagemaker:ListTags arn:aws-cn:sagemaker:us-east-1:{ACCOUNT}:model/m", f"sagemaker:ListTags {SM}:model/m"],
    ),
    (
        "s3",
        "CopyObject",
        {"Bucket": "b", "Key": "k", "CopySource": "from/a+b%2Bc?versionId=1"},
        ["s3:PutObject arn:aws:s3:::b/k", "s3:GetObjectVersion arn:aws:s3:::from/a b+c"],
    ),
    (
        "s3",
        "CopyObject",
        {"Bucket": "b", "Key": "k", "CopySource": "from/secret?x=1"},
        ["s3:PutObject arn:aws:s3:::b/k", "s3:GetObject arn:aws:s3:::from/secret"],
    ),
    (
        "iam",
        "UpdateUser",
        {"UserName": "ann", "NewPath": "/admins/"},
        [f"iam:UpdateUser {IAM}:user/ann", f"iam:UpdateUser {IAM}:user/admins/ann"],
    ),
    (
        "iam",
        "UpdateGroup",
        {"GroupName": "g", "NewGroupName": "h"},
        [f"iam:UpdateGroup {IAM}:group/g", f"iam:UpdateGroup {IAM}:group/h"],
    ),
    (
        "kms",
        "Decrypt",
        {"CiphertextBlob": KEY.encode() + b"rest", "KeyId": "another"},
        [f"kms:Decrypt arn:aws:kms:us-east-1:{ACCOUNT}:key/{KEY}"],
    ),
    (
        "kms",
        "ReEncrypt",
        {"CiphertextBlob": KEY.encode() + b"rest", "DestinationKeyId": "arn:aws:kms:x:1:key/other"},
        [
            f"kms:ReEncryptTo arn:aws:kms:us-east-1:{ACCOUNT}:key/other",
            f"kms:ReEncryptFrom arn:aws:kms:us-east-1:{ACCOUNT}:key/{KEY}",
        ],
    ),
    (
        "ecr",
        "DescribeImages",
        {"repositoryName": "r/s"},
        [f"ecr:DescribeImages arn:aws:ecr:us-east-1:{ACCOUNT}:repository/r/s"],
    ),
    (
        "sqs",
        "SendMessage",
        {"QueueUrl": f"http://h/{ACCOUNT}/q"},
        [f"sqs:SendMessage arn:aws:sqs:us-east-1:{ACCOUNT}:q"],
    ),
    ("ssm", "GetParameter", {"Name": "/a/b"}, [f"ssm:GetParameter arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/a/b"]),
    ("ssm", "GetParameter", {"Name": "b:3"}, [f"ssm:GetParameter arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/b"]),
    ("events", "PutRule", {"Name": "r"}, [f"events:PutRule arn:aws:events:us-east-1:{ACCOUNT}:rule/r"]),
    (
        "events",
        "PutTargets",
        {"Rule": "r", "EventBusName": "bus", "Targets": [{"RoleArn": ROLE}]},
        [f"events:PutTargets arn:aws:events:us-east-1:{ACCOUNT}:rule/bus/r", f"iam:PassRole {ROLE}"],
    ),
    (
        "lambda",
        "Invoke",
        {"FunctionName": "f"},
        [f"lambda:InvokeFunction arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"],
    ),
    (
        "stepfunctions",
        "StartExecution",
        {"stateMachineArn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m"},
        [f"states:StartExecution arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m"],
    ),
    ("ec2", "DescribeVpcs", {}, ["ec2:DescribeVpcs *"]),
    (
        "ec2",
        "DeleteSecurityGroup",
        {"GroupId": "sg-1"},
        [f"ec2:DeleteSecurityGroup arn:aws:ec2:us-east-1:{ACCOUNT}:security-group/sg-1"],
    ),
    (
        "glue",
        "DeleteRegistry",
        {"RegistryId": {"RegistryName": "r"}},
        [f"glue:DeleteRegistry arn:aws:glue:us-east-1:{ACCOUNT}:registry/r"],
    ),
    (
        "stepfunctions",
        "CreateStateMachine",
        {"name": "m", "roleArn": ROLE},
        [f"states:CreateStateMachine arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m", f"iam:PassRole {ROLE}"],
    ),
    ("resourcegroupstaggingapi", "GetResources", {}, ["tag:GetResources *"]),
]


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_a_request_needs(
    realm: Realm, service: str, operation: str, params: dict[str, Any], expected: list[str]
) -> None:
    call = realm.call(realm.world.principal, service, operation)
    assert [f"{need.action} {need.resource}" for need in needs(call, params)] == expected


def test_a_key_by_its_alias_is_that_key(realm: Realm) -> None:
    known = realm.world.services.neighbours.ask("kms", "CreateKey", {}, account=ACCOUNT, region="us-east-1")
    arn = known["KeyMetadata"]["Arn"]
    alias = {"AliasName": "alias/mine", "TargetKeyId": arn}
    realm.world.services.neighbours.ask("kms", "CreateAlias", alias, account=ACCOUNT, region="us-east-1")
    call = realm.call(realm.world.principal, "kms", "Encrypt")
    for name in ("alias/mine", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/mine", arn.rpartition("/")[2]):
        assert [need.resource for need in needs(call, {"KeyId": name})] == [arn]
    # What an alias is given to is the operation's to find; the alias is a thing of its own.
    call = realm.call(realm.world.principal, "kms", "DeleteAlias")
    assert next(need.resource for need in needs(call, {"AliasName": "alias/mine"})).endswith(":alias/mine")


def test_a_secret_by_its_name_is_that_secret(realm: Realm) -> None:
    made = {"Name": "mine", "SecretString": "x"}
    known = realm.world.services.neighbours.ask(
        "secretsmanager", "CreateSecret", made, account=ACCOUNT, region="us-east-1"
    )
    call = realm.call(realm.world.principal, "secretsmanager", "GetSecretValue")
    for name in ("mine", known["ARN"]):
        assert [need.resource for need in needs(call, {"SecretId": name})] == [known["ARN"]]
    assert needs(call, {"SecretId": "other"})[0].resource.endswith(":secret:other")


def test_each_of_many_keys_needs_to_be_deleted() -> None:
    request = {"Bucket": "b", "BypassGovernanceRetention": True}
    found = [need for each in ({"Key": "k"}, {"Key": "l", "VersionId": "1"}) for need in deletion(request, each)]
    assert [f"{need.action} {need.resource}" for need in found] == [
        "s3:DeleteObject arn:aws:s3:::b/k",
        "s3:BypassGovernanceRetention arn:aws:s3:::b/k",
        "s3:DeleteObjectVersion arn:aws:s3:::b/l",
        "s3:BypassGovernanceRetention arn:aws:s3:::b/l",
    ]


@pytest.mark.parametrize("service", model.SERVICES)
def test_every_operation_has_an_action(service: str) -> None:
    for operation in model.service(service).operation_names:
        prefix, colon, name = entry(service, operation).action.partition(":")
        assert prefix
        assert colon
        assert name


def test_every_role_that_sagemaker_is_given_is_passed() -> None:
    """Whatever the table says: a member of that shape at the top of a request that creates something."""
    service = model.service("sagemaker")
    for operation in service.operation_names:
        shape = service.operation_model(operation).input_shape
        if operation.startswith("Create") and shape is not None and "RoleArn" in shape.members:
            passed = [role for path in entry("sagemaker", operation).passed for role in path.values({"RoleArn": ROLE})]
            assert passed == [ROLE], operation
