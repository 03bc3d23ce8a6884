"""The functions' own entry points, loaded from where they lie: they are files beside one another, not a package."""

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from ops.template import ROOT


def handler_of(function: str) -> Callable[..., Any]:
    """The handler of ``functions/<function>/app.py``."""
    spec = spec_from_file_location(f"tested_{function}", ROOT / "functions" / function / "app.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Callable[..., Any] = module.handler
    return handler
