"""Image Classification in its environment: trained on shapes, in each form of data, and asked."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from sagewright_container.algorithms.vision import image_records
from sagewright_container.algorithms.vision.image_records import ImageRecord

HYPERPARAMETERS = {
    "num_classes": "3",
    "num_training_samples": "60",
    "image_shape": "3,32,32",
    "num_layers": "20",
    "epochs": "6",
    "learning_rate": "0.05",
    "mini_batch_size": "16",
}
SHORT = {**HYPERPARAMETERS, "epochs": "1"}
JSON_LINES = "application/jsonlines"
REC = "application/x-recordio"
CHANNELS = ("train", "validation")


@pytest.fixture
def image(container: Callable[..., Any]) -> Any:
    return container("image-classification", "pytorch")


def listed(container: Any, shapes: Any, hyperparameters: dict[str, str] = HYPERPARAMETERS) -> None:
    kinds = dict.fromkeys(("train", "validation", "train_lst", "validation_lst"), "application/x-image")
    container.job(hyperparameters, **kinds)
    for channel, some in shapes.items():
        lines = []
        for number, each in enumerate(some):
            container.write(f"input/data/{channel}/kind{each.kind}/{number}.png", each.image)
            lines.append(f"{number}\t{each.kind}\tkind{each.kind}/{number}.png\n")
        container.write(f"input/data/{channel}_lst/{channel}.lst", "".join(lines))


def recorded(container: Any, shapes: Any, hyperparameters: dict[str, str] = SHORT, **files: bytes) -> None:
    container.job(hyperparameters, train="application/x-recordio")
    records = [ImageRecord((each.kind,), each.image, number) for number, each in enumerate(shapes["train"])]
    container.write("input/data/train/train.rec", files.get("train", image_records.write(records)))


@pytest.fixture(scope="module")
def trained(container: Callable[..., Any], shapes: Any) -> Any:
    made = container("image-classification", "pytorch")
    listed(made, shapes)
    made.done = made.train()
    assert made.done.returncode == 0, made.done.stderr
    return made


def test_it_learns_and_tells_so(trained: Any) -> None:
    from sagewright_container.algorithms.image_classification import IMAGE_CLASSIFICATION

    told = {each.name: re.findall(each.regex, trained.done.stdout) for each in IMAGE_CLASSIFICATION.metrics}
    assert all(len(values) == 6 for values in told.values()), told
    assert float(told["train:accuracy"][-1]) > 0.9
    assert max(map(float, told["validation:accuracy"])) > 0.7


def test_it_answers_probabilities(trained: Any, shapes: Any) -> None:
    with trained.serving() as invoke:
        right = 0
        for each in shapes["validation"]:
            answer = invoke(each.image, "application/x-image")
            assert answer.content_type == "application/json"
            found = json.loads(answer.body)
            assert sum(found) == pytest.approx(1, abs=1e-5)
            right += found.index(max(found)) == each.kind
        assert right > 10
        line = invoke(shapes["validation"][0].image, "image/png", JSON_LINES)
        assert line.content_type == JSON_LINES
        assert len(json.loads(line.body)["prediction"]) == 3
        assert line.body.endswith(b"}\n")
        assert invoke(b"no image", "application/x-image").status == 400
        assert invoke(b"1,2", "text/csv").status == 415
        assert invoke(shapes["train"][0].image, "image/png", "text/csv").status == 406


def test_the_weights_have_torchvisions_names(trained: Any) -> None:
    code = (
        "import json, sys; from safetensors.numpy import load_file; "
        "print(json.dumps({name: list(value.shape) for name, value in load_file(sys.argv[1]).items()}))"
    )
    command = [str(trained.python), "-c", code, str(trained.base / "model/model.safetensors")]
    shapes = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert shapes["fc.weight"] == [3, 64]
    assert shapes["layer1.0.conv1.weight"] == [16, 16, 3, 3]


def test_records_go_on_from_a_model(image: Any, trained: Any, shapes: Any) -> None:
    recorded(image, shapes)
    image.job(SHORT, train="application/x-recordio", model="application/x-sagemaker-model")
    for name in ("model.json", "model.safetensors"):
        image.write(f"input/data/model/{name}", (trained.base / "model" / name).read_bytes())
    done = image.train()
    assert done.returncode == 0, done.stderr
    (accuracy,) = re.findall(r"Epoch\S+ Train-accuracy=(\S+)", done.stdout)
    assert float(accuracy) > 0.9


@pytest.mark.parametrize(
    ("hyperparameters", "files", "said"),
    [
        ({"num_classes": "2"}, {}, "Record 3 of train.rec in channel train: The class is 2."),
        ({"use_pretrained_model": "1"}, {}, "Hyperparameter use_pretrained_model: Pretrained weights are not part of"),
        ({}, {"train": b"abcdefghijkl"}, "train.rec in channel train is not a file of image records."),
        ({}, {"train": b""}, "Channel train holds no images."),
        ({}, {"train": image_records.write([ImageRecord((0,), b"GIF?")])}, "Record 1 of train.rec in channel train:"),
    ],
)
def test_what_cannot_be_trained_on_is_said(
    image: Any, shapes: Any, hyperparameters: dict[str, str], files: dict[str, bytes], said: str
) -> None:
    recorded(image, shapes, {**SHORT, **hyperparameters}, **files)
    assert image.train().returncode == 1
    assert image.failure().startswith(f"ClientError: {said}")


@pytest.mark.parametrize(
    ("hyperparameters", "labels"),
    [
        (
            {"augmentation_type": "crop_color_transform", "top_k": "2", "checkpoint_frequency": "1", "resize": "40"},
            lambda kind: (kind,),
        ),
        (
            {"multi_label": "1", "use_weighted_loss": "1", "optimizer": "adam", "learning_rate": "0.001"},
            lambda kind: tuple(float(each <= kind) for each in range(3)),
        ),
        (
            {"use_weighted_loss": "1", "optimizer": "rmsprop", "learning_rate": "0.001", "image_shape": "1,24,20"},
            lambda kind: (kind,),
        ),
    ],
)
def test_each_switch_works(image: Any, shapes: Any, hyperparameters: dict[str, str], labels: Any) -> None:
    image.job({**SHORT, "mini_batch_size": "8", **hyperparameters}, train="application/x-recordio")
    records = [ImageRecord(tuple(labels(each.kind)), each.image) for each in shapes["train"][:17]]
    image.write("input/data/train/train.rec", image_records.write(records))
    done = image.train()
    assert done.returncode == 0, done.stderr
    assert "num_training_samples is 60, but channel train holds 17 images" in done.stdout
    assert ("Epoch[0] Train-top_k_accuracy_2=" in done.stdout) == ("top_k" in hyperparameters)
    assert (image.base / "model/model-0001.safetensors").exists() == ("checkpoint_frequency" in hyperparameters)


def stopped(image: Any, line: str) -> None:
    """It trains until it says something that begins so, is told to stop, and ends well."""
    with image.started("train") as process:
        for said in process.stdout:
            if said.startswith(line):
                process.terminate()
                break
        process.stdout.read()
        assert process.wait(60) == 0


def test_a_job_that_is_stopped_keeps_what_it_has(image: Any, shapes: Any) -> None:
    recorded(image, shapes, {**HYPERPARAMETERS, "epochs": "100000"})
    stopped(image, "Epoch[0]")
    assert (image.base / "model/model.safetensors").exists()


def test_pictures_are_upright_however_the_camera_was_held(image: Any) -> None:
    code = """
