"""A library imported as if others were not installed."""

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from sagewright_container.alone import import_alone, import_beside_empty


@pytest.fixture(autouse=True)
def libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes another along where there is one."""
    (tmp_path / "lonely.py").write_text("try:\n    import friend\nexcept ImportError:\n    friend = None\n")
    (tmp_path / "friend.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("lonely", "friend"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_others_are_not_loaded_and_can_be_later() -> None:
    assert import_alone("lonely", "friend", "nowhere").friend is None
    assert not {"friend", "nowhere"} & sys.modules.keys()
    assert __import__("friend").__name__ == "friend"


def test_what_is_loaded_already_stays() -> None:
    friend = __import__("friend")
    assert import_alone("lonely", "friend").friend is friend
    assert sys.modules["friend"] is friend


def test_what_cannot_be_imported_leaves_nothing_behind() -> None:
    with pytest.raises(ImportError):
        import_alone("no_such_module", "friend")
    assert "friend" not in sys.modules


def test_others_have_no_version_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "friend-1.0.dist-info").mkdir()
    (tmp_path / "friend-1.0.dist-info" / "METADATA").write_text("Name: friend\nVersion: 1.0\n")
    (tmp_path / "lonely.py").write_text(
        "import importlib.metadata as told\n"
        "try:\n    version = told.version('friend')\nexcept told.PackageNotFoundError:\n    version = None\n"
    )
    assert import_alone("lonely", "friend").version is None
    assert version("friend") == "1.0"


def test_one_that_needs_others_can_ask_for_their_classes(tmp_path: Path) -> None:
    (tmp_path / "lonely.py").write_text(
        "import friend\nknown = isinstance(1, friend.Frame) or friend.Frame is not friend.Frame\n"
    )
    (tmp_path / "friend.py").write_text("Frame = int\n")
    assert not import_beside_empty("lonely", "friend").known
    assert __import__("friend").Frame is int
