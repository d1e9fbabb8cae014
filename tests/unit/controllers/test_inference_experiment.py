"""The life of an inference experiment: what becomes of its endpoint, and of it when the endpoint does otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sagewright.base.ids import RandomIds
from sagewright.controllers.inference_experiment import InferenceExperiments
from sagewright.resources import endpoint as endpoints
from sagewright.resources import endpoint_config
from sagewright.resources.inference_experiment import KIND, LIFE, ended, problem, running, statuses
from sagewright.resources.record import Key, Record
from sagewright.store.base import Query

from .conftest import ACCOUNT, REGION, Bench

KEY = Key(ACCOUNT, REGION, KIND, "", "x")
ENDPOINT = Key(ACCOUNT, REGION, endpoints.KIND, "", "e")
MODELS = {name: {"PrimaryContainer": {"Image": name}} for name in ("old", "new", "third")}
BEFORE: dict[str, Any] = {
    "EndpointConfigName": "c",
    "ProductionVariants": [
        {
            "VariantName": "P",
            "ModelName": "old",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 3,
            "InitialVariantWeight": 7.0,
            "ContainerStartupHealthCheckTimeoutInSeconds": 100,
        }
    ],
    "MetricsConfig": {"EnableEnhancedMetrics": True},
}


def variant(name: str, model: str, count: int = 1, kind: str = "ml.m5.xlarge") -> dict[str, Any]:
    place = {"InstanceType": kind, "InstanceCount": count}
    infrastructure = {"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": place}
    return {"VariantName": name, "ModelName": model, "InfrastructureConfig": infrastructure}


def spec(bench: Bench, **more: Any) -> dict[str, Any]:
    now = bench.clock.now()
    return {
        "Name": "x",
        "EndpointName": "e",
        "ModelVariants": [variant("P", "old", 3, "ml.m5.large"), variant("S", "new")],
        "ShadowModeConfig": {
            "SourceModelVariantName": "P",
            "ShadowModelVariants": [{"ShadowModelVariantName": "S", "SamplingPercentage": 40}],
        },
        "Schedule": {"StartTime": now, "EndTime": now + 3600},
        "models": MODELS,
        **more,
    }


@pytest.fixture
def experiments(bench: Bench) -> InferenceExperiments:
    return InferenceExperiments(bench.store, bench.clock, RandomIds())


def begin(bench: Bench, **more: Any) -> None:
    now = bench.clock.now()
    target = {"generation": 1, "config": BEFORE, "models": {"old": MODELS["old"]}, "EndpointConfigName": "c"}
    status = {"EndpointArn": "arn", "EndpointConfigName": "c", "current": target}
    bench.store.create(Record(ENDPOINT, "e", now, now, spec=target, status=status, state="InService"))
    bench.store.create(Record(KEY, "u", now, now, spec=spec(bench, **more), state="Creating"))


def record(bench: Bench, key: Key = KEY) -> Record:
    found = bench.store.get(key)
    assert found is not None
    return found


def serve(bench: Bench) -> dict[str, Any]:
    """What the endpoint's controller does when an update comes up; the configuration that it serves then."""
    endpoint = record(bench, ENDPOINT)
    assert endpoint.state == "Updating"
    name = endpoint.spec["EndpointConfigName"]
    current = {m: endpoint.spec[m] for m in ("generation", "config", "models", "EndpointConfigName")}
    bench.change(
        ENDPOINT, state="InService", status={**endpoint.status, "EndpointConfigName": name, "current": current}
    )
    kept = record(bench, Key(ACCOUNT, REGION, endpoint_config.KIND, "", name))
    assert kept.spec == endpoint.spec["config"], "the configuration can be described"
    return dict(endpoint.spec["config"])


def roll_back(bench: Bench) -> None:
    endpoint = record(bench, ENDPOINT)
    bench.change(ENDPOINT, state="InService", status={**endpoint.status, "FailureReason": "no such model"})


def looks(bench: Bench, experiments: InferenceExperiments, state: str) -> None:
    for _ in range(10):
        if record(bench).state == state:
            return
        bench.engine.advance(bench.look(experiments, KEY) or 0.0)
    raise AssertionError(f"{record(bench).state}, not {state}")


