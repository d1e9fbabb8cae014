"""Does what jobs should not do: `--how talk|fork|deaf`."""

import argparse
import os
import signal
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("--how", required=True)
parser.add_argument("--much", type=int, default=0)
args = parser.parse_args()

if args.how == "talk":  # so many MiB
    line = "x" * 1023 + "\n"
    for _ in range(args.much):
        sys.stdout.write(line * 1024)
    sys.exit("that was all there is to say")
if args.how == "fork":
    children = 0
    while True:
        try:
            if os.fork() == 0:
                time.sleep(600)
                os._exit(0)
        except OSError as error:
            sys.exit(f"no more than {children} children: {error.strerror}")
        children += 1
if args.how == "deaf":
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    print("I do not listen", flush=True)
    time.sleep(600)
