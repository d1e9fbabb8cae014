"""What identities may do, as boto3 meets it: policies, boundaries, sessions, buckets' policies, and who is nobody."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

Unique = Callable[[str], str]
SAGEMAKER = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})


def refused(question: Callable[..., Any], **members: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        question(**members)
    return caught.value


def code(question: Callable[..., Any], **members: Any) -> str:
    return str(refused(question, **members).response["Error"]["Code"])


Become = Callable[..., boto3.Session]


@pytest.fixture
def become(unique: Unique, role: str) -> Iterator[Become]:
    """A session of a new role with these permissions."""
    iam, sts = boto3.client("iam"), boto3.client("sts")
    made: list[str] = []

    def session(*statements: dict[str, Any], **narrowed: Any) -> boto3.Session:
        name = unique("limited")
        trust = [{**SAGEMAKER, "Sid": "service"}, {**SAGEMAKER, "Principal": {"AWS": role}}]
        created = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(*trust))["Role"]
        made.append(name)
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
        keys = sts.assume_role(RoleArn=created["Arn"], RoleSessionName="me", **narrowed)["Credentials"]
        return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    yield session
    for name in made:
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)


def test_who_has_no_policy_may_only_ask_who_he_is(become: Become) -> None:
    nobody = become()
    arn = nobody.client("sts").get_caller_identity()["Arn"]
    error = refused(nobody.client("sagemaker").list_models)
    assert error.response["Error"]["Code"] == "AccessDeniedException"
    assert error.response["Error"]["Message"] == (
        f"User: {arn} is not authorized to perform: sagemaker:ListModels on resource: * because no identity-based "
        "policy allows the sagemaker:ListModels action"
    )
    assert code(nobody.client("s3").list_buckets) == "AccessDenied"
    assert code(nobody.client("iam").list_roles) == "AccessDenied"
    assert code(nobody.client("logs").describe_log_groups) == "AccessDeniedException"
    assert code(nobody.client("cloudwatch").list_metrics) == "AccessDenied"
    runtime = nobody.client("sagemaker-runtime")
    assert code(runtime.invoke_endpoint, EndpointName="none", Body=b"x") == "AccessDeniedException"


def test_a_refusal_is_the_same_whether_there_is_such_a_thing(become: Become, s3: Any, box: str, unique: Unique) -> None:
    sagemaker, there = boto3.client("sagemaker"), unique("there")
    sagemaker.create_endpoint_config(
        EndpointConfigName=there,
        ProductionVariants=[
            {"VariantName": "a", "ModelName": model(unique), "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        ],
    )
    s3.put_object(Bucket=box, Key="there", Body=b"x")
    nobody = become()
    missing = "m" * len(there)
    client = nobody.client("sagemaker")
    for question in (client.describe_endpoint_config, client.delete_endpoint_config):
        errors = [refused(question, EndpointConfigName=name).response["Error"] for name in (there, missing)]
        assert errors[0]["Message"].replace(there, missing) == errors[1]["Message"]
    for bucket, key in ((box, "there"), (box, "other"), (missing, "there")):
        assert code(nobody.client("s3").get_object, Bucket=bucket, Key=key) == "AccessDenied"
        assert code(nobody.client("s3").head_object, Bucket=bucket, Key=key) == "403"


def model(unique: Unique) -> str:
    name = unique("model")
    role = boto3.client("iam").get_role(RoleName="SagewrightExecutionRole")["Role"]["Arn"]
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    boto3.client("sagemaker").create_model(ModelName=name, PrimaryContainer={"Image": image}, ExecutionRoleArn=role)
    return name


def test_names_and_tags_draw_the_line(become: Become, unique: Unique) -> None:
    mine, theirs = model(unique), model(unique)
    sagemaker = boto3.client("sagemaker")
    arn = sagemaker.describe_model(ModelName=mine)["ModelArn"]
    by_name = become({"Action": "sagemaker:DescribeModel", "Resource": arn}).client("sagemaker")
    assert by_name.describe_model(ModelName=mine)["ModelName"] == mine
    assert code(by_name.describe_model, ModelName=theirs) == "AccessDeniedException"
    condition = {"StringEquals": {"aws:ResourceTag/team": "ours"}}
    by_tag = become({"Action": "sagemaker:DescribeModel", "Resource": "*", "Condition": condition}).client("sagemaker")
    assert code(by_tag.describe_model, ModelName=mine) == "AccessDeniedException"
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "ours"}])
    assert by_tag.describe_model(ModelName=mine)["ModelName"] == mine


def test_a_session_is_narrowed_down_by_its_policy(become: Become, box: str) -> None:
    policy = document({"Action": "s3:GetObject", "Resource": "*"})
    narrowed = become({"Action": "s3:*", "Resource": "*"}, Policy=policy).client("s3")
    error = refused(narrowed.put_object, Bucket=box, Key="k", Body=b"x").response["Error"]
    assert error["Code"] == "AccessDenied"
    assert "because no session policy allows the s3:PutObject action" in error["Message"]


def test_a_role_is_given_to_jobs_only_by_whom_may_pass_it(become: Become, role: str, unique: Unique) -> None:
    client = become({"Action": "sagemaker:*", "Resource": "*"}).client("sagemaker")
    container = {"Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"}
    error = refused(client.create_model, ModelName=unique("m"), PrimaryContainer=container, ExecutionRoleArn=role)
    assert f"iam:PassRole on resource: {role} because" in error.response["Error"]["Message"]


def test_a_policy_that_is_taken_away_counts_for_the_next_request(become: Become) -> None:
    session = become({"Action": "sagemaker:ListModels", "Resource": "*"})
    session.client("sagemaker").list_models()
    name = session.client("sts").get_caller_identity()["Arn"].split("/")[1]
    boto3.client("iam").delete_role_policy(RoleName=name, PolicyName="own")
    assert code(session.client("sagemaker").list_models) == "AccessDeniedException"


def test_users_have_what_their_groups_have(unique: Unique) -> None:
    iam = boto3.client("iam")
    name, group = unique("user"), unique("group")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    iam.create_group(GroupName=group)
    user = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"])
    assert code(user.client("sagemaker").list_models) == "AccessDeniedException"
    policy = document({"Action": "sagemaker:List*", "Resource": "*"})
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=policy)
    iam.add_user_to_group(GroupName=group, UserName=name)
    user.client("sagemaker").list_models()
    iam.remove_user_from_group(GroupName=group, UserName=name)
    assert code(user.client("sagemaker").list_models) == "AccessDeniedException"


# Buckets' policies.


def anonymous(path: str) -> tuple[int, bytes]:
    """What a browser without keys gets."""
    address = f"{boto3.client('s3').meta.endpoint_url}/{path}"
    try:
        with urllib.request.urlopen(address, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_bucket_is_open_to_everybody_only_where_its_policy_says_so(s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="open/a", Body=b"hello")
    s3.put_object(Bucket=box, Key="shut/a", Body=b"secret")
    assert anonymous(f"{box}/open/a")[0] == 403
    s3.delete_public_access_block(Bucket=box)
    opened = {"Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{box}/open/*"}
    s3.put_bucket_policy(Bucket=box, Policy=document(opened))
    assert anonymous(f"{box}/open/a") == (200, b"hello")
    assert anonymous(f"{box}/shut/a")[0] == 403
    assert anonymous(box)[0] == 403
    assert anonymous("")[0] == 403
    s3.put_public_access_block(
        Bucket=box, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True, "BlockPublicPolicy": False}
    )
    assert anonymous(f"{box}/open/a")[0] == 403


def test_a_buckets_policy_gives_and_takes(become: Become, s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="k", Body=b"x")
    other = become()
    arn = boto3.client("iam").get_role(RoleName=other.client("sts").get_caller_identity()["Arn"].split("/")[1])
    given = {"Principal": {"AWS": arn["Role"]["Arn"]}, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{box}/*"}
    everything = {"Principal": "*", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{box}/*", "Effect": "Deny"}
    s3.put_bucket_policy(Bucket=box, Policy=document(given, everything))
    assert other.client("s3").get_object(Bucket=box, Key="k")["Body"].read() == b"x"
    assert code(other.client("s3").put_object, Bucket=box, Key="k", Body=b"y") == "AccessDenied"
    error = refused(s3.delete_object, Bucket=box, Key="k").response["Error"]
    assert error["Message"].endswith("with an explicit deny in a resource-based policy")
    s3.delete_bucket_policy(Bucket=box)
    assert code(other.client("s3").get_object, Bucket=box, Key="k") == "AccessDenied"


def test_of_many_keys_those_are_deleted_that_may_be(become: Become, s3: Any, box: str) -> None:
    for key in ("mine/a", "theirs/a"):
        s3.put_object(Bucket=box, Key=key, Body=b"x")
    mine = become({"Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{box}/mine/*"}).client("s3")
    keys = [{"Key": key} for key in ("mine/a", "theirs/a", "theirs/none")]
    answer = mine.delete_objects(Bucket=box, Delete={"Objects": keys})
    assert answer["Deleted"] == [{"Key": "mine/a"}]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [
        ("theirs/a", "AccessDenied"),
        ("theirs/none", "AccessDenied"),
    ]
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=box)["Contents"]] == ["theirs/a"]
    answers = [mine.delete_objects(Bucket=bucket, Delete={"Objects": keys[1:]}) for bucket in (box, box + "-none")]
    assert [each["Code"] for answer in answers for each in answer["Errors"]] == ["AccessDenied"] * 4


def test_who_may_not_list_a_bucket_does_not_learn_which_keys_are_missing(become: Become, s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="there", Body=b"x")
    reading = {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{box}/*"}
    reader = become(reading).client("s3")
    assert reader.get_object(Bucket=box, Key="there")["Body"].read() == b"x"
    assert code(reader.get_object, Bucket=box, Key="none") == "AccessDenied"
    assert code(reader.head_object, Bucket=box, Key="none") == "403"
    lister = become(reading, {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{box}"}).client("s3")
    assert code(lister.get_object, Bucket=box, Key="none") == "NoSuchKey"


def test_a_narrowed_lister_sees_his_prefix_only(become: Become, s3: Any, box: str) -> None:
    s3.put_object(Bucket=box, Key="home/ann/a", Body=b"x")
    condition = {"StringLike": {"s3:prefix": "home/ann/*"}}
    ann = become({"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{box}", "Condition": condition}).client("s3")
    assert ann.list_objects_v2(Bucket=box, Prefix="home/ann/")["KeyCount"] == 1
    assert code(ann.list_objects_v2, Bucket=box, Prefix="home/") == "AccessDenied"
    assert code(ann.list_objects_v2, Bucket=box) == "AccessDenied"