def run(bench: Bench, experiments: InferenceExperiments, **more: Any) -> dict[str, Any]:
    begin(bench, **more)
    looks(bench, experiments, "Starting")
    bench.look(experiments, KEY)
    config = serve(bench)
    looks(bench, experiments, "Running")
    return config


def stop(bench: Bench, actions: dict[str, str], **more: Any) -> None:
    found = record(bench)
    asked = {"ModelVariantActions": actions, **more}
    changed = {**found.spec, "stop": asked, "revision": 1}
    assert problem(changed) is None
    bench.change(KEY, spec=changed, state=LIFE.after(found.state, "stop"))


def seen(bench: Bench) -> dict[str, str]:
    return {each["VariantName"]: each["Status"] for each in statuses(record(bench))}


def test_the_endpoint_gets_a_shadow(bench: Bench, experiments: InferenceExperiments) -> None:
    config = run(bench, experiments)
    (production,), (shadow,) = config["ProductionVariants"], config["ShadowProductionVariants"]
    assert production == {**BEFORE["ProductionVariants"][0], "InitialVariantWeight": 1.0}, "its other settings stay"
    assert shadow == {
        "VariantName": "S",
        "ModelName": "new",
        "InstanceType": "ml.m5.xlarge",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 0.4,
    }
    assert config["MetricsConfig"] == BEFORE["MetricsConfig"]
    assert set(record(bench, ENDPOINT).spec["models"]) == {"old", "new"}
    assert seen(bench) == {"P": "InService", "S": "InService"}
    assert record(bench).status["started"] == pytest.approx(bench.clock.now(), abs=5)


def test_requests_are_captured_where_data_are_to_be_stored(bench: Bench, experiments: InferenceExperiments) -> None:
    storage = {"Destination": "s3://b/p", "KmsKey": "k", "ContentType": {"CsvContentTypes": ["text/csv"]}}
    config = run(bench, experiments, DataStorageConfig=storage, KmsKey="volume")
    assert config["KmsKeyId"] == "volume"
    assert config["DataCaptureConfig"] == {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://b/p",
        "KmsKeyId": "k",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }


def test_it_waits_for_its_time_and_ends_at_its_time(bench: Bench, experiments: InferenceExperiments) -> None:
    now = bench.clock.now()
    begin(bench, Schedule={"StartTime": now + 1000, "EndTime": now + 2000})
    assert bench.look(experiments, KEY) == 0
    assert bench.look(experiments, KEY) == 1000
    assert (record(bench).state, seen(bench)) == ("Created", {"P": "InService", "S": "Creating"})
    bench.engine.advance(1000)
    bench.look(experiments, KEY)
    bench.look(experiments, KEY)
    serve(bench)
    looks(bench, experiments, "Running")
    while record(bench).state == "Running":
        assert bench.clock.now() < now + 2001
        bench.engine.advance(bench.look(experiments, KEY) or 0.0)
    assert (record(bench).state, seen(bench)) == ("Stopping", {"P": "Updating", "S": "Deleting"})
    bench.look(experiments, KEY)
    config = serve(bench)
    assert [each["ModelName"] for each in config["ProductionVariants"]] == ["old"]
    assert "ShadowProductionVariants" not in config
    looks(bench, experiments, "Completed")
    assert record(bench).status["CompletionTime"] == bench.clock.now()
    assert seen(bench) == {"P": "InService", "S": "Deleted"}
    assert bench.look(experiments, KEY) is None


@pytest.mark.parametrize(
    ("actions", "production", "shadows"),
    [
        ({"P": "Retain", "S": "Remove"}, ["P"], []),
        ({"P": "Remove", "S": "Promote"}, ["S"], []),
        ({"P": "Retain", "S": "Promote"}, ["P", "S"], []),
        ({"P": "Retain", "S": "Retain"}, ["P"], ["S"]),
        ({"S": "Remove"}, ["P"], []),
    ],
)
def test_what_is_to_stay_stays(
    bench: Bench, experiments: InferenceExperiments, actions: dict[str, str], production: list[str], shadows: list[str]
) -> None:
    run(bench, experiments)
    stop(bench, actions, DesiredState="Completed", Reason="seen enough")
    bench.look(experiments, KEY)
    config = serve(bench)
    assert [each["VariantName"] for each in config["ProductionVariants"]] == production
    assert {each["InitialVariantWeight"] for each in config["ProductionVariants"]} == {1.0}
    assert [each["VariantName"] for each in config.get("ShadowProductionVariants", ())] == shadows
    looks(bench, experiments, "Completed")
    assert record(bench).status["StatusReason"] == "seen enough"


