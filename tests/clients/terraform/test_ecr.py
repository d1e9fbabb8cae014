"""ECR's resources through Terraform: applied, unchanged, updated in place, destroyed; a pushed image is found."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import boto3

HERE = Path(__file__).parent / "ecr"


def test_a_repository_is_applied_kept_updated_in_place_and_destroyed(terraform: Any) -> None:
    shutil.copy(HERE / "main.tf", terraform.folder)
    terraform.init()
    terraform.apply()
    ecr = boto3.client("ecr")
    manifest = json.dumps({"schemaVersion": 2, "manifests": []})
    ecr.put_image(repositoryName="terraform/app", imageManifest=manifest, imageTag="v1")
    shutil.copy(HERE / "image.tf", terraform.folder)
    terraform.apply()
    outputs = {name: each["value"] for name, each in json.loads(terraform("output", "-json")).items()}
    assert outputs["digest"] == f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    assert outputs["user"] == "AWS"
    assert outputs["repository_url"] == f"{outputs['host'].partition('://')[2]}/terraform/app"

    again = "-var=revision=2"
    terraform("plan", "-out=plan", again)
    changes = json.loads(terraform("show", "-json", "plan"))["resource_changes"]
    actions = {change["address"]: change["change"]["actions"] for change in changes if change["mode"] == "managed"}
    assert actions.pop("aws_ecr_account_setting.scope") == ["no-op"]
    # The provider has no update for these.
    assert actions.pop("aws_ecr_lifecycle_policy.app") == ["delete", "create"]
    assert all(each == ["update"] for each in actions.values()), actions
    terraform.apply(again)
    found = ecr.describe_repositories(repositoryNames=["terraform/app"])["repositories"][0]
    assert found["imageTagMutability"] == "IMMUTABLE"
    terraform.destroy(again)
