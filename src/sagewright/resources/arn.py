"""Amazon Resource Names: `arn:partition:service:region:account:resource`."""

from __future__ import annotations

from typing import NamedTuple


class Arn(NamedTuple):
    """The parts of an ARN. Raises ValueError when read from something that is none."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return ":".join(("arn", *self))

    @property
    def type(self) -> str:
        """The resource's type: `training-job` in `training-job/name`; '' where there is none."""
        return self.resource.partition("/")[0] if "/" in self.resource else ""

    @property
    def id(self) -> str:
        """What follows the type."""
        return self.resource.partition("/")[2] or self.resource

    @classmethod
    def parse(cls, text: str) -> Arn:
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not parts[5]:
            raise ValueError(f"{text!r} is not an ARN")
        return cls(*parts[1:])


def sagemaker_arn(region: str, account: str, kind: str, name: str) -> str:
    """SageMaker's own: the name part is lower-cased, as AWS does."""
    return str(Arn("aws", "sagemaker", region, account, f"{kind}/{name.lower()}"))
