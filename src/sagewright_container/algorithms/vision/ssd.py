"""The single shot detector: VGG-16 or a residual network, smaller maps after it, and default boxes on each. PyTorch."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from sagewright_container.algorithms.vision.resnet import ResNet

_VGG = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
_MAPS = 6  # at the most
_SMALLEST, _LARGEST = 0.15, 0.9  # default boxes on the first and last map, as parts of the image's side
_RATIOS = (2.0, 0.5, 3.0, 1 / 3)
BOXES = 2 + len(_RATIOS)
"""Default boxes at each place of a map."""


class Vgg(nn.Module):  # type: ignore[misc]  # torch is not where types are checked
    """VGG-16 with batch normalization, its last layers convolutions, its layers named as in the paper."""

    widths = (512, 1024)

    def __init__(self) -> None:
        super().__init__()
        inputs = 3
        for block, (count, width) in enumerate(_VGG, 1):
            for number in range(1, count + 1):
                self._add(f"{block}_{number}", inputs, width, 3, 1)
                inputs = width
        self._add("6", inputs, 1024, 3, 6)
        self._add("7", 1024, 1024, 1, 1)
        self.pool, self.pool5 = nn.MaxPool2d(2, 2, ceil_mode=True), nn.MaxPool2d(3, 1, 1)

    def _add(self, name: str, inputs: int, outputs: int, kernel: int, dilation: int) -> None:
        padding = dilation * (kernel // 2)
        self.add_module(
            f"conv{name}", nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=False)
        )
        self.add_module(f"bn{name}", nn.BatchNorm2d(outputs))

    def _layer(self, name: str, x: Any) -> Any:
        return self.get_submodule(f"bn{name}")(self.get_submodule(f"conv{name}")(x)).relu()

    def stages(self, x: Any) -> list[Any]:
        """The maps of an eighth and of a sixteenth of the image's side."""
        maps = []
        for block, (count, _) in enumerate(_VGG, 1):
            for number in range(1, count + 1):
                x = self._layer(f"{block}_{number}", x)
            maps.append(x)
            x = (self.pool5 if block == len(_VGG) else self.pool)(x)
        return [maps[3], self._layer("7", self._layer("6", x))]


class Ssd(nn.Module):  # type: ignore[misc]
    """Scores (images by boxes by 1 + classes, nothing first) and offsets (by 4) of all default boxes."""

    def __init__(self, base: str, side: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        if base == "vgg-16":
            self.base: Any = Vgg()
            widths, last = list(self.base.widths), 16
        else:
            self.base = ResNet(int(base.partition("-")[2]), 0)
            widths, last = list(self.base.widths[1:]), 32
        self._used = len(widths)
        self.extras = nn.ModuleList()
        size = -(-side // last)
        while size > 1 and len(widths) < _MAPS:
            self.extras.append(_smaller(widths[-1]))
            widths.append(512)
            size = -(-size // 2)
        self.scores = nn.ModuleList([nn.Conv2d(width, BOXES * (1 + classes), 3, padding=1) for width in widths])
        self.offsets = nn.ModuleList([nn.Conv2d(width, BOXES * 4, 3, padding=1) for width in widths])
        self._boxes: dict[Any, Any] = {}

    def forward(self, x: Any) -> tuple[Any, Any, Any]:
        """Scores, offsets, and the default boxes: middle across and down, width and height."""
        maps = self.base.stages(x)[-self._used :]
        for extra in self.extras:
            maps.append(extra(maps[-1]))
        scores = [_rows(head(each), 1 + self.classes) for head, each in zip(self.scores, maps, strict=True)]
        offsets = [_rows(head(each), 4) for head, each in zip(self.offsets, maps, strict=True)]
        sizes = tuple((each.shape[-2], each.shape[-1]) for each in maps)
        if sizes not in self._boxes:
            self._boxes[sizes] = default_boxes(sizes).to(x.device)
        return torch.cat(scores, 1), torch.cat(offsets, 1), self._boxes[sizes]


def _smaller(inputs: int) -> Any:
    return nn.Sequential(
        *(nn.Conv2d(inputs, 256, 1, bias=False), nn.BatchNorm2d(256), nn.ReLU(inplace=True)),
        *(nn.Conv2d(256, 512, 3, 2, 1, bias=False), nn.BatchNorm2d(512), nn.ReLU(inplace=True)),
    )


def _rows(answer: Any, width: int) -> Any:
    return answer.permute(0, 2, 3, 1).reshape(answer.shape[0], -1, width)


def default_boxes(sizes: tuple[tuple[int, int], ...]) -> Any:
    """Of maps of some sizes, place by place, in the order of the network's answers."""
    steps = max(1, len(sizes) - 1)
    scales = [_SMALLEST + (_LARGEST - _SMALLEST) * index / steps for index in range(len(sizes) + 1)]
    found = []
    for index, (height, width) in enumerate(sizes):
        scale, between = scales[index], math.sqrt(scales[index] * scales[index + 1])
        shapes = [(scale, scale), (between, between)]
        shapes += [(scale * math.sqrt(ratio), scale / math.sqrt(ratio)) for ratio in _RATIOS]
        down, across = torch.meshgrid(
            (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width, indexing="ij"
        )
        middles = torch.stack([across, down], 2).reshape(-1, 1, 2).expand(-1, BOXES, 2)
        found.append(torch.cat([middles, torch.tensor(shapes).expand(len(middles), BOXES, 2)], 2).reshape(-1, 4))
    return torch.cat(found)
