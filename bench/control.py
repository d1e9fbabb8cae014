"""The control plane through one boto3 client: CreateModel, DescribeModel, ListModels."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from bench import peers
from bench.base import OURS, Figure, Missing, Run, Sample, rate

TITLE = "SageMaker's control plane through one boto3 client"

CONTAINER = {
    "Image": peers.IMAGE,
    "ModelDataUrl": "s3://models/m/model.tar.gz",
    "Environment": {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
}
_NULL_ROLE = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"


def measure(run: Run) -> Sequence[Figure]:
    """Ours, every record on disk before the answer; moto's server, in memory; a null server's canned answers."""
    create = Figure("CreateModel", "/s", goal=600)
    describe = Figure("DescribeModel", "/s", goal=900)
    listing = Figure("ListModels, 10 of them", "/s", goal=600)
    seconds = run.amount(1.0, 0.3)

    def subject(sagemaker: Any, role: str) -> Sample:
        made: list[str] = []

        def make() -> None:
            name = f"m-{len(made)}"
            sagemaker.create_model(ModelName=name, PrimaryContainer=CONTAINER, ExecutionRoleArn=role)
            made.append(name)

        def sample() -> Mapping[str, float]:
            created = rate(make, seconds)
            names = itertools.cycle(made[-100:])
            return {
                create.what: created,
                describe.what: rate(lambda: sagemaker.describe_model(ModelName=next(names)), seconds),
                listing.what: rate(lambda: sagemaker.list_models(MaxResults=10), seconds),
            }

        return sample

    with ExitStack() as stack:
        log = run.folder / "log"

        def served(peer: peers.Peer) -> peers.Peer:
            stack.enter_context(peers.serving(peer, log))
            return peer

        data = run.folder / "data"
        own = served(peers.ours(data))
        subjects = {OURS: subject(peers.client("sagemaker", own, peers.our_keys(own, data)), peers.role_arn(own))}
        others: dict[str, Callable[[], peers.Peer]] = {"moto": lambda: peers.moto(run), "null server": peers.null}
        for name, make_peer in others.items():
            try:
                subjects[name] = subject(peers.client("sagemaker", served(make_peer())), _NULL_ROLE)
            except Missing as missing:
                run.note(str(missing))
        run.alternate("control", [create, describe, listing], subjects)
    return [create, describe, listing]
