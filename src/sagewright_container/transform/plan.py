"""What a batch transform job asks of one instance, as the platform wrote it, and what it answered."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from sagewright_container.contract import Contract

# What holds where neither the request nor the container says anything.
DEFAULT_CONCURRENCY = 1
DEFAULT_STRATEGY = "MultiRecord"
DEFAULT_PAYLOAD_MB = 6
MIB = 1 << 20

_STRATEGIES = {"MULTI_RECORD": "MultiRecord", "SINGLE_RECORD": "SingleRecord"}


@dataclass(frozen=True)
class Source:
    """One object: `input` and `output` are paths below the job's folder; `name` is what users know it by."""

    name: str
    input: str
    output: str


@dataclass(frozen=True)
class Settings:
    """How the requests are made. `payload_bytes` 0: whole objects, in chunks."""

    concurrency: int
    strategy: str
    payload_bytes: int

    def __str__(self) -> str:
        """As AWS's data log says it."""
        spelled = "MULTI_RECORD" if self.strategy == "MultiRecord" else "SINGLE_RECORD"
        megabytes = self.payload_bytes // MIB
        return f"MaxConcurrentTransforms={self.concurrency}, MaxPayloadInMB={megabytes}, BatchStrategy={spelled}"


@dataclass(frozen=True)
class Plan:
    """`plan.json`. Members that are None are for the container or the defaults to say."""

    objects: list[Source]
    others: list[str] = field(default_factory=list)
    """Sockets of the further containers of a pipeline, in order: paths below the job's folder."""
    content_type: str | None = None
    accept: str | None = None
    gzip: bool = False
    split: str = "None"
    assemble: str = "None"
    strategy: str | None = None
    concurrency: int | None = None
    payload_mb: int | None = None
    timeout_s: float = 600
    retries: int = 3
    startup_s: float = 600
    input_filter: str = "$"
    output_filter: str = "$"
    join: bool = False
    inference_time: str | None = None
    """ISO 8601; given where each record of the output is to have an inference id, and this time."""

    def settled(self, offered: Mapping[str, Any]) -> Settings:
        """The request's settings, else what the container offers at /execution-parameters, else the defaults."""
        concurrency = self.concurrency or _number(offered.get("MaxConcurrentTransforms")) or DEFAULT_CONCURRENCY
        strategy = self.strategy or _STRATEGIES.get(str(offered.get("BatchStrategy", "")).upper(), DEFAULT_STRATEGY)
        payload = self.payload_mb
        if payload is None:
            payload = _number(offered.get("MaxPayloadInMB"))
        if payload is None:
            payload = DEFAULT_PAYLOAD_MB
        return Settings(concurrency, strategy, payload * MIB)


@dataclass
class Outcome:
    """`result.json`: what the job ran with, and what failed."""

    settings: str = ""
    failures: list[dict[str, str]] = field(default_factory=list)
    """`object`, `kind` (ClientError or AlgorithmError) and `reason` of each object without an output."""
    error: str = ""
    """Why nothing could be done at all."""


class Folder:
    """The job's folder, `transform` below /opt/ml."""

    def __init__(self, contract: Contract) -> None:
        self.path = os.path.join(contract.base, "transform")

    def at(self, relative: str) -> str:
        """A path below it."""
        return os.path.join(self.path, relative)

    def plan(self) -> Plan:
        """What is to be done."""
        with open(self.at("plan.json"), encoding="utf-8") as file:
            found = json.load(file)
        known = {each.name for each in fields(Plan)}
        members = {name: value for name, value in found.items() if name in known}
        return Plan(**{**members, "objects": [Source(**each) for each in found["objects"]]})

    def write(self, outcome: Outcome) -> None:
        """Leave the result: all of it or none."""
        temporary = self.at("result.json.part")
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(vars(outcome), file)
        os.replace(temporary, self.at("result.json"))


def _number(value: Any) -> int | None:
    """A count that a container offers, however it spells it."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        return None
    return number if number >= 0 else None
