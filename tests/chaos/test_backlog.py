"""A server that is killed in the middle of a backlog loses none of it, and leaves one output for each request."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from contextlib import closing

from .server import Server, eventually
from .world import BUCKET, IMAGE, OUTPUT, World

NAME = "backlog"
COUNT = 120
KILLS = 4
KINDS = ("async-invocation", "async-invocation-body", "endpoint-demand")


def test_a_backlog_outlives_the_server(server: Server, seed: int) -> None:
    choose = random.Random(seed)
    world = World(server, seed)
    try:
        server.start()
        world.prepare()
        _create(world)
        asked: dict[str, str] = {}
        lives = sorted(choose.sample(range(10, COUNT), KILLS))
        for number in range(COUNT):
            asked[f"said {number}"] = _ask(world, number)
            if number in lives:
                time.sleep(choose.uniform(0.0, 0.2))
                server.kill()
                server.start()
        assert len(set(asked.values())) == COUNT
        eventually(lambda: _outputs(world) >= COUNT, within=120, what=lambda: f"{_outputs(world)} of {COUNT} outputs")
        for text, location in asked.items():
            key = location.split("/", 3)[3]
            answer = world("s3", "get_object", Bucket=OUTPUT, Key=key).body["Body"]
            assert json.loads(answer)["said"] == text, f"--chaos-seed={seed}: {location}"
        assert _outputs(world) == COUNT, "one output for each"
        eventually(lambda: _left(server) == [], within=60, what=lambda: f"nothing left; {_left(server)}")
        world("sagemaker", "delete_endpoint", EndpointName=NAME)
        eventually(lambda: not list((server.data / "tasks").glob("serve-*")), within=60, what="its instances' end")
    finally:
        world.close()


def _create(world: World) -> None:
    container = {
        "Image": IMAGE,
        "ModelDataUrl": f"s3://{BUCKET}/models/one.tar.gz",
        "Environment": {"OWNER": NAME, "WITNESS": str(world.witness.port)},
    }
    world("sagemaker", "create_model", ModelName=NAME, PrimaryContainer=container, ExecutionRoleArn=world.role)
    variant = {"VariantName": "v", "ModelName": NAME, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    world(
        "sagemaker",
        "create_endpoint_config",
        EndpointConfigName=NAME,
        ProductionVariants=[variant],
        AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": f"s3://{OUTPUT}/{NAME}"}},
    )
    world("sagemaker", "create_endpoint", EndpointName=NAME, EndpointConfigName=NAME)
    status = "EndpointStatus"
    eventually(
        lambda: world("sagemaker", "describe_endpoint", EndpointName=NAME).body[status] == "InService",
        within=60,
        what="the endpoint in service",
    )


def _ask(world: World, number: int) -> str:
    """Where the answer will be. The id is ours: a request that was heard and got no answer is made again."""
    told = world(
        "sagemaker-runtime",
        "invoke_endpoint_async",
        EndpointName=NAME,
        InferenceId=f"r-{number}",
        Body=f"said {number}".encode(),
        ContentType="text/csv",
    )
    return str(told.body["OutputLocation"])


def _outputs(world: World) -> int:
    return int(world("s3", "list_objects_v2", Bucket=OUTPUT, Prefix=f"{NAME}/").body["KeyCount"])


def _left(server: Server) -> list[str]:
    """Records of invocations that were not removed."""
    with closing(sqlite3.connect(f"file:{server.data / 'state.db'}?mode=ro", uri=True)) as database:
        marks = ", ".join("?" * len(KINDS))
        return [row[0] for row in database.execute(f"SELECT name FROM records WHERE kind IN ({marks})", KINDS)]
