"""Notebook instances as their users have them: scripts, a repository, JupyterLab by its address, stops and starts."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import WaiterError

from .. import git_server
from ..jupyter import Browser, Channel
from .refusals import refusal

GROUP = "/aws/sagemaker/NotebookInstances"
ON_CREATE = "echo created >> /home/ec2-user/SageMaker/creations"
ON_START = """#!/bin/bash
set -e
echo "$(whoami) $(id -u) $PWD"
cat > /root/poke.py <<'EOF'
import json, ssl, urllib.request
context = ssl._create_unverified_context()
answer = urllib.request.urlopen("https://localhost:8443/api/sessions", context=context).read()
open("/home/ec2-user/SageMaker/sessions", "w").write(answer.decode())
EOF
sudo -u ec2-user -i <<'EOF'
echo "$(whoami) $PWD"
git config --global http.sslVerify false
source /home/ec2-user/anaconda3/bin/activate python3
[ -d SageMaker/.kernels/mine ] || python -m ipykernel install --user --name mine
EOF
aws sagemaker describe-notebook-instance --notebook-instance-name "$(
    python3 -c 'import json; print(json.load(open("/opt/ml/metadata/resource-metadata.json"))["ResourceName"])'
)" --query NotebookInstanceStatus --output text
echo "*/5 * * * * true" | crontab -
echo "$(crontab -l)"
"""


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    return boto3.client("sagemaker")


def settled(sagemaker: Any, name: str, waiter: str) -> None:
    options = {"Delay": 1, "MaxAttempts": 240}
    try:
        sagemaker.get_waiter(f"notebook_instance_{waiter}").wait(NotebookInstanceName=name, WaiterConfig=options)
    except WaiterError as error:
        reason = sagemaker.describe_notebook_instance(NotebookInstanceName=name).get("FailureReason")
        raise AssertionError(reason) from error


def removed(sagemaker: Any, name: str) -> None:
    state = sagemaker.describe_notebook_instance(NotebookInstanceName=name)["NotebookInstanceStatus"]
    if state == "InService":
        sagemaker.stop_notebook_instance(NotebookInstanceName=name)
        settled(sagemaker, name, "stopped")
    sagemaker.delete_notebook_instance(NotebookInstanceName=name)
    settled(sagemaker, name, "deleted")


def scripts(sagemaker: Any, name: str, **hooks: str) -> None:
    encoded = {hook: [{"Content": base64.b64encode(text.encode()).decode()}] for hook, text in hooks.items()}
    sagemaker.create_notebook_instance_lifecycle_config(NotebookInstanceLifecycleConfigName=name, **encoded)


@pytest.fixture(scope="module")
def lab(
    sagemaker: Any, role: str, tmp_path_factory: pytest.TempPathFactory, unique: Callable[[str], str]
) -> Iterator[str]:
    """An instance with scripts and a repository."""
    name, folder = unique("lab"), tmp_path_factory.mktemp("git")
    git_server.repository(folder, {"hello.py": "print('hello')\n"})
    server = git_server.serve(folder)
    text = json.dumps({"username": git_server.USER, "password": git_server.PASSWORD})
    secret = boto3.client("secretsmanager").create_secret(Name=f"AmazonSageMaker-{name}", SecretString=text)["ARN"]
    git = {"RepositoryUrl": f"https://127.0.0.1:{server.server_address[1]}/code.git", "Branch": "main"}
    sagemaker.create_code_repository(CodeRepositoryName=name, GitConfig={**git, "SecretArn": secret})
    scripts(sagemaker, name, OnCreate=ON_CREATE, OnStart=ON_START)
    sagemaker.create_notebook_instance(
        NotebookInstanceName=name,
        InstanceType="ml.t3.medium",
        RoleArn=role,
        LifecycleConfigName=name,
        AdditionalCodeRepositories=[name],
    )
    settled(sagemaker, name, "in_service")
    yield name
    removed(sagemaker, name)
    server.shutdown()


def opened(sagemaker: Any, name: str) -> Browser:
    browser = Browser(sagemaker.create_presigned_notebook_instance_url(NotebookInstanceName=name)["AuthorizedUrl"])
    assert browser.open() == 302
    return browser


def printed(name: str, stream: str) -> list[str]:
    where = {"logGroupName": GROUP, "logStreamName": f"{name}/{stream}", "startFromHead": True}
    return [each["message"] for each in boto3.client("logs").get_log_events(**where)["events"]]


def test_a_cell_runs_as_the_role_with_the_sdks_at_hand(sagemaker: Any, lab: str, role: str) -> None:
    browser = opened(sagemaker, lab)
    assert b"jupyter-config-data" in browser.ask("GET", "/lab")[2]
    kernels = browser.json("GET", "/api/kernelspecs")
    assert (kernels["default"], "mine" in kernels["kernelspecs"]) == ("conda_python3", True)
    code = """if True:
    import os, pandas, boto3, sagemaker
    from sagemaker import get_execution_role
    print(os.getcwd(), get_execution_role(), boto3.client("sts").get_caller_identity()["Arn"].split("/")[-1])
    open("kept", "w").write("1"), open("/home/ec2-user/lost", "w").write("1")
    exec(open("/root/poke.py").read())
    """
    assert browser.execute(code).splitlines()[-1] == f"/home/ec2-user/SageMaker {role} {lab}"
    files = {each["name"] for each in browser.json("GET", "/api/contents")["content"]}
    assert files >= {"kept", "code", "creations", "sessions"}
    assert browser.json("GET", "/api/contents/sessions")["content"] == "[]"
    assert browser.json("GET", "/api/contents/code/hello.py")["content"] == "print('hello')\n"


HURRY = """if True:
    import time
    _sleep = time.sleep
    time.sleep = lambda seconds: _sleep(min(seconds, 0.2))
