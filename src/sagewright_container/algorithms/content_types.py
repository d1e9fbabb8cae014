"""The content types of tables: what a request may say, and our word for each. Declarations use them."""

from __future__ import annotations

CSV, LIBSVM, PARQUET, RECORDIO = "csv", "libsvm", "parquet", "recordio-protobuf"

TABLES = {
    "csv": CSV,
    "text/csv": CSV,
    "libsvm": LIBSVM,
    "text/libsvm": LIBSVM,
    "text/x-libsvm": LIBSVM,
    "parquet": PARQUET,
    "application/x-parquet": PARQUET,
    "recordio-protobuf": RECORDIO,
    "application/x-recordio-protobuf": RECORDIO,
}
RECORDS = {said: ours for said, ours in TABLES.items() if ours in (CSV, RECORDIO)}
"""What AWS's own algorithms take; XGBoost takes all of them."""
DEFAULT = "application/x-recordio-protobuf"
PIPE = frozenset({CSV, RECORDIO})
"""What Pipe mode works with."""
