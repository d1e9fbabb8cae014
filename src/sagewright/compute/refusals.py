"""AWS's images that no runtime answers to, each with what its users can do instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sagewright.base import toolkit

_SCRIPT: Final = "Until then a script in the scikit-learn, PyTorch or XGBoost image does the work."
_NEURON: Final = (
    "It holds AWS's compiler for Trainium and Inferentia, which runs on those chips alone. "
    "The same script runs in the image {} on CPUs and GPUs."
)
_NEO: Final = (
    "It runs models that SageMaker Neo has compiled, and nothing compiles them here. Deploy the model itself: image {}."
)
_LLM: Final = (
    "It is a server for large language models, which Sagewright does not have yet. A model that fits this machine is "
    "served by huggingface-pytorch-inference: with HF_TASK, or with an inference.py of yours."
)
_RL: Final = (
    "Its reinforcement learning libraries are of a time before Python 3.11 and have no packages for it. Use the image "
    "pytorch-training, with ray[rllib] or gymnasium in the script's requirements.txt."
)
_MONITOR: Final = "What it does for SageMaker ({}) is not built yet."


def _each(names: Sequence[str], sentence: str) -> Iterator[tuple[str, str]]:
    return ((name, sentence) for name in names)


_ALGORITHMS: Final = (
    *("blazingtext", "factorization-machines", "forecasting-deepar", "image-classification", "ipinsights", "kmeans"),
    *("knn", "lda", "linear-learner", "ntm", "object-detection", "object2vec", "pca", "randomcutforest"),
    *("semantic-segmentation", "seq2seq"),
)
_NOT_BUILT: Final = tuple(name for name in _ALGORITHMS if toolkit.algorithm_of(name) is None)

# Add an image here that cannot be answered, with the sentence that its user needs.
REFUSED: Final[Mapping[str, str]] = dict(
    (
        *_each(_NOT_BUILT, f"This built-in algorithm is not built yet. {_SCRIPT}"),
        *_each(("image-classification-neo", "xgboost-neo"), _NEO.format("of the algorithm, without -neo in its name")),
        *_each(("sagemaker-neo-mxnet", "sagemaker-inference-mxnet"), _NEO.format("mxnet-inference")),
        *_each(("sagemaker-neo-pytorch", "sagemaker-inference-pytorch"), _NEO.format("pytorch-inference")),
        *_each(("sagemaker-neo-tensorflow", "sagemaker-inference-tensorflow"), _NEO.format("tensorflow-inference")),
        *_each(("pytorch-training-neuron", "pytorch-training-neuronx"), _NEURON.format("pytorch-training")),
        ("huggingface-pytorch-training-neuronx", _NEURON.format("huggingface-pytorch-training")),
        *_each(
            ("huggingface-pytorch-inference-neuron", "huggingface-pytorch-inference-neuronx"),
            _NEURON.format("huggingface-pytorch-inference"),
        ),
        *_each(
            (
                *("djl-inference", "huggingface-pytorch-tgi-inference", "huggingface-llamacpp", "huggingface-sglang"),
                *("huggingface-vllm", "huggingface-vllm-inference-neuronx", "huggingface-vllm-omni"),
                *("llama-cpp", "llama-cpp-arm64", "sglang", "vllm"),
            ),
            _LLM,
        ),
        *_each(
            ("tei", "tei-cpu"),
            "Its server of text embeddings is no Python package. huggingface-pytorch-inference serves the same models "
            "with HF_TASK=feature-extraction.",
        ),
        *_each(
            (
                *("sagemaker-rl-mxnet", "sagemaker-rl-tensorflow", "sagemaker-rl-coach-container"),
                *("sagemaker-rl-ray-container", "sagemaker-rl-vw-container"),
            ),
            _RL,
        ),
        (
            "sagemaker-chainer",
            "Chainer's last release, 7.8.1, is no wheel and does not build for Python 3.11. Port the script to "
            "PyTorch, whose API grew out of Chainer's: image pytorch-training.",
        ),
        (
            "smdistributed-modelparallel",
            "SageMaker's model parallel library is AWS's own and no package. torch.distributed's FSDP does the same in "
            "the image pytorch-training.",
        ),
        (
            "stabilityai-pytorch-inference",
            "Its library of diffusion models is in no environment here. Use the image pytorch-inference, with "
            "diffusers in the requirements.txt beside your inference.py.",
        ),
        (
            "whisperx",
            "Its server is not built. huggingface-pytorch-inference transcribes speech with "
            "HF_TASK=automatic-speech-recognition.",
        ),
        ("ray", "Ray Serve's server is not built. Serve the model with an inference.py in pytorch-inference."),
        (
            "sagemaker-tritonserver",
            "NVIDIA Triton is no Python package. PyTorch's, TensorFlow's and Hugging Face's models are served by "
            "pytorch-inference, tensorflow-inference and huggingface-pytorch-inference.",
        ),
        ("sagemaker-clarify-processing", _MONITOR.format("Clarify's bias and explainability analyses")),
        ("sagemaker-model-monitor-analyzer", _MONITOR.format("Model Monitor's analyses")),
        *_each(
            ("sagemaker-debugger-rules", "detailed-profiler-processing"),
            _MONITOR.format("Debugger's rules and reports"),
        ),
        ("sagemaker-data-wrangler-container", _MONITOR.format("Data Wrangler's flows")),
        ("sagemaker-geospatial-v1-0", _MONITOR.format("geospatial processing")),
        ("sagemaker-inspect-ai", _MONITOR.format("evaluations with Inspect")),
        (
            "sagemaker-sparkml-serving",
            "Its server of MLeap pipelines is a Java program that is not packaged. Serve the pipeline with an "
            "inference.py in the image sagemaker-scikit-learn.",
        ),
    )
)
