"""Inference components as records, and what their endpoints may not lose: no controller runs here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sagewright.resources.inference_component import KIND
from sagewright.resources.record import Key, Record
from sagewright.testing.asker import Asker, Refused

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
VARIANT = {"VariantName": "v", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
NEEDS = {"ComputeResourceRequirements": {"NumberOfCpuCoresRequired": 1, "MinMemoryRequiredInMb": 1024}}
CONTAINER = {"Container": {"Image": IMAGE, "ArtifactUrl": "s3://b/m.tar.gz"}}
KEY = Key("123456789012", "us-east-1", KIND, "", "c")


@pytest.fixture
def endpoint(asker: Asker, role: str) -> None:
    """An endpoint `e` without a model, and one `own` that has one."""
    asker.call("CreateModel", ModelName="m", ExecutionRoleArn=role, PrimaryContainer={"Image": IMAGE})
    models = [{**VARIANT, "ModelName": "m"}]
    for name, variants, members in (("e", [VARIANT], {"ExecutionRoleArn": role}), ("own", models, {})):
        asker.call("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=variants, **members)
        asker.call("CreateEndpoint", EndpointName=name, EndpointConfigName=name)


def create(asker: Asker, name: str = "c", **members: Any) -> None:
    given = {"EndpointName": "e", "VariantName": "v", "Specification": {"ModelName": "m", **NEEDS}, **members}
    asker.call("CreateInferenceComponent", InferenceComponentName=name, **given)


def record(asker: Asker) -> Record:
    found = asker.server.storage.store.get(KEY)
    assert found is not None
    return found


def put(asker: Asker, state: str, **status: Any) -> None:
    """As a controller would."""
    before = record(asker)
    asker.server.storage.store.update(replace(before, state=state, status={**before.status, **status}))


def describe(asker: Asker) -> dict[str, Any]:
    return asker.call("DescribeInferenceComponent", InferenceComponentName="c")


def test_a_component_is_described_as_it_was_asked_for(asker: Asker, endpoint: None) -> None:
    create(asker, Specification={**CONTAINER, **NEEDS}, RuntimeConfig={"CopyCount": 2})
    told = describe(asker)
    assert (told["InferenceComponentStatus"], told["EndpointName"], told["VariantName"]) == ("Creating", "e", "v")
    assert told["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 0}
    assert told["Specification"]["Container"]["DeployedImage"]["SpecifiedImage"] == IMAGE
    assert told["Specification"]["Container"]["ArtifactUrl"] == "s3://b/m.tar.gz"
    assert "FailureReason" not in told


def test_a_container_becomes_a_model_that_works_under_the_configurations_role(
    asker: Asker, endpoint: None, role: str
) -> None:
    create(asker, Specification={**CONTAINER, **NEEDS})
    assert record(asker).spec["model"] == {
        "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": "s3://b/m.tar.gz"},
        "ExecutionRoleArn": role,
        "EnableNetworkIsolation": False,
    }


def test_the_only_variant_need_not_be_named(asker: Asker, endpoint: None) -> None:
    asker.call(
        "CreateInferenceComponent",
        InferenceComponentName="c",
        EndpointName="e",
        Specification={"ModelName": "m", **NEEDS},
    )
    assert describe(asker)["VariantName"] == "v"


def needs(**more: Any) -> dict[str, Any]:
    return {"ComputeResourceRequirements": {**NEEDS["ComputeResourceRequirements"], **more}}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"EndpointName": "x"}, "Could not find endpoint"),
        ({"EndpointName": "own"}, "The endpoint own has models of its own"),
        ({"VariantName": "x"}, "VariantName must be a variant of endpoint e: v."),
        ({"RuntimeConfig": {"CopyCount": 0}}, "CopyCount of at least 1"),
        ({"Specifications": [{"ModelName": "m", **NEEDS}]}, "does not do Specifications by instance type yet"),
        ({"Specification": NEEDS}, "either a ModelName or a Container"),
        ({"Specification": {"ModelName": "m", **CONTAINER, **NEEDS}}, "either a ModelName or a Container"),
        ({"Specification": {"Container": {"ArtifactUrl": "s3://b/k"}, **NEEDS}}, "The Container needs an Image"),
        ({"Specification": {"ModelName": "x", **NEEDS}}, "Could not find model"),
        ({"Specification": {"ModelName": "m"}}, "needs ComputeResourceRequirements"),
        ({"Specification": {"ModelName": "m", **needs(MaxMemoryRequiredInMb=512)}}, "must not be less than"),
        ({"Specification": {"ModelName": "m", "InstanceType": "ml.m5.xlarge", **NEEDS}}, "of type ml.m5.large"),
        (
            {"Specification": {"ModelName": "m", "BaseInferenceComponentName": "b", **NEEDS}},
            "does not do adapters of a base inference component yet",
        ),
        (
            {"Specification": {"ModelName": "m", **needs(AcceleratorPartitionType="mig-1g.5gb")}},
            "does not do partitions of accelerators yet",
        ),
        (
            {
                "Specification": {
                    "Container": {
                        "Image": IMAGE,
                        "ContainerMetricsConfig": {"MetricsEndpoints": [{"MetricsEndpointPath": "/metrics"}]},
                    },
                    **NEEDS,
                }
            },
            "does not do metrics that containers offer yet",
        ),
    ],
)
def test_what_cannot_be_is_refused_at_once(asker: Asker, endpoint: None, members: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused) as refused:
        create(asker, **members)
    assert (refused.value.code, asker.server.storage.store.get(KEY)) == ("ValidationException", None)
    assert words in refused.value.message


def test_a_name_is_given_once(asker: Asker, endpoint: None) -> None:
    create(asker)
    with pytest.raises(Refused, match="Cannot create already existing inference component"):
        create(asker)


# Updates.


def update(asker: Asker, **members: Any) -> None:
    asker.call("UpdateInferenceComponent", InferenceComponentName="c", **members)


def test_a_new_specification_is_another_generation_and_keeps_what_it_does_not_say(asker: Asker, endpoint: None) -> None:
    create(asker)
    put(asker, "InService")
    update(asker, Specification=CONTAINER, RuntimeConfig={"CopyCount": 3})
    spec = record(asker).spec
    assert (record(asker).state, spec["generation"], spec["RuntimeConfig"]) == ("Updating", 2, {"CopyCount": 3})
    assert spec["Specification"] == {**CONTAINER, **NEEDS}
    assert spec["model"]["PrimaryContainer"]["ModelDataUrl"] == "s3://b/m.tar.gz"


def test_how_an_update_was_deployed_holds_for_that_update_only(asker: Asker, endpoint: None) -> None:
    create(asker)
    put(asker, "InService")
    policy = {"MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1}, "WaitIntervalInSeconds": 0}
    update(asker, Specification=CONTAINER, DeploymentConfig={"RollingUpdatePolicy": policy})
    assert describe(asker)["LastDeploymentConfig"] == {"RollingUpdatePolicy": policy}
    put(asker, "InService")
    update(asker, RuntimeConfig={"CopyCount": 2})
    assert "LastDeploymentConfig" not in describe(asker)


def test_another_number_of_copies_is_no_other_generation(asker: Asker, endpoint: None) -> None:
    create(asker)
    put(asker, "InService")
    asker.call(
        "UpdateInferenceComponentRuntimeConfig",
        InferenceComponentName="c",
        DesiredRuntimeConfig={"CopyCount": 0},
    )
    assert (record(asker).state, record(asker).spec["generation"]) == ("Updating", 1)
    assert describe(asker)["RuntimeConfig"]["DesiredCopyCount"] == 0


def test_after_a_rollback_what_serves_is_told(asker: Asker, endpoint: None) -> None:
    create(asker)
    put(asker, "InService")
    before = {
        member: record(asker).spec[member] for member in ("generation", "model", "Specification", "RuntimeConfig")
    }
    update(asker, Specification=CONTAINER)
    put(asker, "InService", abandoned=record(asker).spec["update"], current=before)
    assert describe(asker)["Specification"] == {"ModelName": "m", **NEEDS}
    update(asker, Specification=CONTAINER)
    assert record(asker).spec["generation"] == 3


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "Say what is to be updated"),
        ({"RuntimeConfig": {"CopyCount": 2}}, "while it is Creating"),
        (
            {
                "RuntimeConfig": {"CopyCount": 2},
                "DeploymentConfig": {
                    "RollingUpdatePolicy": {
                        "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1},
                        "WaitIntervalInSeconds": 0,
                    },
                    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]},
                },
            },
            "There is no CloudWatch alarm named a",
        ),
    ],
)
def test_an_update_that_cannot_be_is_refused(asker: Asker, endpoint: None, members: dict[str, Any], words: str) -> None:
    create(asker)
    with pytest.raises(Refused) as refused:
        update(asker, **members)
    assert words in refused.value.message


# The endpoint.


def test_an_endpoint_is_not_deleted_before_its_components(asker: Asker, endpoint: None) -> None:
    create(asker)
    with pytest.raises(Refused, match="while it hosts inference components"):
        asker.call("DeleteEndpoint", EndpointName="e")
    asker.call("DeleteInferenceComponent", InferenceComponentName="c")
    assert describe(asker)["InferenceComponentStatus"] == "Deleting"
    asker.server.storage.store.delete(record(asker))
    asker.call("DeleteEndpoint", EndpointName="e")


def test_an_update_of_the_endpoint_keeps_the_variants_of_its_components(asker: Asker, endpoint: None) -> None:
    create(asker)
    key = Key("123456789012", "us-east-1", "endpoint", "", "e")
    found = asker.server.storage.store.get(key)
    assert found is not None
    asker.server.storage.store.update(replace(found, state="InService"))
    with pytest.raises(Refused, match="The inference component c is on the variant v"):
        asker.call("UpdateEndpoint", EndpointName="e", EndpointConfigName="own")
    asker.call("UpdateEndpoint", EndpointName="e", EndpointConfigName="e")


SCALING = {"Status": "ENABLED", "MinInstanceCount": 1, "MaxInstanceCount": 2}


@pytest.mark.parametrize(
    ("variant", "config", "words"),
    [
        ({}, {"ExecutionRoleArn": None}, "ExecutionRoleArn is required"),
        ({}, {"ExecutionRoleArn": "arn:aws:iam::123456789012:role/none"}, "Could not assume role"),
        ({}, {"ProductionVariants": [VARIANT, {**VARIANT, "VariantName": "w", "ModelName": "m"}]}, "or none does"),
        ({"RoutingConfig": {"RoutingStrategy": "KV_AWARE"}}, {}, "does not do the RoutingStrategy KV_AWARE yet"),
        (
            {"ManagedInstanceScaling": {**SCALING, "ScaleInPolicy": {"Strategy": "CONSOLIDATION"}}},
            {},
            "does not do the scale-in strategy CONSOLIDATION yet",
        ),
        ({"ManagedInstanceScaling": {**SCALING, "MinInstanceCount": 3}}, {}, "3 is greater than 2"),
        ({"ManagedInstanceScaling": SCALING, "InitialInstanceCount": 5}, {}, "5 is greater than 2"),
        ({"ManagedInstanceScaling": SCALING, "ModelName": "m"}, {}, "Application Auto Scaling"),
        ({}, {"ShadowProductionVariants": [{**VARIANT, "VariantName": "w", "ModelName": "m"}]}, "does not go with"),
    ],
)
def test_configurations_that_cannot_be_are_refused(
    asker: Asker, endpoint: None, role: str, variant: dict[str, Any], config: dict[str, Any], words: str
) -> None:
    members = {"ProductionVariants": [{**VARIANT, **variant}], "ExecutionRoleArn": role, **config}
    given = {member: value for member, value in members.items() if value is not None}
    with pytest.raises(Refused) as refused:
        asker.call("CreateEndpointConfig", EndpointConfigName="n", **given)
    assert words in refused.value.message
