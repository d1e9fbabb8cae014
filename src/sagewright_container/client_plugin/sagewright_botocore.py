"""Keeps AWS's own addresses out of clients that were pointed at Sagewright; botocore loads it into each.

`AWS_ENDPOINT_URL` moves a client only where the program names no address itself. The SageMaker SDKs name
one: they make their STS client with `endpoint_url="https://sts.<region>.amazonaws.com"`, so that
`default_bucket()` and `get_execution_role()` would ask AWS. `sagewright env` therefore prints, besides that
variable, `BOTOCORE_EXPERIMENTAL__PLUGINS=sagewright=sagewright_botocore` and a `PYTHONPATH` with this folder:
botocore then calls `initialize_client_plugin` for every client it makes.

`AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true`, botocore's own switch, turns this off as well: so a program still
reaches AWS when it means to.

It also spares the SageMaker SDKs a second for each job (see `check_schemas_once`), has them name an image
for Spark applications from any Python (see `name_spark_image`), and leaves out what they would copy into AWS's
(see `leave_spark_alone`).

This runs inside the user's own Python, whatever its version: no import beyond the standard library and botocore.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from botocore.client import BaseClient

AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws")
ENDPOINT = "SDK::Endpoint"  # botocore's name for the address that a client was made with
CONFIGURATIONS = ("sagemaker.config.config", "sagemaker.core.config.config", "sagemaker.core.config.config_manager")
"""The modules of the SageMaker SDKs v2 and v3 that check their configuration files."""
REMOTE_FUNCTIONS = ("sagemaker.remote_function.job", "sagemaker.core.remote_function.job")
"""Those that make jobs of functions."""
CONNECTOR_COMMANDS = (
    "pip install --root-user-action=ignore 'sagemaker-feature-store-pyspark",
    'python3 -c "import feature_store_pyspark, shutil',
)
"""How the commands begin that the SDK v3 adds to those of remote Spark functions."""


def initialize_client_plugin(client: BaseClient) -> None:
    """Where `client` was made with one of AWS's addresses, send it where its settings say."""
    check_schemas_once()
    name_spark_image()
    leave_spark_alone()
    target = configured_endpoint(client.meta.service_model.service_id)
    if not target or os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return

    def redirect(builtins: dict[str, Any], **_: object) -> None:
        if is_aws(builtins.get(ENDPOINT)):
            builtins[ENDPOINT] = target

    client.meta.events.register("before-endpoint-resolution", redirect)
    if is_aws(client.meta.endpoint_url):
        choose_proxy_anew(client, target)


def check_schemas_once() -> None:
    """Let the SDKs check each of their configuration's values, but the schema that they check by only once.

    They check both whenever they read a value, if there is a configuration file at all, as there is here: 70 ms each
    time, a second for an estimator that is fitted.
    """
    for name in CONFIGURATIONS:
        module = sys.modules.get(name)
        checks = getattr(module, "jsonschema", None)
        if checks is not None and not isinstance(checks, SchemasCheckedOnce):
            module.__dict__["jsonschema"] = SchemasCheckedOnce(checks)


class SchemasCheckedOnce:
    """Stands in for the module `jsonschema` where the schemas are constants."""

    def __init__(self, jsonschema: Any) -> None:
        self._jsonschema = jsonschema
        self._checked: dict[int, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._jsonschema, name)

    def validate(self, instance: Any, schema: Any, *arguments: Any, **options: Any) -> None:
        """What `jsonschema.validate` says, which alone says what is wrong."""
        known = self._checked.get(id(schema))
        if known is None or arguments or options or not known.is_valid(instance):
            self._jsonschema.validate(instance, schema, *arguments, **options)
            self._checked[id(schema)] = self._jsonschema.validators.validator_for(schema)(schema)  # keeps it alive


def name_spark_image() -> None:
    """Let remote functions with a `spark_config` run on the caller's Python, as those without do.

    The SDKs refuse all Pythons but those of AWS's newest Spark images, and let nobody name another image. Here the
    image has the Python of the server, whatever its tag says.
    """
    for name in REMOTE_FUNCTIONS:
        settings = getattr(sys.modules.get(name), "_JobSettings", None)
        own = getattr(settings, "_get_default_spark_image", None)
        if settings is not None and own is not None and not isinstance(own, SparkImage):
            settings._get_default_spark_image = SparkImage(own, sys.modules[name])


class SparkImage:
    """Stands in for the SDKs' function that names the image of Spark applications."""

    def __init__(self, own: Any, module: Any) -> None:
        self._own = own
        self._module = module

    def __call__(self, session: Any) -> Any:
        """What the SDK says; else the image of another Python."""
        try:
            return self._own(session)
        except ValueError:
            options = {"version": "3.3", "py_version": "py39", "container_version": "v1"}
            return self._module.image_uris.retrieve(framework="spark", region=session.boto_region_name, **options)


def leave_spark_alone() -> None:
    """Let remote Spark functions of the SDK v3 begin without the connector to the feature store that it installs.

    It copies JARs to where AWS's images have their Spark. Here the image has them, and has its Spark elsewhere.
    """
    for name in REMOTE_FUNCTIONS:
        settings = getattr(sys.modules.get(name), "_JobSettings", None)
        if settings is not None and not isinstance(settings.__init__, Prepared):
            settings.__init__ = Prepared(settings.__init__)


class Prepared:
    """Stands in for the method that prepares the settings of an SDK's remote functions."""

    def __init__(self, own: Any) -> None:
        self._own = own

    def __get__(self, settings: Any, _owner: Any = None) -> Any:
        return self if settings is None else functools.partial(self, settings)

    def __call__(self, settings: Any, *args: Any, **more: Any) -> None:
        """What the SDK does, without its own commands for Spark."""
        self._own(settings, *args, **more)
        commands = getattr(settings, "pre_execution_commands", None)
        if commands and getattr(settings, "spark_config", None):
            left = [command for command in commands if not command.startswith(CONNECTOR_COMMANDS)]
            settings.pre_execution_commands = left or None


def choose_proxy_anew(client: Any, target: str) -> None:
    """botocore chose a proxy when it made the client, for the address it was made with: it may not lead to ours."""
    from botocore.utils import get_environ_proxies

    with contextlib.suppress(AttributeError):  # these are botocore's own affairs, which may change
        client._endpoint.http_session._proxy_config._proxies = get_environ_proxies(target)


def configured_endpoint(service_id: str) -> str | None:
    """The address that the environment gives for a service, read as botocore reads it."""
    of_service = "AWS_ENDPOINT_URL_" + service_id.replace(" ", "_").replace("-", "_").upper()
    return os.environ.get(of_service) or os.environ.get("AWS_ENDPOINT_URL")


def is_aws(url: str | None) -> bool:
    """Whether an address is one of AWS's public ones."""
    host = urlsplit(url).hostname if url else None
    return bool(host) and str(host).endswith(AWS_DOMAINS)
