"""`sagewright up`: run the server."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sagewright.base.errors import SagewrightError
from sagewright.base.settings import Settings
from sagewright.cli.console import link
from sagewright.cli.listening import RESTART, listening, start_anew, taken
from sagewright.cli.options import server_options

if TYPE_CHECKING:
    from sagewright.compose import Server
    from sagewright.operations.sts.credentials import Credentials


@click.command("up")
@server_options
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="The address to listen on. Loopback keeps it yours."
)
@click.option("--engine", default="process", show_default=True, envvar="SAGEWRIGHT_ENGINE", show_envvar=True,
              help="What runs tasks: process, container or ray.")  # fmt: skip
@click.option("--container-socket", default="", envvar="SAGEWRIGHT_CONTAINER_SOCKET", show_envvar=True,
              metavar="unix:///PATH", help="Docker's or Podman's API, for --engine container.")  # fmt: skip
@click.option("--ray-address", default="auto", envvar="SAGEWRIGHT_RAY_ADDRESS", show_envvar=True, metavar="HOST:PORT",
              help="The Ray cluster of --engine ray.  [default: the one that this machine is part of]")  # fmt: skip
@click.option("--endpoint-url", default="", envvar="SAGEWRIGHT_ENDPOINT_URL", show_envvar=True, metavar="URL",
              help="Where tasks on other machines, or of replicas, reach us.  [default: this server]")  # fmt: skip
@click.option("--sandbox", type=click.Choice(["auto", "on", "off"]), default="auto", show_default=True,
              help="Whether tasks run in bubblewrap: where it works, always, or never.")  # fmt: skip
@click.option("--vpc-network", type=click.Choice(["platform", "host"]), default="platform", show_default=True,
              envvar="SAGEWRIGHT_VPC_NETWORK", show_envvar=True,
              help="What tasks with a VpcConfig reach: this server alone, or what the machine does.")  # fmt: skip
@click.option("--auth", type=click.Choice(["on", "off"]), default="on", show_default=True,
              help="Whether requests must be signed. Off is for throw-away servers only.")  # fmt: skip
@click.option("--store", default="", envvar="SAGEWRIGHT_STORE", show_envvar=True, metavar="URL",
              help="Keep records in PostgreSQL: postgresql://user@host/database. Else in SQLite.")  # fmt: skip
@click.option("--replica", is_flag=True, help="Be one of several servers on this --data and --store.")
@click.option("--serverless-idle", type=click.FloatRange(min=0.1), default=300.0, show_default=True, metavar="SECONDS",
              envvar="SAGEWRIGHT_SERVERLESS_IDLE", show_envvar=True,
              help="How long serverless endpoints keep an instance that nobody asks for.")  # fmt: skip
@click.option("--serverless-standby/--no-serverless-standby", default=True, show_default=True,
              help="Keep a process with its framework loaded for a serverless endpoint that nobody asks.")  # fmt: skip
@click.option("--capacity", type=click.Choice(["fitted", "strict"]), default="fitted", show_default=True,
              envvar="SAGEWRIGHT_CAPACITY", show_envvar=True,
              help="Cut instance types to the machines, or take them at their word.")  # fmt: skip
@click.option("--overcommit", type=click.FloatRange(min=1.0), default=2.0, show_default=True, metavar="FACTOR",
              envvar="SAGEWRIGHT_OVERCOMMIT", show_envvar=True,
              help="How many times fitted jobs together may take up the vCPUs and the memory.")  # fmt: skip
@click.option("--notebook-domain", default="", envvar="SAGEWRIGHT_NOTEBOOK_DOMAIN", show_envvar=True, metavar="DOMAIN",
              help="Notebook instances are at NAME.notebook.REGION.DOMAIN, Spark's history at NAME.spark.REGION.DOMAIN."
                   "  [default: localhost]")  # fmt: skip
@click.option("--notebook-idle", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS",
              envvar="SAGEWRIGHT_NOTEBOOK_IDLE", show_envvar=True,
              help="Stop notebook instances that nobody used for so long.  [default: never]")  # fmt: skip
@click.option("--spark-history-idle", type=click.FloatRange(min=1), default=900.0, show_default=True,
              metavar="SECONDS", envvar="SAGEWRIGHT_SPARK_HISTORY_IDLE", show_envvar=True,
              help="How long a Spark history server stays that nobody looks at.")  # fmt: skip
@click.option("--oidc", type=click.Path(path_type=Path, dir_okay=False), default=None, envvar="SAGEWRIGHT_OIDC",
              show_envvar=True, metavar="FILE",
              help="Let a company's identity provider sign in to the console: docs/guide/sign-in.md.")  # fmt: skip
@click.option("--notebook-docker", is_flag=True,
              help="Show notebook instances the container engine's socket, with --engine container. "
                   "Whoever uses one may then do to this machine what the engine may.")  # fmt: skip
@click.option("--memory", is_flag=True, help="Keep records in memory: they are gone when the server stops.")
@click.option("--requests", is_flag=True, help="Print a line for every request.")
def command(settings: Settings, store: str, memory: bool, requests: bool, **rest: Any) -> None:
    """Run the server until Ctrl-C.

    Everything it keeps is in one folder (--data): delete it and nothing is left.
    """
    from sagewright import compose

    signal.signal(RESTART, signal.SIG_IGN)  # from whoever cannot wait until this one serves
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("sagewright").setLevel(logging.INFO)
    logging.getLogger("sagewright.access").setLevel(logging.INFO if requests else logging.WARNING)
    settings = replace(settings, store="memory:" if memory else store, **rest)
    if settings.auth == "off":
        click.secho("Signatures are NOT checked (--auth off): whoever reaches this port owns everything.", fg="red")
    if settings.endpoint_url and not settings.endpoint_url.startswith(("http://", "https://")):
        raise click.ClickException(f"--endpoint-url {settings.endpoint_url} must be of the form http://host:port.")
    if settings.notebook_docker and settings.engine != "container":
        raise click.ClickException(
            "--notebook-docker shows the container engine's socket: it needs --engine container."
        )
    sock = listening(settings.host, settings.port)
    try:
        server = compose.build(settings)
    except (SagewrightError, LookupError) as error:
        raise click.ClickException(str(error)) from None
    for line in server.made:
        click.echo(f"made {line}")
    show_once(server.app.services.credentials)
    for sentence in server.engine.cannot():
        click.echo(f"note: {sentence}")
    if _serve(server, sock):
        start_anew(sock)


def show_once(credentials: Credentials) -> None:
    """A new root key's secret, where a person looks on: never into a log."""
    if credentials.new and sys.stdout.isatty():
        key, secret = credentials.root()
        click.echo(f"root access key {key}, secret {secret}")
        click.echo("This is the only time that it is shown unasked; `sagewright keys show` has it later.")


