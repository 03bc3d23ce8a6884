"""What SAM says of the template, and the layer that `sam build` builds."""

import os
import subprocess
from pathlib import Path

import pytest

from ops.template import ROOT
from tests.support.built_functions import needs_sam

MOST_LAYER_BYTES = 50 * 1024 * 1024
pytestmark = needs_sam


def test_the_layer_ships_bytecode_and_no_boto3_and_stays_small(built: Path) -> None:
    layer = built / "SharedLayer" / "python"
    sources = list((layer / "hubspot_oauth").rglob("*.py"))

    assert sources
    assert all((s.parent / "__pycache__" / f"{s.stem}.cpython-313.pyc").exists() for s in sources)
    assert not (layer / "boto3").exists()
    assert sum(path.stat().st_size for path in layer.rglob("*") if path.is_file()) < MOST_LAYER_BYTES


@pytest.mark.parametrize("lint", [[], ["--lint"]])
def test_sam_validate_finds_nothing(lint: list[str]) -> None:
    env = {**os.environ, "AWS_DEFAULT_REGION": "eu-central-1", "SAM_CLI_TELEMETRY": "0"}

    done = subprocess.run(["sam", "validate", *lint], cwd=ROOT, env=env, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
