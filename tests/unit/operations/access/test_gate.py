"""The gate: whom it lets through, what it remembers and for how long, how it refuses."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pytest

from sagewright.base.settings import Settings
from sagewright.operations.access.evaluate import Policies, Policy
from sagewright.operations.access.principals import names
from sagewright.operations.call import Principal, Session
from sagewright.resources.record import Key, Record
from sagewright.store.memory import MemoryStore

from .conftest import ACCOUNT, Realm, document

ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/SagewrightExecutionRole"
SM = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
JOB: Mapping[str, Any] = {"TrainingJobName": "j", "RoleArn": ROLE}


@pytest.mark.parametrize(
    ("service", "operation", "params", "code", "status", "resource"),
    [
        ("sagemaker", "DescribeModel", {"ModelName": "M"}, "AccessDeniedException", 400, f"{SM}:model/m"),
        (
            "sagemaker-runtime",
            "InvokeEndpoint",
            {"EndpointName": "e"},
            "AccessDeniedException",
            403,
            f"{SM}:endpoint/e",
        ),
        (
            "sagemaker-featurestore-runtime",
            "GetRecord",
            {"FeatureGroupName": "f"},
            "AccessForbidden",
            403,
            f"{SM}:feature-group/f",
        ),
        ("s3", "GetObject", {"Bucket": "b", "Key": "k"}, "AccessDenied", 403, '"arn:aws:s3:::b/k"'),
        ("iam", "GetRole", {"RoleName": "r"}, "AccessDenied", 403, "role r"),
        ("ec2", "DescribeVpcs", {}, "UnauthorizedOperation", 403, "*"),
        ("sns", "ListTopics", {}, "AuthorizationError", 403, "*"),
        ("logs", "PutMetricFilter", {"logGroupName": "g"}, "AccessDeniedException", 400, "log-group:g"),
    ],
)
def test_each_service_refuses_in_its_own_way(
    realm: Realm, service: str, operation: str, params: dict[str, Any], code: str, status: int, resource: str
) -> None:
    nobody = realm.role("nobody")
    refused = realm.refusal(nobody, service, operation, params)
    assert refused is not None
    assert (refused.code, refused.status) == (code, status)
    assert f"User: {nobody.arn} is not authorized to perform: " in refused.message
    assert f" on resource: {resource}" in refused.message or resource in refused.message
    assert " because no identity-based policy allows the " in refused.message


def test_a_refusal_says_what_kind_of_policy_was_in_the_way(realm: Realm) -> None:
    everything, models = {"Action": "*"}, document({"Action": "sagemaker:*Model"})
    jobs: tuple[str, str, dict[str, Any]] = ("sagemaker", "ListTrainingJobs", {})
    cases = {
        "with an explicit deny in an identity-based policy": realm.role(
            "a", everything, {**everything, "Effect": "Deny"}
        ),
        "because no permissions boundary allows the sagemaker:ListTrainingJobs action": realm.role(
            "b", everything, boundary=models
        ),
        "because no session policy allows the sagemaker:ListTrainingJobs action": realm.role(
            "c", everything, session=models
        ),
        "with an explicit deny in a session policy": realm.role(
            "d", everything, session=document(everything, {**everything, "Effect": "Deny"})
        ),
    }
    for words, principal in cases.items():
        refused = realm.refusal(principal, *jobs)
        assert refused is not None
        assert refused.message.endswith(words)


def test_what_is_granted_and_taken_away_counts_at_once(realm: Realm) -> None:
    caller, iam = realm.role("r"), realm.world.client("iam")
    assert not realm.may(caller, "sagemaker", "ListModels")
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=document({"Action": "sagemaker:List*"}))
    assert realm.may(caller, "sagemaker", "ListModels")
    iam.delete_role_policy(RoleName="r", PolicyName="p")
    assert not realm.may(caller, "sagemaker", "ListModels")
    made = iam.create_policy(PolicyName="p", PolicyDocument=document({"Action": "sagemaker:List*"}))["Policy"]
    iam.attach_role_policy(RoleName="r", PolicyArn=made["Arn"])
    assert realm.may(caller, "sagemaker", "ListModels")
    iam.create_policy_version(PolicyArn=made["Arn"], PolicyDocument=document({"Action": "s3:List*"}), SetAsDefault=True)
    assert not realm.may(caller, "sagemaker", "ListModels")


def test_where_others_may_write_too_a_decision_holds_for_a_second(
    realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryStore, "local", False)
    monkeypatch.setattr(MemoryStore, "_announce", lambda *_: None)
    caller = realm.role("r", {"Action": "sagemaker:*"})
    assert realm.may(caller, "sagemaker", "ListModels")
    realm.world.client("iam").delete_role_policy(RoleName="r", PolicyName="own")
    assert realm.may(caller, "sagemaker", "ListModels")
    realm.world.clock.advance(1.1)
    assert not realm.may(caller, "sagemaker", "ListModels")


def test_a_session_outlives_its_role_without_its_permissions(realm: Realm) -> None:
    caller, iam = realm.role("r", {"Action": "*"}), realm.world.client("iam")
    iam.delete_role_policy(RoleName="r", PolicyName="own")
    iam.delete_role(RoleName="r")
    realm.role("r", {"Action": "*"})
    assert not realm.may(caller, "sagemaker", "ListModels")


def test_what_was_decided_for_one_session_is_not_taken_for_another(realm: Realm) -> None:
    free = realm.role("r", {"Action": "*"})
    assert realm.may(free, "sagemaker", "ListModels")
    narrow = dataclasses.replace(free, session=Session(0.0, policies=(document({"Action": "s3:*"}),)))
    assert not realm.may(narrow, "sagemaker", "ListModels")


def test_root_and_everybody_where_nobody_is_asked(realm: Realm) -> None:
    assert realm.may(realm.world.principal, "sagemaker", "CreateTrainingJob", **JOB)
    nobody = realm.role("nobody")
    assert realm.may(nobody, "sts", "GetCallerIdentity")
    settings = dataclasses.replace(realm.world.services.settings, auth="off")
    assert isinstance(settings, Settings)
    services = dataclasses.replace(realm.world.services, settings=settings)
    assert Realm(dataclasses.replace(realm.world, services=services)).may(nobody, "sagemaker", "ListModels")


def test_a_role_is_passed_only_by_whom_may(realm: Realm) -> None:
    jobs = {"Action": "sagemaker:CreateTrainingJob"}
    refused = realm.refusal(realm.role("a", jobs), "sagemaker", "CreateTrainingJob", JOB)
    assert refused is not None
    assert f"iam:PassRole on resource: {ROLE} because" in refused.message

    def passing(service: str) -> dict[str, Any]:
        condition = {"StringEquals": {"iam:PassedToService": service}}
        return {"Action": "iam:PassRole", "Resource": ROLE, "Condition": condition}

    assert realm.may(realm.role("b", jobs, passing("sagemaker.amazonaws.com")), "sagemaker", "CreateTrainingJob", **JOB)
    lambdas = realm.role("c", jobs, passing("lambda.amazonaws.com"))
    assert not realm.may(lambdas, "sagemaker", "CreateTrainingJob", **JOB)


def test_tags_on_what_is_made_are_a_permission_of_their_own(realm: Realm) -> None:
    making = realm.role("a", {"Action": "sagemaker:CreateModel"})
    tags = [{"Key": "team", "Value": "x"}]
    assert realm.may(making, "sagemaker", "CreateModel", ModelName="m")
    assert not realm.may(making, "sagemaker", "CreateModel", ModelName="m", Tags=tags)
    only_then = {
        "Action": "sagemaker:AddTags",
        "Condition": {"StringEquals": {"sagemaker:TaggingAction": "CreateModel"}},
    }
    tagging = realm.role("b", {"Action": "sagemaker:CreateModel"}, only_then)
    assert realm.may(tagging, "sagemaker", "CreateModel", ModelName="m", Tags=tags)
    assert not realm.may(tagging, "sagemaker", "AddTags", ResourceArn=f"{SM}:model/m", Tags=tags)


@pytest.mark.parametrize(
    ("condition", "service", "operation", "params", "allowed"),
    [
        ({"ForAllValues:StringLike": {"sagemaker:InstanceTypes": "ml.m5.*"}}, "sagemaker", "CreateEndpointConfig",
         {"EndpointConfigName": "c", "ProductionVariants": [{"InstanceType": "ml.m5.large"}]}, True),
        ({"ForAllValues:StringLike": {"sagemaker:InstanceTypes": "ml.m5.*"}}, "sagemaker", "CreateEndpointConfig",
         {"EndpointConfigName": "c", "ProductionVariants": [{"InstanceType": "ml.m5.large"},
                                                            {"InstanceType": "ml.p5.48xlarge"}]}, False),
        ({"Bool": {"sagemaker:NetworkIsolation": "true"}}, "sagemaker", "CreateModel",
         {"ModelName": "m", "EnableNetworkIsolation": True}, True),
        ({"Bool": {"sagemaker:NetworkIsolation": "true"}}, "sagemaker", "CreateModel", {"ModelName": "m"}, False),
        ({"Null": {"sagemaker:VpcSubnets": "false"}}, "sagemaker", "CreateModel",
         {"ModelName": "m", "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}, True),
        ({"Null": {"sagemaker:VpcSubnets": "false"}}, "sagemaker", "CreateModel", {"ModelName": "m"}, False),
        ({"NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": "3600"}}, "sagemaker", "CreateTrainingJob",
         {**JOB, "StoppingCondition": {"MaxRuntimeInSeconds": 3600}}, True),
        ({"NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": "3600"}}, "sagemaker", "CreateTrainingJob",
         {**JOB, "StoppingCondition": {"MaxRuntimeInSeconds": 3601}}, False),
        ({"StringEquals": {"sagemaker:TargetModel": "a.tar.gz"}}, "sagemaker-runtime", "InvokeEndpoint",
         {"EndpointName": "e", "TargetModel": "a.tar.gz"}, True),
        ({"StringEquals": {"aws:RequestTag/Team": "x"}}, "sagemaker", "CreateModel",
         {"ModelName": "m", "Tags": [{"Key": "team", "Value": "x"}]}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}, "sagemaker", "CreateModel",
         {"ModelName": "m", "Tags": [{"Key": "cost", "Value": "x"}]}, False),
        ({"StringLike": {"s3:prefix": "home/${aws:PrincipalTag/user}/*"}}, "s3", "ListObjectsV2",
         {"Bucket": "b", "Prefix": "home/ann/x"}, True),
        ({"StringLike": {"s3:prefix": "home/${aws:PrincipalTag/user}/*"}}, "s3", "ListObjectsV2",
         {"Bucket": "b", "Prefix": "home/bob/x"}, False),
        ({"StringEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}, "s3", "PutObject",
         {"Bucket": "b", "Key": "k", "ServerSideEncryption": "AES256"}, False),
        ({"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}}, "iam", "AttachRolePolicy",
         {"RoleName": "x", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}, False),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, "sagemaker", "ListModels", {}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, "sagemaker", "ListModels", {}, True),
        ({"IpAddress": {"aws:SourceIp": "192.168.0.0/16"}}, "sagemaker", "ListModels", {}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, "sagemaker", "ListModels", {}, False),
        ({"StringLike": {"aws:UserAgent": "Boto3*"}}, "sagemaker", "ListModels", {}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/caller"}}, "sagemaker", "ListModels", {}, True),
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, "sagemaker", "ListModels", {}, True),
        ({"DateLessThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}}, "sagemaker", "ListModels", {}, False),
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}, "sagemaker", "ListModels", {}, False),
    ],
)  # fmt: skip
def test_conditions_see_the_request(
    realm: Realm, condition: dict[str, Any], service: str, operation: str, params: dict[str, Any], allowed: bool
) -> None:
    beside = ["iam:PassRole", "sagemaker:AddTags"]
    statements = {"Action": beside}, {"NotAction": beside, "Condition": condition}
    caller = realm.role("caller", *statements, tags={"user": "ann"})
    refused = realm.refusal(caller, service, operation, params, headers={"user-agent": "Boto3/1"}, peer="10.1.2.3")
    assert (refused is None) is allowed, refused


def test_tags_of_what_a_request_is_about(realm: Realm) -> None:
    condition = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    caller = realm.role("r", {"Action": "sagemaker:*", "Condition": condition}, tags={"team": "x"})
    for name, team in (("Ours", "x"), ("theirs", "y")):
        realm.world.services.store.create(record(realm, name, {"team": team}))
    assert realm.may(caller, "sagemaker", "DescribeModel", ModelName="Ours")
    refused = [
        realm.refusal(caller, "sagemaker", "DescribeModel", {"ModelName": name}) for name in ("theirs", "no1111")
    ]
    there, missing = (error.message for error in refused if error is not None)
    assert there.replace("theirs", "no1111") == missing


def record(realm: Realm, name: str, tags: Mapping[str, str], kind: str = "model", **spec: Any) -> Record:
    key = Key(ACCOUNT, "us-east-1", kind, "", name)
    now = realm.world.clock.now()
    return Record(key, uid=name, created=now, modified=now, spec=spec, tags=tags)


@pytest.mark.parametrize(
    ("kind", "service", "operation", "params"),
    [
        ("endpoint", "sagemaker-runtime", "InvokeEndpoint", {"EndpointName": "Ours"}),
        (
            "model-package-group",
            "sagemaker",
            "DescribeModelPackage",
            {"ModelPackageName": f"{SM}:model-package/Ours/1"},
        ),
    ],
)
def test_policies_that_sagemakers_things_have_of_their_own(
    realm: Realm, kind: str, service: str, operation: str, params: dict[str, Any]
) -> None:
    nobody, anybody, store = realm.role("nobody"), realm.role("anybody", {"Action": "*"}), realm.world.services.store
    assert realm.refusal(nobody, service, operation, params) is not None
    principal = {"AWS": [f"arn:aws:iam::{ACCOUNT}:role/nobody"]}
    opened = document({"Principal": principal, "Action": "sagemaker:*"})
    made = store.create(record(realm, "Ours", {}, kind, ResourcePolicy=opened))
    assert realm.refusal(nobody, service, operation, params) is None
    shut = document({"Principal": "*", "Action": "sagemaker:*", "Effect": "Deny"})
    store.update(dataclasses.replace(made, spec={"ResourcePolicy": shut}))
    for caller in (nobody, anybody):
        refused = realm.refusal(caller, service, operation, params)
        assert refused is not None
        assert refused.message.endswith("with an explicit deny in a resource-based policy")


def test_users_groups_and_federated_users(realm: Realm) -> None:
    iam = realm.world.client("iam")
    made = iam.create_user(UserName="ann")["User"]
    ann = Principal(ACCOUNT, made["Arn"], made["UserId"], "user")
    assert not realm.may(ann, "sagemaker", "ListModels")
    iam.create_group(GroupName="readers")
    iam.put_group_policy(GroupName="readers", PolicyName="p", PolicyDocument=document({"Action": "sagemaker:List*"}))
    iam.add_user_to_group(GroupName="readers", UserName="ann")
    assert realm.may(ann, "sagemaker", "ListModels")
    own = {"Action": "iam:*AccessKey*", "Resource": f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"}
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=document(own, {"Action": "sts:*"}))
    assert realm.may(ann, "iam", "CreateAccessKey", UserName="ann")
    assert realm.may(ann, "iam", "ListAccessKeys")
    assert not realm.may(ann, "iam", "CreateAccessKey", UserName="bob")
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=document({**own, "Action": "iam:*"}))
    iam.create_user(UserName="bob")
    for name in ("ann", "bob"):
        made = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
        assert realm.may(ann, "iam", "GetAccessKeyLastUsed", AccessKeyId=made) is (name == "ann")
    assert not realm.may(ann, "iam", "GetAccessKeyLastUsed", AccessKeyId="AKIANONE000000000000")
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=document(own, {"Action": "sts:*"}))
    given = (
        realm.world.as_principal(ann)
        .client("sts")
        .get_federation_token(Name="guest", Policy=document({"Action": "sagemaker:ListModels"}))["Credentials"]
    )
    _, guest = realm.world.services.credentials.lookup(
        given["AccessKeyId"], given["SessionToken"], now=realm.world.clock.now()
    )
    assert realm.may(guest, "sagemaker", "ListModels")
    assert not realm.may(guest, "sagemaker", "ListEndpoints")


def test_an_account_that_is_opened_to_is_not_its_federated_users(realm: Realm) -> None:
    made = realm.world.client("iam").create_user(UserName="ann")["User"]
    ann = Principal(ACCOUNT, made["Arn"], made["UserId"], "user")
    everything = Session(0.0, policies=(document({"Action": "*"}),), issuer=ann)
    guest = Principal(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:federated-user/g", f"{ACCOUNT}:g", "federated", everything)
    owner = realm.world.services.store.get(Key(ACCOUNT, "", "iam-user", "", "ann"))
    account = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "s3:*", "Resource": "*"}
    policy = Policies([Policy.read("b", "resource", json.dumps({"Statement": account}))])
    assert policy.decision("s3:GetObject", "arn:aws:s3:::b/k", {}, names(guest, owner)) == ("allowed", "account")


@pytest.mark.parametrize("kind", ["user", "root", "federated"])
def test_keys_that_a_caller_made_of_its_own_do_not_call_iam(realm: Realm, kind: Any) -> None:
    caller = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, kind, Session(0.0))
    refused = realm.refusal(caller, "iam", "ListUsers", {})
    assert refused is not None
    assert refused.code == "InvalidClientTokenId"
    refused = realm.refusal(caller, "sts", "GetFederationToken", {"Name": "x"})
    assert refused is not None
    assert refused.message == "Cannot call GetFederationToken with session credentials"
    assert realm.refusal(caller, "sts", "GetCallerIdentity", {}) is None
    sure = dataclasses.replace(caller, session=Session(0.0, mfa=True))
    assert (realm.refusal(sure, "iam", "ListUsers", {}) is None) is (kind == "root")


def test_more_than_the_request_can_be_asked(realm: Realm) -> None:
    caller = realm.role("r", {"Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::b/mine/*"})
    call, gate = realm.call(caller, "s3", "DeleteObjects"), realm.world.services.gate
    assert gate.allows(call, "s3:DeleteObject", "arn:aws:s3:::b/mine/k")
    assert not gate.allows(call, "s3:DeleteObject", "arn:aws:s3:::b/k")
