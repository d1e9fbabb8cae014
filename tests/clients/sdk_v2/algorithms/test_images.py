"""The algorithms for images through the SDK v2: trained on small shapes, deployed, asked, batch-transformed."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sagemaker import image_uris
from sagemaker.amazon.record_pb2 import Record
from sagemaker.deserializers import BytesDeserializer, JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.predictor import Predictor
from sagemaker.serializers import IdentitySerializer

COMMON = {"num_training_samples": 60}


@pytest.fixture(scope="module")
def s3(session: Any) -> Any:
    return session.boto_session.client("s3")


@pytest.fixture(scope="module")
def made(session: Any, role: str) -> Callable[..., Estimator]:
    """An estimator of one of the algorithms."""

    def made(name: str, **hyperparameters: Any) -> Estimator:
        return Estimator(
            image_uris.retrieve(name, session.boto_region_name, version="1"),
            role,
            1,
            "ml.m5.large",
            sagemaker_session=session,
            hyperparameters={**COMMON, **hyperparameters},
        )

    return made


@pytest.fixture(scope="module")
def images(s3: Any, bucket: str, shapes: Any) -> str:
    """Where the images, their masks, and the lists of them lie."""
    for channel, some in shapes.items():
        for number, each in enumerate(some):
            s3.put_object(Bucket=bucket, Key=f"shapes/{channel}/{number}.png", Body=each.image)
            s3.put_object(Bucket=bucket, Key=f"shapes/{channel}_annotation/{number}.png", Body=each.mask)
        lines = "".join(f"{number}\t{each.kind}\t{number}.png\n" for number, each in enumerate(some))
        s3.put_object(Bucket=bucket, Key=f"shapes/{channel}_lst/{channel}.lst", Body=lines.encode())
    return f"s3://{bucket}/shapes"


def channels(images: str, *ends: str) -> dict[str, TrainingInput]:
    """The channels train and validation, and those whose names end so."""
    names = [f"{name}{end}" for name in ("train", "validation") for end in ("", *ends)]
    return {name: TrainingInput(f"{images}/{name}/", content_type="application/x-image") for name in names}


READ = """
from safetensors.torch import load_file
print(json.dumps([json.load(open("model.json")).get("network"), len(load_file("model.safetensors"))]))
"""
"""What a plain PyTorch says of a model: the kind of its network, and the number of its tensors."""


def gone_on(estimator: Estimator, inputs: dict[str, TrainingInput]) -> dict[str, float]:
    """The final metrics of one epoch more, begun with the model that an estimator has trained."""
    more = Estimator(
        estimator.training_image_uri(),
        estimator.role,
        1,
        "ml.m5.large",
        sagemaker_session=estimator.sagemaker_session,
        hyperparameters={**estimator.hyperparameters(), "epochs": 1, "learning_rate": 0.0001},
        model_uri=estimator.model_data,
    )
    more.fit(inputs, logs=False)
    return told(more)


def told(estimator: Estimator) -> dict[str, float]:
    """The final metrics of its job."""
    described = estimator.latest_training_job.describe()
    return {each["MetricName"]: each["Value"] for each in described["FinalMetricDataList"]}


def transformed(estimator: Estimator, s3: Any, bucket: str, images: dict[str, bytes]) -> list[Any]:
    """What a batch transform answers of some images."""
    name = estimator.latest_training_job.name
    for key, data in images.items():
        s3.put_object(Bucket=bucket, Key=f"{name}/in/{key}", Body=data)
    transformer = estimator.transformer(
        1, "ml.m5.large", output_path=f"s3://{bucket}/{name}/out", accept="application/jsonlines"
    )
    transformer.transform(f"s3://{bucket}/{name}/in/", content_type="application/x-image", wait=False)
    waiter = estimator.sagemaker_session.sagemaker_client.get_waiter("transform_job_completed_or_stopped")
    job = transformer.latest_transform_job.job_name
    waiter.wait(TransformJobName=job, WaiterConfig={"Delay": 1, "MaxAttempts": 200})
    bodies = (s3.get_object(Bucket=bucket, Key=f"{name}/out/{key}.out")["Body"].read() for key in images)
    return [json.loads(body)["prediction"] for body in bodies]


class TestImageClassification:
    """Listed in `.lst` files."""

    @pytest.fixture(scope="class")
    def estimator(self, made: Callable[..., Estimator], images: str, run: Any) -> Estimator:
        estimator = made(
            "image-classification",
            num_classes=3,
            image_shape="3,32,32",
            num_layers=20,
            epochs=6,
            learning_rate=0.05,
            mini_batch_size=16,
        )
        assert set(run(estimator, channels(images, "_lst"))) == {"model.json", "model.safetensors"}
        return estimator

    @pytest.fixture(scope="class")
    def predictor(
        self, estimator: Estimator, deploy: Callable[..., Any], delete: Callable[..., None]
    ) -> Iterator[Predictor]:
        predictor = deploy(estimator, serializer=IdentitySerializer("application/x-image"))
        yield predictor
        delete(predictor)

    def test_it_is_told_how_well_it_does(self, estimator: Estimator) -> None:
        assert told(estimator)["train:accuracy"] > 0.9
        assert told(estimator)["validation:accuracy"] > 0.6

    def test_the_likeliest_class_is_the_right_one(self, predictor: Predictor, shapes: Any) -> None:
        predictor.deserializer = JSONDeserializer()
        answers = [(predictor.predict(each.image), each.kind) for each in shapes["train"][:9]]
        assert sum(found.index(max(found)) == kind for found, kind in answers) > 6

    def test_training_goes_on_where_it_ended(self, estimator: Estimator, images: str) -> None:
        assert gone_on(estimator, channels(images, "_lst"))["validation:accuracy"] > 0.6

    def test_a_job_that_is_asked_for_more_epochs_goes_on_from_its_checkpoint(
        self, estimator: Estimator, images: str, bucket: str
    ) -> None:
        for epochs in (1, 2):
            job = Estimator(
                estimator.training_image_uri(),
                estimator.role,
                1,
                "ml.m5.large",
                sagemaker_session=estimator.sagemaker_session,
                hyperparameters={**estimator.hyperparameters(), "epochs": epochs},
                checkpoint_s3_uri=f"s3://{bucket}/checkpoints/images",
            )
            job.fit(channels(images, "_lst"), logs=False)
        logs = estimator.sagemaker_session.boto_session.client("logs")
        events = logs.filter_log_events(
            logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=job.latest_training_job.name
        )["events"]
        said = [event["message"] for event in events]
        assert "Going on from the checkpoint after 1 epochs." in said
        assert not any("Epoch[0]" in message for message in said)
        assert any("Epoch[1] Train-accuracy" in message for message in said)

    def test_a_plain_python_reads_the_model(self, estimator: Estimator, outside: Callable[..., Any]) -> None:
        network, count = outside(estimator, "pytorch", READ)
        assert network == "resnet"
        assert count > 20

    def test_a_batch(self, estimator: Estimator, s3: Any, bucket: str, shapes: Any) -> None:
        some = {f"{number}.png": shapes["train"][number].image for number in range(3)}
        assert [len(found) for found in transformed(estimator, s3, bucket, some)] == [3, 3, 3]


class TestObjectDetection:
    """Annotated in a manifest, sent through a pipe."""

    @pytest.fixture(scope="class")
    def inputs(self, images: str, s3: Any, bucket: str, shapes: Any) -> dict[str, TrainingInput]:
        inputs = {}
        for channel, some in shapes.items():
            lines = [self.line(f"{images}/{channel}/{number}.png", each) for number, each in enumerate(some)]
            s3.put_object(Bucket=bucket, Key=f"manifests/{channel}.manifest", Body="\n".join(lines).encode())
            inputs[channel] = TrainingInput(
                f"s3://{bucket}/manifests/{channel}.manifest",
                s3_data_type="AugmentedManifestFile",
                attribute_names=["source-ref", "boxes"],
                record_wrapping="RecordIO",
                content_type="application/x-recordio",
                input_mode="Pipe",
            )
        return inputs

    @pytest.fixture(scope="class")
    def estimator(self, made: Callable[..., Estimator], inputs: dict[str, TrainingInput], run: Any) -> Estimator:
        estimator = made(
            "object-detection",
            num_classes=3,
            base_network="resnet-18",
            image_shape=64,
            epochs=8,
            optimizer="adam",
            learning_rate=0.001,
            mini_batch_size=12,
        )
        run(estimator, inputs)
        return estimator

    def line(self, uri: str, each: Any) -> str:
        """One of a manifest."""
        box = {"class_id": each.kind, "left": each.left, "top": each.top, "width": each.side, "height": each.side}
        size = [{"width": each.size, "height": each.size, "depth": 3}]
        return json.dumps({"source-ref": uri, "boxes": {"image_size": size, "annotations": [box]}})

    def test_it_is_told_how_well_it_does(self, estimator: Estimator) -> None:
        assert told(estimator)["validation:mAP"] > 0.5

    def test_training_goes_on_where_it_ended(self, estimator: Estimator, inputs: dict[str, TrainingInput]) -> None:
        assert gone_on(estimator, inputs)["validation:mAP"] > 0.4

    def test_a_plain_python_reads_the_model(self, estimator: Estimator, outside: Callable[..., Any]) -> None:
        assert outside(estimator, "pytorch", READ)[0] == "ssd"

    def test_an_endpoint_finds_the_objects(
        self, estimator: Estimator, shapes: Any, deploy: Callable[..., Any], delete: Callable[..., None]
    ) -> None:
        predictor = deploy(estimator, serializer=IdentitySerializer("image/png"), deserializer=JSONDeserializer())
        found = [(predictor.predict(each.image)["prediction"][0], each) for each in shapes["train"][:6]]
        delete(predictor)
        assert sum(row[0] == each.kind for row, each in found) > 4
        assert sum(abs(row[2] - each.left / each.size) < 0.2 for row, each in found) > 4

    def test_a_batch(self, estimator: Estimator, s3: Any, bucket: str, shapes: Any) -> None:
        some = shapes["train"][:6]
        found = transformed(estimator, s3, bucket, {f"{number}.png": each.image for number, each in enumerate(some)})
        assert all(len(row) == 6 for rows in found for row in rows)
        assert sum(rows[0][0] == each.kind for rows, each in zip(found, some, strict=True)) > 4


class TestSemanticSegmentation:
    """Images and masks."""

    @pytest.fixture(scope="class")
    def estimator(self, made: Callable[..., Estimator], images: str, run: Any) -> Estimator:
        estimator = made(
            "semantic-segmentation",
            num_classes=4,
            backbone="resnet-18",
            base_size=32,
            crop_size=32,
            epochs=8,
            learning_rate=0.05,
            mini_batch_size=10,
            validation_mini_batch_size=15,
        )
        run(estimator, channels(images, "_annotation"))
        return estimator

    @pytest.fixture(scope="class")
    def predictor(
        self, estimator: Estimator, deploy: Callable[..., Any], delete: Callable[..., None]
    ) -> Iterator[Predictor]:
        predictor = deploy(
            estimator,
            serializer=IdentitySerializer("image/jpeg"),
            deserializer=BytesDeserializer("application/x-protobuf"),
        )
        yield predictor
        delete(predictor)

    def test_it_is_told_how_well_it_does(self, estimator: Estimator) -> None:
        assert told(estimator)["validation:mIOU"] > 0.4
        assert told(estimator)["validation:pixel_accuracy"] > 0.8

    def test_training_goes_on_where_it_ended(self, estimator: Estimator, images: str) -> None:
        assert gone_on(estimator, channels(images, "_annotation"))["validation:mIOU"] > 0.35

    def test_a_plain_python_reads_the_model(self, estimator: Estimator, outside: Callable[..., Any]) -> None:
        assert outside(estimator, "pytorch", READ)[1] > 20

    def test_a_batch(self, estimator: Estimator, s3: Any, bucket: str, shapes: Any) -> None:
        s3.put_object(Bucket=bucket, Key="masks/in/0.png", Body=shapes["validation"][0].image)
        transformer = estimator.transformer(
            1, "ml.m5.large", output_path=f"s3://{bucket}/masks/out", accept="image/png"
        )
        transformer.transform(f"s3://{bucket}/masks/in/", content_type="application/x-image", wait=False)
        waiter = estimator.sagemaker_session.sagemaker_client.get_waiter("transform_job_completed_or_stopped")
        waiter.wait(
            TransformJobName=transformer.latest_transform_job.job_name, WaiterConfig={"Delay": 1, "MaxAttempts": 200}
        )
        assert s3.get_object(Bucket=bucket, Key="masks/out/0.png.out")["Body"].read().startswith(b"\x89PNG")

    def test_a_pixels_probabilities(self, predictor: Predictor, shapes: Any) -> None:
        """As the notebooks of the algorithm read them."""
        body = predictor.predict(shapes["validation"][0].image)
        magic, length = struct.unpack_from("<II", body)
        assert magic == 0xCED7230A
        record = Record()
        record.ParseFromString(body[8 : 8 + length])
        shape = list(record.features["shape"].int32_tensor.values)
        values = record.features["target"].float32_tensor.values
        assert shape == [1, 4, 32, 32]
        assert sum(values[plane * 1024] for plane in range(4)) == pytest.approx(1, abs=1e-5)

    def test_a_mask(self, predictor: Predictor, shapes: Any) -> None:
        predictor.deserializer = BytesDeserializer("image/png")
        assert predictor.predict(shapes["validation"][0].image).startswith(b"\x89PNG")
