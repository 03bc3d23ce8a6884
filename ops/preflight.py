"""Checks what a build or a deploy needs before it starts. Each fault is one line that says how to fix it."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

RUNTIME = "3.13"
_IMPATIENT = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})


def python_fault() -> str | None:
    if python_for_build():
        return None
    return (
        f"Python {RUNTIME} is not on PATH; the layer is built with the functions' own runtime. Install it from"
        f" python.org, with your package manager, or: pyenv install {RUNTIME}"
    )


def python_for_build() -> Path | None:
    """The path of Python 3.13, from PATH or else from pyenv's versions; None if neither has it."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = shutil.which(f"python{RUNTIME}")
    candidates = [Path(found)] if found else []
    candidates += sorted(pyenv.glob(f"versions/{RUNTIME}*/bin/python{RUNTIME}"), reverse=True)
    return next((path for path in candidates if _runs(path)), None)


def sam_fault() -> str | None:
    if shutil.which("sam"):
        return None
    return "The SAM CLI is not on PATH. Install it with: pipx install aws-sam-cli (or brew install aws-sam-cli)"


def region_fault(session: boto3.Session) -> str | None:
    mend = "Set one with: export AWS_REGION=eu-central-1, or region in samconfig.toml"
    if not session.region_name:
        return f"No AWS region is chosen. {mend}"
    return None if _is_region(session.region_name) else f"{session.region_name!r} is not an AWS region. {mend}"


def credentials_fault(session: boto3.Session) -> str | None:
    """Why AWS does not accept the credentials, or None. It asks STS, because expired ones look like valid ones."""
    mend = "Sign in with: aws sso login, or set AWS_PROFILE"
    try:
        if session.get_credentials() is None:
            return f"There are no AWS credentials. {mend}"
        region = session.region_name if _is_region(session.region_name) else "us-east-1"
        session.client("sts", region_name=region, config=_IMPATIENT).get_caller_identity()
    except (NotConnected, HTTPClientError) as error:
        return f"AWS cannot be reached: {error}. Check the network, the proxy and the region's name"
    except (BotoCoreError, ClientError) as error:
        return f"AWS does not take the credentials ({type(error).__name__}). {mend}"
    return None


def faults(session: boto3.Session | None = None) -> list[str]:
    """All faults that would stop a build or, with a ``session``, a deploy."""
    checks: list[Callable[[], str | None]] = [python_fault, sam_fault]
    if session is not None:
        checks += [lambda: region_fault(session), lambda: credentials_fault(session)]
    return [fault for check in checks if (fault := check())]


def _is_region(name: str | None) -> bool:
    return re.fullmatch(r"[a-z]{2,4}(-[a-z]+)+-[0-9]+", name or "") is not None


def _runs(path: Path) -> bool:
    # pyenv puts a shim for every version on PATH; it fails for versions that are not activated.
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except OSError:
        return False
    return said.returncode == 0 and f"Python {RUNTIME}." in said.stdout
