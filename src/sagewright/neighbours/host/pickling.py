"""What moto holds in memory as bytes and back: pickles, with words for the few things that pickle has none for.

moto's backends (one per service, account and region) refer to each other. A reference to one is written as its name, so
that a snapshot holds its own backends only, and finds the others as they are when it is read.
"""

from __future__ import annotations

import importlib
import io
import pickle
import threading
from collections import defaultdict
from collections.abc import Callable
from functools import cache, reduce
from types import CodeType, FunctionType
from typing import Any, Final

import moto.backends
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend

_KEYS: Final = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)
_LOCKS: Final[dict[type, Callable[[], Any]]] = {
    type(threading.RLock()): threading.RLock,
    type(threading.Lock()): threading.Lock,
}


def dump(value: Any) -> bytes:
    """`value` as bytes. Raises TypeError, AttributeError or pickle.PicklingError for what cannot be kept."""
    out = io.BytesIO()
    _Pickler(out, 5).dump(value)
    return out.getvalue()


def load(data: bytes) -> Any:
    """What `dump` was given. May raise anything when the bytes are not its."""
    return pickle.loads(data)  # noqa: S301 - written by `dump`, in a file that is private to its owner


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        words = _words(type(value))  # type: ignore[arg-type]  # classes are hashable, whatever Any may be
        return NotImplemented if words is None else words(value)


@cache
def _words(kind: type) -> Callable[[Any], Any] | None:
    """How values of a type are written that pickle has no words for; None where it has."""
    if issubclass(kind, BaseBackend):
        return lambda value: (backend, (module_of(kind), value.account_id, value.region_name))
    if issubclass(kind, AccountSpecificBackend):
        return lambda value: (_account, (module_of(value.backend), value.account_id))
    if issubclass(kind, BackendDict):
        return lambda value: (moto.backends.get_backend, (module_of(value.backend),))
    if kind in _LOCKS:
        return lambda _: (_LOCKS[kind], ())
    if issubclass(kind, defaultdict) and kind is not defaultdict:
        return _bare
    if issubclass(kind, _KEYS):
        return lambda value: (_key, (_der(value),))
    if kind is FunctionType:
        return lambda value: (_inner, _way_to(value)) if "<locals>" in value.__qualname__ else NotImplemented
    return None


def _bare(value: Any) -> Any:
    """Made without calling its class, whose words for making one nobody knows."""
    kind = type(value)
    return kind.__new__, (kind,), (vars(value), {"default_factory": value.default_factory}), None, iter(value.items())


def module_of(kind: type) -> str:
    """moto's name for the service of a backend's class: `kms` of `moto.kms.models.KmsBackend`."""
    return kind.__module__.split(".")[1]


def backend(module: str, account: str, region: str) -> BaseBackend:
    """A backend by its name; made, or taken from its snapshot, when it is not there."""
    found: BaseBackend = _account(module, account)[region]
    return found


def _account(module: str, account: str) -> Any:
    return moto.backends.get_backend(module)[account]  # type: ignore[call-overload]


def _der(key: Any) -> bytes:
    data: bytes = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return data


def _key(data: bytes) -> Any:
    return serialization.load_der_private_key(data, None)


def _way_to(function: FunctionType) -> tuple[str, str, tuple[int, ...]]:
    """Where a function stands that was defined inside another: module, outermost function, and which constant of which.

    Naming it keeps the bytecode, which differs between Pythons, out of the snapshot.
    """
    if function.__closure__ or function.__defaults__ or function.__kwdefaults__:
        raise TypeError(f"{function.__qualname__} remembers values, which cannot be kept")
    outer = function.__qualname__.partition(".<locals>")[0]
    way = _search(_outer(function.__module__, outer), function.__code__)
    if way is None:
        raise TypeError(f"{function.__qualname__} is not found where it was defined")
    return function.__module__, outer, way


def _search(code: CodeType, wanted: CodeType) -> tuple[int, ...] | None:
    for index, constant in enumerate(code.co_consts):
        if isinstance(constant, CodeType):
            if constant is wanted:
                return (index,)
            further = _search(constant, wanted)
            if further is not None:
                return (index, *further)
    return None


def _inner(module: str, outer: str, way: tuple[int, ...]) -> FunctionType:
    code = _outer(module, outer)
    for index in way:
        code = code.co_consts[index]
    return FunctionType(code, vars(importlib.import_module(module)))


def _outer(module: str, name: str) -> CodeType:
    function = reduce(getattr, name.split("."), importlib.import_module(module))
    code: CodeType = getattr(function, "__code__")  # noqa: B009 - its type says nothing of functions
    return code
