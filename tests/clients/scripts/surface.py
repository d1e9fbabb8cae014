"""A job that learns nothing: its objective is a known surface of its hyperparameters, told once or epoch by epoch."""

import argparse
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("-x", "--x", type=float, default=0.0)
parser.add_argument("-y", "--y", type=int, default=0)
parser.add_argument("--kind", default="round")
parser.add_argument("--epochs", type=int, default=1)
parser.add_argument("--pause", type=float, default=0.0)
parser.add_argument("--bad", type=float, default=1e9, help="objectives above this one take their time")
parser.add_argument("--fail", type=int, default=0)
parser.add_argument("--mute", type=int, default=0)
args, _ = parser.parse_known_args()

if args.fail:
    sys.exit("this job was told to fail")
value = (args.x - 2) ** 2 + (args.y - 3) ** 2 + (0 if args.kind == "round" else 10)
print("the objective is known" if not args.mute else "the objective is not told", flush=True)
for epoch in range(1, args.epochs + 1):
    time.sleep(args.pause)
    if epoch > 1 and value > args.bad:
        time.sleep(0.75)  # who does badly is to be ended by somebody else, who may be slow
    if not args.mute:
        print(f"loss={value + 1 / epoch:.6f}", flush=True)
