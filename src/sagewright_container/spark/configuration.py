"""Configurations as EMR has them, written as the files that Spark reads.

[{"Classification": "spark-defaults", "Properties": {"spark.sql.shuffle.partitions": "4"}},
 {"Classification": "spark-env", "Properties": {}, "Configurations": [
     {"Classification": "export", "Properties": {"NAME": "value"}}]}]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

_LISTS = {"spark-defaults": "spark-defaults.conf", "spark-metrics": "metrics.properties"}
"""Files of lines `name value`."""
_LOGGING = "spark-log4j"
_TREES = {"core-site": "core-site.xml", "spark-hive-site": "hive-site.xml", "hive-site": "hive-site.xml"}
"""Files of Hadoop's XML."""
_VARIABLES = ("spark-env", "hadoop-env", "yarn-env", "hive-env")
_IDLE = ("yarn-site", "hadoop-log4j", "hive-log4j", "hive-exec-log4j")
"""Those of programs that do not run here."""


class BadConfiguration(Exception):
    """The configuration cannot be read; the message is for the job's owner."""


def read(path: Path) -> Sequence[Mapping[str, object]]:
    """The classifications in a file, none if there is no such file. Raises BadConfiguration."""
    if not path.exists():
        return ()
    try:
        told = json.loads(path.read_text())
    except ValueError as problem:
        raise BadConfiguration(f"configuration.json is not JSON: {problem}") from problem
    found = told if isinstance(told, list) else [told]
    for each in found:
        if not isinstance(each, dict) or not isinstance(each.get("Properties", {}), dict):
            raise BadConfiguration("configuration.json must hold objects with Classification and Properties.")
        if each.get("Classification") not in (*_LISTS, _LOGGING, *_TREES, *_VARIABLES, *_IDLE):
            raise BadConfiguration(f"configuration.json: {each.get('Classification')!r} is no classification of Spark.")
    return found


def write(found: Sequence[Mapping[str, object]], folder: Path, defaults: Mapping[str, str]) -> Mapping[str, str]:
    """Write Spark's configuration into a new folder, over its `defaults`. Answers the variables that it exports."""
    folder.mkdir(parents=True)
    settings: dict[str, dict[str, str]] = {"spark-defaults": dict(defaults)}
    exported: dict[str, str] = {}
    for each in found:
        kind = str(each["Classification"])
        settings.setdefault(kind, {}).update(_properties(each))
        if kind in _IDLE:
            sys.stderr.write(f"smspark-submit: {kind} is left out: nothing here reads it\n")
        inner = each.get("Configurations", ())
        for child in inner if isinstance(inner, list) and kind in _VARIABLES else ():
            if isinstance(child, dict) and child.get("Classification") == "export":
                exported.update(_properties(child))
    for kind, file in _LISTS.items():
        if kind in settings:
            lines = [f"{name} {value}\n" for name, value in settings[kind].items()]
            (folder / file).write_text("".join(lines))
    if _LOGGING in settings:
        lines = [f"{name} = {value}\n" for name, value in settings[_LOGGING].items()]
        (folder / "log4j2.properties").write_text("".join(lines))
    for kind, file in _TREES.items():
        if kind in settings:
            (folder / file).write_text(_xml(settings[kind]))
    return exported


def _properties(each: Mapping[str, object]) -> dict[str, str]:
    told = each.get("Properties", {})
    return {str(name): str(value) for name, value in told.items()} if isinstance(told, dict) else {}


def _xml(properties: Mapping[str, str]) -> str:
    told = "".join(
        f"  <property><name>{escape(name)}</name><value>{escape(value)}</value></property>\n"
        for name, value in properties.items()
    )
    return f'<?xml version="1.0"?>\n<configuration>\n{told}</configuration>\n'
