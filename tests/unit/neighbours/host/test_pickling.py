"""What moto holds in memory, as bytes and back; away from other tests."""

from __future__ import annotations

import subprocess
import sys

_CODE = """
import threading
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from sagewright.neighbours.host import pickling
from moto.ssm.models import ParameterDict

def again(value):
    return pickling.load(pickling.dump(value))

key = rsa.generate_private_key(65537, 2048)
assert again(key).private_numbers() == key.private_numbers()
curve = ec.generate_private_key(ec.SECP256R1())
assert again(curve).private_numbers() == curve.private_numbers()
assert isinstance(again(threading.RLock()), type(threading.RLock()))

backend = pickling.backend("ssm", "123456789012", "us-east-1")
assert again(backend) is backend
assert again([backend, pickling.backend("kms", "1", "eu-west-1")])[1].region_name == "eu-west-1"

parameters = ParameterDict("123456789012", "us-east-1")
parameters["a"].append(1)
found = again(parameters)
assert found == {"a": [1]} and found["b"] == [] and found.region_name == "us-east-1"

assert set(again(vars(backend))) == set(vars(backend))

def outer():
    kept = 1
    return lambda: kept
try:
    pickling.dump(outer())
    raise SystemExit("a closure was kept")
except TypeError:
    pass
"""


def test_keys_locks_backends_and_inner_functions_come_back() -> None:
    done = subprocess.run([sys.executable, "-c", _CODE], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
