"""Creates the local IAM user who may call the IAM routes, and checks the signature and permission of each call."""

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.emulator import REGION, Emulator
from local.events import Caller, Request
from local.permissions import allowed
from local.routes import STAGE
from local.sigv4 import KeyPair, signer_of
from local.statedir import CALLERS, CREDENTIALS

USER = "local-caller"


def create_caller(emulator: Emulator, api_id: str, addresses: Mapping[str, str], state: Path) -> None:
    """Create a user who may call every IAM route of the API.

    Its key pair goes to `credentials.json`, together with the addresses.
    """
    iam = emulator.client("iam")
    iam.create_user(UserName=USER)
    statement = {
        "Effect": "Allow",
        "Action": "execute-api:Invoke",
        "Resource": emulator.arn("execute-api", f"{api_id}/*"),
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_user_policy(UserName=USER, PolicyName="CallTheApi", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    credentials = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
        "region": REGION,
        **addresses,
    }
    write_private(state / CREDENTIALS, json.dumps(credentials, indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file that has mode 0600 from its creation."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


class Gatekeeper:
    """Decides who may call an IAM route.

    It reads keys from `credentials.json` and from the files in `callers/` in the state folder, which have the same
    members (and `aws_session_token` for an assumed role). IAM does not give out secret keys, so a program that
    creates further callers on the emulator must write their keys there.
    """

    def __init__(self, emulator: Emulator, api_id: str, state: Path) -> None:
        self._emulator = emulator
        self._api_id = api_id
        self._state = state
        self._callers: dict[str, tuple[KeyPair, Caller]] = {}
        self._learning = threading.Lock()

    def admit(self, request: Request) -> Caller | None:
        """Return the caller if the signature is valid and IAM allows the call, else None."""
        pair = signer_of(request, self._pair, REGION, "execute-api")
        if pair is None:
            return None
        caller = self._callers[pair.access_key_id][1]
        resource = self._emulator.arn("execute-api", f"{self._api_id}/{STAGE}/{request.method}{request.path}")
        if not allowed(self._emulator, _principal(caller.arn), "execute-api:Invoke", resource):
            return None
        return caller

    def _pair(self, access_key_id: str) -> KeyPair | None:
        with self._learning:
            if access_key_id not in self._callers:
                for path in (self._state / CREDENTIALS, *sorted((self._state / CALLERS).glob("*.json"))):
                    self._learn(json.loads(path.read_text(encoding="utf-8")))
        known = self._callers.get(access_key_id)
        return known[0] if known else None

    def _learn(self, credentials: dict[str, Any]) -> None:
        pair = KeyPair(
            credentials["aws_access_key_id"],
            credentials["aws_secret_access_key"],
            credentials.get("aws_session_token"),
        )
        if pair.access_key_id not in self._callers and (caller := _identity(self._emulator, pair)):
            self._callers[pair.access_key_id] = pair, caller


def _identity(emulator: Emulator, pair: KeyPair) -> Caller | None:
    sts = emulator.client_of("sts", pair.access_key_id, pair.secret_access_key, pair.session_token)
    try:
        identity = sts.get_caller_identity()
    except ClientError:
        return None  # the emulator does not know this key
    return Caller(pair.access_key_id, identity["Account"], identity["Arn"], identity["UserId"])


def _principal(arn: str) -> str:
    """The ARN whose policies apply: the user's, or for an assumed role's session the role's."""
    kind, *names = arn.rpartition(":")[2].split("/")
    if kind != "assumed-role":
        return arn
    account = arn.split(":")[4]
    return f"arn:aws:iam::{account}:role/{names[0]}"
