"""What the control plane costs when a noun has very many records: PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench import filling, growth, peers
from bench.base import Figure, Missing, Run
from sagewright.testing.postgres import NoPostgres, serving

TITLE = "calls per second on a noun with many records; the reference is the same server with few (PostgreSQL)"


def measure(run: Run) -> Sequence[Figure]:
    """As `growth`, on a PostgreSQL server of its own that syncs each commit."""
    try:
        with serving(durable=True) as database:

            def made(count: int) -> growth.Made:
                from sagewright.store.postgres import PostgresStore

                url = database.new_database()
                filling.postgres(url, count)
                data = run.folder / f"data-{count}"
                peer = peers.ours(data)
                peer = replace(peer, environment={**(peer.environment or {}), "SAGEWRIGHT_STORE": url})
                return peer, data, lambda: PostgresStore(url)

            return growth.compare(run, made, "growth on PostgreSQL")
    except NoPostgres as error:
        raise Missing(f"PostgreSQL is left out: {error}") from error
