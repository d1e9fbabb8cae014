"""Data-parallel training on the housing data with PyTorch: each rank takes its share of every batch.

The loss of each step is that of the whole batch, whatever the number of ranks, so runs can be compared.
"""

import argparse
import json
import os
from pathlib import Path

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--batch-size", type=int, default=64)
given = parser.parse_args()

channel = os.environ.get("SM_CHANNEL_TRAIN", "/opt/ml/input/data/train")
lines = (Path(channel) / "housing.csv").read_text().splitlines()
table = torch.tensor([[float(cell) for cell in line.split(",")] for line in lines], dtype=torch.float64)
table = (table - table.mean(0)) / table.std(0)

distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
rank, world = distributed.get_rank(), distributed.get_world_size()


def train(rank: int, world: int) -> list[float]:
    """The losses of all steps of one of `world` ranks; a world of 1 does without the others."""
    torch.manual_seed(7)
    model = torch.nn.Sequential(torch.nn.Linear(13, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1)).double()
    parallel = DistributedDataParallel(model) if world > 1 else model
    optimizer = torch.optim.SGD(parallel.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for epoch in range(given.epochs):
        order = torch.randperm(len(table), generator=torch.Generator().manual_seed(epoch))
        for start in range(0, len(order), given.batch_size):
            batch = table[order[start : start + given.batch_size]]
            share = batch[rank::world]
            errors = (parallel(share[:, :-1])[:, 0] - share[:, -1]) ** 2
            # DDP averages over ranks; shares may differ by a row, so each weighs by its rows of the whole.
            loss = errors.sum() * world / len(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            whole = errors.detach().sum() / len(batch)
            if world > 1:
                distributed.all_reduce(whole)
            losses.append(whole.item())
        if rank == 0:
            print(f"epoch={epoch} world={world} train_loss={losses[-1]:.10f};")
    return losses


losses = train(rank, world)
if rank == 0:
    report = {"world": world, "losses": losses, "alone": train(0, 1), "host": os.environ["SM_CURRENT_HOST"]}
    Path(os.environ["SM_MODEL_DIR"], "losses.json").write_text(json.dumps(report))
distributed.barrier()  # nobody leaves while another still needs it
distributed.destroy_process_group()
