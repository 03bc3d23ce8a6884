"""template.yaml: who may do what, what is retried, what is kept, and that it can be deployed at all."""

import json
import re
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from hubspot_oauth.adapters.telemetry import UNITS
from hubspot_oauth.domain import call_timeouts
from hubspot_oauth.domain.settings import Settings
from hubspot_oauth.install.attempt import PENDING_SECONDS
from ops.template import TEMPLATE, load_template
from tests.support.stack import ENVIRONMENT
from tests.support.translated_template import (
    as_list,
    dependencies,
    dependency_cycle,
    metrics_of,
    resources,
    translate,
    translated,
)

LOGS = {("logs:CreateLogStream", "LogGroup"), ("logs:PutLogEvents", "LogGroup")}
SEAL = {("kms:GenerateDataKey", "TokensKey")}
RESEAL = SEAL | {("kms:Decrypt", "TokensKey")}


def table(name: str, *actions: str) -> set[tuple[str, str]]:
    return {(f"dynamodb:{action}", name) for action in actions}


def queue(name: str) -> set[tuple[str, str]]:
    return {(f"sqs:{action}", name) for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")}


READ_SECRET = ("secretsmanager:GetSecretValue", "ClientSecret")
READ_KEY = ("secretsmanager:GetSecretValue", "StateKey")
RESCUE = ("sqs:SendMessage", "RescueQueue")
MAY = {
    "InstallFunction": {READ_KEY, ("secretsmanager:DescribeSecret", "ClientSecret")},
    "CallbackFunction": {READ_KEY, READ_SECRET}
    | table("ScratchTable", "GetItem", "PutItem", "UpdateItem")
    | table("AccountsTable", "GetItem", "UpdateItem")
    | SEAL,
    "TokenFunction": {READ_SECRET, RESCUE}
    | table("AccountsTable", "GetItem", "UpdateItem")
    | table("ScratchTable", "GetItem", "UpdateItem")
    | RESEAL,
    "InstallLinksFunction": {READ_KEY},
    "AccountsFunction": table("AccountsTable", "GetItem", "BatchGetItem", "Scan")
    | {("dynamodb:Query", "AccountsTable/index/by_status"), ("dynamodb:Query", "AccountsTable/index/by_reference")},
    "DisconnectFunction": {READ_SECRET, ("kms:Decrypt", "TokensKey")}
    | table("AccountsTable", "DeleteItem", "UpdateItem"),
    "AdoptFunction": {READ_SECRET} | table("AccountsTable", "GetItem", "UpdateItem") | SEAL,
    "RefreshDispatcherFunction": {
        ("dynamodb:Query", "AccountsTable/index/due"),
        ("dynamodb:Query", "AccountsTable/index/by_status"),
        ("sqs:SendMessage", "RefreshQueue"),
        ("sqs:GetQueueAttributes", "RefreshQueue"),
    }
    | table("AccountsTable", "UpdateItem")
    | table("ScratchTable", "GetItem", "UpdateItem"),
    "RefreshWorkerFunction": {READ_SECRET, RESCUE}
    | queue("RefreshQueue")
    | table("AccountsTable", "UpdateItem")
    | table("ScratchTable", "UpdateItem")
    | RESEAL,
    "RescueFunction": queue("RescueQueue") | table("AccountsTable", "UpdateItem"),
}


def statements(role: str) -> list[dict[str, Any]]:
    policies = resources("AWS::IAM::Role")[role]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def permissions(role: str) -> set[tuple[str, str]]:
    return {
        (action, resource)
        for statement in statements(role)
        for action in as_list(statement["Action"])
        for resource in map(name_of, as_list(statement["Resource"]))
    }


def name_of(arn: Any) -> str:
    """The logical id, with an index's path, that a policy's resource means."""
    if isinstance(arn, dict) and "Fn::Sub" in arn:
        return str(arn["Fn::Sub"]).replace("${", "").replace(".Arn}", "")
    return str(arn.get("Ref") or as_list(arn["Fn::GetAtt"])[0])


@pytest.mark.parametrize("function", sorted(MAY))
def test_a_function_may_do_exactly_what_it_does(function: str) -> None:
    assert permissions(f"{function}Role") == MAY[function] | LOGS


def test_every_function_has_a_role_of_its_own_and_no_managed_policy() -> None:
    functions = resources("AWS::Lambda::Function")

    assert sorted(functions) == sorted(MAY)
    for name, function in functions.items():
        assert function["Properties"]["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
    for role in resources("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role["Properties"]


def test_no_role_holds_a_wildcard() -> None:
    for role in resources("AWS::IAM::Role"):
        for action, resource in permissions(role):
            assert "*" not in action
            assert "*" not in resource


def test_functions_use_the_key_only_with_the_encryption_context() -> None:
    uses = [
        statement
        for role in resources("AWS::IAM::Role")
        for statement in statements(role)
        if any(action.startswith("kms:") for action in as_list(statement["Action"]))
    ]

    assert len(uses) == 5
    for statement in uses:
        condition = {"StringEquals": {"kms:EncryptionContext:hubspot_client_id": {"Ref": "HubSpotClientId"}}}
        assert statement["Condition"] == condition


def test_the_key_lets_this_account_use_it_through_dynamodb_and_nothing_else() -> None:
    key = resources("AWS::KMS::Key")["TokensKey"]["Properties"]
    root, tables = key["KeyPolicy"]["Statement"]

    assert key["EnableKeyRotation"] is True
    assert root["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    assert tables["Condition"] == {
        "StringEquals": {
            "kms:CallerAccount": {"Ref": "AWS::AccountId"},
            "kms:ViaService": {"Fn::Sub": "dynamodb.${AWS::Region}.amazonaws.com"},
        }
    }


def test_no_secret_is_a_parameter_or_a_variable() -> None:
    text = TEMPLATE.read_text()

    assert "NoEcho" not in text
    assert not [
        name for name in load_template()["Parameters"] if re.search(r"secret|password|token(?!s)", name.lower())
    ]
    assert "SecretString:" not in text.replace("GenerateSecretString:", "")
    assert "resolve:secretsmanager" not in text


def test_the_state_keys_properties_never_change() -> None:
    """CloudFormation makes a new value when they do, and every install under way would fail."""
    assert resources("AWS::SecretsManager::Secret")["StateKey"]["Properties"] == {
        "Description": "Signs the OAuth state and install links",
        "GenerateSecretString": {"PasswordLength": 64, "ExcludePunctuation": True},
    }


def test_the_client_secret_is_made_without_a_value() -> None:
    assert list(resources("AWS::SecretsManager::Secret")["ClientSecret"]["Properties"]) == ["Description"]


def test_accounts_outlive_the_stack_and_never_block_the_next_deploy() -> None:
    table = resources("AWS::DynamoDB::Table")["AccountsTable"]

    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert "TableName" not in table["Properties"]
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert resources("AWS::KMS::Key")["TokensKey"]["DeletionPolicy"] == "Retain"


def test_both_tables_are_encrypted_with_the_stacks_own_key() -> None:
    for table in resources("AWS::DynamoDB::Table").values():
        assert table["Properties"]["SSESpecification"]["KMSMasterKeyId"] == {"Fn::GetAtt": ["TokensKey", "Arn"]}


def test_stale_refreshes_are_dropped_and_rescued_tokens_are_kept() -> None:
    queues = {name: queue["Properties"] for name, queue in resources("AWS::SQS::Queue").items()}

    assert queues["RefreshQueue"]["MessageRetentionPeriod"] == 300
    assert "RedrivePolicy" not in queues["RefreshQueue"]
    assert queues["RescueQueue"]["MessageRetentionPeriod"] == call_timeouts.RESCUE_RETENTION_SECONDS
    assert queues["RescueQueue"]["RedrivePolicy"]["deadLetterTargetArn"] == {
        "Fn::GetAtt": ["RescueDeadLetterQueue", "Arn"]
    }
    assert all(queue["SqsManagedSseEnabled"] is True for queue in queues.values())


def test_the_next_tick_is_the_retry() -> None:
    (schedule,) = resources("AWS::Scheduler::Schedule").values()

    assert schedule["Properties"]["ScheduleExpression"] == "rate(1 minute)"
    assert schedule["Properties"]["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 0}
    assert schedule["Properties"]["Name"] == {"Fn::Sub": "${AWS::StackName}-refresh"}
    for invocation in resources("AWS::Lambda::EventInvokeConfig").values():
        assert invocation["Properties"]["MaximumRetryAttempts"] == 0


def test_time_outs_cover_what_a_function_may_have_begun() -> None:
    seconds = {name: f["Properties"]["Timeout"] for name, f in resources("AWS::Lambda::Function").items()}

    assert seconds["CallbackFunction"] < PENDING_SECONDS
    assert seconds["TokenFunction"] > call_timeouts.PREPARE_SECONDS + call_timeouts.FINISH_SECONDS + 3
    assert seconds["RefreshWorkerFunction"] >= 2 * call_timeouts.LEASE_SECONDS
    assert (
        resources("AWS::SQS::Queue")["RefreshQueue"]["Properties"]["VisibilityTimeout"]
        >= seconds["RefreshWorkerFunction"]
    )
    assert resources("AWS::SQS::Queue")["RescueQueue"]["Properties"]["VisibilityTimeout"] >= seconds["RescueFunction"]


def test_pages_are_anonymous_and_everything_else_is_behind_iam() -> None:
    routes = {
        json.dumps(route["Properties"]["RouteKey"]): route["Properties"]["AuthorizationType"]
        for route in resources("AWS::ApiGatewayV2::Route").values()
    }

    anonymous = {key for key, authorization in routes.items() if authorization == "NONE"}
    assert anonymous == {
        *('"GET /install"', '"HEAD /install"'),
        *('{"Fn::Sub": "GET ${CallbackPath}"}', '{"Fn::Sub": "HEAD ${CallbackPath}"}'),
    }
    assert {routes[key] for key in routes.keys() - anonymous} == {"AWS_IAM"}


SOURCE = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}/*/"


def test_api_gateway_may_call_a_function_for_its_own_routes_only() -> None:
    functions = {
        name: integration["Properties"]["IntegrationUri"]["Fn::GetAtt"][0]
        for name, integration in resources("AWS::ApiGatewayV2::Integration").items()
    }
    routes = set()
    for route in resources("AWS::ApiGatewayV2::Route").values():
        key, target = route["Properties"]["RouteKey"], route["Properties"]["Target"]["Fn::Sub"]
        method, path = (key if isinstance(key, str) else key["Fn::Sub"]).split(" ")
        function = functions[target.removeprefix("integrations/${").removesuffix("}")]
        routes.add((function, SOURCE + method + path.replace("{hub_id}", "*")))
    permissions = [
        (permission["Properties"]["FunctionName"]["Ref"], permission["Properties"]["SourceArn"]["Fn::Sub"])
        for permission in resources("AWS::Lambda::Permission").values()
        if permission["Properties"]["Principal"] == "apigateway.amazonaws.com"
    ]

    assert len(routes) == 10
    assert sorted(permissions) == sorted(routes)


def test_the_access_log_has_nothing_that_a_stranger_writes() -> None:
    (stage,) = resources("AWS::ApiGatewayV2::Stage").values()
    settings = stage["Properties"]["AccessLogSettings"]
    said = json.loads(settings["Format"])

    assert settings["DestinationArn"] == {"Fn::GetAtt": ["AccessLog", "Arn"]}
    assert {"$context.routeKey", "$context.status", "$context.identity.userArn"} <= set(said.values())
    assert {value for value in said.values() if not value.startswith("$context.")} == set()
    assert not {"$context.path", "$context.domainName", "$context.identity.userAgent"} & set(said.values())


def test_anonymous_routes_are_throttled_and_signed_ones_are_not() -> None:
    (stage,) = resources("AWS::ApiGatewayV2::Stage").values()

    assert stage["Properties"]["StageName"] == "$default"
    rate = stage["Properties"]["DefaultRouteSettings"]["ThrottlingRateLimit"]
    assert rate["Fn::If"][:2] == ["LimitsAnonymous", {"Ref": "AnonymousRateLimit"}]
    freed = set(stage["Properties"]["RouteSettings"])
    keys = {
        route["Properties"]["RouteKey"]: route
        for route in resources("AWS::ApiGatewayV2::Route").values()
        if isinstance(route["Properties"]["RouteKey"], str)
    }
    assert freed == {key for key, route in keys.items() if route["Properties"]["AuthorizationType"] == "AWS_IAM"}


def test_only_the_functions_that_anyone_can_call_are_limited_by_default() -> None:
    limits = {
        name: function["Properties"].get("ReservedConcurrentExecutions", {}).get("Fn::If")
        for name, function in resources("AWS::Lambda::Function").items()
    }

    anonymous = ["LimitsAnonymous", {"Ref": "AnonymousConcurrency"}, {"Ref": "AWS::NoValue"}]
    assert {name for name, limit in limits.items() if limit == anonymous} == {"InstallFunction", "CallbackFunction"}
    assert translated()["Parameters"]["AnonymousConcurrency"]["Default"] == 10


def test_a_flood_leaves_three_of_ten_executions_where_none_can_be_reserved() -> None:
    (stage,) = resources("AWS::ApiGatewayV2::Stage").values()
    settings = stage["Properties"]["DefaultRouteSettings"]
    rate, burst = (settings[f"Throttling{name}Limit"]["Fn::If"][2] for name in ("Rate", "Burst"))
    start_seconds, callback_seconds = 2, call_timeouts.HUBSPOT_SECONDS + 2  # a cold start; the same while HubSpot hangs

    at_once = 2 * burst + rate * (start_seconds + callback_seconds)

    assert at_once <= 10 - 3


def test_the_environment_is_what_settings_read_and_nothing_else() -> None:
    powertools = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL"}
    for function in resources("AWS::Lambda::Function").values():
        given = set(function["Properties"]["Environment"]["Variables"])
        assert given - powertools == set(ENVIRONMENT)


def test_the_templates_defaults_are_settings_the_product_takes() -> None:
    parameters = load_template()["Parameters"]
    variables = translated()["Resources"]["TokenFunction"]["Properties"]["Environment"]["Variables"]
    environment = {
        name: str(parameters[value["Ref"]].get("Default", ENVIRONMENT[name]))
        for name, value in variables.items()
        if isinstance(value, dict) and value.get("Ref") in parameters and name in ENVIRONMENT
    }

    Settings.from_env({**ENVIRONMENT, **environment})


def test_alarms_read_no_metric_of_ours_that_does_not_exist() -> None:
    read = {
        metric["MetricName"]
        for alarm in resources("AWS::CloudWatch::Alarm").values()
        for metric in metrics_of(alarm["Properties"])
        if metric["Namespace"] == "HubSpotOAuth"
    }

    assert read <= set(UNITS)


def test_every_alarm_on_a_metric_of_ours_looks_at_this_stack() -> None:
    for alarm in resources("AWS::CloudWatch::Alarm").values():
        for metric in metrics_of(alarm["Properties"]):
            if metric["Namespace"] == "HubSpotOAuth":
                assert {"Name": "service", "Value": {"Ref": "AWS::StackName"}} in metric["Dimensions"]


@pytest.mark.parametrize("name", sorted(load_template()["Parameters"]))
def test_a_parameter_is_described_validated_and_grouped(name: str) -> None:
    template = load_template()
    parameter = template["Parameters"][name]
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]

    assert parameter["Description"].endswith(".")
    assert {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter)
    assert "ConstraintDescription" in parameter or "AllowedPattern" not in parameter
    assert sum(name in group["Parameters"] for group in groups) == 1


def test_every_output_is_described() -> None:
    assert all(output["Description"] for output in load_template()["Outputs"].values())


def test_the_translated_template_has_no_dependency_cycle() -> None:
    assert dependency_cycle(dependencies(translated())) == []


def test_a_planted_cycle_is_found() -> None:
    template = load_template()
    template["Globals"]["Function"]["Environment"]["Variables"]["API"] = {"Ref": "HttpApi"}
    template["Resources"]["HttpApi"]["Properties"]["Description"] = {"Ref": "InstallFunction"}

    assert "HttpApi" in dependency_cycle(dependencies(translate(template)))


def test_cfn_lint_finds_nothing_in_the_source() -> None:
    assert findings(TEMPLATE.read_text()) == []


def test_cfn_lint_finds_nothing_in_the_translated_template() -> None:
    assert findings(json.dumps(translated())) == []


def test_cfn_lint_finds_a_misspelt_action_in_the_translated_template() -> None:
    broken = json.dumps(translated()).replace("dynamodb:UpdateItem", "dynamodb:UpdateItme")

    assert findings(broken)


def findings(text: str) -> list[str]:
    return [str(match) for match in lint(text, config=ManualArgs(regions=["eu-central-1"]))]
