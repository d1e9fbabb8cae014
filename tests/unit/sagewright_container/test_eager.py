"""What stands in the place of PyTorch's compiler, on a PyTorch that holds nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from sagewright_container import eager


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A `torch` whose compiler says that it is the real one."""
    compiler = tmp_path / "torch" / "_dynamo"
    compiler.mkdir(parents=True)
    (compiler.parent / "__init__.py").write_text("")
    (compiler / "__init__.py").write_text("real = True\n\ndef graph_break():\n    return 'real'\n")
    (compiler / "config.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("torch", "torch._dynamo", "torch._dynamo.config"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    found: ModuleType = eager.torch()
    return found


def test_what_optimizers_call_does_nothing(library: ModuleType) -> None:
    compiler = vars(library)["_dynamo"]
    compiler.graph_break()
    assert compiler.disable(len, True, wrapping=False) is len
    assert sys.modules["torch._dynamo"] is compiler
    assert not hasattr(compiler, "__file__")
    assert eager.torch() is library
    assert sys.modules["torch._dynamo"] is compiler


def test_whoever_asks_for_more_has_the_real_one(library: ModuleType) -> None:
    stand_in = vars(library)["_dynamo"]
    assert stand_in.real
    assert sys.modules["torch._dynamo"] is vars(library)["_dynamo"] is not stand_in
    assert vars(library)["_dynamo"].graph_break() == "real"
    assert stand_in.real


def test_its_modules_are_there(library: ModuleType) -> None:
    __import__("torch._dynamo.config")
    assert sys.modules["torch._dynamo"].real
