"""`images.py make FOLDER COUNT`, `images.py train FOLDER SETTINGS`: images in a channel, and a plain loop on them."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any


def make(folder: Path, count: int) -> None:
    """Squares of three colours, anywhere, and the list that names their classes."""
    from PIL import Image, ImageDraw

    images, lists = folder / "input/data/train", folder / "input/data/train_lst"
    images.mkdir(parents=True)
    lists.mkdir(parents=True)
    chance = random.Random(0)
    lines = []
    for number in range(count):
        kind, left, top = number % 3, chance.randint(0, 20), chance.randint(0, 20)
        image = Image.new("RGB", (32, 32), tuple(chance.randint(0, 80) for _ in range(3)))
        colour = tuple(220 if each == kind else 40 for each in range(3))
        ImageDraw.Draw(image).rectangle((left, top, left + 11, top + 11), fill=colour)
        image.save(images / f"{number}.png")
        lines.append(f"{number}\t{kind}\t{number}.png\n")
    (lists / "train.lst").write_text("".join(lines))


def train(folder: Path, settings: dict[str, Any]) -> None:
    """What a script would do."""
    import numpy as np
    import torch
    from PIL import Image

    from sagewright_container.algorithms.vision.resnet import ResNet

    rows = [line.split("\t") for line in (folder / "input/data/train_lst/train.lst").read_text().splitlines()]
    network = ResNet(int(settings["num_layers"]), int(settings["num_classes"])).train()
    steps = torch.optim.SGD(network.parameters(), float(settings["learning_rate"]), 0.9, weight_decay=1e-4)
    size = int(settings["mini_batch_size"])
    for _ in range(int(settings["epochs"])):
        random.shuffle(rows)
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            images = [np.asarray(Image.open(folder / "input/data/train" / name), np.float32) for _, _, name in batch]
            inputs = torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2) / 128 - 1)
            loss = torch.nn.functional.cross_entropy(network(inputs), torch.tensor([int(row[1]) for row in batch]))
            steps.zero_grad()
            loss.backward()
            steps.step()
    torch.save(network.state_dict(), folder / "plain.pt")


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        train(Path(sys.argv[2]), json.loads(sys.argv[3]))
