"""Where moto is told to do otherwise, because it was made for tests that end and this holds what is to stay."""

from __future__ import annotations

import hashlib
import importlib
import secrets
import time
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Final

import boto3.session  # type: ignore[import-untyped]
import moto.core.utils
import moto.iam.models
import moto.moto_api._internal
from botocore.loaders import Loader
from moto.core.base_backend import BaseBackend
from moto.core.common_models import BaseModel

_GATEWAYS: Final = ("dynamodb", "s3")


def mend() -> None:
    """Before the first call."""
    # Chance that nobody can foretell: passwords come from it.
    chance, dice = secrets.SystemRandom(), moto.moto_api._internal.mock_random
    dice.random, dice.getrandbits = chance.random, chance.getrandbits  # type: ignore[method-assign]
    # No lists of all objects that ever were.
    BaseModel.__new__ = lambda kind, *_, **__: object.__new__(kind)  # type: ignore[method-assign]
    # No IAM of its own that notes who came.
    moto.iam.models.mark_account_as_visited = lambda **_: None
    # The time, which queues ask for each of their messages, without four objects on the way to it.
    precise = moto.core.utils.unix_time
    moto.core.utils.unix_time = lambda dt=None: time.time() if dt is None else precise(dt)
    # Reading all regions' names out of every service's model takes a second.
    boto3.session.Session.get_available_regions = _regions


def mend_module(module: str) -> None:
    """Before the first call to one of moto's services."""
    if module in ("ec2", "efs"):
        vpcs = importlib.import_module("moto.ec2.models.vpcs")
        vpcs.VPCBackend._collect_default_endpoint_services = staticmethod(_endpoint_services)
    elif module == "kms":
        models = importlib.import_module("moto.kms.models")
        make = "generate_private_key"
        setattr(models, make, _only_for_pairs(getattr(models, make)))
    elif module == "ssoadmin":
        instance = importlib.import_module("moto.ssoadmin.models").Instance
        instance.__init__ = _with_real_store(instance.__init__)


def _only_for_pairs(make: Callable[[str], Any]) -> Callable[[str], Any]:
    """moto makes an RSA key for each key, also for those that have no private part."""
    return lambda spec: None if spec.startswith(("SYMMETRIC", "HMAC")) else make(spec)


def _with_real_store(make: Callable[..., None]) -> Callable[..., None]:
    """moto's identity store ids are none that the models let through."""

    @wraps(make)
    def made(instance: Any, *args: Any, **named: Any) -> None:
        make(instance, *args, **named)
        instance.identity_store_id = f"d-{secrets.token_hex(5)}"

    return made


def _regions(_session: Any, _service: str, partition_name: str = "aws", **_: Any) -> list[str]:
    return list(_partitions().get(partition_name, ()))


@cache
def _partitions() -> dict[str, list[str]]:
    partitions = Loader().load_data("endpoints")["partitions"]
    return {each["partition"]: sorted(each["regions"]) for each in partitions}


def _endpoint_services(_account: str, region: str) -> list[dict[str, Any]]:
    """What VPC endpoints can lead to. moto asks all its services and gives each an id by chance; these stay."""
    vpcs = importlib.import_module("moto.ec2.models.vpcs")
    known = vpcs.DEFAULT_VPC_ENDPOINT_SERVICES
    if region not in known:
        zones = [zone.name for zone in vpcs.RegionsAndZonesBackend.zones.get(region, [])]
        make = BaseBackend.default_vpc_endpoint_service_factory
        found = [service for name in sorted({*vpcs.AWS_ENDPOINT_SERVICES}) for service in make(region, zones, name)]
        found += [
            service for name in _GATEWAYS for service in make(region, zones, name, "Gateway", private_dns_names=False)
        ]
        found += [_sagemaker(region, zones, what) for what in ("notebook", "studio")]
        for service in found:
            service["ServiceId"] = _id(service["ServiceName"], service["ServiceType"][0]["ServiceType"])
        known[region] = found
    services: list[dict[str, Any]] = known[region]
    return services


def _sagemaker(region: str, zones: list[str], what: str) -> dict[str, Any]:
    """Notebooks and Studio have names of their own kind."""
    (service,) = BaseBackend.default_vpc_endpoint_service_factory(region, zones, f"sagemaker.{what}")
    domain = f"*.{what}.{region}.sagemaker.aws"
    service.update(
        ServiceName=f"aws.sagemaker.{region}.{what}",
        BaseEndpointDnsNames=[f"{what}.{region}.vpce.sagemaker.aws"],
        PrivateDnsName=domain,
        PrivateDnsNames=[{"PrivateDnsName": domain}],
    )
    return service


def _id(name: str, kind: str) -> str:
    return "vpce-svc-" + hashlib.sha256(f"{name} {kind}".encode()).hexdigest()[:17]
