"""Residual networks of 18 to 200 layers, and those of 20 to 110 for small images.

The former have torchvision's layout and names, so that its weights fit here and ours there. PyTorch.
"""

from __future__ import annotations

from typing import Any

from torch import nn

# layers → blocks of each stage; the first two have blocks of two convolutions, all others of three.
DEEP = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
SMALL = (20, 32, 44, 56, 110)


class Block(nn.Module):  # type: ignore[misc]  # torch is not where types are checked
    """Convolutions beside a short cut: 3x3, 3x3, or 1x1, 3x3, 1x1 with four times the width."""

    def __init__(self, inputs: int, width: int, *, deep: bool, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.deep = deep
        self.outputs = width * 4 if deep else width
        self.relu = nn.ReLU(inplace=True)
        spread = {"padding": dilation, "dilation": dilation, "bias": False}
        if deep:
            self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
            self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, **spread), nn.BatchNorm2d(width)
            self.conv3, self.bn3 = nn.Conv2d(width, self.outputs, 1, bias=False), nn.BatchNorm2d(self.outputs)
        else:
            self.conv1, self.bn1 = nn.Conv2d(inputs, width, 3, stride, **spread), nn.BatchNorm2d(width)
            self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or inputs != self.outputs:
            narrow = nn.Conv2d(inputs, self.outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(narrow, nn.BatchNorm2d(self.outputs))

    def forward(self, x: Any) -> Any:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        if self.deep:
            y = self.bn3(self.conv3(self.relu(y)))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):  # type: ignore[misc]
    """A network of so many layers. `dilated`: the last two stages widen their view instead of halving the map."""

    def __init__(self, layers: int, classes: int, channels: int = 3, *, dilated: bool = False) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        if layers in DEEP:
            self.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
            self.maxpool = nn.MaxPool2d(3, 2, 1)
            blocks: tuple[int, ...] = DEEP[layers]
            widths: tuple[int, ...] = (64, 128, 256, 512)
            deep = layers >= 50
        else:
            self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
            self.maxpool = nn.Identity()
            blocks, widths, deep = ((layers - 2) // 6,) * 3, (16, 32, 64), False
        inputs = self.conv1.out_channels
        self.bn1 = nn.BatchNorm2d(inputs)
        self.widths: list[int] = []
        for index, (count, width) in enumerate(zip(blocks, widths, strict=True)):
            dilation = 2 ** (index - 1) if dilated and index > 1 else 1
            stride = 1 if index == 0 or dilation > 1 else 2
            stage: list[Any] = []
            for number in range(count):
                before = max(1, dilation // 2) if number == 0 else dilation
                stage.append(Block(inputs, width, deep=deep, stride=stride if number == 0 else 1, dilation=before))
                inputs = stage[-1].outputs
            self.add_module(f"layer{index + 1}", nn.Sequential(*stage))
            self.widths.append(inputs)
        if classes:
            self.fc = nn.Linear(inputs, classes)
        _begin(self)

    def stages(self, x: Any) -> list[Any]:
        """The map after each stage."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        maps = []
        for index in range(len(self.widths)):
            x = self.get_submodule(f"layer{index + 1}")(x)
            maps.append(x)
        return maps

    def forward(self, x: Any) -> Any:
        return self.fc(self.stages(x)[-1].mean((2, 3)))


def _begin(network: Any) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
