"""Who may sign in to the console and what they may do, as administrators and users see it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from playwright.sync_api import Page, expect

from .conftest import PICTURES

Picture = Callable[[str], None]
PASSWORD = "Correct-horse-7"


def go(page: Page, path: str) -> None:
    page.goto(f"/#/{path}")


@pytest.fixture(scope="module")
def admin() -> str:
    """A user who administers users, and has a password."""
    iam, name = boto3.client("iam"), "grace"
    iam.create_user(UserName=name)
    iam.create_login_profile(UserName=name, Password=PASSWORD)
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerReadOnly")
    return name


def test_a_companys_people_sign_in(stranger: Page, provider: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    stranger.goto("/#/users")
    stranger.get_by_role("link", name="Sign in with Example Corp").click()
    assert stranger.url.startswith(provider)
    stranger.get_by_role("button", name="bob").click()
    expect(stranger.get_by_text("none of your groups has a role here")).to_be_visible()
    stranger.screenshot(path=PICTURES / "sign-in-no-role.png")
    stranger.get_by_role("link", name="Sign in with Example Corp").click()
    stranger.get_by_role("button", name="ada").click()
    stranger.get_by_role("button", name="ada@example.com").click()
    stranger.get_by_role("menuitem", name="Profile").click()
    arn = "arn:aws:sts::123456789012:assumed-role/SagewrightExecutionRole/ada@example.com"
    expect(stranger.get_by_text(arn, exact=True)).to_be_visible()
    stranger.screenshot(path=PICTURES / "profile-company.png")
    stranger.get_by_role("button", name="ada@example.com").click()
    stranger.get_by_role("menuitem", name="Sign out").click()
    expect(stranger.get_by_label("User name")).to_be_visible()
    stranger.screenshot(path=PICTURES / "sign-in-company.png")


def test_a_user_is_made_given_things_and_deleted(page: Page, picture: Picture) -> None:
    boto3.client("iam").create_group(GroupName="readers")
    go(page, "users")
    page.get_by_role("button", name="Create user").first.click()
    page.get_by_label("User name").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    picture("create-user")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", name="ann", exact=True)).to_be_visible()
    page.get_by_role("button", name="Attach", exact=True).click()
    page.get_by_role("button", name="Policies").click()
    page.get_by_role("option", name="AmazonSageMakerReadOnly").click()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").get_by_role("button", name="Attach", exact=True).click()
    expect(page.get_by_role("link", name="AmazonSageMakerReadOnly")).to_be_visible()
    page.get_by_role("button", name="Write", exact=True).click()
    page.get_by_label("Policy name").fill("own")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="own", exact=True)).to_be_visible()
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Groups").click()
    page.get_by_role("option", name="readers").click()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("link", name="readers")).to_be_visible()
    page.get_by_role("button", name="Create access key").click()
    expect(page.get_by_text("The secret is shown this once.")).to_be_visible()
    picture("access-key")
    page.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Deactivate AKIA").click()
    expect(page.get_by_text("Inactive")).to_be_visible()
    expect(page.get_by_text("must choose another password")).to_be_visible()
    picture("user")
    page.get_by_role("button", name="Delete", exact=True).first.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("heading", name="Users")).to_be_visible()
    names = [each["UserName"] for each in boto3.client("iam").list_users()["Users"]]
    assert "ann" not in names


def test_groups_roles_and_policies(page: Page, picture: Picture) -> None:
    go(page, "groups")
    page.get_by_role("button", name="Create group").first.click()
    page.get_by_label("Group name").fill("scientists")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_text("Nobody is in it yet.")).to_be_visible()
    go(page, "roles")
    page.get_by_role("button", name="Create role").click()
    page.get_by_label("Role name").fill("Trainer")
    picture("create-role")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", name="Trainer")).to_be_visible()
    expect(page.locator("main pre.code").get_by_text("sagemaker.amazonaws.com")).to_be_visible()
    picture("role")
    go(page, "policies")
    page.get_by_role("button", name="Create policy").click()
    page.get_by_label("Policy name").fill("Looks")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", name="Looks")).to_be_visible()
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Document").fill(json.dumps({"Version": "2012-10-17", "Statement": []}) + "x")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_role("button", name="Cancel").click()
    picture("policy")
    policy = boto3.client("iam").list_policies(Scope="Local")["Policies"][0]
    assert policy["PolicyName"] == "Looks"


def test_the_simulator_names_the_statement_that_decided(page: Page, picture: Picture, admin: str) -> None:
    arn = boto3.client("iam").get_user(UserName=admin)["User"]["Arn"]
    go(page, f"simulator?of={arn}")
    page.get_by_label("Actions").fill("sagemaker:ListModels\nsagemaker:DeleteModel")
    page.get_by_role("button", name="Simulate").click()
    expect(page.get_by_role("row", name="sagemaker:ListModels")).to_contain_text("Allowed")
    expect(page.get_by_role("row", name="sagemaker:DeleteModel")).to_contain_text("nothing allows it")
    page.get_by_role("button", name="AmazonSageMakerReadOnly, line").click()
    expect(page.locator("pre.code").get_by_text("sagemaker:List*")).to_be_visible()
    picture("simulator")


def test_settings(page: Page, picture: Picture) -> None:
    go(page, "settings")
    expect(page.get_by_text("SQLite")).to_be_visible()
    expect(page.get_by_text("Example Corp")).to_be_visible()
    picture("settings")
    page.get_by_label("Those without a limit too").check()
    page.get_by_label("Find in Quotas").fill("ml.m5.large for training")
    page.get_by_role("button", name="Change ml.m5.large for training job usage").click()
    page.get_by_label("At once").fill("7")
    page.get_by_role("dialog").get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_role("row", name="ml.m5.large for training job usage")).to_contain_text("7")
    picture("quotas")


def test_a_user_sees_what_policies_allow_and_changes_the_password(stranger: Page, admin: str) -> None:
    stranger.goto("/#/users")
    stranger.get_by_label("User name").fill(admin)
    stranger.get_by_label("Password").fill(PASSWORD)
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_text("not authorized to perform: iam:ListUsers")).to_be_visible()
    stranger.goto("/#/settings")
    expect(stranger.get_by_text("not authorized to perform: sagewright:GetServerSettings")).to_be_visible()
    stranger.screenshot(path=PICTURES / "settings-denied.png")
    own = {
        "Effect": "Allow",
        "Action": ["iam:ChangePassword", "iam:*AccessKey*"],
        "Resource": "arn:aws:iam::*:user/grace",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [own]})
    boto3.client("iam").put_user_policy(UserName=admin, PolicyName="own", PolicyDocument=document)
    stranger.goto("/#/profile")
    expect(stranger.get_by_text("No access keys.")).to_be_visible()
    stranger.screenshot(path=PICTURES / "profile.png")
    stranger.get_by_role("button", name="Change password").click()
    stranger.get_by_label("Old password").fill(PASSWORD)
    stranger.get_by_label("New password").fill("Another-horse-8")
    stranger.get_by_role("dialog").get_by_role("button", name="Change password").click()
    expect(stranger.get_by_label("User name")).to_be_visible()


@pytest.mark.parametrize("options", [{"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}}])
def test_dark_and_small(page: Page, picture: Picture, options: dict[str, Any], admin: str) -> None:
    look = "dark" if "color_scheme" in options else "phone"
    seen = {
        "users": admin,
        f"users/{admin}": "AmazonSageMakerReadOnly",
        "roles/SagewrightExecutionRole": "Trust policy",
        "simulator": "Whose policies",
        "settings": "SQLite",
    }
    for path, text in seen.items():
        go(page, path)
        expect(page.get_by_text(text).first).to_be_visible()
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        picture(f"{path.split('/')[0]}-{look}" + ("-one" if "/" in path else ""))
