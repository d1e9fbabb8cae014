"""Real cars, ingested by model year with the SDK v2, and what was known of them at a moment, asked of Athena."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pd = pytest.importorskip("pandas")
CARS = Path(__file__).parents[1] / "samples" / "auto-mpg.csv"
MOMENT = 1975 * 10_000.0
KNOWN = """
SELECT name, time, mpg, cyl FROM (
    SELECT *, row_number() OVER (
        PARTITION BY name ORDER BY time DESC, api_invocation_time DESC, write_time DESC) AS nth
    FROM "{table}" WHERE time <= {moment})
WHERE nth = 1 AND NOT is_deleted ORDER BY name
"""


@pytest.mark.usefixtures("hurried")
def test_cars_by_model_year_and_what_was_known_of_them(
    session: Any, role: str, unique: Callable[[str], str], eventually: Callable[..., Any]
) -> None:
    from sagemaker.feature_store.feature_group import FeatureGroup

    cars = pd.read_csv(CARS)[["name", "mpg", "cyl", "yr"]]
    cars["time"] = (1900 + cars.pop("yr")) * 10_000.0
    cars["name"] = cars["name"].astype("string")
    # Workers put rows in any order, so that the last row of a year stands for the others.
    cars = cars.drop_duplicates(["name", "time"], keep="last").reset_index(drop=True)
    group = FeatureGroup(name=unique("mpg"), sagemaker_session=session)
    group.load_feature_definitions(data_frame=cars)
    bucket = session.default_bucket()
    group.create(
        s3_uri=f"s3://{bucket}/features",
        record_identifier_name="name",
        event_time_feature_name="time",
        role_arn=role,
        enable_online_store=True,
    )
    for _, years in cars.groupby(cars["time"] > MOMENT):
        group.ingest(data_frame=years, max_workers=4, max_processes=1, wait=True)
    newest = cars.sort_values("time").groupby("name").tail(1).set_index("name")
    found = {each["FeatureName"]: each["ValueAsString"] for each in group.get_record("ford pinto")}
    assert float(found["mpg"]) == newest["mpg"]["ford pinto"]

    query = group.athena_query()

    def asked(sql: str) -> Any:
        query.run(query_string=sql, output_location=f"s3://{bucket}/asked")
        query.wait()
        return query.as_dataframe()

    eventually(lambda: asked(f'SELECT count(*) AS n FROM "{query.table_name}"')["n"][0] == len(cars), every=1)
    told = asked(KNOWN.format(table=query.table_name, moment=MOMENT))
    earlier = cars[cars["time"] <= MOMENT]
    expected = earlier.sort_values("time").groupby("name").tail(1).sort_values("name").reset_index(drop=True)
    plain = expected[["name", "time", "mpg", "cyl"]].astype({"name": object})
    pd.testing.assert_frame_equal(told, plain, check_dtype=False)
