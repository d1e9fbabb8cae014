"""moto's backends between calls: kept, undone, made; away from other tests, since all of moto is looked on at."""

from __future__ import annotations

import subprocess
import sys

_CODE = """
from sagewright.neighbours.host import pickling
from sagewright.neighbours.host.backends import Backends
from sagewright.neighbours.host.snapshots import Snapshots, Unit

ACCOUNT = "123456789012"
snapshots = Snapshots(None, moto="5", server="s")
backends = Backends(snapshots)
backends.look_on()

def ssm(region):
    return pickling.backend("ssm", ACCOUNT, region)

# What a call changed is kept, and a refused one is taken back, in the object that all others hold.
backends.begin()
here = ssm("us-east-1")
here.note = ["one"]
kept = backends.keep(changes=True)
backends.hand_on(kept)
assert list(kept) == [Unit("ssm", ACCOUNT, "us-east-1")]
backends.begin()
ssm("us-east-1").note.append("two")
backends.undo(changes=True)
assert ssm("us-east-1") is here and here.note == ["one"]
snapshots.commit(kept, {}, settled=1)
backends.committed(kept.items())
here.note.append("three")
backends.begin()
ssm("us-east-1")
backends.undo(changes=True)
assert here.note == ["one"]

# What a refused call made is gone.
backends.begin()
made = ssm("eu-west-1")
backends.undo(changes=False)
assert ssm("eu-west-1") is not made

# A mere look keeps what it made, and only that.
backends.begin()
ssm("us-east-1"), ssm("eu-north-1")
assert list(backends.keep(changes=False)) == [Unit("ssm", ACCOUNT, "eu-north-1")]

# File systems are kept with the networks whose interfaces they hold.
backends.begin()
pickling.backend("efs", ACCOUNT, "us-east-1"), pickling.backend("ec2", ACCOUNT, "us-east-1")
(unit, snapshot), = backends.keep(changes=True).items()
assert (unit.service, list(snapshot.modules)) == ("ec2", ["ec2", "efs"])
"""


def test_what_a_call_did_is_kept_or_undone_as_a_whole() -> None:
    done = subprocess.run([sys.executable, "-c", _CODE], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
