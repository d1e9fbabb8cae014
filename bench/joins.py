"""Datasets of the feature store: labels with what was known at their time, beside the same join written by hand."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench import peers
from bench.base import OURS, ROOT, Figure, Missing, Run, Sample

TITLE = "point-in-time joins of labels with five feature groups, by the SDK's dataset builder"

_BY_HAND: Final = "duckdb by hand"
_BUCKET: Final = "bench-features"
_GROUPS: Final = 5
_APPS: Final = Path(__file__).with_name("apps")
_AT_ONCE: Final = 100


def figures(rows: int, labels: int) -> Sequence[Figure]:
    """What is measured of each subject."""
    what = f"{labels:,} labels, {_GROUPS} groups of {rows:,} rows"
    return [Figure(what, "s", more=False, goal=2.0, share_of=_BY_HAND)]


def measure(run: Run) -> Sequence[Figure]:
    """Ours from StartQueryExecution until Athena says that it is done; by hand from the process's start to its end."""
    rows, labels = int(run.amount(10_000_000, 100_000)), int(run.amount(1_000_000, 10_000))
    found = figures(rows, labels)
    python = peers.runtime(run, "athena") / "bin" / "python"
    folder = run.folder / "files"
    folder.mkdir()
    app = [str(python), str(_APPS / "joins.py")]
    run.say("making the records")
    peers.output([*app, "make", str(folder), str(rows), str(labels)])

    def by_hand() -> Mapping[str, float]:
        begun = time.perf_counter()
        peers.output([*app, "join", str(folder)])
        return {found[0].what: time.perf_counter() - begun}

    with ExitStack() as stack:
        dataset = _Dataset(run, stack, folder)
        run.alternate("joins", found, {OURS: dataset.sample(found[0].what), _BY_HAND: by_hand})
        ours = dataset.downloaded()
    [mine, theirs] = json.loads(peers.output([*app, "sum", str(ours), str(folder / "by_hand.csv")]))
    same = mine[0] == theirs[0] and abs(mine[1] - theirs[1]) <= 1e-9 * abs(theirs[1])
    assert same, f"the results differ: {mine} and {theirs}"
    run.note("Both read the same Parquet and write a CSV; by hand, nobody looks for duplicates or deleted records.")
    return found


class _Dataset:
    """Groups that have the records, and the query for them."""

    def __init__(self, run: Run, stack: ExitStack, folder: Path) -> None:
        data = run.folder / "data"
        peer = peers.ours(data)
        stack.enter_context(peers.serving(peer, run.folder / "log"))
        keys = peers.our_keys(peer, data)
        self._folder = folder
        self._s3, self._glue = peers.client("s3", peer, keys), peers.client("glue", peer, keys)
        self._athena = peers.client("athena", peer, keys)
        self._s3.create_bucket(Bucket=_BUCKET)
        sagemaker = peers.client("sagemaker", peer, keys)
        names = [f"group{number}" for number in range(_GROUPS)]
        for name in names:
            run.say(f"storing {name}")
            self._fill(sagemaker, name, peers.role_arn(peer))
        run.say("asking the SDK for its query")
        self._query = self._asked(peer, data, names)
        self._last = ""

    def _fill(self, sagemaker: Any, name: str, role: str) -> None:
        features = {"id": "Integral", "time": "Fractional"} | dict.fromkeys(("f0", "f1", "f2", "f3"), "Fractional")
        sagemaker.create_feature_group(
            FeatureGroupName=name,
            RecordIdentifierFeatureName="id",
            EventTimeFeatureName="time",
            FeatureDefinitions=[{"FeatureName": each, "FeatureType": kind} for each, kind in features.items()],
            OfflineStoreConfig={"S3StorageConfig": {"S3Uri": f"s3://{_BUCKET}"}},
            RoleArn=role,
        )
        config = sagemaker.describe_feature_group(FeatureGroupName=name)["OfflineStoreConfig"]
        place = config["S3StorageConfig"]["ResolvedOutputS3Uri"]
        catalog = config["DataCatalogConfig"]
        table = self._table(catalog["Database"], catalog["TableName"])
        found = []
        for path in sorted((self._folder / name).rglob("*.parquet")):
            below = path.relative_to(self._folder / name)
            self._s3.upload_file(str(path), _BUCKET, f"{place.removeprefix(f's3://{_BUCKET}/')}/{below}")
            values = [part.partition("=")[2] for part in below.parts[:-1]]
            where = {**table["StorageDescriptor"], "Location": f"{place}/{below.parent}"}
            found.append({"Values": values, "StorageDescriptor": where})
        for start in range(0, len(found), _AT_ONCE):
            self._glue.batch_create_partition(
                DatabaseName=catalog["Database"],
                TableName=catalog["TableName"],
                PartitionInputList=found[start : start + _AT_ONCE],
            )

    def _table(self, database: str, name: str) -> Any:
        """It comes a second or so after the group."""
        end = time.monotonic() + 60
        while True:
            try:
                return self._glue.get_table(DatabaseName=database, Name=name)["Table"]
            except self._glue.exceptions.EntityNotFoundException:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def _asked(self, peer: peers.Peer, data: Path, names: Sequence[str]) -> str:
        python = ROOT / ".venvs" / "sdk_v2" / "bin" / "python"
        if not python.exists():
            raise Missing("the joins are left out: there is no environment of the SDK (`sh tests/run.sh sdk_v2`).")
        # As in a shell after `eval "$(sagewright env)"`; the builder leaves files where it works.
        settings = 'settings=$("$0" env --port "$1" --data "$2") && eval "$settings" && shift 2 && exec "$@"'
        asked = [str(python), str(_APPS / "dataset.py"), str(self._folder / "labels.csv"), _BUCKET, *names]
        command = ["sh", "-c", settings, str(peers.BIN / "sagewright"), str(peer.port), str(data), *asked]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the SDK's builder failed:\n{done.stderr[-2000:]}")
        return done.stdout.partition("QUERY ")[2]

    def sample(self, what: str) -> Sample:
        def asked() -> Mapping[str, float]:
            begun = time.perf_counter()
            self._last = self._athena.start_query_execution(
                QueryString=self._query,
                QueryExecutionContext={"Database": "sagemaker_featurestore"},
                ResultConfiguration={"OutputLocation": f"s3://{_BUCKET}/results/"},
            )["QueryExecutionId"]
            while True:
                status = self._athena.get_query_execution(QueryExecutionId=self._last)["QueryExecution"]["Status"]
                if status["State"] == "SUCCEEDED":
                    return {what: time.perf_counter() - begun}
                if status["State"] in ("FAILED", "CANCELLED"):
                    raise RuntimeError(f"the query failed: {status.get('StateChangeReason')}")
                time.sleep(0.02)

        return asked

    def downloaded(self) -> Path:
        """The last result."""
        target = self._folder / "ours.csv"
        self._s3.download_file(_BUCKET, f"results/{self._last}.csv", str(target))
        return target
