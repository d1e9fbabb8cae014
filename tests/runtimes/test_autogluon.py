"""The AutoGluon image: a script fits a predictor, which serves by itself or by the user's functions."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "clients/scripts/autogluon_housing.py"
HOUSING = Path(__file__).parents[2] / "examples/housing.csv"


@pytest.fixture(scope="module")
def job(container: Any) -> Any:
    made = container("autogluon", "autogluon")
    made.job({"sagemaker_program": '"train.py"', "rounds": "20"}, train="text/csv")
    made.write("code/train.py", SCRIPT.read_bytes())
    made.write("input/data/train/housing.csv", HOUSING.read_bytes())
    (made.base / "model").mkdir()
    return made.trained()


@pytest.fixture(scope="module")
def rows(housing: list[list[float]]) -> list[list[float]]:
    return [row[1:] for row in housing[:3]]


def test_a_predictor_needs_no_script(job: Any, rows: list[list[float]]) -> None:
    names = [f"c{number}" for number in range(13)]
    lines = "".join(",".join(map(str, row)) + "\n" for row in rows)
    with job.serving() as invoke:
        prices = json.loads(invoke(lines, "text/csv").body)
        assert prices == pytest.approx([24.0, 21.6, 34.7], abs=8)
        headed = invoke(",".join(names) + "\n" + lines, "text/csv", "text/csv")
        assert [float(line) for line in headed.body.split()] == pytest.approx(prices)
        for body in (rows, [dict(zip(names, row, strict=True)) for row in rows]):
            assert json.loads(invoke(json.dumps(body), "application/json").body) == pytest.approx(prices)
        refused = invoke("1,2\n", "text/csv")
        assert (refused.status, b"lack the columns c0, c1" in refused.body) == (400, True)
        assert invoke('{"c0": 1}', "application/json").status == 415
        assert invoke("x", "text/plain").status == 415


def test_the_users_functions_come_first(job: Any, tmp_path: Path, rows: list[list[float]]) -> None:
    made = job.copied(tmp_path)
    made.write("model/code/inference.py", SCRIPT.read_bytes())
    with made.serving() as invoke:
        answer = invoke(",".join(map(str, rows[0])), "text/csv")
    assert answer.content_type == "text/csv"
    assert float(io.BytesIO(answer.body).read()) == pytest.approx(24, abs=8)


def test_without_a_model_the_server_says_what_it_wants(container: Any) -> None:
    made = container("autogluon", "autogluon")
    made.write("model/other.txt", "{}")
    ended = made.run("-m", "sagewright_container.main", "serve", "autogluon")
    assert ended.returncode == 1
    assert "exactly one TabularPredictor" in ended.stderr
    assert "holds other.txt" in ended.stderr
