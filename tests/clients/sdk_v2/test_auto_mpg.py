"""Real cars, ingested by model year with the SDK v2, and what was known of them at a moment, asked of Athena."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pd = pytest.importorskip("pandas")
from ..cars import MANY, ByYear, assert_same, cars, newest  # noqa: E402 - it needs pandas


@pytest.mark.usefixtures("hurried")
def test_cars_by_model_year_and_what_was_known_of_them(
    session: Any, role: str, unique: Callable[[str], str], eventually: Callable[..., Any]
) -> None:
    from sagemaker.feature_store.feature_group import FeatureGroup

    rows = cars()
    rows["name"] = rows["name"].astype("string")
    rows["event_time"] = rows["event_time"].astype("string")
    group = FeatureGroup(name=unique("mpg"), sagemaker_session=session)
    group.load_feature_definitions(data_frame=rows)
    bucket = session.default_bucket()
    group.create(
        s3_uri=f"s3://{bucket}/features",
        record_identifier_name="name",
        event_time_feature_name="event_time",
        role_arn=role,
        enable_online_store=True,
    )
    query = group.athena_query()

    def asked(sql: str) -> Any:
        query.run(query_string=sql, output_location=f"s3://{bucket}/asked")
        query.wait()
        return query.as_dataframe()

    def arrived(many: int) -> None:
        counted = f'SELECT count(*) AS n FROM "{query.table_name}"'
        eventually(lambda: asked(counted)["n"][0] == many, every=1)

    def ingest(year: Any) -> None:
        """Workers are in a process of their own, which takes longer to start than to put a year."""
        group.ingest(data_frame=year, max_workers=4 if len(year) > MANY else 1, wait=True)

    story = ByYear(rows, ingest, arrived)
    found = {each["FeatureName"]: each["ValueAsString"] for each in group.get_record("ford pinto")}
    [pinto] = newest(rows).query("name == 'ford pinto'").to_dict("records")
    assert found == {name: str(value) for name, value in pinto.items()}
    for question, expected in story.questions(query.table_name):
        assert_same(asked(question), expected)
