"""Point-in-time joins that are made cheap give what they gave before, with the real DuckDB and sqlglot."""

from __future__ import annotations

import json
import subprocess

from sagewright.compute.venvs import Environments

from .conftest import ROOT, RUNTIMES

_SCRIPT = """
import itertools, json, random
import duckdb, sqlglot
from sqlglot import exp
from sagewright_container.athena import newest, translate

random.seed(7)
KEYS, RANKS = ("id", "time"), ("asked", "written")

def rows(many, make):
    return [make(number) for number in range(many)]

def table(database, name, columns, values):
    database.execute(f"CREATE OR REPLACE TABLE {name} ({columns})")
    if values:
        database.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(values[0]))})", values)

def group(name, conditions="", after=""):
    quoted = exp.table_(name, db="main", quoted=True, alias=exp.to_identifier("o"))
    cut = lambda text: [sqlglot.parse_one(text, read="athena")] if text else []
    names = {"k": f"kept_{name}", "d": f"gone_{name}", "o": "o"}
    shown = ["id", "time", "x", "written"]
    gone = [sqlglot.parse_one("is_deleted", read="athena"), *cut(conditions)]
    late = cut(after.format(k=f"kept_{name}"))
    form = newest._form(names, quoted, "id", "time", RANKS, shown, ["x", "id", "time"], cut(conditions), gone, late)
    return form.sql(dialect="athena")

def query(join, conditions, after, key, compare, limit):
    f, g = group("f", conditions, after), group("g", conditions, after)
    on = " AND ".join(("b.thing = {0}.id", f"from_unixtime(b.moment) {compare} from_unixtime({{0}}.time)"))
    return (
        f"WITH b AS (SELECT * FROM labels), f AS ({f}), g AS ({g}) SELECT * FROM (SELECT b.label, b.moment, f.x AS fx, "
        f"f.time AS ft, g.x AS gx, g.time AS gt, row_number() OVER (PARTITION BY b.{key} ORDER BY b.moment DESC, "
        f"f.time DESC, g.time DESC) AS n FROM b {join} f ON {on.format('f')} {join} g ON {on.format('g')}) "
        f"WHERE {limit}"
    )

answers = {"reduced": 0, "left": 0}
for number in range(40):
    database = duckdb.connect()
    database.execute("SET TimeZone='UTC'")
    some = lambda *values: random.choice(values)
    things = random.randint(1, 3)
    # No two labels of a partition at the same moment, and ranks that differ: else any of several answers is right.
    moments = random.sample(range(12), 6)
    table(database, "labels", "label INT, thing INT, moment DOUBLE",
          rows(random.randint(0, 6), lambda n: (n // 2, some(None, *range(things)), float(moments[n]))))
    for name in "fg":
        ranks = random.sample(range(1000), 24)
        table(database, name, "id INT, time DOUBLE, x INT, asked INT, written INT, is_deleted BOOLEAN",
              rows(random.randint(0, 12),
                   lambda n: (some(None, *range(things)), some(None, *map(float, range(8))), n,
                              some(None, ranks[n], ranks[n + 12]), ranks[n], some(0, 0, 0, 1) > 0)))
    condition = some("", "o.time <= 5", "o.written <= 500")
    after = condition.replace("o.", "{k}.")
    key, compare = some("label", "thing"), some(">=", ">", "<=")
    limit = some("n <= 1", "n = 1", "n <= 2")
    asked = query(some("JOIN", "LEFT JOIN"), condition, after, key, compare, limit)
    tree = sqlglot.parse_one(asked, read="athena")
    changed = newest.newest_only(tree.copy())
    answers["left" if changed == tree else "reduced"] += 1
    before, now = (sorted(database.execute(each.sql(dialect="duckdb")).fetchall(), key=str) for each in (tree, changed))
    if "2" in limit:
        assert changed == tree
    assert before == now, (asked, before, now)
    assert "?deleted" in str(changed) or changed == tree
print(json.dumps(answers))
"""


def test_a_reduced_join_has_the_same_answer() -> None:
    python = Environments(RUNTIMES).ensure("athena", print) / "bin" / "python"
    done = subprocess.run(
        [python, "-c", _SCRIPT], cwd=ROOT / "src", capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["reduced"] > 15, told
    assert told["left"] > 4, told
