"""The search for leaked secrets finds what is planted."""

import base64
from urllib.parse import quote

import pytest

from tests.support.secret_scan import leaks

SECRET = "na1-4c/6f+Zk_9:T=w~7pQ.x2R%b8!mN"
PLANTED = {
    "raw": SECRET,
    "URL-encoded": quote(SECRET, safe=""),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 within other text": base64.b64encode(f"state={SECRET}&x=1".encode()).decode(),
    "base64, one character further": base64.b64encode(f"token={SECRET}&x=1".encode()).decode(),
    "base64, two characters further": base64.b64encode(f"secrets={SECRET}&x=1".encode()).decode(),
    "URL-safe base64": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "first 20 characters": SECRET[:20] + "…",
}


@pytest.mark.parametrize("form", PLANTED)
def test_a_planted_secret_is_found(form: str) -> None:
    assert leaks({"log": f'{{"message": "got {PLANTED[form]} back"}}'}, {"refresh token": SECRET})


def test_text_without_the_secret_is_clean() -> None:
    assert leaks({"log": SECRET[1:] + SECRET[:19]}, {"refresh token": SECRET}) == []
