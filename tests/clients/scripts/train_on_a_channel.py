"""Fit a regression on the houses of channel `train`, in whatever form they come; say what was there to read."""

import argparse
import io
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import joblib
import numpy
from sklearn.linear_model import LinearRegression

INPUT = Path("/opt/ml/input")
CHANNEL = INPUT / "data" / "train"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=2)
    asked = parser.parse_args()
    config = json.loads((INPUT / "config" / "inputdataconfig.json").read_text())["train"]
    print("config", json.dumps(config, sort_keys=True))
    if config["TrainingInputMode"] == "Pipe":
        texts = [epoch(number, config["RecordWrapperType"] == "RecordIO") for number in range(asked.epochs)]
        print("orders differ", texts[0] != texts[-1])
        text = texts[0]
    else:
        files = sorted(path for path in CHANNEL.rglob("*") if path.is_file())
        print("files", json.dumps([str(path.relative_to(CHANNEL)) for path in files]))
        print("written", *(attempt(files[0]) for attempt in (append, make_writable, remove, add)))
        text = "".join(path.read_text() for path in files)
    fit(numpy.loadtxt(io.StringIO(text), delimiter=",", ndmin=2))


def fit(rows: numpy.ndarray) -> None:
    model = LinearRegression().fit(rows[:, :-1], rows[:, -1])
    print("rows", len(rows), "r2", round(model.score(rows[:, :-1], rows[:, -1]), 4))
    joblib.dump(model, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib")


def epoch(number: int, wrapped: bool) -> str:
    """The channel as one epoch delivers it."""
    data = Path(f"{CHANNEL}_{number}").read_bytes()
    print("bytes", len(data))
    return "".join(text if text.endswith("\n") else text + "," for text in records(data)) if wrapped else data.decode()


def records(data: bytes) -> Iterator[str]:
    """What RecordIO wraps."""
    count = 0
    while data:
        magic, length = struct.unpack("<II", data[:8])
        assert magic == 0xCED7230A
        yield data[8 : 8 + length].decode()
        data = data[8 + (length + 3) // 4 * 4 :]
        count += 1
    print("records", count)


def append(path: Path) -> str:
    try:
        with path.open("a"):
            return "append"
    except OSError:
        return "-"


def make_writable(path: Path) -> str:
    try:
        path.chmod(0o777)
    except OSError:
        return "-"
    return "chmod"


def add(path: Path) -> str:
    try:
        path.with_name("added").touch()
    except OSError:
        return "-"
    return "add"


def remove(path: Path) -> str:
    try:
        path.rename(path.with_name("moved"))
        path.with_name("moved").rename(path)
    except OSError:
        return "-"
    return "move"


if __name__ == "__main__":
    main()
