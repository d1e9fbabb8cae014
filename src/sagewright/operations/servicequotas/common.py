"""Which quotas there are, and how one is described. The only service that has any is SageMaker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from botocore.model import StringShape

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.resources import quota
from sagewright.resources.arn import Arn
from sagewright.wire import model

SERVICE: Final = "sagemaker"
SERVICE_NAME: Final = "Amazon SageMaker"
_USES: Final = (
    (quota.TRAINING, "TrainingInstanceType"),
    (quota.SPOT, "TrainingInstanceType"),
    (quota.TRANSFORM, "TransformInstanceType"),
    (quota.PROCESSING, "ProcessingInstanceType"),
    (quota.ENDPOINT, "ProductionVariantInstanceType"),
)
_PAGE: Final = 100


@cache
def names() -> Mapping[str, str]:
    """All quotas by their codes, in the order of their names."""
    shapes = {use: model.service(SERVICE).shape_for(shape) for use, shape in _USES}
    types = {use: shape.enum for use, shape in shapes.items() if isinstance(shape, StringShape)}
    found = sorted(quota.name_of(each, use) for use, every in types.items() for each in every)
    return {quota.code_of(name): name for name in found}


def named(request: Params) -> str:
    """The quota that a request is about. Raises NoSuchResourceException."""
    check_service(request)
    name = names().get(request["QuotaCode"])
    if name is None:
        raise AwsError("NoSuchResourceException", f"SageMaker has no quota {request['QuotaCode']}.")
    return name


def check_service(request: Params) -> None:
    if request["ServiceCode"] != SERVICE:
        raise AwsError("NoSuchResourceException", f"{request['ServiceCode']} has no quotas here; sagemaker has.")


def head(call: Call, name: str, user: str = "") -> Params:
    """What descriptions of a quota and of requests for it have in common."""
    code = quota.code_of(name)
    return {
        "ServiceCode": SERVICE,
        "ServiceName": SERVICE_NAME,
        "QuotaArn": str(Arn("aws", "servicequotas", call.region, call.account, f"{SERVICE}/{code}")),
        "QuotaCode": code,
        "QuotaName": name,
        "Unit": "None",
        "GlobalQuota": False,
        **(_context(user) if user else {}),
    }


def _context(user: str) -> Params:
    kind = "AWS::IAM::User" if ":user/" in user else "AWS::IAM::Role"
    return {"QuotaContext": {"ContextScope": "RESOURCE", "ContextScopeType": kind, "ContextId": user}}


def page(request: Params, everything: Sequence[Params], member: str) -> Params:
    """The part of a list that a request asks for."""
    token = request.get("NextToken", "0")
    if not token.isdecimal() or not token.isascii() or len(token) > 9:
        raise AwsError("InvalidPaginationTokenException", "NextToken is none that this service gave.")
    begin = int(token)
    end = begin + min(request.get("MaxResults", _PAGE), _PAGE)
    return {member: list(everything[begin:end]), **({"NextToken": str(end)} if end < len(everything) else {})}
