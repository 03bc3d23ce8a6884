"""What the client makes of each answer, and where it finds the service: over HTTP, against a scripted service."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from hubspot_tokens import (
    AccountNotFound,
    Client,
    NotAllowed,
    NotConfigured,
    Refused,
    ReinstallRequired,
    ScopesMissing,
    TokenError,
    TokenRejected,
    Unavailable,
    api,
)
from hubspot_tokens.discovery import region_of, url_of
from hubspot_tokens.tokens import fingerprint
from ops.template import ROOT
from tests.support.token_service import Asked, Said, TokenService, serving

HUB_ID = 100001
SECRET = "not-to-be-shown-token"
TOKEN = {
    "hub_id": HUB_ID,
    "access_token": SECRET,
    "token_type": "bearer",
    "expires_in": 1520,
    "expires_at": "2026-11-25T10:31:07Z",
    "scopes": ["oauth"],
    "missing_scopes": ["tickets"],
    "fingerprint": "0f3a0f3a0f3a0f3a",
}


def good(_: Asked) -> Said:
    return Said(200, TOKEN)


def problem(status: int, code: str, **members: Any) -> Said:
    headers = {"retry-after": str(members.pop("retry_after"))} if "retry_after" in members else {}
    return Said(status, {"code": code, "detail": f"Detail of {code}.", **members}, headers)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_PAUSE_SECONDS", 0.001)
    for name in ("HUBSPOT_OAUTH_URL", "HUBSPOT_OAUTH_STACK", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-key-of-the-caller")


@pytest.fixture
def service() -> Iterator[TokenService]:
    with serving(good) as service:
        yield service


@pytest.fixture
def client(service: TokenService) -> Client:
    return Client(service.url, region="eu-west-1")


def test_a_token_is_read_with_its_scopes_and_times(client: Client) -> None:
    token = client.get_token(HUB_ID)

    assert token.access_token == SECRET
    assert token.expires_at.isoformat() == "2026-11-25T10:31:07+00:00"
    assert (token.scopes, token.missing_scopes) == (("oauth",), ("tickets",))


def test_the_request_is_signed_for_the_region_and_names_what_is_asked(client: Client, service: TokenService) -> None:
    client.get_token(HUB_ID, min_ttl=300, rejected="a token", scopes=["b", "a c"])

    [asked] = service.asked
    path, _, query = asked.target.partition("?")
    assert path == f"/accounts/{HUB_ID}/token"
    assert query == f"min_ttl=300&rejected={fingerprint('a token')}&scopes=b%20a%20c"
    assert asked.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-west-1/execute-api/aws4_request" in asked.headers["authorization"]


@pytest.mark.parametrize(
    ("said", "error", "attributes"),
    [
        (problem(404, "account_not_found"), AccountNotFound, {}),
        (
            problem(409, "needs_reinstall", install_url="https://a.example/install?hub_id=1"),
            ReinstallRequired,
            {"install_url": "https://a.example/install?hub_id=1"},
        ),
        (
            problem(409, "scopes_missing", install_url="https://a.example/install", missing_scopes=["tickets"]),
            ScopesMissing,
            {"install_url": "https://a.example/install", "missing_scopes": ("tickets",)},
        ),
        (problem(409, "token_rejected"), TokenRejected, {}),
        (problem(503, "hubspot_unavailable", retry_after=42), Unavailable, {"retry_after": 42.0}),
        (problem(503, "misconfigured", retry_after=60), Unavailable, {"retry_after": 60.0}),
        (problem(503, "not_configured"), Unavailable, {"retry_after": 1.0}),
        (problem(500, "tokens_unreadable"), Refused, {}),
        (problem(400, "invalid_request", field="scopes"), Refused, {}),
        (problem(404, "no_such_route"), Refused, {}),
        (problem(409, "a_code_of_tomorrow"), Refused, {}),
    ],
    ids=lambda value: value.body["code"] if isinstance(value, Said) else None,
)
def test_each_code_is_an_error_of_its_own(
    client: Client, service: TokenService, said: Said, error: type[TokenError], attributes: dict[str, object]
) -> None:
    service.answer = lambda _: said

    with pytest.raises(error) as caught:
        client.get_token(HUB_ID)

    assert type(caught.value) is error
    assert (caught.value.code, str(caught.value)) == (said.body["code"], said.body["detail"])
    assert {name: getattr(caught.value, name) for name in attributes} == attributes
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("said", "error", "code", "calls"),
    [
        (Said(403, {"message": "Forbidden"}), NotAllowed, "not_allowed", 1),
        (Said(403, {"Message": "User: arn:aws:iam::1:user/x is not authorized"}), NotAllowed, "not_allowed", 1),
        (Said(404, {"message": "Not Found"}), NotConfigured, "not_configured", 1),
        (Said(404, "<html>not found</html>"), NotConfigured, "not_configured", 1),
        (Said(301, "", {"location": "https://elsewhere.example/"}), Refused, "http_301", 1),
        (Said(401, "who are you"), Refused, "http_401", 1),
        (Said(429, {"message": "Too Many Requests"}), Unavailable, "http_429", 2),
        (Said(500, {"message": "Internal Server Error"}), Unavailable, "http_500", 2),
        (Said(502, "<html>Bad Gateway</html>"), Unavailable, "http_502", 2),
        (Said(503, {"message": "Service Unavailable"}, {"retry-after": "soon"}), Unavailable, "http_503", 2),
        (Said(200, "<html>a captive portal</html>"), Unavailable, "http_200", 2),
        (Said(200, [1, 2]), Unavailable, "http_200", 2),
        (Said(200, {**TOKEN, "access_token": None}), Unavailable, "http_200", 2),
        (Said(200, {**TOKEN, "access_token": ""}), Unavailable, "http_200", 2),
        (Said(200, {**TOKEN, "expires_at": "soon"}), Unavailable, "http_200", 2),
        (Said(200, {**TOKEN, "expires_in": None}), Unavailable, "http_200", 2),
        (Said(200, {**TOKEN, "scopes": 7}), Unavailable, "http_200", 2),
        (Said(0), Unavailable, "no_answer", 2),
    ],
    ids=lambda value: f"{value.status} {str(value.body)[:40]}" if isinstance(value, Said) else None,
)
def test_an_answer_that_is_not_the_services_own_is_a_clear_error(
    client: Client, service: TokenService, said: Said, error: type[TokenError], code: str, calls: int
) -> None:
    service.answer = lambda _: said

    with pytest.raises(error) as caught:
        client.get_token(HUB_ID)

    assert (type(caught.value), caught.value.code, len(service.asked)) == (error, code, calls)
    assert SECRET not in str(caught.value)


def test_a_call_that_is_lost_once_is_repeated(client: Client, service: TokenService) -> None:
    answers = iter([Said(0), Said(200, TOKEN)])
    service.answer = lambda _: next(answers)

    assert client.get_access_token(HUB_ID) == SECRET


def test_a_refresh_of_another_caller_is_waited_for(client: Client, service: TokenService) -> None:
    answers = iter([*[problem(503, "refresh_in_progress", retry_after=20)] * 4, Said(200, TOKEN)])
    service.answer = lambda _: next(answers)

    assert client.get_access_token(HUB_ID) == SECRET


def test_a_refresh_that_does_not_end_is_waited_for_in_vain(
    client: Client, service: TokenService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PATIENCE_SECONDS", 0.1)
    service.answer = lambda _: problem(503, "refresh_in_progress", retry_after=20)

    with pytest.raises(Unavailable) as caught:
        client.get_access_token(HUB_ID)

    assert (caught.value.code, caught.value.retry_after) == ("refresh_in_progress", 20)
    assert len(service.asked) > 1


def test_a_service_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable) as caught:
        Client("http://127.0.0.1:9", region="eu-west-1").get_token(HUB_ID)

    assert caught.value.code == "no_answer"
    assert "a-secret-key-of-the-caller" not in str(caught.value)


def test_a_redirect_takes_the_signature_nowhere(client: Client, service: TokenService) -> None:
    with serving(good) as other:
        service.answer = lambda _: Said(302, "", {"location": f"{other.url}/accounts/1/token"})
        with pytest.raises(Refused):
            client.get_token(HUB_ID)

        assert other.asked == []


def test_without_credentials_the_error_says_so(monkeypatch: pytest.MonkeyPatch, service: TokenService) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(NotConfigured) as caught:
        Client(service.url, region="eu-west-1").get_token(HUB_ID)

    assert caught.value.code == "no_credentials"


def test_a_netrc_file_does_not_replace_the_signature(
    client: Client, service: TokenService, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    monkeypatch.setenv("NETRC", str(netrc))

    client.get_token(HUB_ID)

    assert service.asked[0].headers["authorization"].startswith("AWS4-HMAC-SHA256")


@pytest.mark.parametrize(
    "url",
    [
        "http://tokens.example",
        "ftp://tokens.example",
        "tokens.example",
        "https://",
        "https://user:pass@tokens.example",
        "https://tokens.example/?a=b",
        "https://tokens.example/#a",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(NotConfigured) as caught:
        Client(url, region="eu-west-1").get_token(HUB_ID)

    assert caught.value.code == "not_configured"


def test_without_an_address_the_error_says_how_to_give_one() -> None:
    with pytest.raises(NotConfigured, match="HUBSPOT_OAUTH_URL"):
        Client(region="eu-west-1").get_token(HUB_ID)


def test_without_a_region_the_error_says_how_to_give_one(service: TokenService) -> None:
    with pytest.raises(NotConfigured, match="AWS_REGION"):
        Client(service.url).get_token(HUB_ID)


def test_a_given_address_counts_more_than_the_environments(
    service: TokenService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBSPOT_OAUTH_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HUBSPOT_OAUTH_STACK", "another")

    assert Client(service.url, region="eu-west-1").get_access_token(HUB_ID) == SECRET


def test_the_environment_says_where_the_service_is(service: TokenService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_OAUTH_URL", f"{service.url}/base/")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-southeast-2")

    Client().get_token(HUB_ID)

    [asked] = service.asked
    assert asked.target == f"/base/accounts/{HUB_ID}/token"
    assert "/ap-southeast-2/" in asked.headers["authorization"]


@pytest.mark.parametrize(
    ("url", "given", "environment", "region"),
    [
        ("https://abc123.execute-api.eu-central-1.amazonaws.com", "us-east-1", {"AWS_REGION": "x"}, "eu-central-1"),
        ("https://abc123.execute-api.cn-north-1.amazonaws.com.cn", None, {}, "cn-north-1"),
        ("https://abc123.execute-api.eu-central-1.api.aws", None, {}, "eu-central-1"),
        ("https://tokens.example", "us-east-1", {"AWS_REGION": "eu-west-3"}, "us-east-1"),
        ("https://tokens.example", None, {"AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"}, "a"),
        ("https://tokens.example", None, {"AWS_DEFAULT_REGION": "b"}, "b"),
        ("https://abc.execute-api.eu-central-1.amazonaws.com.evil.example", None, {"AWS_REGION": "a"}, "a"),
        ("https://tokens.example", None, {}, None),
    ],
)
def test_the_region_is_the_hosts_or_the_next_that_is_said(
    monkeypatch: pytest.MonkeyPatch, url: str, given: str | None, environment: dict[str, str], region: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert region_of(url, given, botocore.session.get_session()) == region


def test_a_session_may_say_the_region() -> None:
    session = botocore.session.get_session()
    session.set_config_variable("region", "sa-east-1")

    assert region_of("https://tokens.example", None, session) == "sa-east-1"


class Published:
    """A session whose Parameter Store holds one stack's address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.read: list[tuple[str, str]] = []

    def client(self, service: str, region_name: str) -> "Published":
        self.read.append((service, region_name))
        return self

    def get_parameter(self, Name: str) -> dict[str, dict[str, str]]:  # noqa: N803 - AWS's name
        self.read.append(("parameter", Name))
        return {"Parameter": {"Value": self.url}}


