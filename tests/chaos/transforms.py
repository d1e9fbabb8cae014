"""Users of batch transform: create, perhaps stop, wait for the end, and look at every output."""

from __future__ import annotations

import json
import random
import time
from typing import Any, NamedTuple

from .server import eventually
from .world import BUCKET, IMAGE, World

SETTLED = ("Completed", "Failed", "Stopped")


class Kind(NamedTuple):
    """A sort of job, and how it may end."""

    name: str
    weight: int
    ends: tuple[str, ...]
    version: str = "one"
    """Which model it uses."""
    stopped_after: tuple[float, float] | None = None
    """Seconds between which StopTransformJob is called."""


KINDS = (
    Kind("good", 6, ("Completed",)),
    Kind("stopped", 3, ("Completed", "Stopped"), stopped_after=(0.0, 2.0)),
    Kind("broken", 1, ("Failed",), version="broken"),
    Kind("without-input", 1, ("Failed",)),
)


class Transforms:
    """One user's jobs, one after the other."""

    def __init__(self, world: World, user: str) -> None:
        self._world = world
        self._user = user
        self._count = 0
        self._kept: dict[str, str] = {}
        """Jobs that ended: name to status."""

    def act(self, choose: random.Random) -> None:
        """One job from its creation to its end."""
        self._count += 1
        (kind,) = choose.choices(KINDS, [kind.weight for kind in KINDS])
        name = f"{self._user}-{self._count}-{kind.name}"
        objects = {f"{number}.txt": choose.choice((1, 3, 40)) for number in range(choose.choice((1, 2, 5)))}
        instances = choose.choice((1, 1, 2))
        self._create(name, kind, {} if kind.name == "without-input" else objects, instances)
        stopped = kind.stopped_after is not None and self._stop(name, choose.uniform(*kind.stopped_after))
        eventually(
            lambda: self._describe(name)["TransformJobStatus"] in SETTLED,
            within=180,
            what=lambda: f"the end of {name}; {self._describe(name)}",
        )
        self._check(name, kind, objects, instances, stopped=stopped)
        self._kept[name] = self._describe(name)["TransformJobStatus"]
        self._delete_model(name)

    def audit(self) -> None:
        """Everything that ended is still there as it was."""
        for name, status in self._kept.items():
            assert self._describe(name)["TransformJobStatus"] == status, f"{name} changed after its end"

    def delete_all(self) -> None:
        """Outputs and inputs; transform jobs themselves are there for ever."""
        for name in self._kept:
            for key in [*self._keys(f"{name}/in/"), *self._keys(f"{name}/out/")]:
                self._world("s3", "delete_object", Bucket=BUCKET, Key=key)
        self._kept.clear()

    # Steps.

    def _create(self, name: str, kind: Kind, objects: dict[str, int], instances: int) -> None:
        for each, lines in objects.items():
            body = "".join(f"{each} {line}\n" for line in range(lines))
            self._world("s3", "put_object", Bucket=BUCKET, Key=f"{name}/in/{each}", Body=body.encode())
        container = {
            "Image": IMAGE,
            "ModelDataUrl": f"s3://{BUCKET}/models/{kind.version}.tar.gz",
            "Environment": {"OWNER": name, "WITNESS": str(self._world.witness.port)},
        }
        again = ("already existing",)
        made = {"PrimaryContainer": container, "ExecutionRoleArn": self._world.role}
        self._world("sagemaker", "create_model", refused=again, ModelName=name, **made)
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{name}/in/"}
        answer = self._world(
            "sagemaker",
            "create_transform_job",
            refused=("ResourceInUse",),
            TransformJobName=name,
            ModelName=name,
            BatchStrategy="SingleRecord",
            MaxConcurrentTransforms=3,
            TransformInput={"DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"},
            TransformOutput={"S3OutputPath": f"s3://{BUCKET}/{name}/out", "AssembleWith": "Line"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": instances},
        )
        assert answer.perhaps_twice or not answer.refusal, f"{name}: {answer.refusal}"
        assert self._describe(name)["TransformJobName"] == name

    def _stop(self, name: str, delay: float) -> bool:
        """Whether it was acknowledged."""
        time.sleep(delay)
        answer = self._world("sagemaker", "stop_transform_job", refused=("is in status",), TransformJobName=name)
        if not answer.refusal:
            assert self._describe(name)["TransformJobStatus"] in ("Stopping", "Stopped"), f"{name}: the stop was lost"
            return True
        return answer.perhaps_twice and self._describe(name)["TransformJobStatus"] == "Stopped"

    def _delete_model(self, name: str) -> None:
        self._world("sagemaker", "delete_model", refused=("Could not find model",), ModelName=name)

    def _describe(self, name: str) -> dict[str, Any]:
        return self._world("sagemaker", "describe_transform_job", TransformJobName=name).body

    def _keys(self, prefix: str) -> list[str]:
        found = self._world("s3", "list_objects_v2", Bucket=BUCKET, Prefix=prefix).body.get("Contents", [])
        return [each["Key"] for each in found]

    # What it left.

    def _check(self, name: str, kind: Kind, objects: dict[str, int], instances: int, *, stopped: bool) -> None:
        job = self._describe(name)
        status, reason = job["TransformJobStatus"], job.get("FailureReason", "")
        where = f"{name}: {status}, {reason!r}"
        allowed = ("Stopped",) if stopped else kind.ends
        assert status in allowed, f"{where}; it should be one of {allowed}"
        eventually(lambda: not self._world.witness.live(name), within=60, what=lambda: f"{name}'s model servers gone")
        keys = self._keys(f"{name}/out/")
        if status != "Completed":
            assert keys == [], f"{where}: it left {keys}"
            words = {"broken": "broken on purpose", "without-input": "No S3 objects found"}.get(kind.name, "")
            assert words in reason, where
            return
        assert keys == [f"{name}/out/{each}.out" for each in objects], f"{where}: it left {keys}"
        runs: set[str] = set()
        for key, (each, lines) in zip(keys, objects.items(), strict=True):
            body = self._world("s3", "get_object", Bucket=BUCKET, Key=key).body["Body"]
            told = [json.loads(line) for line in body.splitlines()]
            assert [line["said"] for line in told] == [f"{each} {line}" for line in range(lines)], f"{where}: {key}"
            runs |= {line["run"] for line in told}
        assert len(runs) == min(instances, len(objects)), f"{where}: {len(runs)} model servers answered"
