"""Users' passwords, and the account's rules for them.

A profile's status holds the password's hash, of argon2id in the form of PHC's strings,
`$argon2id$v=19$m=19456,t=2,p=1$salt$hash`; those of earlier versions are `scrypt$N$r$p$salt$hash`, the last two in
base64, and hold until the next password. `History` holds those before it, newest first, as far as the rules ask.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final

from sagewright.base.errors import AlreadyExists, AwsError
from sagewright.operations.call import Call, Params
from sagewright.operations.iam.entities import USER, caller_or_named
from sagewright.operations.iam.records import exists, key, no_such_entity, together, touch
from sagewright.operations.table import Operations
from sagewright.resources.record import Key, Record
from sagewright.store.base import Write

operations = Operations()

PROFILE: Final = "iam-login-profile"
RULES: Final = "iam-password-policy"
_MEMORY_KIB, _ITERATIONS, _LANES, _BYTES = 19_456, 2, 1, 32
"""What trying a password costs, as OWASP recommends it: tens of milliseconds and 19 MiB."""
_SYMBOLS: Final = "!@#$%^&*()_+-=[]{}|'"
_DEFAULTS: Final[Mapping[str, Any]] = {
    "MinimumPasswordLength": 6,
    "RequireSymbols": False,
    "RequireNumbers": False,
    "RequireUppercaseCharacters": False,
    "RequireLowercaseCharacters": False,
    "AllowUsersToChangePassword": False,
}


@operations
def create_login_profile(call: Call, request: Params) -> Params:
    if "Password" not in request:
        raise AwsError("ValidationError", "A login profile needs a password.")
    _check(call, request["Password"])
    hashed = _hash(request["Password"])

    def writes() -> list[Write]:
        user = USER.find(call, caller_or_named(call, request))
        made = Record(
            _key(call, user.name),
            uid=call.services.ids.uuid(),
            created=float(int(call.now)),
            modified=call.now,
            spec={"PasswordResetRequired": request.get("PasswordResetRequired", False)},
            status={"Hash": hashed, "History": []},
        )
        return [("create", made), touch(user)]

    try:
        return {"LoginProfile": _view(together(call.store, writes)[0])}
    except AlreadyExists:
        raise exists(f"Login Profile for user {caller_or_named(call, request)} already exists.") from None


@operations
def get_login_profile(call: Call, request: Params) -> Params:
    return {"LoginProfile": _view(_find(call, caller_or_named(call, request)))}


@operations
def update_login_profile(call: Call, request: Params) -> Params:
    name = request["UserName"]
    profile = _find(call, name)
    if "Password" in request:
        _check(call, request["Password"])
        _set(call, profile, request["Password"])
    if "PasswordResetRequired" in request:
        asked = {"PasswordResetRequired": request["PasswordResetRequired"]}
        call.store.amend(profile.key, lambda record: replace(record, spec={**record.spec, **asked}))
    return {}


@operations
def delete_login_profile(call: Call, request: Params) -> Params:
    together(call.store, lambda: [("delete", _find(call, caller_or_named(call, request)))])
    return {}


@operations
def change_password(call: Call, request: Params) -> Params:
    """A user's own password, by who knows it."""
    profile = _find(call, caller_or_named(call, {}))
    if not _is(request["OldPassword"], profile.status["Hash"]):
        raise AwsError("AccessDenied", "The old password was incorrect.", status=403)
    _check(call, request["NewPassword"])
    _set(call, profile, request["NewPassword"])
    return {}


# The account's rules.


@operations
def get_account_password_policy(call: Call, request: Params) -> Params:
    rules = call.store.get(_rules_key(call))
    if rules is None:
        raise no_such_entity(f"The Password Policy with domain name {call.account} cannot be found.")
    return {"PasswordPolicy": {**rules.spec, "ExpirePasswords": "MaxPasswordAge" in rules.spec}}


@operations
def update_account_password_policy(call: Call, request: Params) -> Params:
    """All rules anew: what is not given falls back, as on AWS."""
    fresh = Record(_rules_key(call), call.services.ids.uuid(), call.now, call.now, spec={**_DEFAULTS, **request})

    def writes() -> list[Write]:
        known = call.store.get(fresh.key)
        return [("create", fresh) if known is None else ("update", replace(known, spec=fresh.spec, modified=call.now))]

    try:
        together(call.store, writes)
    except AlreadyExists:  # another was quicker
        together(call.store, writes)
    return {}


