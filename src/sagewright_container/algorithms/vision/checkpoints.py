"""Checkpoints of the algorithms for images: a job that was interrupted goes on after the last epoch that it ended.

On PyTorch. Beside the state of the training lies the model as it is so far: what is best may be of an earlier epoch.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any

import torch

from sagewright_container.algorithms.errors import ClientError

FILE, MODEL = "checkpoint.pt", "model"


class Checkpoints:
    """Those in a folder; none where it is empty (`""`). `about` is the network that they must be of."""

    def __init__(self, folder: str, about: Mapping[str, Any]) -> None:
        self._folder, self._about = folder, dict(about)

    def restore(self, network: Any, steps: Any, patience: Any, model_dir: str) -> int:
        """Bring all to where the checkpoint was; answer the epochs that are done. Raises ClientError."""
        path = os.path.join(self._folder, FILE)
        if not self._folder or not os.path.isfile(path):
            return 0
        try:
            found = torch.load(path, map_location=next(network.parameters()).device, weights_only=True)
            if found["about"] != self._about:
                raise ClientError(
                    f"{FILE} at CheckpointConfig is of another network: {_told(found['about'], self._about)}. Give the "
                    "job a CheckpointConfig.S3Uri of its own, or the hyperparameters as they were."
                )
            network.load_state_dict(found["network"])
            steps.load_state_dict(found["steps"])
            patience.best, patience.worse = found["best"], found["worse"]
            shutil.copytree(os.path.join(self._folder, MODEL), model_dir, dirs_exist_ok=True)
            done = int(found["epochs"])
        except ClientError:
            raise
        except Exception as error:  # whatever is wrong with a file: PyTorch has no one word for it
            raise ClientError(
                f"{FILE} at CheckpointConfig cannot be gone on from ({type(error).__name__}). Remove what is below its "
                "S3Uri, or give the job another."
            ) from error
        print(f"Going on from the checkpoint after {done} epochs.", flush=True)
        return done

    def keep(self, epochs: int, network: Any, steps: Any, patience: Any, model_dir: str) -> None:
        """Write one down, after so many epochs, in the place of the one before."""
        if not self._folder:
            return
        shutil.copytree(model_dir, os.path.join(self._folder, MODEL), dirs_exist_ok=True)
        state = {"about": self._about, "epochs": epochs, "best": patience.best, "worse": patience.worse}
        path = os.path.join(self._folder, FILE)
        torch.save({**state, "network": network.state_dict(), "steps": steps.state_dict()}, f"{path}.part")
        os.replace(f"{path}.part", path)


def _told(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return ", ".join(f"{name} was {before.get(name)}, and is {now.get(name)}" for name in names)
