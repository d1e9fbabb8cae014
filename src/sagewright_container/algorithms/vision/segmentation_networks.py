"""FCN, PSP and DeepLabV3: a dilated residual network and a head each. PyTorch.

FCN and DeepLabV3 have torchvision's layout and names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from sagewright_container.algorithms.vision.resnet import ResNet

_RATES = (12, 24, 36)
_BINS = (1, 2, 3, 6)


def _to(x: Any, size: Sequence[int]) -> Any:
    return functional.interpolate(x, size, mode="bilinear", align_corners=False)


def _unit(inputs: int, outputs: int, kernel: int = 1, dilation: int = 1) -> list[Any]:
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def fcn(inputs: int, classes: int) -> Any:
    """A convolution, and each pixel's classes."""
    middle = inputs // 4
    return nn.Sequential(*_unit(inputs, middle, 3), nn.Dropout(0.1), nn.Conv2d(middle, classes, 1))


class Pooled(nn.Sequential):  # type: ignore[misc]  # torch is not where types are checked
    """The map's means over a grid of so many cells a side, as large as the map again."""

    def __init__(self, inputs: int, outputs: int, cells: int = 1) -> None:
        super().__init__(nn.AdaptiveAvgPool2d(cells), *_unit(inputs, outputs))

    def forward(self, x: Any) -> Any:
        return _to(super().forward(x), x.shape[-2:])


class Beside(nn.Module):  # type: ignore[misc]
    """DeepLabV3's: the map seen at several rates and as a whole, brought together."""

    def __init__(self, inputs: int, outputs: int = 256) -> None:
        super().__init__()
        rates = [nn.Sequential(*_unit(inputs, outputs, 3, rate)) for rate in _RATES]
        self.convs = nn.ModuleList([nn.Sequential(*_unit(inputs, outputs)), *rates, Pooled(inputs, outputs)])
        self.project = nn.Sequential(*_unit(len(self.convs) * outputs, outputs), nn.Dropout(0.5))

    def forward(self, x: Any) -> Any:
        return self.project(torch.cat([each(x) for each in self.convs], 1))


def deeplab(inputs: int, classes: int) -> Any:
    """DeepLabV3's head."""
    return nn.Sequential(Beside(inputs), *_unit(256, 256, 3), nn.Conv2d(256, classes, 1))


class Pyramid(nn.Module):  # type: ignore[misc]
    """PSP's head: the map beside its means over four grids."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        part = inputs // len(_BINS)
        self.pools = nn.ModuleList([Pooled(inputs, part, cells) for cells in _BINS])
        self.last = fcn(inputs + part * len(_BINS), classes)

    def forward(self, x: Any) -> Any:
        return self.last(torch.cat([x, *(pool(x) for pool in self.pools)], 1))


_HEADS = {"fcn": fcn, "psp": Pyramid, "deeplab": deeplab}


class Segmentation(nn.Module):  # type: ignore[misc]
    """An image's classes, pixel by pixel."""

    def __init__(self, algorithm: str, layers: int, classes: int) -> None:
        super().__init__()
        self.backbone = ResNet(layers, 0, dilated=True)
        self.classifier = _HEADS[algorithm](self.backbone.widths[-1], classes)
        self.aux_classifier = fcn(self.backbone.widths[-2], classes)

    def both(self, x: Any) -> tuple[Any, Any]:
        """The answer, and that of the third stage, which helps to train."""
        *_, third, fourth = self.backbone.stages(x)
        return _to(self.classifier(fourth), x.shape[-2:]), _to(self.aux_classifier(third), x.shape[-2:])

    def forward(self, x: Any) -> Any:
        return _to(self.classifier(self.backbone.stages(x)[-1]), x.shape[-2:])
