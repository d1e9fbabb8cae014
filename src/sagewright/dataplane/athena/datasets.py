"""Queries whose results are put into S3 for a processing job: what UNLOAD is to say, and what it cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sagewright.dataplane.athena.parsing import parse
from sagewright.dataplane.athena.statements import Query
from sagewright.dataplane.athena.tokens import SyntaxProblem
from sagewright.resources.query_execution import CATALOG

_COMPRESSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "PARQUET": ("GZIP", "SNAPPY"),
    "ORC": ("SNAPPY", "ZLIB"),
    "AVRO": (),
    "JSON": ("GZIP",),
    "TEXTFILE": ("GZIP",),
}


def problem(definition: Mapping[str, Any]) -> str | None:
    """What is wrong with an AthenaDatasetDefinition, as a sentence; None for nothing."""
    if definition["Catalog"].lower() != CATALOG.lower():
        return f"there is no data catalog {definition['Catalog']}. Use {CATALOG}, which is Glue's."
    if not definition["OutputS3Uri"].startswith("s3://") or not definition["OutputS3Uri"][5:].strip("/"):
        return f"OutputS3Uri {definition['OutputS3Uri']} must be an S3 address: s3://bucket/prefix."
    form, compression = definition["OutputFormat"], definition.get("OutputCompression")
    if compression is not None and compression not in _COMPRESSIONS[form]:
        known = " or ".join(_COMPRESSIONS[form]) or "none: leave it out"
        return f"the OutputCompression of {form} can be {known}, not {compression}."
    try:
        statement = parse(definition["QueryString"])
    except SyntaxProblem as error:
        return f"the QueryString cannot be read: {error}"
    if not isinstance(statement, Query) or statement.kind != "SELECT":
        return "the QueryString must be a SELECT."
    return None


def unload(definition: Mapping[str, Any], place: str) -> str:
    """The statement that puts the query's result below `place`."""
    statement = parse(definition["QueryString"])
    assert isinstance(statement, Query)
    options = f"format = '{definition['OutputFormat']}'"
    if "OutputCompression" in definition:
        options += f", compression = '{definition['OutputCompression']}'"
    escaped = place.replace("'", "''")
    return f"UNLOAD ({statement.sql}\n) TO '{escaped}' WITH ({options})"
