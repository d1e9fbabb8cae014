"""Feast's feature server, as its users start it: a repository of definitions, its online store in SQLite or Redis."""

from __future__ import annotations

import subprocess
from typing import Final

from bench import peers
from bench.base import Missing, Run

_SETTINGS: Final = """\
project: bench
provider: local
registry: registry.db
online_store:
%s
offline_store:
  type: file
entity_key_serialization_version: 3
"""
_SQLITE: Final = "  type: sqlite\n  path: online.db"
_REDIS: Final = "  type: redis\n  connection_string: 127.0.0.1:%d"
_DEFINITIONS: Final = """\
from datetime import timedelta

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Float64

entity = Entity(name="id", join_keys=["id"], value_type=ValueType.STRING)
view = FeatureView(
    name="bench",
    entities=[entity],
    ttl=timedelta(0),
    schema=[Field(name=f"f{number}", dtype=Float64) for number in range(%d)],
    source=FileSource(path="nothing.parquet", timestamp_field="time"),
)
"""


def feast(run: Run, features: int, redis: int | None = None) -> peers.Peer:
    """With its records in Redis at that port, else in SQLite.

    Raises Missing where it cannot be installed or does not take its definitions.
    """
    programs = peers.environment(run, "feast") / "bin"
    folder = run.folder / ("feast-redis" if redis else "feast")
    folder.mkdir()
    store = _REDIS % redis if redis else _SQLITE
    (folder / "feature_store.yaml").write_text(_SETTINGS % store)
    (folder / "definitions.py").write_text(_DEFINITIONS % features)
    command = [str(programs / "feast"), "--chdir", str(folder)]
    done = subprocess.run([*command, "apply", "--skip-source-validation"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"Feast is left out: it does not take its definitions ({done.stderr.strip()[-300:]}).")
    port = peers.free_port()
    serve = ["serve", "--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
    # Else its worker begins anew after a thousand requests, and breaks off the one after.
    return peers.Peer([*command, *serve, "--max-requests", "1000000000"], port, "/health")