def test_what_stays_may_be_of_another_size_and_model(bench: Bench, experiments: InferenceExperiments) -> None:
    run(bench, experiments)
    stop(bench, {"P": "Remove", "S": "Promote"}, DesiredModelVariants=[variant("S", "third", 5, "ml.c5.large")])
    bench.look(experiments, KEY)
    (production,) = serve(bench)["ProductionVariants"]
    assert (production["ModelName"], production["InitialInstanceCount"]) == ("third", 5)
    assert set(record(bench, ENDPOINT).spec["models"]) == {"third"}
    looks(bench, experiments, "Cancelled")


def test_one_that_never_ran_leaves_its_endpoint_alone(bench: Bench, experiments: InferenceExperiments) -> None:
    begin(bench, Schedule={"StartTime": bench.clock.now() + 1000, "EndTime": bench.clock.now() + 2000})
    looks(bench, experiments, "Created")
    stop(bench, {"S": "Remove"})
    looks(bench, experiments, "Cancelled")
    assert record(bench, ENDPOINT).spec["generation"] == 1
    assert seen(bench) == {"P": "InService", "S": "Deleted"}


def test_an_update_is_another_configuration(bench: Bench, experiments: InferenceExperiments) -> None:
    run(bench, experiments)
    found = record(bench)
    sample = {
        "SourceModelVariantName": "P",
        "ShadowModelVariants": [{"ShadowModelVariantName": "S", "SamplingPercentage": 90}],
    }
    bench.change(KEY, spec={**found.spec, "ShadowModeConfig": sample, "revision": 1}, state="Updating")
    bench.look(experiments, KEY)
    assert serve(bench)["ShadowProductionVariants"][0]["InitialVariantWeight"] == 0.9
    begun = record(bench).status["started"]
    bench.engine.advance(10)
    looks(bench, experiments, "Running")
    assert record(bench).status["started"] == begun


# What may happen to the endpoint meanwhile.


def test_a_shadow_that_does_not_come_up_cancels(bench: Bench, experiments: InferenceExperiments) -> None:
    begin(bench)
    looks(bench, experiments, "Starting")
    bench.look(experiments, KEY)
    roll_back(bench)
    looks(bench, experiments, "Cancelled")
    assert record(bench).status["StatusReason"] == "no such model"


def test_an_update_that_does_not_come_up_takes_the_shadow_away(bench: Bench, experiments: InferenceExperiments) -> None:
    run(bench, experiments)
    bench.change(KEY, spec={**record(bench).spec, "revision": 1}, state="Updating")
    bench.look(experiments, KEY)
    roll_back(bench)
    looks(bench, experiments, "Stopping")
    bench.look(experiments, KEY)
    assert "ShadowProductionVariants" not in serve(bench)
    looks(bench, experiments, "Cancelled")
    assert record(bench).status["StatusReason"] == "no such model"


def test_an_end_that_does_not_come_up_is_told(bench: Bench, experiments: InferenceExperiments) -> None:
    run(bench, experiments)
    stop(bench, {"P": "Remove", "S": "Promote"}, DesiredState="Completed")
    bench.look(experiments, KEY)
    roll_back(bench)
    looks(bench, experiments, "Cancelled")
    assert record(bench).status["StatusReason"] == "no such model"


@pytest.mark.parametrize("state", ["Creating", "Starting", "Running", "Updating", "Stopping"])
@pytest.mark.parametrize("how", ["deleting", "gone", "failed"])
def test_without_its_endpoint_it_is_cancelled(
    bench: Bench, experiments: InferenceExperiments, state: str, how: str
) -> None:
    if state in ("Creating", "Starting"):
        begin(bench)
    else:
        run(bench, experiments)
    if record(bench).state != state:
        bench.change(KEY, state=state, spec={**record(bench).spec, "revision": 1})
    if how == "gone":
        bench.store.delete(record(bench, ENDPOINT))
    elif how == "failed":
        bench.change(ENDPOINT, state="Failed")
    else:
        bench.change(ENDPOINT, intent="delete", state="Deleting")
    looks(bench, experiments, "Cancelled")
    assert "endpoint is" in record(bench).status["StatusReason"]


