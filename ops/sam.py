"""Runs the SAM CLI. The Python that builds the layer comes first on its PATH."""

import os
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ops.preflight import python_for_build
from ops.template import ROOT


def run(arguments: Sequence[str]) -> int:
    """Run ``sam`` in the repository's root, and return its exit code."""
    return subprocess.run(["sam", *arguments], cwd=ROOT, env=environment(), check=False).returncode  # noqa: S603, S607


def environment(inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a build: the functions' Python comes first on PATH."""
    env = dict(os.environ if inherited is None else inherited)
    python = python_for_build()
    if python:
        env["PATH"] = f"{python.parent}{os.pathsep}{env.get('PATH', '')}"
    return env


def configured(config_env: str) -> dict[str, Any]:
    """The deploy parameters of one environment in samconfig.toml; empty if there is no such environment."""
    path = Path(ROOT / "samconfig.toml")
    content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    section = content.get(config_env, {})
    return {**section.get("global", {}).get("parameters", {}), **section.get("deploy", {}).get("parameters", {})}


def overrides(values: object) -> dict[str, str]:
    """The ``parameter_overrides`` of samconfig.toml, a list of ``Name=value``, as a dict."""
    items = values if isinstance(values, list) else []
    return {name: value.strip('"') for name, _, value in (str(item).partition("=") for item in items)}


def written(given: Mapping[str, str]) -> list[str]:
    """The arguments of ``--parameter-overrides``. Without the quotes SAM silently drops what follows a space."""
    return ['{}="{}"'.format(name, value.replace('"', '\\"')) for name, value in given.items()]
