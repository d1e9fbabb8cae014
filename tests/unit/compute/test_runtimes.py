"""Which runtime answers to which image."""

from __future__ import annotations

import sys

import pytest

from sagewright.compute.refusals import REFUSED
from sagewright.compute.runtimes import RUNTIMES, Runtime, no_runtime, remark, repository, resolve
from sagewright.compute.venvs import LOCKS

DIGEST = "@sha256:" + "0" * 64
ECR = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PACKAGES = {
    "AutoGluon": "autogluon-tabular",
    "MXNet": "mxnet",
    "PyTorch": "torch",
    "Spark": "pyspark",
    "TensorFlow": "tensorflow-cpu",
    "Transformers": "transformers",
    "XGBoost": "xgboost-cpu",
    "scikit-learn": "scikit-learn",
}
# Every repository that image_uris of SDK v2 2.257 and v3 3.27 can name.
NAMED = """
autogluon-inference autogluon-training blazingtext detailed-profiler-processing djl-inference
factorization-machines forecasting-deepar huggingface-llamacpp huggingface-pytorch-inference
huggingface-pytorch-inference-neuron huggingface-pytorch-inference-neuronx huggingface-pytorch-tgi-inference
huggingface-pytorch-training huggingface-pytorch-training-neuronx huggingface-pytorch-trcomp-training
huggingface-sglang huggingface-tensorflow-inference huggingface-tensorflow-training
huggingface-tensorflow-trcomp-training huggingface-vllm huggingface-vllm-inference-neuronx huggingface-vllm-omni
image-classification image-classification-neo ipinsights kmeans knn lda linear-learner llama-cpp llama-cpp-arm64
mxnet-inference mxnet-inference-eia mxnet-training ntm object-detection object2vec pca pytorch pytorch-inference
pytorch-inference-arm64 pytorch-inference-eia pytorch-inference-graviton pytorch-training pytorch-training-neuron
pytorch-training-neuronx pytorch-trcomp-training randomcutforest ray sagemaker-base-python sagemaker-chainer
sagemaker-clarify-processing sagemaker-data-wrangler-container sagemaker-debugger-rules
sagemaker-distribution-prod sagemaker-geospatial-v1-0 sagemaker-inference-mxnet sagemaker-inference-pytorch
sagemaker-inference-tensorflow sagemaker-inspect-ai sagemaker-model-monitor-analyzer sagemaker-mxnet
sagemaker-mxnet-eia sagemaker-mxnet-serving sagemaker-mxnet-serving-eia sagemaker-neo-mxnet sagemaker-neo-pytorch
sagemaker-neo-tensorflow sagemaker-pytorch sagemaker-rl-coach-container sagemaker-rl-mxnet
sagemaker-rl-ray-container sagemaker-rl-tensorflow sagemaker-rl-vw-container sagemaker-scikit-learn
sagemaker-spark-processing sagemaker-sparkml-serving sagemaker-tensorflow sagemaker-tensorflow-eia
sagemaker-tensorflow-scriptmode sagemaker-tensorflow-serving sagemaker-tensorflow-serving-eia
sagemaker-tritonserver sagemaker-xgboost semantic-segmentation seq2seq sglang smdistributed-modelparallel
stabilityai-pytorch-inference tei tei-cpu tensorflow-inference tensorflow-inference-eia
tensorflow-inference-graviton tensorflow-training vllm whisperx xgboost xgboost-neo
""".split()  # noqa: SIM905  a list would be as long as a page


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3", "scikit-learn"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn", "scikit-learn"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", "xgboost"),
        ("450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-xgboost:1.7-1", "xgboost"),
        ("811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1", "xgboost"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost" + DIGEST, "xgboost"),
    ],
)
def test_aws_images_have_a_runtime(uri: str, name: str) -> None:
    runtime = resolve(uri)
    assert runtime is not None
    assert runtime.name == name
    assert (LOCKS / f"{runtime.environment}.txt").is_file()


