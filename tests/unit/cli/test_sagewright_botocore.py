"""The plugin that `sagewright env` puts into the user's botocore, driven by a real botocore session."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest

from sagewright.cli.env import PLUGIN_FOLDER

LOCAL = "http://127.0.0.1:4700"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `sagewright env` prints, as far as botocore reads it."""
    monkeypatch.syspath_prepend(str(PLUGIN_FOLDER))
    monkeypatch.setenv("BOTOCORE_EXPERIMENTAL__PLUGINS", "sagewright=sagewright_botocore")
    monkeypatch.setenv("AWS_ENDPOINT_URL", LOCAL)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")


def client(service: str, url: str | None = None, region: str = "us-east-1") -> Any:
    return botocore.session.Session().create_client(service, region, endpoint_url=url)


def sts_host(url: str | None = None, region: str = "us-east-1") -> str:
    """Where a client sends its calls, read off a URL that it signs."""
    return urlsplit(str(client("sts", url, region).generate_presigned_url("get_caller_identity"))).netloc


@pytest.mark.parametrize(
    "url",
    [
        "https://sts.us-east-1.amazonaws.com",
        "https://sts.cn-north-1.amazonaws.com.cn",
        "https://sts.us-east-1.api.aws/",
        None,
    ],
)
def test_an_aws_address_leads_to_the_local_endpoint(url: str | None) -> None:
    assert sts_host(url) == "127.0.0.1:4700"


@pytest.mark.parametrize("url", ["http://localhost:5000", "https://amazonaws.com.example.org"])
def test_any_other_address_stays(url: str) -> None:
    assert sts_host(url) == urlsplit(url).netloc


@pytest.mark.parametrize(("url", "proxies"), [("https://sts.us-east-1.amazonaws.com", {}), (None, {})])
def test_a_proxy_is_not_asked_for_this_machine(
    url: str | None, proxies: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    assert client("sts", url)._endpoint.http_session._proxy_config._proxies == proxies


def test_objects_keep_their_bucket_in_the_path() -> None:
    made = client("s3", "https://s3.us-east-1.amazonaws.com")
    url = made.generate_presigned_url("get_object", Params={"Bucket": "box", "Key": "a/b"})
    assert url.startswith(LOCAL + "/box/a/b?")


def test_the_address_of_the_service_goes_before_the_general_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:4701")
    assert sts_host("https://sts.us-east-1.amazonaws.com") == "127.0.0.1:4701"


def test_a_blank_in_a_service_id_becomes_an_underscore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "http://127.0.0.1:4702")
    made = client("sagemaker-runtime", "https://runtime.sagemaker.us-east-1.amazonaws.com")
    url = made.generate_presigned_url("invoke_endpoint", Params={"EndpointName": "e", "Body": ""})
    assert url.startswith("http://127.0.0.1:4702/endpoints/e/invocations")


def test_without_a_local_endpoint_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert sts_host("https://sts.eu-west-1.amazonaws.com") == "sts.eu-west-1.amazonaws.com"


@pytest.mark.parametrize("url", ["https://sts.us-east-1.amazonaws.com", None])
def test_who_asks_for_aws_gets_aws(url: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert sts_host(url) == "sts.us-east-1.amazonaws.com"


def test_the_sdks_check_the_schema_of_their_configuration_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def validate(instance: Any, schema: Any) -> None:
        asked.append(instance)
        if not isinstance(instance, schema["type"]):
            raise ValueError(instance)

    def validator_for(schema: Any) -> Any:
        return lambda _: SimpleNamespace(is_valid=lambda instance: isinstance(instance, schema["type"]))

    config = ModuleType("sagemaker.config.config")
    validators = SimpleNamespace(validator_for=validator_for)
    config.__dict__["jsonschema"] = SimpleNamespace(validate=validate, validators=validators)
    monkeypatch.setitem(sys.modules, "sagemaker.config.config", config)
    for _ in range(2):
        client("sts")
    number, text = {"type": int}, {"type": str}
    for instance in (1, 2, 3):
        config.jsonschema.validate(instance, number)
    assert asked == [1]
    with pytest.raises(ValueError, match="four"):
        config.jsonschema.validate("four", number)
    config.jsonschema.validate("four", text)
    assert asked == [1, "four", "four"]


def test_the_module_needs_nothing_but_the_standard_library() -> None:
    text = (PLUGIN_FOLDER / "sagewright_botocore.py").read_text(encoding="utf-8")
    imports = [line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert {name.split(".")[0] for name in imports} <= sys.stdlib_module_names


def test_the_folder_on_the_users_path_offers_one_module() -> None:
    assert [path.stem for path in PLUGIN_FOLDER.glob("*.py")] == ["sagewright_botocore"]


def test_a_remote_spark_function_installs_nothing_of_the_sdks_own(monkeypatch: pytest.MonkeyPatch) -> None:
    own = [
        "pip install --root-user-action=ignore 'sagemaker-feature-store-pyspark>=2,<3'",
        'python3 -c "import feature_store_pyspark, shutil, os"',
    ]

    class Settings:
        def __init__(self, *, spark_config: object = None, pre_execution_commands: list[str] | None = None) -> None:
            self.spark_config = spark_config
            self.pre_execution_commands = [*(pre_execution_commands or ()), *own] if spark_config else None

    module = ModuleType("sagemaker.core.remote_function.job")
    module.__dict__["_JobSettings"] = Settings
    monkeypatch.setitem(sys.modules, module.__name__, module)
    client("sts")
    client("sts")
    assert Settings(spark_config={}).pre_execution_commands is None
    assert Settings(spark_config={1: 2}).pre_execution_commands is None
    assert Settings(spark_config={1: 2}, pre_execution_commands=["ls"]).pre_execution_commands == ["ls"]
    assert Settings(pre_execution_commands=["ls"]).pre_execution_commands is None
