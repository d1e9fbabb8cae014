"""What requests are told that cannot be sent to an inference component, and what is counted of them."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.resources import endpoint, inference_component, routing
from sagewright.resources.record import Key, Record
from sagewright.telemetry.metrics import Metric
from sagewright.testing.asker import Asker

HOST = Key("123456789012", "us-east-1", endpoint.KIND, "", "e")


@pytest.fixture
def hosting(asker: Asker) -> Asker:
    """An endpoint `e` with a component `c` that has no copies, and an endpoint `own` that has a model."""
    services = asker.server.app.services
    own = routing.variant({"VariantName": "v"}, {"PrimaryContainer": {"Image": "i"}}, [])
    for name, entry in (("e", routing.host({"VariantName": "v"})), ("own", own)):
        status = {"EndpointArn": name, "serving": [routing.generation(1, [entry])]}
        services.store.create(Record(HOST._replace(name=name), name, 0, 0, status=status, state="InService"))
    key = HOST._replace(kind=inference_component.KIND, name="c")
    services.store.create(
        Record(key, "c", 0, 0, spec={"EndpointName": "e"}, status={"InferenceComponentArn": "c"}, state="InService")
    )
    services.inference.follow()
    return asker


def refused(asker: Asker, name: str, component: str | None) -> str:
    named = {} if component is None else {"X-Amzn-SageMaker-Inference-Component": component}
    answer = asker.ask("POST", f"/endpoints/{name}/invocations", body=b"[]", headers=named)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "ValidationError")
    return answer.body.decode()


@pytest.mark.parametrize(
    ("name", "component", "words"),
    [
        ("e", None, "Inference Component Name header is required for endpoints"),
        ("own", "c", "Inference Component Name header is not allowed for endpoints"),
        ("e", "x", "Inference Component x not found in endpoint e."),
        ("e", "c", "Inference Component has no capacity to process this request."),
    ],
)
def test_requests_are_refused_in_aws_words(hosting: Asker, name: str, component: Any, words: str) -> None:
    assert words in refused(hosting, name, component)


def test_requests_for_no_copies_are_counted_so_that_an_alarm_wakes_them(hosting: Asker) -> None:
    services = hosting.server.app.services
    for _ in range(2):
        refused(hosting, "e", "c")
    services.meter.publish(all_of_it=True)
    metric = Metric("AWS/SageMaker", "NoCapacityInvocationFailures", {"InferenceComponentName": "c"})
    (found,) = services.metrics.at(HOST.account, HOST.region).query(metric, 0, 4e9, 60)
    assert found.sum == 2
