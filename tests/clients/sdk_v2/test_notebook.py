"""The example notebook, cell by cell, without a change: with the SDK's own waiting and its own log."""

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[3] / "examples" / "housing"


def test_the_housing_notebook_runs(
    session: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(FOLDER)
    cells = json.loads(Path("housing.ipynb").read_text())["cells"]
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            exec("".join(cell["source"]), names)
    printed = capsys.readouterr().out
    assert "validation:rmse=" in printed
    assert printed.count("predicted ") == 3
    assert names["prices"] == pytest.approx(names["rows"][:, -1], abs=10)
