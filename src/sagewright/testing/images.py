"""The reference page of images, made from the tables of runtimes and refusals (`sagewright.testing.reference`)."""

from __future__ import annotations

from textwrap import fill
from typing import Final

from sagewright.compute.refusals import REFUSED
from sagewright.compute.runtimes import RUNTIMES, Runtime

_HEAD: Final = """\
# Images

An image is a name here: a Python environment of this machine answers to it. This page is made from the code
(`make docs`); `make lint` fails when it is out of date.

Account, region and tag of an address may be any. A version in the tag chooses among the environments of its repository:
the oldest that is not older than what was asked for, else the newest. Where its major or minor version differs, the
job's or endpoint's log says so: "sagewright: TensorFlow 2.3.1 was asked for; this runs 2.15.1, on Python 3.11."

An environment is made when the first job or endpoint needs it, by uv from a lock file, and kept; a job's own
`requirements.txt` comes on top. Where packages come from is what pip's and uv's variables say (`PIP_INDEX_URL`,
`UV_DEFAULT_INDEX`, `PIP_FIND_LINKS`, …). The common index has PyTorch's build for CUDA alone, gigabytes of it:
`UV_TORCH_BACKEND=cpu` (or `auto`, `cu130`, …) has uv take another one from PyTorch's own index.

What differs from AWS's containers: everything runs on Python {python}. TensorFlow 2.15 reads and writes `s3://`, such
as the `--model_dir` that SDK v2 always sends; for TensorFlow 2.21 nobody builds that file system: save to
`SM_MODEL_DIR`. TensorFlow's models are served without TensorFlow Serving, over the same JSON; there is no gRPC. Multi
Model Server and TorchServe are not there either: the functions that they call are (`model_fn`, `input_fn`,
`predict_fn`, `output_fn`, `transform_fn`).
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD.format(python="3.11"), _answered(), _refused()])


def _answered() -> str:
    lines = ["## Answered\n", "| repository | runs | environment |", "|---|---|---|"]
    for name in sorted({name for runtime in RUNTIMES for name in runtime.repositories}):
        found = [runtime for runtime in RUNTIMES if name in runtime.repositories]
        held = "; ".join(_held(runtime) for runtime in found)
        lines.append(f"| `{name}` | {held} | {', '.join(f'`{runtime.environment}`' for runtime in found)} |")
    return "\n".join(lines) + "\n"


def _held(runtime: Runtime) -> str:
    return " with ".join(f"{framework} {version}" for framework, version in runtime.holds) or "Python"


def _refused() -> str:
    """The repositories under the sentences that their users read."""
    sentences: dict[str, list[str]] = {}
    for name, sentence in REFUSED.items():
        sentences.setdefault(sentence, []).append(f"`{name}`")
    lines = ["## Refused\n", "A job fails, and an endpoint too, with the sentence under its image.\n"]
    for sentence, names in sentences.items():
        lines += [fill(f"{', '.join(names)}: {sentence}", 120, break_on_hyphens=False) + "\n"]
    return "\n".join(lines)
