"""Functions of Trino that the translator leaves alone: DuckDB means the same by them, or we have macros."""

from __future__ import annotations

from typing import Final

_NAMES: Final = """
    array_agg array_distinct array_intersect bitwise_and cardinality cbrt chr codepoint concat_ws contains cos
    cosh day_of_month degrees e element_at flatten from_hex from_unixtime geometric_mean infinity is_finite
    is_infinite is_nan json_array_length last_day_of_month lpad ltrim md5 nan pi radians random regexp_count
    reverse rpad rtrim sha256 sin sinh strpos tan tanh to_hex to_timestamp translate trim
"""
SAME: Final = frozenset(_NAMES.split())
"""In lower case. What stands neither here nor among the macros, and is unknown to the translator, is refused."""

MACROS: Final = {
    "to_iso8601": (
        "(x) AS CASE WHEN typeof(x) = 'DATE' THEN strftime(CAST(x AS TIMESTAMP), '%Y-%m-%d') ELSE "
        "strftime(CAST(x AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%g') || if(typeof(x) LIKE '%ZONE', 'Z', '') END"
    ),
    "day_of_month": "(x) AS day(x)",
    "last_day_of_month": "(x) AS last_day(x)",
    "from_hex": "(x) AS unhex(x)",
    "to_hex": "(x) AS hex(x)",
    "codepoint": "(x) AS unicode(x)",
    "is_finite": "(x) AS isfinite(x)",
    "is_infinite": "(x) AS isinf(x)",
    "is_nan": "(x) AS isnan(x)",
    "infinity": "() AS 'infinity'::DOUBLE",
    "nan": "() AS 'nan'::DOUBLE",
    "e": "() AS exp(1.0)",
    "json_array_length": "(x) AS json_array_length(x::JSON)",
    "geometric_mean": "(x) AS geomean(x)",
}