def test_it_waits_for_an_endpoint_that_others_are_updating(bench: Bench, experiments: InferenceExperiments) -> None:
    begin(bench)
    bench.change(ENDPOINT, state="Updating")
    looks(bench, experiments, "Starting")
    for _ in range(3):
        assert bench.look(experiments, KEY) == 0.5
    assert record(bench, ENDPOINT).spec["generation"] == 1
    bench.change(ENDPOINT, state="InService")
    bench.look(experiments, KEY)
    assert record(bench, ENDPOINT).spec["generation"] == 2


def test_an_endpoint_that_others_updated_has_no_experiment_any_more(
    bench: Bench, experiments: InferenceExperiments
) -> None:
    run(bench, experiments)
    endpoint = record(bench, ENDPOINT)
    bench.change(ENDPOINT, spec={**endpoint.spec, "EndpointConfigName": "theirs"}, state="Updating")
    looks(bench, experiments, "Cancelled")
    assert "updated by somebody else" in record(bench).status["StatusReason"]


def test_an_endpoint_of_other_variants_is_left_alone(bench: Bench, experiments: InferenceExperiments) -> None:
    begin(bench)
    endpoint = record(bench, ENDPOINT)
    other = {**BEFORE, "ProductionVariants": [{**BEFORE["ProductionVariants"][0], "VariantName": "Other"}]}
    current = {**endpoint.status["current"], "config": other}
    bench.change(ENDPOINT, status={**endpoint.status, "current": current})
    looks(bench, experiments, "Cancelled")
    assert "is not P any more" in record(bench).status["StatusReason"]


def test_a_mistake_of_ours_cancels(bench: Bench, experiments: InferenceExperiments) -> None:
    begin(bench)
    experiments.fail(record(bench), "an internal error")
    assert (record(bench).state, record(bench).status["StatusReason"]) == ("Cancelled", "an internal error")
    experiments.fail(record(bench), "again")
    assert record(bench).status["StatusReason"] == "an internal error"


def test_each_configuration_is_asked_for_once(bench: Bench, experiments: InferenceExperiments) -> None:
    run(bench, experiments)
    again = InferenceExperiments(bench.store, bench.clock, RandomIds())
    stop(bench, {"S": "Remove"})
    for _ in range(5):
        bench.look(again, KEY)
    configs = bench.store.list(Query(ACCOUNT, REGION, endpoint_config.KIND), limit=10).records
    assert [each.name for each in configs] == ["x-u-1", "x-u-2"]
    assert record(bench, ENDPOINT).spec["generation"] == 3


# What is wrong with an experiment.


def wrong(bench: Bench, **more: Any) -> str | None:
    return problem(spec(bench, **more))


def test_variants_are_those_of_the_shadow_mode(bench: Bench) -> None:
    assert wrong(bench) is None
    for variants in ([variant("P", "old")], [variant("P", "old"), variant("Q", "new")], [variant("P", "old")] * 2):
        assert "ModelVariants must be" in (wrong(bench, ModelVariants=variants) or "")


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        ({"P": "Promote"}, "in production already"),
        ({"P": "Remove"}, "must stay in production"),
        ({"P": "Remove", "S": "Retain"}, "must stay in production"),
        ({"Q": "Retain"}, "may name P and S only"),
    ],
)
def test_actions_that_cannot_be(bench: Bench, actions: dict[str, str], words: str) -> None:
    assert words in (wrong(bench, stop={"ModelVariantActions": actions}) or "")


def test_what_is_removed_is_not_desired(bench: Bench) -> None:
    stop = {"ModelVariantActions": {"S": "Remove"}, "DesiredModelVariants": [variant("S", "new")]}
    assert "DesiredModelVariants may name" in (wrong(bench, stop=stop) or "")


def test_configurations_are_pure(bench: Bench) -> None:
    made = spec(bench)
    assert running(made, "n", BEFORE) == running(made, "n", replace(Record(KEY, "u", 0, 0), spec=BEFORE).spec)
    assert ended(made, "n", BEFORE)["EndpointConfigName"] == "n"