@operations
def delete_account_password_policy(call: Call, request: Params) -> Params:
    def writes() -> list[Write]:
        rules = call.store.get(_rules_key(call))
        if rules is None:
            raise no_such_entity("The account policy with name PasswordPolicy cannot be found.")
        return [("delete", rules)]

    together(call.store, writes)
    return {}


def proves(profile: Record | None, password: str) -> bool:
    """Whether the password is the profile's. It takes as long where there is none: nobody learns who is there."""
    return _is(password, profile.status["Hash"] if profile is not None else _nobodys())


def replace_password(call: Call, profile: Record, password: str) -> None:
    """Set the password of a user who proved to know the old one. Raises AwsError (PasswordPolicyViolation)."""
    _check(call, password)
    if _is(password, profile.status["Hash"]):
        raise _violation("The new password is the old one.")
    _set(call, profile, password)
    call.store.amend(profile.key, lambda record: replace(record, spec={**record.spec, "PasswordResetRequired": False}))


def of_user(call: Call, name: str) -> Record | None:
    """A user's profile, if there is one."""
    return call.store.get(_key(call, name))


def renaming(call: Call, old: str, new: str) -> Iterator[Write]:
    """The writes that go with a user's new name."""
    profile = of_user(call, old)
    if profile is not None:
        yield "delete", profile
        yield "create", replace(profile, key=_key(call, new), version=0)


def _key(call: Call, name: str) -> Key:
    return key(call.account, PROFILE, name)


def _rules_key(call: Call) -> Key:
    return key(call.account, RULES, "policy")


def _find(call: Call, name: str) -> Record:
    USER.find(call, name)
    profile = of_user(call, name)
    if profile is None:
        raise no_such_entity(f"Login Profile for User {name} cannot be found.")
    return profile


def _view(profile: Record) -> Params:
    return {
        "UserName": profile.name,
        "CreateDate": profile.created,
        "PasswordResetRequired": profile.spec["PasswordResetRequired"],
    }


def _set(call: Call, profile: Record, password: str) -> None:
    rules = call.store.get(_rules_key(call))
    kept = rules.spec.get("PasswordReusePrevention", 0) if rules is not None else 0
    hashed = _hash(password)

    def changed(record: Record) -> Record:
        used = [record.status["Hash"], *record.status["History"]][:kept]
        if any(_is(password, each) for each in used):
            raise _violation("Password was used recently.")
        return replace(record, status={"Hash": hashed, "History": used}, modified=call.now)

    if call.store.amend(profile.key, changed) is None:
        raise no_such_entity(f"Login Profile for User {profile.name} cannot be found.")


def _check(call: Call, password: str) -> None:
    """Raises AwsError (PasswordPolicyViolation) for a password that the account's rules do not allow."""
    classes = {
        "Symbols": any(letter in _SYMBOLS for letter in password),
        "Numbers": any(letter.isdigit() for letter in password),
        "UppercaseCharacters": any(letter.isupper() for letter in password),
        "LowercaseCharacters": any(letter.islower() for letter in password),
    }
    rules = call.store.get(_rules_key(call))
    if rules is None:
        if len(password) < 8 or sum(classes.values()) < 3:
            raise _violation(
                "Password should have at least 8 characters, of three of these kinds: upper case, lower case, "
                "numbers, symbols"
            )
        return
    if len(password) < rules.spec["MinimumPasswordLength"]:
        raise _violation(f"Password should have a minimum length of {rules.spec['MinimumPasswordLength']}")
    for name, given in classes.items():
        if rules.spec[f"Require{name}"] and not given:
            raise _violation(f"Password should have at least one of: {name}")


def _violation(message: str) -> AwsError:
    return AwsError("PasswordPolicyViolation", message)


def _hash(password: str) -> str:
    # Loaded by the first password: it brings a cryptographic library.
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    salt = secrets.token_bytes(16)
    work = Argon2id(salt=salt, length=_BYTES, iterations=_ITERATIONS, lanes=_LANES, memory_cost=_MEMORY_KIB)
    return work.derive_phc_encoded(password.encode())


def _is(password: str, hashed: str) -> bool:
    from cryptography.exceptions import InvalidKey
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    if hashed.startswith("$argon2id$"):
        try:
            Argon2id.verify_phc_encoded(password.encode(), hashed)
        except InvalidKey:
            return False
        return True
    _, n, r, p, salt, digest = hashed.split("$")
    found = hashlib.scrypt(password.encode(), salt=base64.b64decode(salt), n=int(n), r=int(r), p=int(p))
    return hmac.compare_digest(found, base64.b64decode(digest))


@cache
def _nobodys() -> str:
    return _hash("")
