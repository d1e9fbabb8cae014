"""The account as a whole: alias, summary, everything at once, the credential report."""

from __future__ import annotations

import csv
from typing import Any
from urllib.parse import unquote

from sagewright.testing.policies import allowing, refusal, trusting
from sagewright.testing.world import Client, World


def test_an_account_has_one_alias(iam: Client) -> None:
    for name in ("one", "one", "other"):
        iam.create_account_alias(AccountAlias=name)
    assert iam.list_account_aliases()["AccountAliases"] == ["other"]
    assert refusal(iam.delete_account_alias, AccountAlias="one")[0] == "NoSuchEntity"
    iam.delete_account_alias(AccountAlias="other")
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_what_there_is_is_counted(iam: Client) -> None:
    iam.create_user(UserName="ann")
    iam.create_policy(PolicyName="p", PolicyDocument=allowing("s3:*"))
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["Users"], summary["Roles"], summary["Policies"], summary["Groups"]) == (1, 1, 1, 0)
    assert (summary["AccessKeysPerUserQuota"], summary["VersionsPerPolicyQuota"]) == (2, 5)


def test_everything_is_told_at_once(iam: Client) -> None:
    iam.create_user(UserName="ann", Tags=[{"Key": "a", "Value": "1"}])
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="ann")
    iam.put_group_policy(GroupName="g", PolicyName="i", PolicyDocument=allowing("s3:*"))
    arn = iam.create_policy(PolicyName="p", PolicyDocument=allowing("sqs:*"))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    told = iam.get_account_authorization_details()
    user, group, role = told["UserDetailList"][0], told["GroupDetailList"][0], told["RoleDetailList"][0]
    assert (user["GroupList"], user["AttachedManagedPolicies"]) == (["g"], [{"PolicyName": "p", "PolicyArn": arn}])
    assert user["Tags"] == [{"Key": "a", "Value": "1"}]
    assert unquote(group["GroupPolicyList"][0]["PolicyDocument"]) == allowing("s3:*")
    assert (role["RoleName"], role["InstanceProfileList"]) == ("SagewrightExecutionRole", [])
    names = {policy["PolicyName"] for policy in told["Policies"]}
    assert names == {"p", "AmazonS3FullAccess", "AmazonSageMakerFullAccess"}
    own = next(policy for policy in told["Policies"] if policy["PolicyName"] == "p")
    assert (own["AttachmentCount"], own["PolicyVersionList"][0]["IsDefaultVersion"]) == (1, True)


def test_of_everything_only_what_is_asked_for(iam: Client) -> None:
    for number in range(3):
        iam.create_user(UserName=f"u{number}")
    told: list[str] = []
    marker: dict[str, Any] = {}
    while True:
        page = iam.get_account_authorization_details(Filter=["User", "LocalManagedPolicy"], MaxItems=2, **marker)
        told += [user["UserName"] for user in page["UserDetailList"]]
        assert (page["RoleDetailList"], page["Policies"]) == ([], [])
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert told == ["u0", "u1", "u2"]


def test_the_credential_report_lists_users_and_their_keys(world: World, iam: Client) -> None:
    assert refusal(iam.get_credential_report)[:2] == ("ReportNotPresent", 410)
    iam.create_user(UserName="ann")
    iam.create_login_profile(UserName="ann", Password="Correct-horse-9")
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName="ann", AccessKeyId=key, Status="Inactive")
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    rows = [*csv.DictReader(report["Content"].decode().splitlines())]
    assert [row["user"] for row in rows] == ["<root_account>", "ann"]
    ann = rows[1]
    assert (ann["password_enabled"], ann["access_key_1_active"], ann["access_key_2_active"]) == (
        "true",
        "false",
        "false",
    )
    assert ann["access_key_1_last_rotated"] != "N/A" == ann["access_key_2_last_rotated"]
    assert None not in ann.values()
    world.clock.advance(5 * 3600)
    assert refusal(iam.get_credential_report)[0] == "ReportExpired"


def test_which_context_keys_policies_ask_for(iam: Client) -> None:
    document = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*",'
        '"Resource":"arn:aws:s3:::b/${aws:username}/${*}","Condition":{"StringLike":{"s3:prefix":"a","S3:Prefix":"b"}}}}'
    )
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[document]) == {
        "ContextKeyNames": ["aws:username", "s3:prefix"]
    }
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting(Service="ec2.amazonaws.com"))["Role"]
    iam.put_role_policy(RoleName="r", PolicyName="i", PolicyDocument=document)
    assert len(iam.get_context_keys_for_principal_policy(PolicySourceArn=role["Arn"])["ContextKeyNames"]) == 2
    missing = refusal(iam.get_context_keys_for_principal_policy, PolicySourceArn=role["Arn"] + "x")
    assert missing[0] == "NoSuchEntity"
