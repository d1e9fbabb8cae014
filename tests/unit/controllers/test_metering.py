"""What serves is entered into the ledger when it ends, once, and counts until then."""

# ruff: noqa: F811

from __future__ import annotations

from dataclasses import replace

import pytest

from sagewright.compute import instances
from sagewright.controllers import metering
from sagewright.controllers.endpoint import Endpoints
from sagewright.dataplane.cost.ledger import Ledger, Use
from sagewright.resources import usage
from sagewright.resources.record import Record
from sagewright.store.base import Query

from .conftest import ACCOUNT, Bench, Killed
from .test_endpoint import KEY, answering, endpoints, service, serving, update  # noqa: F401


@pytest.fixture
def ledger(bench: Bench) -> Ledger:
    return Ledger(bench.store, bench.clock, price=instances.price, spot_share=instances.spot_share)


def used(bench: Bench, ledger: Ledger) -> list[tuple[str, float]]:
    """Instance type and seconds of each use until now."""
    uses = ledger.uses(ACCOUNT, 0, bench.clock.now() + 1)
    return sorted((use.line.instance_type, use.line.end - use.line.start) for use in uses)


def entered(bench: Bench) -> int:
    return len(bench.store.list(Query(ACCOUNT, "", usage.KIND, parent=""), limit=100).records)


def test_what_serves_counts_until_now(bench: Bench, endpoints: Endpoints, ledger: Ledger) -> None:
    service(bench, endpoints, 2)
    before = used(bench, ledger)
    bench.engine.advance(1800)
    after = used(bench, ledger)
    assert [end - start for (_, start), (_, end) in zip(before, after, strict=True)] == [1800, 1800]
    assert entered(bench) == 0
    uses: list[Use] = list(ledger.uses(ACCOUNT, 0, bench.clock.now()))
    assert all(use.usd_per_hour == 0.1152 for use in uses)


def test_an_instance_that_dies_is_charged_until_it_died(bench: Bench, endpoints: Endpoints, ledger: Ledger) -> None:
    service(bench, endpoints)
    (start,) = [seconds for _, seconds in used(bench, ledger)]
    bench.engine.advance(100)
    bench.engine.end(serving(bench)[0], 137)
    bench.engine.advance(500)  # nobody looks for a while
    bench.settle(endpoints, KEY)
    assert entered(bench) == 1
    dead, alive = sorted(used(bench, ledger), key=lambda use: -use[1])
    assert dead[1] == pytest.approx(start + 100, abs=0.01)
    assert alive[1] < dead[1]


def test_what_an_update_replaces_and_what_is_deleted_stays_in_the_ledger(
    bench: Bench, endpoints: Endpoints, ledger: Ledger
) -> None:
    service(bench, endpoints)
    bench.engine.advance(100)
    update(bench, 2, count=2)
    bench.settle(endpoints, KEY)
    assert entered(bench) == 1
    bench.engine.advance(50)
    bench.change(KEY, intent="delete")
    bench.engine.die_at = "destroy"
    with pytest.raises(Killed):
        bench.settle(endpoints, KEY)
    bench.settle(Endpoints(bench.platform, bench.wake, bench.room(8)), KEY)
    assert bench.store.get(KEY) is None
    assert entered(bench) == 3
    total = sum(seconds for _, seconds in used(bench, ledger))
    bench.engine.advance(1000)
    assert sum(seconds for _, seconds in used(bench, ledger)) == total


def test_instances_that_components_are_placed_on_count_too(bench: Bench) -> None:
    variant = {"VariantName": "v", "InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1}
    record = Record(KEY, "u", 0, 0, spec={"config": {"ProductionVariants": [variant]}}, status={"EndpointArn": "arn:e"})
    status, writes = metering.of_fleet(record, {"EndpointArn": "arn:e", "hosts": {"v": [{"number": 0}]}}, 10, {})
    assert status["metered"] == {"host-u-v-0": {"type": "ml.g5.xlarge", "since": 10}}
    assert not writes
    _, writes = metering.of_fleet(replace(record, status=status), {**status, "hosts": {"v": []}}, 70, {})
    ((_, entered),) = writes
    (line,) = usage.entry(entered).lines
    assert (line.instance_type, line.start, line.end) == ("ml.g5.xlarge", 10, 70)
