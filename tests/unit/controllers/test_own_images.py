"""Commands of images that run as themselves."""

from __future__ import annotations

from typing import Any

import pytest

from sagewright.compute.base import Image
from sagewright.controllers.own_images import serve_command, train_command

IMAGE = Image("sha256:1", ("/usr/bin/run", "-v"))


@pytest.mark.parametrize(
    ("algorithm", "command"),
    [
        ({}, ("/usr/bin/run", "-v", "train")),
        ({"ContainerArguments": ["--depth", "3"]}, ("/usr/bin/run", "-v", "--depth", "3")),
        ({"ContainerEntrypoint": ["/bin/own"]}, ("/bin/own",)),
        ({"ContainerEntrypoint": ["/bin/own"], "ContainerArguments": ["x"]}, ("/bin/own", "x")),
    ],
)
def test_the_request_takes_the_place_of_what_the_image_says(
    algorithm: dict[str, Any], command: tuple[str, ...]
) -> None:
    assert train_command(IMAGE, algorithm) == command


def test_an_image_without_an_entry_point_is_given_the_program() -> None:
    assert train_command(Image("sha256:1", ()), {}) == ("train",)
    assert serve_command(Image("sha256:1", ())) == ("serve",)
    assert serve_command(IMAGE) == ("/usr/bin/run", "-v", "serve")