import io
from PIL import Image
from sagewright_container.algorithms.vision import pictures
TURNS = {1: (), 2: (0,), 3: (3,), 4: (1,), 5: (5,), 6: (2,), 7: (6,), 8: (4,)}
plain = Image.radial_gradient("L").convert("RGB").crop((0, 0, 48, 24))
for held, turns in TURNS.items():
    picture, buffer = plain, io.BytesIO()
    for turn in turns:
        picture = picture.transpose(turn)
    exif = picture.getexif()
    exif[0x0112] = held
    picture.save(buffer, "PNG", exif=exif)
    assert pictures.decode(buffer.getvalue()).tobytes() == plain.tobytes(), held
print("upright")
"""
    done = image.run("-c", code)
    assert done.stdout == "upright\n", done.stderr


def test_it_trains_without_pytorchs_compiler(image: Any, shapes: Any) -> None:
    recorded(image, shapes)
    code = (
        "import sys; from sagewright_container.algorithms import run; code = run.train('image-classification'); "
        "print([name for name in ('sympy', 'torch._dynamo.config') if name in sys.modules]); sys.exit(code)"
    )
    done = image.run("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_interrupted_job_goes_on_from_its_checkpoint(container: Callable[..., Any], image: Any, shapes: Any) -> None:
    """As a Spot job does whose second try finds what the first has left; as SageMaker's own does."""
    recorded(image, shapes, {**HYPERPARAMETERS, "epochs": "100000"})
    image.write("input/config/checkpointconfig.json", '{"LocalPath": "/opt/ml/checkpoints"}')
    image.write("checkpoints/.keep", "")
    stopped(image, "Epoch[2]")
    again = container("image-classification", "pytorch")
    recorded(again, shapes, {**HYPERPARAMETERS, "epochs": "4"})
    again.write("input/config/checkpointconfig.json", '{"LocalPath": "/opt/ml/checkpoints"}')
    for path in (image.base / "checkpoints").rglob("*.*"):
        again.write(str(path.relative_to(image.base)), path.read_bytes())
    done = again.train()
    assert done.returncode == 0, done.stderr
    assert re.search(r"Going on from the checkpoint after [23] epochs", done.stdout)
    assert "Epoch[0]" not in done.stdout
    assert "Epoch[3]" in done.stdout
    assert (again.base / "model/model.safetensors").exists()
    again.job({**HYPERPARAMETERS, "num_layers": "32"}, train="application/x-recordio")
    assert again.train().returncode == 1
    assert "num_layers was 20, and is 32. Give the job a CheckpointConfig.S3Uri of its own" in again.failure()
    again.write("checkpoints/checkpoint.pt", b"red")
    (again.base / "output/failure").unlink()
    assert again.train().returncode == 1
    assert "checkpoint.pt at CheckpointConfig cannot be gone on from" in again.failure()


def test_it_stops_early_where_nothing_improves(image: Any, shapes: Any) -> None:
    patience = {"early_stopping": "True", "early_stopping_min_epochs": "1", "early_stopping_patience": "1"}
    image.job({**HYPERPARAMETERS, **patience, "epochs": "50", "learning_rate": "0"}, **dict.fromkeys(CHANNELS, REC))
    for channel in CHANNELS:
        records = [ImageRecord((each.kind,), each.image) for each in shapes[channel][:4]]
        image.write(f"input/data/{channel}/images.rec", image_records.write(records))
    done = image.train()
    assert done.returncode == 0, done.stderr
    assert "completed 100 % of epochs" not in done.stdout