@pytest.mark.parametrize("name", NAMED)
def test_every_image_of_the_sdks_is_answered_or_refused_in_words(name: str) -> None:
    uri = f"{ECR}/{name}:1.0"
    if name in REFUSED:
        assert resolve(uri) is None
        assert no_runtime(uri) == f"No runtime answers to image '{uri}'. {REFUSED[name]}"
    else:
        assert resolve(uri) is not None


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("tensorflow-training:1.15.2-cpu-py37", "tensorflow-2.15"),
        ("tensorflow-training:2.3.1-cpu-py37", "tensorflow-2.15"),
        ("tensorflow-inference:2.15.0-gpu", "tensorflow-2.15"),
        ("tensorflow-training:2.16.2-cpu-py310", "tensorflow"),
        ("tensorflow-training:2.19.0-gpu-py312-cu125-ubuntu22.04-sagemaker", "tensorflow"),
        ("tensorflow-inference", "tensorflow"),
        ("tensorflow-inference:latest", "tensorflow"),
        ("huggingface-pytorch-training:1.6-transformers4.6.1-gpu-py36-cu110-ubuntu18.04", "huggingface-4"),
        ("huggingface-pytorch-inference:2.6.0-transformers4.51.3-cpu-py312-ubuntu22.04", "huggingface-4.57"),
        ("huggingface-pytorch-training:2.9.0-transformers5.3.0-gpu-py312", "huggingface"),
        ("huggingface-tensorflow-training:2.6.3-transformers4.17.0-gpu-py38", "huggingface-tensorflow"),
    ],
)
def test_the_nearest_version_answers(image: str, name: str) -> None:
    runtime = resolve(f"{ECR}/{image}")
    assert runtime is not None
    assert runtime.name == name


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        ("tensorflow-training:2.3.1-cpu-py37", "TensorFlow 2.3.1 was asked for; this runs 2.15.1, on Python 3."),
        ("sagemaker-scikit-learn:1.2-1-cpu-py3", "scikit-learn 1.2-1 was asked for; this runs 1.9.1, on Python 3."),
        (
            "sagemaker-tensorflow-scriptmode:1.12.0-cpu-py3",
            f"TensorFlow 1.12.0 was asked for; this runs 2.15.1, on Python {PYTHON}. "
            "What a script for TensorFlow 1 needs is in tensorflow.compat.v1.",
        ),
        ("tensorflow-inference:2.15.0-cpu", None),
        ("sagemaker-scikit-learn:1.9-0", None),
        ("pytorch-training", None),
        ("xgboost:1", None),
        ("sagemaker-base-python:1.0", None),
        (
            "huggingface-pytorch-training:2.1.0-transformers4.36.0-gpu-py310-cu121-ubuntu20.04",
            "Transformers 4.36.0 and PyTorch 2.1.0 were asked for; this runs Transformers 4.45.2 and PyTorch 2.13.0,",
        ),
    ],
)
def test_other_versions_than_asked_for_are_told(image: str, sentence: str | None) -> None:
    runtime = resolve(f"{ECR}/{image}")
    assert runtime is not None
    said = remark(f"{ECR}/{image}", runtime)
    assert said is None if sentence is None else (said or "").startswith(sentence)


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)
def test_a_runtime_holds_what_it_says(runtime: Runtime) -> None:
    lock = (LOCKS / f"{runtime.environment}.txt").read_text().splitlines()
    for framework, version in runtime.holds:
        assert f"{PACKAGES[framework]}=={version}" in lock


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "xgboost",
        "docker.io/library/xgboost:1",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/my-xgboost:1",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/xgboost:1",
        "1234.dkr.ecr.us-east-1.amazonaws.com/xgboost:1",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/xgboost:1\n",
    ],
)
def test_other_images_have_none(uri: str) -> None:
    assert resolve(uri) is None


def test_the_sentence_names_the_image_and_what_there_is() -> None:
    sentence = no_runtime("me/mine:1")
    assert sentence.startswith(
        "No runtime answers to image 'me/mine:1'. Own images need an engine that runs containers: "
        "sagewright up --engine container. Runtimes: scikit-learn ("
    )


def test_where_images_run_the_sentence_says_where_they_are_looked_for() -> None:
    assert "Nor is it in a repository of this account's ECR" in no_runtime("me/mine:1", runs_images=True)


def test_runtimes_of_one_repository_differ_in_version_and_stand_in_its_order() -> None:
    for name in {name for runtime in RUNTIMES for name in runtime.repositories}:
        answering = [runtime for runtime in RUNTIMES if name in runtime.repositories]
        versions = [tuple(map(int, runtime.holds[0][1].split("."))) for runtime in answering if len(answering) > 1]
        assert versions == sorted(set(versions))
        assert name not in REFUSED


def test_the_repository_is_what_follows_the_registry() -> None:
    assert repository("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/model:v1") == "team/model"
    assert repository("ubuntu") is None