@pytest.mark.parametrize("stack", ["given", "environment"])
def test_the_stack_publishes_its_address(monkeypatch: pytest.MonkeyPatch, stack: str) -> None:
    monkeypatch.setenv("HUBSPOT_OAUTH_STACK", "theirs" if stack == "given" else "ours")
    session = Published("https://abc123.execute-api.eu-central-1.amazonaws.com")

    found = url_of(None, "ours" if stack == "given" else None, "eu-central-1", session)

    assert found == session.url
    assert session.read == [("ssm", "eu-central-1"), ("parameter", "/hubspot-oauth/ours/api-url")]


@pytest.mark.parametrize(
    "error",
    [
        ReinstallRequired("a", code="b", install_url="c"),
        ScopesMissing("a", code="b", install_url="c", missing_scopes=("d",)),
        Unavailable("a", code="b", retry_after=7),
        AccountNotFound("a", code="b"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_a_copy_and_another_process(error: TokenError) -> None:
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 - its own
        assert (type(twin), str(twin), vars(twin)) == (type(error), str(error), vars(error))


FORK = """
import os, sys, threading
sys.path.insert(0, "layers/client")
from hubspot_tokens import client as module
threading.Thread(target=lambda: None).start()
client = module.Client("https://unused.example")
held = client._cache._lock
held.acquire()
child = os.fork()
if not child:
    os._exit(0 if client._cache._lock is not held and not client._cache._lock.locked() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_child_does_not_inherit_a_lock_that_nobody_will_release() -> None:
    forking = [sys.executable, "-W", "ignore", "-c", FORK]

    assert subprocess.run(forking, cwd=ROOT, check=False, timeout=30).returncode == 0
