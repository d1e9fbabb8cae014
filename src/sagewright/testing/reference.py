"""The reference pages that are made from the code: operations, and images (`images.py`).

python -m sagewright.testing.reference docs/reference            write them
python -m sagewright.testing.reference --check docs/reference    fail if one is out of date
"""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import fill
from typing import Final, Literal, NamedTuple

from botocore import xform_name

from sagewright.neighbours.table import NEIGHBOURS
from sagewright.operations import table, unbuilt
from sagewright.operations.sagemaker import family
from sagewright.testing import algorithms, images
from sagewright.wire import model

Backing = Literal["behaviour", "record", "refused"]

_HEAD: Final = """\
# Operations

What stands behind each operation. This page is made from the code (`make docs`); `make lint` fails when it is out of
date.

- **behaviour**: the operation does what it says. Work is done, or the answer is worked out from what is there.
- **record**: what was asked for is checked, authorized, kept on disk, described, listed, tagged, updated and deleted
  as on AWS; nothing works on it yet. Nothing is ever reported as done that was not done.
- **refused**: the operation answers at once with a `ValidationException` (or the service's own word for it) that says
  what is not built. Nothing is changed.
"""
_OWN: Final = "SageMaker's own services"
_AROUND: Final = f"""\
{", ".join(f"`{name}`" for name in NEIGHBOURS)} are answered by moto in a process of their own, durably; the others by
Sagewright itself.
"""
_TERRAFORM: Final = {
    # Each resource of the AWS provider 5.100, and the operation that makes it.
    "app": "CreateApp",
    "app_image_config": "CreateAppImageConfig",
    "code_repository": "CreateCodeRepository",
    "data_quality_job_definition": "CreateDataQualityJobDefinition",
    "device": "RegisterDevices",
    "device_fleet": "CreateDeviceFleet",
    "domain": "CreateDomain",
    "endpoint": "CreateEndpoint",
    "endpoint_configuration": "CreateEndpointConfig",
    "feature_group": "CreateFeatureGroup",
    "flow_definition": "CreateFlowDefinition",
    "hub": "CreateHub",
    "human_task_ui": "CreateHumanTaskUi",
    "image": "CreateImage",
    "image_version": "CreateImageVersion",
    "mlflow_tracking_server": "CreateMlflowTrackingServer",
    "model": "CreateModel",
    "model_package_group": "CreateModelPackageGroup",
    "model_package_group_policy": "PutModelPackageGroupPolicy",
    "monitoring_schedule": "CreateMonitoringSchedule",
    "notebook_instance": "CreateNotebookInstance",
    "notebook_instance_lifecycle_configuration": "CreateNotebookInstanceLifecycleConfig",
    "pipeline": "CreatePipeline",
    "project": "CreateProject",
    "servicecatalog_portfolio_status": "EnableSagemakerServicecatalogPortfolio",
    "space": "CreateSpace",
    "studio_lifecycle_config": "CreateStudioLifecycleConfig",
    "user_profile": "CreateUserProfile",
    "workforce": "CreateWorkforce",
    "workteam": "CreateWorkteam",
}


class Row(NamedTuple):
    """One operation of one service."""

    operation: str
    backing: Backing
    what: str
    """For what is refused: what it would do."""


def rows(service: str) -> Iterator[Row]:
    """All operations of a service, in the order of their names."""
    handlers, kept = table.load(service), _kept(service)
    refused = unbuilt.unbuilt(service)
    neighbour = NEIGHBOURS.get(service)
    for operation in model.service(service).operation_names:
        name = xform_name(operation)
        if operation in refused:
            yield Row(operation, "refused", refused[operation])
        elif neighbour is not None:
            yield Row(operation, "refused" if neighbour.left_out(operation) else "behaviour", "")
        elif name not in handlers:
            yield Row(operation, "refused", "")
        else:
            yield Row(operation, "record" if name in kept else "behaviour", "")


def page() -> str:
    """The whole page."""
    own = [name for name in model.SERVICES if name.startswith("sagemaker")]
    parts = [_HEAD, f"## {_OWN}\n", _summary({name: list(rows(name)) for name in own})]
    parts += [_terraform(), *(_service(name) for name in own)]
    others = [name for name in model.SERVICES if name not in own and (name in NEIGHBOURS or table.load(name))]
    parts += ["## The services around them\n", _AROUND, _summary({name: list(rows(name)) for name in others})]
    parts += [_in_short(name) for name in others]
    return "\n".join(parts)


def _kept(service: str) -> set[str]:
    """The functions of modules that keep records on which nothing works."""
    if service != "sagemaker":
        return set()
    modules = [f"{package}.{name}" for package, each in family.families() for name in each.kept]
    return {name for module in modules for name in importlib.import_module(module).operations.handlers}


def _summary(services: Mapping[str, list[Row]]) -> str:
    lines = ["| service | operations | behaviour | record | refused |", "|---|---|---|---|---|"]
    for name, found in services.items():
        counts = Counter(row.backing for row in found)
        numbers = " | ".join(str(counts[backing]) for backing in ("behaviour", "record", "refused"))
        lines.append(f"| `{name}` | {len(found)} | {numbers} |")
    return "\n".join(lines) + "\n"


def _service(name: str) -> str:
    lines = [f"### {name}\n", "| operation | backed by |", "|---|---|"]
    for row in rows(name):
        would = f": would {row.what}" if row.what else ""
        lines.append(f"| `{row.operation}` | {row.backing}{would} |")
    return "\n".join(lines) + "\n"


def _terraform() -> str:
    refused = unbuilt.unbuilt("sagemaker")
    lines = [
        "### Terraform's `aws_sagemaker_*`\n",
        "Resources that promise running work which is not built yet refuse at once; all others apply, plan empty,",
        "update and are destroyed (`tests/clients/terraform`).\n",
        "| resource | |",
        "|---|---|",
    ]
    for resource, operation in _TERRAFORM.items():
        said = f"left out: Sagewright does not {refused[operation]} yet" if operation in refused else "applies"
        lines.append(f"| `aws_sagemaker_{resource}` | {said} |")
    return "\n".join(lines) + "\n"


def _in_short(name: str) -> str:
    found = list(rows(name))
    answered, refused = (
        ", ".join(f"`{row.operation}`" for row in found if (row.backing == "refused") is are_refused)
        for are_refused in (False, True)
    )
    lines = [f"Answered: {answered}.", f"Refused: {refused}." if refused else "Nothing is refused."]
    return f"### {name}\n\n" + "\n\n".join(fill(line, 120, break_on_hyphens=False) for line in lines) + "\n"


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "operations.md": page,
    "images.md": images.page,
    "algorithms.md": algorithms.page,
}


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    folder = Path(next(argument for argument in arguments if not argument.startswith("--")))
    for name, made in PAGES.items():
        path = folder / name
        text = made()
        if not check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"{path} is out of date: `make docs` makes it anew.", file=sys.stderr)  # noqa: T201
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
