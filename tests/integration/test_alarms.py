"""Each alarm reads the very metric that the code writes: namespace, name and dimensions, from the log line itself."""

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from ops.template import ROOT, load_template
from tests.support.translated_template import metrics_of, resources

STACK_NAME = "hubspot-oauth-test"
#: Run where the functions run: their variables, their library. Prints what a function's log would hold.
EMIT = """
import json
import sys
from hubspot_oauth.adapters.telemetry import metrics, report

@metrics.log_metrics
def handler(event, context):
    for name, evidence in event:
        report(name, **evidence)

handler(json.loads(sys.argv[1]), None)
"""
ALARMS = {
    f"{name}, {metric['MetricName']}": metric
    for name, alarm in resources("AWS::CloudWatch::Alarm").items()
    for metric in metrics_of(alarm["Properties"])
    if metric["Namespace"] == "HubSpotOAuth"
}


def resolved(value: Any) -> str:
    """A value as deployed, with every parameter at its default."""
    if not isinstance(value, dict):
        return str(value)
    name = value["Ref"]
    return STACK_NAME if name == "AWS::StackName" else str(load_template()["Parameters"][name]["Default"])


@cache
def written() -> dict[str, list[dict[str, Any]]]:
    """What a function writes for each of our metrics that an alarm reads: metric name -> embedded metric documents."""
    variables = resources("AWS::Lambda::Function")["RefreshWorkerFunction"]["Properties"]["Environment"]["Variables"]
    environment = {name: resolved(value) for name, value in variables.items() if name.startswith("POWERTOOLS_")}
    plain_first = sorted(ALARMS.values(), key=lambda metric: len(metric["Dimensions"]))
    reports = {metric["MetricName"]: broken_down(metric) for metric in plain_first}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EMIT, json.dumps(list(reports.items()))],
        env={**environment, "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "layers" / "shared")},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    return {name: [line for line in lines if "_aws" in line and name in line] for name in reports}


def broken_down(metric: dict[str, Any]) -> dict[str, str]:
    """The evidence by which the metric that an alarm reads is broken down; empty for the plain metric."""
    return {name: value for name, value in values_of(metric).items() if name != "service"}


def values_of(metric: dict[str, Any]) -> dict[str, str]:
    return {dimension["Name"]: resolved(dimension["Value"]) for dimension in metric["Dimensions"]}


@pytest.mark.parametrize("alarm", sorted(ALARMS))
def test_an_alarm_reads_what_the_code_writes(alarm: str) -> None:
    read = ALARMS[alarm]

    found = [
        {name: document[name] for name in names}
        for document in written()[read["MetricName"]]
        for directive in document["_aws"]["CloudWatchMetrics"]
        for names in directive["Dimensions"]
        if directive["Namespace"] == read["Namespace"]
        and read["MetricName"] in {metric["Name"] for metric in directive["Metrics"]}
    ]
    assert found.count(values_of(read)) == 1


def test_an_alarm_on_a_kind_of_failure_names_a_kind_that_exists() -> None:
    kinds = {kind for metric in ALARMS.values() if (kind := values_of(metric).get("kind"))}

    assert kinds
    assert all(f"**{kind}**" in (ROOT / "docs" / "operations.md").read_text() for kind in kinds)


@pytest.mark.parametrize("metric", ["OverdueSeconds", "BreakerOpen", "Unstored", "TokensUnreadable"])
def test_what_must_not_go_unseen_has_an_alarm(metric: str) -> None:
    assert metric in {read["MetricName"] for read in ALARMS.values()}


def test_the_dead_letter_alarm_looks_at_the_queue_that_lost_rescues_go_to() -> None:
    queues = resources("AWS::SQS::Queue")
    [metric] = metrics_of(resources("AWS::CloudWatch::Alarm")["RescueDeadLetterAlarm"]["Properties"])

    [dimension] = metric["Dimensions"]
    target = queues["RescueQueue"]["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]
    assert (metric["Namespace"], metric["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert dimension["Value"]["Fn::GetAtt"][0] == target["Fn::GetAtt"][0] == "RescueDeadLetterQueue"
