"""A small network learns scikit-learn's handwritten digits; the same script serves it."""

import argparse
import os

import torch
from sklearn.datasets import load_digits
from torch import nn


def network():
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def model_fn(model_dir):
    model = network()
    model.load_state_dict(torch.load(os.path.join(model_dir, "model.pth"), map_location="cpu"))
    return model.eval()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--model-dir", type=str, default=os.environ["SM_MODEL_DIR"])
    parser.add_argument("--num-gpus", type=int, default=os.environ["SM_NUM_GPUS"])
    args = parser.parse_args()

    torch.manual_seed(0)
    images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
    images = images.float() / 16
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), args.lr)
    for _ in range(args.epochs):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
    print(f"loss={loss.item():.4f}; accuracy={(model(images).argmax(1) == labels).float().mean():.3f};")
    with open(os.path.join(args.model_dir, "model.pth"), "wb") as file:
        torch.save(model.cpu().state_dict(), file)
    torch.jit.script(model).save(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "scripted.pt"))