def _serve(server: Server, sock: socket.socket) -> bool:
    """Until it is told to stop. Whether another is to take its place."""
    import uvloop

    from sagewright.edge.server import listen
    from sagewright.operations.console import sessions

    settings: Settings = server.settings
    anew = False
    kept = 0

    def started() -> None:
        server.start()
        click.echo(f"Sagewright listens on http://{settings.host}:{settings.port}  (data: {settings.data})")
        click.echo('In your shell:  eval "$(sagewright env)"   Stop with Ctrl-C.')
        services = server.app.services
        if services.credentials.new and sys.stdout.isatty():  # never into a log
            click.echo(f"In your browser, once: {link(settings, sessions.make_link(services))}")
        else:
            click.echo("In your browser: the link that `sagewright console` prints")

    try:
        anew = uvloop.run(listen(server.app.respond, sock.dup(), started=started)) == RESTART
    except OSError as error:  # somebody else was quicker
        raise taken(settings.host, settings.port, error) from None
    finally:
        kept = 0 if anew else _stop_servers(server)
        server.close()
    if anew:
        click.echo("Starting anew.")
        return True
    if kept and settings.replica:
        click.echo(f"{kept} running task(s) go on; other replicas follow them, or the next one does.")
    elif kept:
        click.echo(f"{kept} running job(s) go on; the next `sagewright up` on this data follows them.")
    click.echo("Stopped.")
    return False


def _stop_servers(server: Server) -> int:
    """End the model servers, which would serve nobody; the next server starts them again. Jobs go on, and model servers
    too while another server shares them."""
    kept = 0
    server.work.stop()
    alone = server.serves_alone()
    for task in server.engine.list():
        if server.engine.inspect(task).phase != "running":
            continue
        if task.startswith("serve-") and alone:
            server.engine.stop(task, grace=5.0)
        else:
            kept += 1
    return kept
