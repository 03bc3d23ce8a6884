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
import sys
from hubspot_oauth.adapters.telemetry import metrics, report

@metrics.log_metrics
def handler(event, context):
    for name in event:
        report(name)

handler(sys.argv[1:], None)
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
    names = sorted({metric["MetricName"] for metric in ALARMS.values()})
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EMIT, *names],
        env={**environment, "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "layers" / "shared")},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    return {name: [line for line in lines if "_aws" in line and name in line] for name in names}


@pytest.mark.parametrize("alarm", sorted(ALARMS))
def test_an_alarm_reads_what_the_code_writes(alarm: str) -> None:
    read = ALARMS[alarm]

    [document] = written()[read["MetricName"]]

    [directive] = document["_aws"]["CloudWatchMetrics"]
    wanted = {dimension["Name"]: resolved(dimension["Value"]) for dimension in read["Dimensions"]}
    assert directive["Namespace"] == read["Namespace"]
    assert read["MetricName"] in {metric["Name"] for metric in directive["Metrics"]}
    assert [{name: document[name] for name in names} for names in directive["Dimensions"]] == [wanted]


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
