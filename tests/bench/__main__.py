"""Runs every measurement, prints it, and writes docs/benchmarks.md."""

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hubspot_oauth.adapters.refresh_queue import ACCOUNTS_A_MESSAGE
from ops.template import ROOT, load_template
from tests.bench import costs, figures
from tests.bench.memory_aws import MemoryAws

INTERVAL = figures.LIFETIME * (1 - 0.33 - 0.05)  # the lifetime less the margin and half of the jitter
PROVIDER_SECONDS = 0.2
MILLION = 1_000_000


def main() -> None:
    """Measure, print, write."""
    folder = Path(__file__).parent
    environment = Environment(loader=FileSystemLoader(folder), undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701 - Markdown
    page = environment.get_template("benchmarks.md.j2").render(**measured())
    sys.stdout.write(page)
    (ROOT / "docs" / "benchmarks.md").write_text(page, encoding="utf-8")


def measured() -> dict[str, Any]:
    """Everything the page shows."""
    runs = [(figures.throughput(latency, accounts), accounts) for latency, accounts in ((0.05, 2000), (0.2, 800))]
    (_, calls), accounts = runs[0]
    kms = figures.kms_calls_a_refresh(10_000)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "concurrency": figures.CONCURRENCY,
        "throughput": [run for (run, _), _ in runs],
        "writes": calls["UpdateItem"] / accounts,
        "reads": (calls.total() - calls["UpdateItem"]) / accounts,
        "kms": kms,
        "accounts_a_message": ACCOUNTS_A_MESSAGE,
        "tick": figures.dispatch(100_000, 4_000),
        **money(kms),
    }


def money(kms: float) -> dict[str, Any]:
    """What the stack costs, and what a million accounts would take."""
    vault = figures.product(MemoryAws()).vault
    size = figures.item_bytes(figures.account_row(vault, 12345678))
    refresh = costs.Refresh(size, kms, ACCOUNTS_A_MESSAGE, PROVIDER_SECONDS / figures.CONCURRENCY)
    template = load_template()
    kinds = [resource["Type"] for resource in template["Resources"].values()]
    alarms, secrets = kinds.count("AWS::CloudWatch::Alarm"), kinds.count("AWS::SecretsManager::Secret")
    fixed = costs.fixed_dollars_a_month(alarms, secrets)
    months = []
    for accounts in (100, 10_000, 100_000, MILLION):
        refreshes = costs.refreshes_a_month(accounts, INTERVAL)
        dollars = fixed + refreshes * refresh.dollars
        months.append(
            {"accounts": accounts, "refreshes": refreshes, "dollars": dollars, "extrapolated": accounts == MILLION}
        )
    rate = MILLION / INTERVAL
    workers = rate * PROVIDER_SECONDS / figures.CONCURRENCY
    batches = rate * 60 / ACCOUNTS_A_MESSAGE / 10
    most_workers = int(template["Parameters"]["RefreshWorkers"]["Default"])
    return {
        "prices": costs.PRICES_OF,
        "refresh": refresh,
        "lifetime_minutes": figures.LIFETIME // 60,
        "interval_minutes": round(INTERVAL / 60),
        "provider_seconds": PROVIDER_SECONDS,
        "fixed": fixed,
        "alarms": alarms,
        "secrets": secrets,
        "months": months,
        "million": {
            "rate": rate,
            "workers": workers,
            "messages": batches * 10,
            "write_units": rate * sum(refresh.write_units.values()),
            "batches": batches,
            "dispatch_seconds": batches * 0.01,
            "most_workers": most_workers,
            "default_share": f"{most_workers / workers:.0%}",
        },
    }


if __name__ == "__main__":
    main()
