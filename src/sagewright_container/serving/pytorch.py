"""PyTorch's defaults: a TorchScript model, tensors in, JSON, CSV or NPY out. The user's functions come before them."""

from __future__ import annotations

import os
from typing import Any

import torch

from sagewright_container.contract import Contract
from sagewright_container.serving import content, user_module
from sagewright_container.serving.user_module import Defaults, UserHandler

_DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load(contract: Contract) -> UserHandler:
    """The user's script over the defaults, or the defaults alone."""
    return user_module.handler(user_module.find(contract, os.environ), contract, DEFAULTS)


def load_model(model_dir: str) -> Any:
    """The one `.pt` or `.pth` file of the folder, which must be TorchScript: nothing else brings its own code.

    Raises ValueError with what to do where there is none, or several.
    """
    names = sorted(name for name in os.listdir(model_dir) if name.endswith((".pt", ".pth")))
    if len(names) != 1:
        held = ", ".join(sorted(os.listdir(model_dir))) or "nothing"
        raise ValueError(
            "Without a model_fn there must be exactly one .pt or .pth file, saved with torch.jit.save. "
            f"{model_dir} holds {held}."
        )
    return torch.jit.load(os.path.join(model_dir, names[0]), map_location=_DEVICE).eval()


def decode(body: bytes, media: str) -> Any:
    """The request as a tensor on the model's device: float32 from JSON and CSV, what it is from NPY."""
    return torch.from_numpy(content.decode(body, media)).to(_DEVICE)


def predict(data: Any, model: Any) -> Any:
    """`model(data)`, without gradients."""
    with torch.no_grad():
        return model(data)


def encode(prediction: Any, media: str) -> bytes:
    """A tensor in the form that was asked for; other values as they are."""
    if isinstance(prediction, torch.Tensor):
        prediction = prediction.detach().cpu().numpy()
    return content.encode(prediction, media)


DEFAULTS = Defaults(decode, predict, encode, content.ENCODERS, load_model)
