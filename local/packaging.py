"""Packs the functions and the layer into zip files named by their content, and points the template at them."""

import io
import zipfile
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import cache_from_source
from pathlib import Path
from py_compile import PycInvalidationMode, compile  # noqa: A004 - the module's own name for it
from tempfile import TemporaryDirectory

from ops.template import ROOT, Template, resources_of

BUCKET = "twin-code"
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Package:
    """A zip file and its name in the bucket."""

    key: str
    content: bytes


def packaged(template: Template) -> tuple[Template, list[Package]]:
    """Replace each code folder by a zip file in `BUCKET`, as `sam package` does; return the template and the files."""
    copy = deepcopy(template)
    packages = {}
    for _, properties in resources_of(copy, "AWS::Serverless::Function"):
        package = _zipped(ROOT / properties["CodeUri"], "")
        properties["CodeUri"] = f"s3://{BUCKET}/{package.key}"
        packages[package.key] = package
    for _, properties in resources_of(copy, "AWS::Serverless::LayerVersion"):
        # Dependencies are left out: the emulator's Python has them, and a small layer unpacks faster at a cold start.
        package = _zipped(ROOT / properties["ContentUri"], "python/")
        properties["ContentUri"] = f"s3://{BUCKET}/{package.key}"
        packages[package.key] = package
    return copy, list(packages.values())


def _zipped(folder: Path, prefix: str) -> Package:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive, TemporaryDirectory() as compiled:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                name = path.relative_to(folder)
                _add(archive, f"{prefix}{name.as_posix()}", path.read_bytes())
                if path.suffix == ".py":
                    _add(archive, *_bytecode(path, f"{prefix}{name.as_posix()}", Path(compiled)))
    blob = content.getvalue()
    return Package(f"{sha256(blob).hexdigest()[:32]}.zip", blob)


def _bytecode(source: Path, name: str, scratch: Path) -> tuple[str, bytes]:
    # Each worker unpacks its own copy of the code, and would compile it again if the zip had no bytecode.
    target = scratch / "module.pyc"
    mode = PycInvalidationMode.UNCHECKED_HASH
    compile(str(source), str(target), name, doraise=True, invalidation_mode=mode)
    return cache_from_source(name), target.read_bytes()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # With a fixed time, the same code makes the same zip and keeps its name.
    archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
