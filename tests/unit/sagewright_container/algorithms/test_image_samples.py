"""The samples of image channels: what lies in files, lists, annotations, records; without a library for images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sagewright_container.algorithms.base import Input, Job
from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate
from sagewright_container.algorithms.image_classification import IMAGE_CLASSIFICATION, Labels
from sagewright_container.algorithms.object_detection import OBJECT_DETECTION, read
from sagewright_container.algorithms.semantic_segmentation import SEMANTIC_SEGMENTATION, label_table
from sagewright_container.algorithms.vision import image_records, samples
from sagewright_container.algorithms.vision.image_records import ImageRecord, frame

PNG = b"\x89PNG\r\n\x1a\n"
REQUIRED = {"num_classes": "3", "num_training_samples": "1"}


@pytest.fixture
def job(tmp_path: Path) -> Any:
    """A job of an algorithm on files that are written first: `job(algorithm, files, kind, hyperparameters…)`."""

    def job(algorithm: Any, files: dict[str, bytes | str], kind: str = samples.IMAGE, **more: Any) -> Job:
        for name, data in files.items():
            target = tmp_path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data if isinstance(data, bytes) else data.encode())
        channels = {name.split("/")[0] for name in files}
        parameters = more.pop("parameters", {})
        values = validate(algorithm.hyperparameters, {**REQUIRED, **more})
        algorithm.check(values)
        inputs = {name: Input(name, kind, str(tmp_path / name), parameters=parameters) for name in channels}
        return Job(values, inputs, str(tmp_path / "model"), str(tmp_path / "output"))

    return job


class TestImageClassification:
    def test_a_list_names_images_and_their_classes(self, job: Any) -> None:
        made = job(IMAGE_CLASSIFICATION, {"train/a/1.png": PNG, "train_lst/t.lst": "5\t2.0\ta/1.png\n\n"})
        (sample,) = Labels(made).samples("train")
        assert (sample.label, sample.image()) == (2, PNG)

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("5 2 a.png", "Line 1 of t.lst in channel train_lst is not of the form index, class, path"),
            ("5\t3\ta.png", "Line 1 of t.lst in channel train_lst: The class is 3. With num_classes 3"),
            ("5\t0.5\ta.png", "The class is 0.5."),
            ("5\tnan\ta.png", "The class is nan."),
            ("5\t1\t1\ta.png", "The image has 2 labels. Set the hyperparameter multi_label to 1."),
            ("5\t1\tb.png", "there is no image b.png in channel train"),
            ("5\t1\t../train_lst/t.lst", "there is no image ../train_lst/t.lst in channel train"),
            ("", "Channel train_lst holds no images."),
        ],
    )
    def test_a_wrong_list_is_refused_by_its_line(self, job: Any, line: str, said: str) -> None:
        made = job(IMAGE_CLASSIFICATION, {"train/a.png": PNG, "train_lst/t.lst": line})
        with pytest.raises(ClientError) as error:
            Labels(made).samples("train")
        assert said in str(error.value)

    def test_images_without_a_list_are_refused(self, job: Any) -> None:
        made = job(IMAGE_CLASSIFICATION, {"train/a.png": PNG})
        with pytest.raises(ClientError, match="channel train_lst, which labels them, was not given"):
            Labels(made).samples("train")

    @pytest.mark.parametrize("annotation", [b"2", b'"2"', b"[2]", b' "2" '])
    def test_a_manifest_sends_an_image_and_its_class(self, job: Any, annotation: bytes) -> None:
        data = frame(PNG) + frame(annotation)
        made = job(IMAGE_CLASSIFICATION, {"train/0": data}, samples.RECORDIO)
        assert [each.label for each in Labels(made).samples("train")] == [2]

    @pytest.mark.parametrize(
        ("form", "annotation"), [("multi-hot", b"[1, 0, 1]"), ("class-id", b"[2, 0]"), ("class-id", b"[0, 2, 2]")]
    )
    def test_several_classes_in_two_forms(self, job: Any, form: str, annotation: bytes) -> None:
        made = job(
            IMAGE_CLASSIFICATION,
            {"train/0": frame(PNG) + frame(annotation)},
            samples.RECORDIO,
            multi_label="1",
            parameters={"label-format": form},
        )
        assert Labels(made).samples("train")[0].label == (1.0, 0.0, 1.0)

    def test_a_list_of_classes_is_no_multi_hot_label(self, job: Any) -> None:
        made = job(IMAGE_CLASSIFICATION, {"train/0": frame(PNG) + frame(b"[2]")}, samples.RECORDIO, multi_label="1")
        with pytest.raises(ClientError, match="must say label-format=class-id"):
            Labels(made).samples("train")

    def test_records_have_their_class(self, job: Any) -> None:
        data = image_records.write([ImageRecord((1.0,), b"image")])
        made = job(IMAGE_CLASSIFICATION, {"train/t.rec": data}, samples.RECORDIO)
        assert Labels(made).samples("train")[0].label == 1

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"image_shape": "32"}, "image_shape: '32' is not channels, height and width"),
            ({"image_shape": "4,32,32"}, "channels must be 1 or 3"),
            ({"num_layers": "19"}, "Hyperparameter num_layers: 19 is not one of"),
            ({"top_k": "4"}, "top_k is above num_classes"),
            ({"checkpoint_frequency": "31"}, "checkpoint_frequency is above epochs"),
            ({"lr_scheduler_step": "10,x"}, "lr_scheduler_step: '10,x' is not a list of epochs"),
        ],
    )
    def test_wrong_hyperparameters_are_refused(self, given: dict[str, str], said: str) -> None:
        with pytest.raises(ClientError) as error:
            IMAGE_CLASSIFICATION.check(validate(IMAGE_CLASSIFICATION.hyperparameters, {**REQUIRED, **given}))
        assert said in str(error.value)


class TestObjectDetection:
    SIZE = ({"width": 100, "height": 50, "depth": 3},)

    def annotation(self, **box: float) -> dict[str, Any]:
        told = {"class_id": 1, "left": 10, "top": 5, "width": 20, "height": 10, **box}
        return {"file": "a.png", "image_size": list(self.SIZE), "annotations": [told]}

    def test_pixels_become_parts_of_the_image(self, job: Any) -> None:
        files = {"train/a.png": PNG, "train_annotation/a.json": json.dumps(self.annotation())}
        (sample,) = read(job(OBJECT_DETECTION, files), "train")
        assert sample.label == [(1, 0.1, 0.1, pytest.approx(0.3), pytest.approx(0.3))]

    def test_a_box_over_the_edge_is_cut(self, job: Any) -> None:
        data = frame(PNG) + frame(json.dumps(self.annotation(width=1000)).encode())
        (sample,) = read(job(OBJECT_DETECTION, {"train/0": data}, samples.RECORDIO), "train")
        assert sample.label[0][3] == 1

    def test_records_have_a_header_before_their_objects(self, job: Any) -> None:
        labels = (4.0, 6.0, 100.0, 50.0, 1.0, 0.25, 0.25, 0.5, 0.5, 0.0)
        data = image_records.write([ImageRecord(labels, b"image")])
        (sample,) = read(job(OBJECT_DETECTION, {"train/t.rec": data}, samples.RECORDIO), "train")
        assert sample.label == [(1.0, 0.25, 0.25, 0.5, 0.5)]

    @pytest.mark.parametrize("labels", [(1.0,), (2.0, 5.0, 1.0), (2.0, 4.0, 1.0, 0.0, 0.0, 1.0), (9.0, 5.0)])
    def test_wrong_records_are_refused(self, job: Any, labels: tuple[float, ...]) -> None:
        data = image_records.write([ImageRecord(labels, b"image")])
        with pytest.raises(ClientError, match=r"Record 1 of t.rec in channel train: The record's labels are not"):
            read(job(OBJECT_DETECTION, {"train/t.rec": data}, samples.RECORDIO), "train")

    @pytest.mark.parametrize(
        ("annotation", "said"),
        [
            ("[]", "a.json in channel train_annotation is not a JSON object"),
            ("{", "a.json in channel train_annotation is not JSON"),
            ("{}", 'names no image: write its path in the channel train as "file"'),
            ('{"file": "a.png"}', "The annotation needs"),
        ],
    )
    def test_a_wrong_annotation_is_refused_by_its_file(self, job: Any, annotation: str, said: str) -> None:
        with pytest.raises(ClientError) as error:
            read(job(OBJECT_DETECTION, {"train/a.png": PNG, "train_annotation/a.json": annotation}), "train")
        assert said in str(error.value)

    @pytest.mark.parametrize(
        ("box", "said"),
        [
            ({"class_id": 3}, "The class is 3."),
            ({"width": 0}, "A box of class 1 has no area inside the image."),
            ({"left": 200}, "A box of class 1 has no area inside the image."),
            ({"left": float("nan")}, "is not of finite numbers"),
        ],
    )
    def test_a_wrong_box_is_refused(self, job: Any, box: dict[str, float], said: str) -> None:
        files = {"train/a.png": PNG, "train_annotation/a.json": json.dumps(self.annotation(**box))}
        with pytest.raises(ClientError) as error:
            read(job(OBJECT_DETECTION, files), "train")
        assert said in str(error.value)


class TestSemanticSegmentation:
    @pytest.mark.parametrize(
        ("told", "means"),
        [
            ({"scale": "3"}, {0: 0, 3: 1, 5: 1, 6: 2}),
            ({"map": {"0": 5, "1": 0, "2": 2}}, {0: 1, 5: 0, 2: 2}),
            ({}, {0: 0, 255: 255}),
        ],
    )
    def test_a_label_map_says_what_values_mean(self, job: Any, told: dict[str, Any], means: dict[int, int]) -> None:
        made = job(SEMANTIC_SEGMENTATION, {"label_map/train_label_map.json": json.dumps(told)}, "json")
        table = label_table(made, "train")
        assert {value: int(table[value]) for value in means} == means
        assert label_table(made, "validation").tolist() == list(range(256))

    @pytest.mark.parametrize(
        "told", ['{"scale": 0}', '{"map": [1]}', '{"map": {"a": 1}}', '{"map": {"0": 999}}', "[1]"]
    )
    def test_a_wrong_label_map_is_refused(self, job: Any, told: str) -> None:
        made = job(SEMANTIC_SEGMENTATION, {"label_map/train_label_map.json": told}, "json")
        with pytest.raises(ClientError, match=r"train_label_map.json in channel label_map is"):
            label_table(made, "train")
