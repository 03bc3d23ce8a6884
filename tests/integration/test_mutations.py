"""Each test that security.md names for a mutation is seen to fail: it runs in a copy that has the mutation."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mutations import MUTATIONS, Mutation

pytestmark = pytest.mark.takes(seconds=90)
ROOT = Path(__file__).parents[2]
COPIED = ("layers", "functions", "simulator", "local", "ops", "tests", "docs", "template.yaml", "pyproject.toml")
FAILED = 1  # pytest's exit code when tests ran and some failed


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the repository."""
    root = tmp_path_factory.mktemp("mutated")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, root / name)
    yield root
    shutil.rmtree(root)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what.replace("`", ""))
def test_a_mutation_dies_by_the_test_that_is_named_for_it(copy: Path, mutation: Mutation) -> None:
    file = copy / mutation.file
    source = file.read_text(encoding="utf-8")
    assert mutation.old in source
    file.write_text(source.replace(mutation.old, mutation.new, 1), encoding="utf-8")
    try:
        run = run_test(copy, mutation.test)
    finally:
        file.write_text(source, encoding="utf-8")

    assert run.returncode == FAILED, run.stdout[-2000:] + run.stderr[-2000:]


def run_test(root: Path, test: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", f"tests/{test}"]
    # Bytecode is told from source by second and size, which a mutation may leave as they were.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False)