"""


def test_the_examples_run_as_they_are(sagemaker: Any, lab: str) -> None:
    browser = opened(sagemaker, lab)
    examples = [each["name"] for each in browser.json("GET", "/sagewright/examples")]
    assert examples == ["process-data", "train-and-deploy-xgboost", "tune-xgboost"]
    started = browser.json("POST", "/api/kernels", {"name": "conda_python3"})
    channel = Channel(browser, f"/api/kernels/{started['id']}/channels")
    channel.execute(HURRY)
    for example in examples:
        for cell in browser.json("GET", f"/sagewright/examples/{example}")["cells"]:
            if cell["cell_type"] == "code":
                printed = channel.execute("".join(cell["source"]))
                assert not channel.error, (example, printed)
    channel.close()
    browser.json("DELETE", f"/api/kernels/{started['id']}")


def test_an_environment_is_made_kept_and_taken_away(sagemaker: Any, lab: str) -> None:
    browser = opened(sagemaker, lab)
    where = "/sagewright/environments"
    assert browser.json("POST", where, {"name": "own", "base": "conda_python3"}) == {"kernel": "conda_own"}
    assert browser.execute("import os, pandas; print(os.environ['CONDA_DEFAULT_ENV'])", "conda_own").strip() == "own"
    for asked, why in (
        ({"name": "own"}, "already"),
        ({"name": "../x"}, "no name"),
        ({"name": "a", "base": "R"}, "no kernel R"),
        ({"name": "a", "packages": "--index-url=x"}, "packages only"),
        ({"name": "a", "packages": "no-such-package-of-anybody ; x"}, "requirement"),
    ):
        status, _, answer = browser.ask("POST", where, asked)
        assert (status, why in json.loads(answer)["message"]) == (400, True), answer
    assert browser.ask("DELETE", f"{where}/python3")[0] == 400
    browser.json("DELETE", f"{where}/own")
    assert {each["name"] for each in browser.json("GET", where)["environments"]} == {"python3"} | {
        each.removeprefix("conda_") for each in browser.json("GET", where)["bases"]
    }


def test_scripts_ran_as_they_do_on_aws(lab: str) -> None:
    said = printed(lab, "LifecycleConfigOnStart")
    assert said == ["root 0 /", "ec2-user /home/ec2-user", *said[2:-2], "Pending", "*/5 * * * * true"]


def test_an_address_opens_once_and_only_its_own_instance(sagemaker: Any, lab: str) -> None:
    url = sagemaker.create_presigned_notebook_instance_url(NotebookInstanceName=lab)["AuthorizedUrl"]
    assert sagemaker.describe_notebook_instance(NotebookInstanceName=lab)["Url"] in url
    browser, thief = Browser(url), Browser(url)
    status, headers, _ = browser.ask("GET", browser.entry)
    assert (status, headers["location"], "; HttpOnly; SameSite=Lax" in headers["set-cookie"]) == (302, "/lab", True)
    browser.cookie = headers["set-cookie"].partition(";")[0]
    assert thief.open() == 401
    assert thief.ask("GET", "/api/contents")[0] == 401
    with pytest.raises(ConnectionRefusedError, match="401"):
        Channel(thief, "/api/events/subscribe")
    other = Browser(url.replace(lab, "elsewhere"), browser.cookie)
    assert other.ask("GET", "/api/contents")[0] == 401
    origin = f"http://evil.notebook.us-east-1.localhost:{browser.port}"
    assert browser.ask("POST", "/api/kernels", {}, origin=origin)[0] == 403
    with pytest.raises(ConnectionRefusedError, match="403"):
        Channel(browser, "/api/events/subscribe", origin=origin)
    channel = Channel(browser, "/api/events/subscribe", origin=f"http://{browser.host}")
    channel.close()
    assert browser.ask("GET", "/api/contents")[0] == 200


def test_only_the_volume_outlives_a_stop(sagemaker: Any, lab: str) -> None:
    browser = opened(sagemaker, lab)
    sagemaker.stop_notebook_instance(NotebookInstanceName=lab)
    settled(sagemaker, lab, "stopped")
    assert browser.ask("GET", "/lab")[0] == 409
    assert (
        "is in status Stopped" in refusal(sagemaker.create_presigned_notebook_instance_url, NotebookInstanceName=lab)[1]
    )
    sagemaker.update_notebook_instance(NotebookInstanceName=lab, VolumeSizeInGB=6)
    settled(sagemaker, lab, "stopped")
    sagemaker.start_notebook_instance(NotebookInstanceName=lab)
    settled(sagemaker, lab, "in_service")
    code = "import os; print(os.path.exists('kept'), os.path.exists('/home/ec2-user/lost'), open('creations').read())"
    assert browser.execute(code, "mine").split() == ["True", "False", "created"]
    assert printed(lab, "LifecycleConfigOnStart").count("root 0 /") == 2


def test_a_script_that_fails_fails_the_start(sagemaker: Any, role: str, unique: Callable[[str], str]) -> None:
    name = unique("broken")
    scripts(sagemaker, name, OnStart="echo so far; exit 3")
    sagemaker.create_notebook_instance(
        NotebookInstanceName=name, InstanceType="ml.t3.medium", RoleArn=role, LifecycleConfigName=name
    )
    with pytest.raises(AssertionError, match="failed: OnStart ended with exit code 3"):
        settled(sagemaker, name, "in_service")
    assert printed(name, "LifecycleConfigOnStart") == ["so far"]
    removed(sagemaker, name)


def test_one_without_root_and_internet_has_neither(
    sagemaker: Any, role: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    name = unique("closed")
    git_server.repository(tmp_path, {"a": ""})
    server = git_server.serve(tmp_path)
    sagemaker.create_notebook_instance(
        NotebookInstanceName=name,
        InstanceType="ml.t3.medium",
        RoleArn=role,
        RootAccess="Disabled",
        DirectInternetAccess="Disabled",
        SubnetId="subnet-1",
    )
    settled(sagemaker, name, "in_service")
    code = f"""if True:
    import subprocess, socket, boto3
    print(subprocess.run(["sudo", "true"], capture_output=True).returncode)
    print(socket.socket().connect_ex(("127.0.0.1", {server.server_address[1]})) != 0)
    print(boto3.client("sts").get_caller_identity()["Account"])
    """
    assert opened(sagemaker, name).execute(code).split() == ["1", "True", role.split(":")[4]]
    removed(sagemaker, name)
    server.shutdown()
