"""Who may send a request to a server, and how that is said: in headers, in addresses, wrongly, or not at all."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.auth import HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sagewright.operations.call import Session
from sagewright.testing.asker import Answer, Asker, Refused
from sagewright.testing.http import Spelled
from sagewright.testing.policies import allowing, trusting
from sagewright.testing.surroundings import asking
from sagewright.wire import sigv4
from sagewright.wire.http import Request

_HOST: Final = "127.0.0.1:4700"
_REGION: Final = "us-east-1"
_NARROW: Final = ("sagemaker:List*", "sagemaker:Describe*", "s3:Get*", "iam:Get*", "logs:*", "sqs:SendMessage")
_STREAMING: Final = "STREAMING-"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with keys; without any, nobody."""

    name: str
    key_id: str = ""
    secret: str = ""
    token: str | None = None


class Callers:
    """Root, an owner's session, sessions of roles, users, who signs wrongly, and who does not sign."""

    def __init__(self, asker: Asker, role: str) -> None:
        """`role` is the ARN of the default role. Makes a user and a role of its own."""
        self._asker = asker
        self._clock = asker.server.app.services.clock
        self._ask = asking(asker)
        services = asker.server.app.services
        root = Caller("root", *services.credentials.root())
        owner = services.credentials.issue(role, "owner", session=Session(issued=self._clock.now(), owner=True))
        default = services.credentials.issue(role, "default")
        self.root = root
        self._all = [
            root,
            Caller("owner", owner.access_key_id, owner.secret_access_key, owner.session_token),
            Caller("default role", default.access_key_id, default.secret_access_key, default.session_token),
            *self._made(),
            replace(root, name="wrong secret", secret="x" * 40),
            replace(root, name="unknown key", key_id="AKIAIOSFODNN7EXAMPLE"),
            Caller(
                "broken token", owner.access_key_id, owner.secret_access_key, owner.session_token[:-9] + "AAAAAAAA="
            ),
            Caller("nobody"),
        ]

    def choose(self, chosen: random.Random) -> Caller:
        """Mostly somebody who may do everything, or little would be reached."""
        return self.root if chosen.random() < 0.7 else chosen.choice(self._all)

    async def send(self, spelled: Spelled, caller: Caller, how: str = "header") -> Answer:
        """The answer to a request; `how` is `header`, `query`, or for S3 alone `v2`."""
        headers = {"host": _HOST, **spelled.headers}
        query = spelled.query
        if caller.key_id and how == "header":
            headers |= self._signature(spelled, headers, caller)
        elif caller.key_id:
            query = self._presigned(spelled, caller, how)
        return await self._asker.send(spelled.method, spelled.path, query, headers, spelled.body)

    def _signature(self, spelled: Spelled, headers: Mapping[str, str], caller: Caller) -> Mapping[str, str]:
        if spelled.service == "s3" and (payload := headers.get("x-amz-content-sha256", "")).startswith(_STREAMING):
            request = AWSRequest(spelled.method, _url(spelled), headers=dict(headers), data=b"")
            _Streaming(payload, caller).add_auth(request)
            return {name.lower(): value for name, value in request.headers.items()}
        return sigv4.sign(
            Request(spelled.method, spelled.path, spelled.query, headers, spelled.body),
            access_key_id=caller.key_id,
            secret_key=caller.secret,
            region=_REGION,
            service=spelled.service,
            now=self._clock.now(),
            token=caller.token,
        )

    def _presigned(self, spelled: Spelled, caller: Caller, how: str) -> str:
        request = AWSRequest(spelled.method, _url(spelled))
        credentials = Credentials(caller.key_id, caller.secret, caller.token)
        if how == "v2":
            HmacV1QueryAuth(credentials, expires=60).add_auth(request)
        else:
            S3SigV4QueryAuth(credentials, "s3", _REGION, expires=60).add_auth(request)
        return str(urlsplit(str(request.url)).query)

    def _made(self) -> list[Caller]:
        """A user with a key and two roles' sessions, who may do little; the ones of before are taken again."""
        self._try("iam", "CreateUser", UserName="caller")
        self._try("iam", "PutUserPolicy", UserName="caller", PolicyName="a", PolicyDocument=allowing(*_NARROW))
        trust = trusting(AWS="arn:aws:iam::123456789012:root")
        self._try("iam", "CreateRole", RoleName="caller", AssumeRolePolicyDocument=trust)
        self._try("iam", "PutRolePolicy", RoleName="caller", PolicyName="a", PolicyDocument=allowing("*"))
        key = self._try("iam", "CreateAccessKey", UserName="caller").get("AccessKey")
        made = [] if key is None else [Caller("user", key["AccessKeyId"], key["SecretAccessKey"])]
        for name, policy in (("role", None), ("narrowed role", allowing("sagemaker:*", "s3:*"))):
            session = {} if policy is None else {"Policy": policy}
            role = "arn:aws:iam::123456789012:role/caller"
            given = self._try("sts", "AssumeRole", RoleArn=role, RoleSessionName="a", **session).get("Credentials")
            if given is not None:
                made.append(Caller(name, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]))
        return made

    def _try(self, service: str, operation: str, **members: Any) -> Mapping[str, Any]:
        try:
            return self._ask(service, operation, members)
        except Refused:
            return {}


class _Streaming(S3SigV4Auth):
    """Signs a request whose body comes in chunks, each of which would prove itself."""

    def __init__(self, payload: str, caller: Caller) -> None:
        super().__init__(Credentials(caller.key_id, caller.secret, caller.token), "s3", _REGION)
        self._payload = payload

    def payload(self, request: AWSRequest) -> str:
        return self._payload


def _url(spelled: Spelled) -> str:
    return f"http://{_HOST}{spelled.path}" + (f"?{spelled.query}" if spelled.query else "")
