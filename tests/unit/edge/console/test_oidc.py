"""Signing in at a company's identity provider: what is believed, and what is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from sagewright import compose
from sagewright.base.errors import Terminal
from sagewright.base.settings import Settings
from sagewright.edge.console.oidc import session_name
from sagewright.operations.console.oidc import company
from sagewright.operations.iam.records import find_role
from sagewright.testing.asker import Answer, Asker
from sagewright.testing.clock import ManualClock

CONSOLE = "/_sagewright/console/"
ROLE = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"
SECRET = "s3cret/with:signs"


@dataclass
class Shared:
    """Something that both know, where a key should be that one has."""

    secret: bytes

    def token(self, algorithm: str, claims: dict[str, Any]) -> str:
        def spelled(data: bytes) -> str:
            return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

        parts = ({"alg": algorithm, "kid": "one"}, claims)
        signed = ".".join(spelled(json.dumps(part).encode()) for part in parts)
        mac = hmac.digest(self.secret, signed.encode(), "sha256") if algorithm != "none" else b""
        return f"{signed}.{spelled(mac)}"


@dataclass
class Idp:
    """A provider that says what the test wants it to."""

    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    claims: dict[str, Any] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    signer: Any = None
    """What signs instead of the key that is published."""
    userinfo: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    """What the browser brought."""
    exchanged: list[dict[str, str]] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str, form: dict[str, str], headers: Any) -> Any:
        self.fetched.append(path)
        if path == "/.well-known/openid-configuration":
            ends = {
                "authorization_endpoint": "authorize?tenant=1",
                "token_endpoint": "token",
                "jwks_uri": "keys",
                "userinfo_endpoint": "userinfo",
            }
            return {"issuer": self.url, **{name: f"{self.url}/{end}" for name, end in ends.items()}, **self.about}
        if path == "/keys":
            return {"keys": [self.key.as_dict(private=False)]}
        if path == "/userinfo":
            assert headers["authorization"] == "Bearer opaque"
            return self.userinfo
        self.exchanged.append({**form, "authorization": headers.get("authorization", "")})
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if form["code"] != "good" or challenge.decode() != self.asked["code_challenge"]:
            return None
        told = {
            "iss": self.url,
            "aud": "sagewright",
            "sub": "1",
            "email": "ada@example.com",
            "iat": self.now,
            "exp": self.now + 300,
            "nonce": self.asked["nonce"],
            "groups": ["staff", "ml"],
            **self.claims,
        }
        told = {name: value for name, value in told.items() if value is not None}
        if isinstance(self.signer, Shared):
            return {"id_token": self.signer.token(self.algorithm, told)}
        signer = self.signer or self.key
        header = {"alg": self.algorithm, "kid": signer.kid}
        return {"id_token": jwt.encode(header, told, signer, algorithms=[self.algorithm]), "access_token": "opaque"}

    now: int = 0


@pytest.fixture(scope="module")
def listening() -> Iterator[Idp]:
    idp = Idp()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("content-length", 0))
            form = {name: each[0] for name, each in parse_qs(self.rfile.read(size).decode()).items()}
            found = idp.answer(self.path, form, self.headers)
            body = json.dumps(found if found is not None else {"error": "invalid_grant"}).encode()
            self.send_response(200 if found is not None else 400)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    idp.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield idp
    server.shutdown()
    server.server_close()


@pytest.fixture
def idp(listening: Idp) -> Idp:
    fresh = Idp(key=listening.key, url=listening.url)
    listening.__dict__.update(fresh.__dict__)
    return listening


@dataclass
class Browser:
    """Who signs in, as far as the server sees it."""

    asker: Asker
    idp: Idp
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, path: str, query: str = "", **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.asker.ask("GET", f"{CONSOLE}{path}", query=query, headers=sent, signed=False)
        if "set-cookie" in answer.headers:
            name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def start(self, **headers: str) -> dict[str, str]:
        away = self.ask("oidc/start", **headers).headers["location"]
        assert away.startswith(f"{self.idp.url}/authorize?tenant=1&")
        self.idp.asked = {name: each[0] for name, each in parse_qs(urlsplit(away).query).items()}
        return self.idp.asked

    def back(self, **told: str) -> str:
        """Where the way back leads."""
        query = urlencode({"code": "good", "state": self.idp.asked["state"], **told})
        return self.ask("oidc/callback", query).headers["location"]

    def sign_in(self) -> str:
        self.start()
        return self.back()

    def session(self) -> Any:
        return json.loads(self.ask("session").body)


def settings_file(folder: Path, idp: Idp, more: str = "", roles: str = f'"ml" = "{ROLE}"') -> Path:
    (folder / "secret").write_text(f"{SECRET}\n")
    (folder / "secret").chmod(0o600)
    file = folder / "oidc.toml"
    file.write_text(
        f'issuer = "{idp.url}"\nclient_id = "sagewright"\nname = "Example Corp"\n'
        f'client_secret_file = "secret"\n{more}\n[roles]\n{roles}\n'
    )
    return file


@pytest.fixture
def asker(tmp_path: Path, idp: Idp) -> Iterator[Asker]:
    file = settings_file(tmp_path, idp)
    server = compose.build(Settings(data=tmp_path / "data", store="memory:", sandbox="off", oidc=file))
    services = server.app.services
    idp.now = int(services.clock.now())
    yield Asker(server, services.credentials.root(), services.clock.now())
    server.close()


@pytest.fixture
def browser(asker: Asker, idp: Idp) -> Browser:
    return Browser(asker, idp)


def test_who_has_a_role_is_in_a_session_of_it(browser: Browser, idp: Idp) -> None:
    assert json.loads(browser.ask("sign-in").body) == {"provider": "Example Corp"}
    asked = browser.start(x_forwarded_proto="https")
    assert asked["redirect_uri"] == f"https://127.0.0.1:4700{CONSOLE}oidc/callback"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert browser.back() == "/"
    session = browser.session()
    assert session["user"] == "ada@example.com"
    assert session["arn"] == "arn:aws:sts::123456789012:assumed-role/SagewrightExecutionRole/ada@example.com"
    told = {"cookie": f"sagewright-console={browser.cookies['sagewright-console']}"}
    told |= {"x-sagewright-proof": session["proof"], "content-type": "application/json"}
    who = browser.asker.ask("POST", f"{CONSOLE}api/sts/GetCallerIdentity", headers=told, body=b"{}", signed=False)
    assert json.loads(who.body)["Arn"] == session["arn"]
    services = browser.asker.server.app.services
    role = find_role(services.store, "123456789012", ROLE)
    assert role is not None
    assert services.credentials.last_used.of(role)["ServiceName"] == "sts"
    pair = base64.b64decode(idp.exchanged[0]["authorization"].removeprefix("Basic ")).decode()
    assert pair == "sagewright:s3cret%2Fwith%3Asigns"


def test_it_counts_once_and_in_the_browser_that_began(browser: Browser, idp: Idp) -> None:
    browser.start()
    stolen, kept = Browser(browser.asker, idp), dict(browser.cookies)
    assert stolen.back() == "/#/sign-in?failed=again"
    assert browser.back(state="x" * 43) == "/#/sign-in?failed=again"
    browser.cookies = dict(kept)
    assert browser.back() == "/"
    replayed = Browser(browser.asker, idp, dict(kept))
    assert replayed.back() == "/#/sign-in?failed=again"
    assert replayed.cookies["sagewright-sign-in"] == ""
    assert len(idp.exchanged) == 1
    forged = Browser(browser.asker, idp, {"sagewright-sign-in": base64.urlsafe_b64encode(b"0" * 32 + b"[]").decode()})
    assert forged.back() == "/#/sign-in?failed=again"


def test_what_was_begun_runs_out(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock(browser.asker.server.app.services.clock.now())
    monkeypatch.setattr(type(browser.asker.server.app.services.clock), "now", lambda _: clock.now())
    browser.start()
    clock.advance(601)
    assert browser.back() == "/#/sign-in?failed=again"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": ["sagewright", "another"]},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"groups": None},  # and the userinfo is of somebody else
    ],
)
def test_tokens_that_do_not_hold(browser: Browser, idp: Idp, claims: dict[str, Any]) -> None:
    idp.claims = claims
    idp.userinfo = {"sub": "2", "groups": ["ml"]}
    assert browser.sign_in() == "/#/sign-in?failed=provider"
    assert "sagewright-console" not in browser.cookies


def test_signatures_that_prove_nothing(browser: Browser, idp: Idp) -> None:
    idp.signer = RSAKey.generate_key(2048, {"kid": "one"})
    assert browser.sign_in() == "/#/sign-in?failed=provider"
    # The public key, taken for a secret that both share; and no signature at all.
    idp.signer = Shared(idp.key.as_pem(private=False))
    for idp.algorithm in ("HS256", "none"):
        assert browser.sign_in() == "/#/sign-in?failed=provider"


def test_keys_are_kept_and_followed_when_they_change(
    browser: Browser, idp: Idp, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    monkeypatch.setattr(type(browser.asker.server.app.services.clock), "monotonic", lambda _: clock.monotonic())
    assert [browser.sign_in() for _ in range(3)] == ["/"] * 3
    assert idp.fetched.count("/keys") == idp.fetched.count("/.well-known/openid-configuration") == 1
    idp.key = RSAKey.generate_key(2048, {"kid": "two"})
    clock.advance(31)
    assert browser.sign_in() == "/"
    idp.signer = RSAKey.generate_key(2048, {"kid": "three"})
    assert [browser.sign_in() for _ in range(3)] == ["/#/sign-in?failed=provider"] * 3
    assert idp.fetched.count("/keys") == 2


def test_groups_may_be_in_the_userinfo(browser: Browser, idp: Idp) -> None:
    idp.claims, idp.userinfo = {"groups": None}, {"sub": "1", "groups": ["ml"]}
    assert browser.sign_in() == "/"


def test_who_has_no_role_is_told_so(browser: Browser, idp: Idp) -> None:
    idp.claims = {"groups": ["staff"]}
    assert browser.sign_in() == "/#/sign-in?failed=role"
    idp.claims = {"groups": {"ml": True}}
    assert browser.sign_in() == "/#/sign-in?failed=role"
    assert "sagewright-console" not in browser.cookies


def test_a_refusal_is_told_in_our_words(browser: Browser) -> None:
    browser.start()
    assert browser.back(error="access_denied", error_description="<b>") == "/#/sign-in?failed=refused"
    browser.start()
    assert browser.back(error="//evil.example") == "/#/sign-in?failed=provider"
    browser.start()
    assert browser.back(iss="https://evil.example") == "/#/sign-in?failed=provider"
    browser.start()
    assert browser.back(code="bad") == "/#/sign-in?failed=provider"


def test_nothing_leads_elsewhere(browser: Browser) -> None:
    for query in ("next=//evil.example", "redirect_uri=https://evil.example", "return_to=%2F%2Fevil.example"):
        location = browser.ask("oidc/start", query).headers["location"]
        assert "evil" not in location
    assert browser.ask("oidc/start", sec_fetch_site="cross-site").headers["location"] == "/"
    assert browser.ask("oidc/elsewhere").status == 404


def test_too_many_are_sent_away(browser: Browser) -> None:
    for _ in range(50):
        browser.start()
    assert browser.ask("oidc/start").headers["location"] == "/#/sign-in?failed=attempts"


def test_a_session_ends_with_its_role_and_its_time(browser: Browser, idp: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
    services = browser.asker.server.app.services
    clock = ManualClock(services.clock.now())
    monkeypatch.setattr(type(services.clock), "now", lambda _: clock.now())
    assert browser.sign_in() == "/"
    other = Browser(browser.asker, idp)
    assert other.sign_in() == "/"
    clock.advance(12 * 3600 + 1)
    assert browser.ask("session").status == 401
    idp.now = int(clock.now())
    assert browser.sign_in() == "/"
    role = find_role(services.store, "123456789012", ROLE)
    assert role is not None
    services.store.delete(role)
    assert browser.ask("session").status == 401
    assert browser.sign_in() == "/#/sign-in?failed=role"


@pytest.mark.parametrize("about", [{"issuer": "https://evil.example"}, {"token_endpoint": "http://evil.example/"}])
def test_a_provider_that_says_odd_things_of_itself(browser: Browser, idp: Idp, about: dict[str, Any]) -> None:
    idp.about = about
    assert browser.ask("oidc/start").headers["location"] == "/#/sign-in?failed=provider"


def test_secrets_are_in_no_log(browser: Browser, idp: Idp, caplog: pytest.LogCaptureFixture) -> None:
    idp.claims = {"nonce": "another"}
    browser.sign_in()
    assert "does not hold" in caplog.text
    assert SECRET not in caplog.text + repr(company.read(browser.asker.server.settings.oidc))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"email": "ada@example.com", "sub": "1"}, "ada@example.com"),
        ({"preferred_username": "ada", "sub": "1"}, "ada"),
        ({"email": "ada@example.com", "email_verified": False, "sub": "1"}, "ada@example.com-6b86b273"),
        ({"sub": "auth0|ä/1"}, "auth0---1-934bc196"),
        ({"sub": "x" * 80}, "x" * 55 + "-d929cdee"),
    ],
)
def test_names_of_sessions(claims: dict[str, Any], name: str) -> None:
    assert session_name(claims) == name


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda text: text.replace("issuer", "isuer"), "has isuer"),
        (lambda text: text.replace("http://127.0.0.1", "http://idp.example"), "https://"),
        (lambda text: text.replace(ROLE, "Admins"), r"\[roles\] must give the ARN"),
        (lambda text: text.partition("[roles]")[0], r"\[roles\]"),
        (lambda text: text.replace('"secret"', '"nowhere"'), "client_secret_file cannot be read"),
        (lambda text: "scopes = ['email']\n" + text, "openid"),
        (lambda text: "hours = 100\n" + text, "hours"),
        (lambda text: text + "[", "cannot be read"),
    ],
)
def test_settings_that_are_wrong(tmp_path: Path, idp: Idp, change: Callable[[str], str], sentence: str) -> None:
    file = settings_file(tmp_path, idp)
    file.write_text(change(file.read_text()))
    with pytest.raises(Terminal, match=sentence):
        company.read(file)
