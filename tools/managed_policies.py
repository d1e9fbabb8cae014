"""Writes the documents of `operations/iam/managed_policies.json` anew: what AWS's managed policies grant.

    python tools/managed_policies.py FACTS.json

FACTS.json maps policies' names to their `Path` and `Document`, as a file that lists AWS's policies has them (moto's
`iam/aws_managed_policies.py` is one; AWS's reference of managed policies has the same as pages). Names and descriptions
are ours and stay; a policy is added by writing its name with a description. The documents come out in a form of our
own: statements without names, those that differ in their actions alone joined, actions sorted and none that another
covers. ReadOnlyAccess and ViewOnlyAccess, which name every service there is, keep those that SageMaker's users meet.
"""

from __future__ import annotations

import fnmatch
import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "src/sagewright/operations/iam/managed_policies.json"
BROAD = ("ReadOnlyAccess", "ViewOnlyAccess")
MET = (
    "application-autoscaling", "athena", "autoscaling", "batch", "cloudformation", "cloudtrail", "cloudwatch",
    "codebuild", "codecommit", "codepipeline", "cognito-idp", "cognito-identity", "dynamodb", "ec2", "ecr",
    "ecr-public",
    "ecs", "eks", "elasticfilesystem", "elasticmapreduce", "emr-serverless", "events", "firehose", "fsx", "glue", "iam",
    "kinesis", "kms", "lakeformation", "lambda", "logs", "organizations", "pipes", "pricing", "redshift",
    "redshift-data", "redshift-serverless", "resource-groups", "route53", "s3", "sagemaker", "sagemaker-geospatial",
    "sagemaker-groundtruth-synthetic", "scheduler", "schemas", "secretsmanager", "servicecatalog", "sns", "sqs", "ssm",
    "states", "sts", "tag", "xray",
)  # fmt: skip


def main() -> None:
    """Rewrite the file."""
    facts = json.loads(Path(sys.argv[1]).read_text())
    known = json.loads(TARGET.read_text())
    rows = {}
    for name in sorted(known):
        fact = facts[name]
        statements = _as_list(fact["Document"]["Statement"])
        rows[name] = (fact["Path"], known[name]["Description"], _joined(statements, broad=name in BROAD))
    TARGET.write_text(_text(rows))


def _joined(statements: list[dict[str, Any]], *, broad: bool) -> list[dict[str, Any]]:
    joined: dict[str, dict[str, Any]] = {}
    for statement in statements:
        member = "Action" if "Action" in statement else "NotAction"
        actions = _as_list(statement[member])
        if broad:
            actions = [action for action in actions if action.partition(":")[0] in MET]
        rest = {
            name: sorted(value) if isinstance(value, list) else value
            for name, value in statement.items()
            if name not in ("Sid", "Action", "NotAction")
        }
        found = joined.setdefault(json.dumps([member, rest], sort_keys=True), {**rest, member: []})
        found[member] += actions
    for statement in joined.values():
        for member in ("Action", "NotAction"):
            if member in statement:
                statement[member] = _least(statement[member])
    order = ("Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")
    return [{name: each[name] for name in order if name in each} for each in joined.values() if _speaks(each)]


def _least(actions: list[str]) -> str | list[str]:
    unique = sorted(set(actions))
    kept = [one for one in unique if not any(_covers(other, one) for other in unique if other != one)]
    return kept[0] if len(kept) == 1 else kept


def _covers(pattern: str, action: str) -> bool:
    return "*" in pattern and fnmatch.fnmatchcase(action.lower(), pattern.lower())


def _speaks(statement: dict[str, Any]) -> bool:
    return bool(statement.get("Action") or statement.get("NotAction"))


def _text(rows: dict[str, tuple[str, str, list[dict[str, Any]]]]) -> str:
    """One statement on a line, so that a change shows what it changes."""
    policies = []
    for name, (path, description, statements) in rows.items():
        lines = ",\n".join(f"    {json.dumps(statement)}" for statement in statements)
        named = f'  {json.dumps(name)}: {{\n   "Path": {json.dumps(path)},\n'
        head = f'{named}   "Description": {json.dumps(description)},\n'
        policies.append(f'{head}   "Document": {{"Version": "2012-10-17", "Statement": [\n{lines}\n   ]}}\n  }}')
    return "{\n" + ",\n".join(policies) + "\n}\n"


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


if __name__ == "__main__":
    main()
