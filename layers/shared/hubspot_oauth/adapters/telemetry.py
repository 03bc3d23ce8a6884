"""Emits metrics (embedded metric format) and structured logs, under one stable set of names.

Each metric has the dimension ``service`` (the stack's name). Those in ``BY`` are emitted a second time with one more
dimension. ``docs/operations.md`` explains every metric, and a test checks that none is missing.
"""

import threading
import warnings
from typing import Final, Protocol

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric


class Report(Protocol):
    """Counts an event in a metric, and logs it with its details."""

    def __call__(self, name: str, value: float = 1, **evidence: object) -> None:
        """Count ``value`` under ``name``."""


logger = Logger()
#: Says who called a signed route and what came of it, whatever the level of the other logs.
audit = Logger(child=True, level="INFO")
metrics = Metrics()
_lock = threading.Lock()
# A read that finds a valid token counts nothing, and Powertools would log a warning each time.
warnings.filterwarnings("ignore", message="No application metrics to publish")

#: Every metric this product emits, with its unit.
UNITS: Final = {
    "InstallsStarted": MetricUnit.Count,
    "InstallsReturned": MetricUnit.Count,
    "InstallsCompleted": MetricUnit.Count,
    "InstallsRefused": MetricUnit.Count,
    "OutcomesUnrecorded": MetricUnit.Count,
    "AccountsAdopted": MetricUnit.Count,
    "Due": MetricUnit.Count,
    "OverdueSeconds": MetricUnit.Seconds,
    "Refreshed": MetricUnit.Count,
    "RefreshedOnRead": MetricUnit.Count,
    "RefreshFailed": MetricUnit.Count,
    "LeaseConflicts": MetricUnit.Count,
    "RescueMessages": MetricUnit.Count,
    "Rescued": MetricUnit.Count,
    "BreakerOpen": MetricUnit.Count,
    "BreakerOpened": MetricUnit.Count,
    "BreakerClosed": MetricUnit.Count,
    "Unstored": MetricUnit.Count,
    "TokensUnreadable": MetricUnit.Count,
    "DispatchSkipped": MetricUnit.Count,
    "QueueRefused": MetricUnit.Count,
    "Rechecked": MetricUnit.Count,
    "Disconnected": MetricUnit.Count,
}
#: The piece of evidence that is the second dimension of a metric.
BY: Final = {"InstallsRefused": "code", "RefreshFailed": "kind", "BreakerOpen": "reason"}
#: Metrics that are logged only when they carry evidence.
_QUIET: Final = frozenset({"InstallsStarted", "InstallsReturned", "Due", "OverdueSeconds", "Refreshed", "BreakerOpen"})


def report(name: str, value: float = 1, **evidence: object) -> None:
    """Count ``value`` under the metric ``name`` and log it with its evidence, which is never secret.

    A metric in ``_QUIET`` is not logged without evidence.

    Raises:
        KeyError: ``name`` is not in ``UNITS``.
    """
    unit = UNITS[name]
    with _lock:  # Powertools prints metrics; concurrent threads must not mix their lines
        metrics.add_metric(name=name, unit=unit, value=value)
        if evidence.get(BY.get(name, "")):
            with single_metric(name=name, unit=unit, value=value) as broken_down:
                broken_down.add_dimension(BY[name], str(evidence[BY[name]]))
    if name not in _QUIET or any(evidence.values()):
        logger.info(name, extra={key: content for key, content in evidence.items() if content is not None})
