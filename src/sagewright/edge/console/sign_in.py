"""A user's password for a session."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from sagewright.base.errors import AwsError, validation_error
from sagewright.edge.chain import Raw
from sagewright.operations.call import Call, Services
from sagewright.operations.console import sessions
from sagewright.operations.console.attempts import Attempts
from sagewright.operations.iam import login_profiles
from sagewright.operations.iam.records import USER, key

_NAME: Final = re.compile(r"[\w+=,.@-]{1,64}")
_LONGEST: Final = 1024
_AT_ONCE: Final = 2
"""Passwords that are tried at a time: each takes processor time and 19 MiB by design."""


class SignIn:
    """Calling it tries a password."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._attempts = Attempts(services.clock)
        self._workers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="sign-in")

    async def __call__(self, given: dict[str, Any], raw: Raw) -> str:
        """A session's token.

        `given` has `user`, `password` and, where that must be changed, `newPassword`. Raises AwsError: NotSignedIn
        (401) for what is wrong, without saying what; PasswordResetRequired (403) where a new one is needed first;
        TooManyRequestsException (429) after too many failures.
        """
        name, password, new = (given.get(member) for member in ("user", "password", "newPassword"))
        if not isinstance(name, str) or not isinstance(password, str) or not isinstance(new, str | None):
            raise validation_error("Give user and password.")
        if not _NAME.fullmatch(name) or max(len(password), len(new or "")) > _LONGEST:
            raise _refused()
        wait = self._attempts.begin(name, raw.peer)
        if wait > 0:
            message = "Too many attempts failed. Wait some minutes."
            headers = {"retry-after": str(int(wait) + 1)}
            raise AwsError("TooManyRequestsException", message, status=429, headers=headers)
        token = await asyncio.get_running_loop().run_in_executor(self._workers, self._try, name, password, new, raw)
        self._attempts.forgive(name, raw.peer)
        return token

    def _try(self, name: str, password: str, new: str | None, raw: Raw) -> str:
        services, account = self._services, self._services.settings.account
        user = services.store.get(key(account, USER, name))
        profile = services.store.get(key(account, login_profiles.PROFILE, name))
        if not login_profiles.proves(profile, password) or user is None or profile is None:
            raise _refused()
        if profile.spec["PasswordResetRequired"]:
            if new is None:
                raise AwsError("PasswordResetRequired", "Choose a new password.", status=403)
            login_profiles.replace_password(_call(services, raw), profile, new)
            profile = services.store.get(profile.key)
            if profile is None:
                raise _refused()
        return sessions.open_(services, user, profile)


def _call(services: Services, raw: Raw) -> Call:
    """On nobody's behalf yet."""
    return Call(
        service="iam",
        operation="ChangePassword",
        principal=sessions.root(services),
        account=services.settings.account,
        region=services.settings.region,
        request_id=raw.request_id,
        headers={},
        host=raw.origin,
        services=services,
        peer=raw.peer,
    )


def _refused() -> AwsError:
    return AwsError("NotSignedIn", "The user or the password is wrong.", status=401)
