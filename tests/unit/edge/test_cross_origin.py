"""Browsers from elsewhere: unsigned questions reach S3's rules, and answers carry what they allow."""

from __future__ import annotations

from collections.abc import Callable

from sagewright.testing.asker import Answer, Asker

Ask = Callable[..., Answer]
PREFLIGHT = {"origin": "http://a", "access-control-request-method": "GET"}


def open_bucket(asker: Asker) -> None:
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["http://a"]}
    asker.server.storage.objects.buckets.create("box", "us-east-1", settings={"Cors": {"CORSRules": [rule]}})


def test_a_preflight_needs_no_signature(asker: Asker) -> None:
    open_bucket(asker)
    answer = asker.ask("OPTIONS", "/box/k", headers=PREFLIGHT, signed=False)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "http://a")
    virtual = asker.ask("OPTIONS", "/k", headers={**PREFLIGHT, "host": "box.s3.localhost"}, signed=False)
    assert virtual.status == 200


def test_refused_preflights_are_no_fault_of_ours(ask: Ask, asker: Asker) -> None:
    open_bucket(asker)
    for path, headers, status in (
        ("/box/k", {**PREFLIGHT, "origin": "http://b"}, 403),
        ("/none/k", PREFLIGHT, 404),
        ("/", PREFLIGHT, 400),
        ("*", PREFLIGHT, 404),
        ("/box/k", {}, 400),
    ):
        assert ask("OPTIONS", path, headers=headers, signed=False).status == status


def test_answers_carry_what_a_browser_wants_to_know(ask: Ask, asker: Asker) -> None:
    open_bucket(asker)
    answer = ask("GET", "/box/none", service="s3", headers={"origin": "http://a"})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (404, "http://a")
    assert "access-control-allow-origin" not in ask("GET", "/box/none", service="s3").headers
    assert "access-control-allow-origin" not in ask("GET", "/", service="s3", headers={"origin": "http://a"}).headers
