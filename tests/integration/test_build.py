"""`sam build`, and what it builds on a clean interpreter that has only what Lambda provides."""

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
from tests.stack import ENVIRONMENT

MOST_LAYER_BYTES = 50 * 1024 * 1024
PYTHON = preflight.python_for_build()
pytestmark = [
    pytest.mark.skipif(not shutil.which("sam"), reason="the SAM CLI is not on PATH"),
    pytest.mark.skipif(PYTHON is None, reason="Python 3.13 is not on PATH"),
    pytest.mark.skipif(sys.platform != "linux", reason="the layer built here starts on Linux only"),
]
FUNCTIONS = sorted(name for name, r in load_template()["Resources"].items() if r["Type"] == "AWS::Serverless::Function")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything as it is deployed, for this machine's processor."""
    target = tmp_path_factory.mktemp("built")
    env = sam.environment(os.environ) | {
        "LAYER_PLATFORM": f"manylinux2014_{platform.machine()}",
        "SAM_CLI_TELEMETRY": "0",
    }
    done = subprocess.run(
        ["sam", "build", "--build-dir", target], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="module")
def lambda_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with boto3, which the runtime brings, and nothing else."""
    venv = tmp_path_factory.mktemp("runtime")
    assert PYTHON
    subprocess.run([PYTHON, "-m", "venv", venv], check=True)
    pip: list[str | Path] = [venv / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, f"boto3=={version('boto3')}"], check=True)
    return venv / "bin" / "python"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_built_function_starts_on_a_clean_interpreter(built: Path, lambda_python: Path, function: str) -> None:
    paths = [built / function, built / "SharedLayer" / "python"]
    environment = {
        **ENVIRONMENT,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "AWS_DEFAULT_REGION": "eu-central-1",
        "POWERTOOLS_SERVICE_NAME": "test",
        "POWERTOOLS_METRICS_NAMESPACE": "test",
    }
    started = "import app; from hubspot_oauth import bootstrap as b; b.browser(), b.callback(), b.vendor(), b.worker()"

    done = subprocess.run([lambda_python, "-c", started], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_layer_ships_bytecode_and_no_boto3_and_stays_small(built: Path) -> None:
    layer = built / "SharedLayer" / "python"
    sources = list((layer / "hubspot_oauth").glob("*.py"))

    assert sources
    assert all((layer / "hubspot_oauth" / "__pycache__" / f"{s.stem}.cpython-313.pyc").exists() for s in sources)
    assert not (layer / "boto3").exists()
    assert sum(path.stat().st_size for path in layer.rglob("*") if path.is_file()) < MOST_LAYER_BYTES


@pytest.mark.parametrize("lint", [[], ["--lint"]])
def test_sam_validate_finds_nothing(lint: list[str]) -> None:
    env = {**os.environ, "AWS_DEFAULT_REGION": "eu-central-1", "SAM_CLI_TELEMETRY": "0"}

    done = subprocess.run(["sam", "validate", *lint], cwd=ROOT, env=env, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
