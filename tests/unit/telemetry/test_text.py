"""The log agent's spelling."""

import pytest

from sagewright.telemetry.text import agent_spelling


@pytest.mark.parametrize(
    ("printed", "stored"),
    [
        ("[0]\ttrain-rmse:1.5\tvalidation-rmse:2", "[0]#011train-rmse:1.5#011validation-rmse:2"),
        ("\r 10%", "#015 10%"),
        ("\x1b[34mblue\x7f", "#033[34mblue#177"),
        ("plain #011 ü", "plain #011 ü"),
    ],
)
def test_control_characters_are_spelled_in_octal(printed: str, stored: str) -> None:
    assert agent_spelling(printed) == stored
