"""The product as `sam build` leaves it, and an interpreter that has only what Lambda provides."""

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from ops import preflight, sam
from ops.template import ROOT, load_template

PYTHON = preflight.python_for_build()
FUNCTIONS = sorted(name for name, r in load_template()["Resources"].items() if r["Type"] == "AWS::Serverless::Function")
needs_sam = [
    pytest.mark.skipif(not shutil.which("sam"), reason="the SAM CLI is not on PATH"),
    pytest.mark.skipif(PYTHON is None, reason="Python 3.13 is not on PATH"),
    pytest.mark.skipif(sys.platform != "linux", reason="the layer built here starts on Linux only"),
]


def build(target: Path) -> None:
    """Everything as it is deployed, for this machine's processor."""
    env = sam.environment(os.environ) | {
        "LAYER_PLATFORM": f"manylinux2014_{platform.machine()}",
        "SAM_CLI_TELEMETRY": "0",
    }
    done = subprocess.run(
        ["sam", "build", "--build-dir", target], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def clean_interpreter(folder: Path) -> Path:
    """An interpreter with boto3, which the runtime brings, and nothing else."""
    assert PYTHON
    subprocess.run([PYTHON, "-m", "venv", folder], check=True)
    pip: list[str | Path] = [
        folder / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    subprocess.run([*pip, f"boto3=={version('boto3')}"], check=True)
    return folder / "bin" / "python"


def path_of(built: Path, function: str) -> str:
    """PYTHONPATH of one function with the layer, as Lambda has it."""
    return os.pathsep.join(map(str, [built / function, built / "SharedLayer" / "python"]))
