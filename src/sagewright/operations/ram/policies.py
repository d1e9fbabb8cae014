"""The policies that resources have by being shared."""

from __future__ import annotations

from sagewright.base.errors import AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.iam.documents import statements
from sagewright.operations.ram import granted
from sagewright.operations.ram.common import page, parsed
from sagewright.operations.sagemaker import nouns
from sagewright.operations.table import Operations

operations = Operations()


@operations
def get_resource_policies(call: Call, request: Params) -> Params:
    """Of those resources that somebody is let in to; who was invited is not, before the invitation is accepted."""
    rows = []
    wanted = request.get("principal")
    if wanted == call.account:
        wanted = f"arn:aws:iam::{call.account}:root"
    for number, arn in enumerate(dict.fromkeys(request["resourceArns"])):
        parsed(arn)
        if nouns.find_by_arn(call.store, arn, call.account) is None:
            raise AwsError("ResourceArnNotFoundException", f"The specified resource ARN {arn} was not found.")
        document = granted.policy(call.store, call.account, arn, by_id=False)
        if document is None:
            continue
        named = [name for statement in statements(document) for name in statement["Principal"]["AWS"]]
        if wanted is None or wanted in named:
            rows.append(([number], document))
    return page("policies", rows, request)
