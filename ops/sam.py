"""Runs the SAM CLI, with the Python that builds the layer first on its PATH."""

import os
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ops.preflight import python_for_build
from ops.template import ROOT


def run(arguments: Sequence[str]) -> int:
    """``sam`` with these arguments, in the repository's root; its exit code."""
    return subprocess.run(["sam", *arguments], cwd=ROOT, env=environment(), check=False).returncode  # noqa: S603, S607


def environment(inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment a build runs in."""
    env = dict(os.environ if inherited is None else inherited)
    python = python_for_build()
    if python:
        env["PATH"] = f"{python.parent}{os.pathsep}{env.get('PATH', '')}"
    return env


def configured(config_env: str) -> dict[str, Any]:
    """What samconfig.toml says for deploys of this environment; empty when it does not know it."""
    path = Path(ROOT / "samconfig.toml")
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    section = content.get(config_env, {})
    return {**section.get("global", {}).get("parameters", {}), **section.get("deploy", {}).get("parameters", {})}


def overrides(values: object) -> dict[str, str]:
    """What ``parameter_overrides`` of samconfig.toml (a list of ``Name=value``) says, by name."""
    items = values if isinstance(values, list) else []
    return {name: value.strip('"') for name, _, value in (str(item).partition("=") for item in items)}


def written(given: Mapping[str, str]) -> list[str]:
    """Parameters as ``--parameter-overrides`` wants them: unquoted, SAM drops what follows a space without a word."""
    return ['{}="{}"'.format(name, value.replace('"', '\\"')) for name, value in given.items()]
