"""The client as a package and as a layer: what it imports, what it ships, and what its page says of deploying it."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import hubspot_tokens
from hubspot_tokens import TokenError
from ops.template import ROOT, load_template
from tests.support.translated_template import resources, translate
from tests.unit.test_architecture import imported

CLIENT = ROOT / "layers" / "client"
PACKAGE = CLIENT / "hubspot_tokens"
README = (CLIENT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.name)
def test_the_client_needs_botocore_and_requests_alone(module: Path) -> None:
    roots = {name.partition(".")[0] for name in imported(module)}

    assert roots - set(sys.stdlib_module_names) <= {"hubspot_tokens", "botocore", "requests"}


def test_every_public_name_has_a_docstring_and_is_exported() -> None:
    assert sorted(hubspot_tokens.__all__) == hubspot_tokens.__all__
    assert all(getattr(hubspot_tokens, name).__doc__ for name in hubspot_tokens.__all__)


def test_the_page_names_every_error() -> None:
    documented = set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE))
    errors = {
        name
        for name, kind in vars(hubspot_tokens).items()
        if isinstance(kind, type) and issubclass(kind, TokenError) and not kind.__subclasses__()
    }

    assert documented == errors


def test_the_wheel_is_typed_and_holds_the_package_alone(tmp_path: Path) -> None:
    build = "import sys; from flit_core.buildapi import build_wheel; print(build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=CLIENT, check=True, capture_output=True)

    [wheel] = tmp_path.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert wheel.name.endswith("-py3-none-any.whl")
    assert names == {f"hubspot_tokens/{path.name}" for path in PACKAGE.iterdir() if path.is_file()}
    assert "hubspot_tokens/py.typed" in names


def test_both_packages_have_one_version() -> None:
    versions = [
        tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        for folder in (ROOT, CLIENT)
    ]

    assert versions[0] == versions[1]


def test_the_layer_pins_what_fits_every_python_and_no_botocore() -> None:
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (CLIENT / "requirements.txt").read_text(), re.MULTILINE))

    assert pinned == {"certifi", "charset-normalizer", "idna", "requests", "urllib3"}


def test_old_versions_of_the_layer_are_kept() -> None:
    [layer] = [r for name, r in resources("AWS::Lambda::LayerVersion").items() if name.startswith("ClientLayer")]

    assert layer["DeletionPolicy"] == "Retain"
    assert layer["Properties"]["CompatibleArchitectures"] == ["arm64", "x86_64"]
    assert layer["Properties"]["CompatibleRuntimes"] == [f"python3.{minor}" for minor in (11, 12, 13, 14)]


def test_the_managed_policy_allows_tokens_and_finding_the_api_and_nothing_else() -> None:
    [policy] = resources("AWS::IAM::ManagedPolicy").values()

    allowed = {
        (statement["Effect"], statement["Action"], statement["Resource"]["Fn::Sub"].partition("${AWS::AccountId}:")[2])
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    }
    assert allowed == {
        ("Allow", "execute-api:Invoke", "${HttpApi}/$default/GET/accounts/*/token"),
        ("Allow", "ssm:GetParameter", "parameter${ApiUrlParameter}"),
    }


def test_what_the_page_says_of_sam_is_what_the_stack_publishes() -> None:
    [snippet] = re.findall(r"```yaml\n(.+?)```", README, re.DOTALL)
    published = {
        parameter["Properties"]["Name"]["Fn::Sub"].replace("${AWS::StackName}", "hubspot-oauth-prod")
        for parameter in resources("AWS::SSM::Parameter").values()
    }

    made = translate({**load_template(), "Resources": yaml.safe_load(snippet)} | only_the_header())

    function, role = made["Resources"]["ContactsFunction"], made["Resources"]["ContactsFunctionRole"]
    [layer], policy = function["Properties"]["Layers"], role["Properties"]["ManagedPolicyArns"][-1]
    assert {layer, policy} <= {f"{{{{resolve:ssm:{name}}}}}" for name in published}
    stack = function["Properties"]["Environment"]["Variables"]["HUBSPOT_OAUTH_STACK"]
    assert f"/hubspot-oauth/{stack}/api-url" in published


def only_the_header() -> dict[str, Any]:
    return {"Parameters": {}, "Outputs": {}, "Conditions": {}, "Globals": {}, "Metadata": {}}


def test_every_python_example_of_the_page_compiles() -> None:
    for block in re.findall(r"```python\n(.+?)```", README, re.DOTALL):
        ast.parse(block)
