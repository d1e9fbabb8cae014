"""How a server's life ends: at a moment that is drawn by lot."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from .server import Server
from .world import World


def one_life(world: World, server: Server, choose: random.Random, moments: Sequence[str]) -> str:
    """The server is up: kill it, shortly after one of the moments, at any time, or as it starts or ends. Says which."""
    way = choose.choices(("acknowledged", "any", "starting", "interrupted"), (12, 5, 2, 1))[0]
    group = choose.random() < 0.25
    if way == "acknowledged":
        moment = choose.choice(moments)
        came = world.wait_for(moment, 2.0)
        delay = choose.uniform(0.0, 0.05)
        time.sleep(delay)
        how = f"{delay * 1000:.0f} ms after {moment}" if came else f"in vain waiting for {moment}"
    elif way == "any":
        delay = choose.uniform(0.0, 2.0)
        time.sleep(delay)
        how = f"after {delay:.2f} s"
    elif way == "starting":
        server.kill()
        server.spawn()
        delay = choose.uniform(0.2, 0.9)
        time.sleep(delay)
        how = f"{delay:.2f} s into its start"
    else:
        time.sleep(choose.uniform(0.0, 1.0))
        server.interrupt()
        delay = choose.uniform(0.0, 0.5)
        time.sleep(delay)
        how = f"{delay:.2f} s after Ctrl-C"
    server.kill(group=group)
    return f"killed {how}{', with its process group' if group else ''}"
