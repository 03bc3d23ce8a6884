"""What AWS bills, computed from the counted figures and dated list prices. Free tiers are left out."""

from dataclasses import dataclass

from hubspot_oauth.adapters.telemetry import UNITS

PRICES_OF = "list prices of us-east-1, on demand, as published in 2025"
DOLLARS = {
    "DynamoDB write unit": 0.625e-6,
    "DynamoDB read unit": 0.125e-6,
    "SQS request": 0.40e-6,
    "KMS request": 3.0e-6,
    "KMS key, a month": 1.0,
    "Secrets Manager secret, a month": 0.40,
    "Lambda request": 0.20e-6,
    "Lambda GB-second (arm64)": 13.3334e-6,
    "Scheduler invocation": 1.0e-6,
    "CloudWatch Logs GB": 0.50,
    "CloudWatch alarm, a month": 0.10,
    "CloudWatch metric, a month": 0.30,
}
WRITE_UNIT_BYTES = 1024
SECONDS_A_MONTH = 30 * 24 * 3600
TICKS_A_MONTH = SECONDS_A_MONTH / 60
WORKER_GB, DISPATCHER_GB = 1.0, 0.5
SQS_REQUESTS_A_MESSAGE = 3  # send (a tenth of a batch, rounded up), receive, delete
IDLE_POLLS_A_MONTH = 2 * 5 * SECONDS_A_MONTH / 20  # two queues, five long polls at a time, 20 s each
LOG_BYTES_A_MESSAGE = 1500  # three lines that Lambda writes, and one of metrics
METRICS = len(UNITS)  # each is billed once; those broken down by a code or kind are billed for each value on top


@dataclass(frozen=True)
class Refresh:
    """The counted figures of one refresh, and what it costs."""

    item_bytes: int
    kms_calls: float
    accounts_a_message: int
    seconds_each: float  # a worker's time: provider latency over concurrency

    @property
    def write_units(self) -> dict[str, int]:
        """Lease and commit each write the whole item; the commit also moves its key in the index of due accounts."""
        units = -(-self.item_bytes // WRITE_UNIT_BYTES)
        return {"lease": units, "commit": units, "index, old key out and new one in": 2}

    @property
    def dollars(self) -> float:
        message = (
            SQS_REQUESTS_A_MESSAGE * DOLLARS["SQS request"]
            + DOLLARS["Lambda request"]
            + LOG_BYTES_A_MESSAGE / 1e9 * DOLLARS["CloudWatch Logs GB"]
        )
        return (
            sum(self.write_units.values()) * DOLLARS["DynamoDB write unit"]
            + self.kms_calls * DOLLARS["KMS request"]
            + self.seconds_each * WORKER_GB * DOLLARS["Lambda GB-second (arm64)"]
            + message / self.accounts_a_message
        )


def fixed_dollars_a_month(alarms: int, secrets: int) -> float:
    """What a stack costs before the first account."""
    tick = (
        DOLLARS["Scheduler invocation"]
        + DOLLARS["Lambda request"]
        + 0.2 * DISPATCHER_GB * DOLLARS["Lambda GB-second (arm64)"]
        + LOG_BYTES_A_MESSAGE / 1e9 * DOLLARS["CloudWatch Logs GB"]
        + 9 * 0.5 * DOLLARS["DynamoDB read unit"]
        + DOLLARS["SQS request"]
    )
    return (
        DOLLARS["KMS key, a month"]
        + secrets * DOLLARS["Secrets Manager secret, a month"]
        + alarms * DOLLARS["CloudWatch alarm, a month"]
        + METRICS * DOLLARS["CloudWatch metric, a month"]
        + TICKS_A_MONTH * tick
        + IDLE_POLLS_A_MONTH * DOLLARS["SQS request"]
    )


def refreshes_a_month(accounts: int, interval: float) -> float:
    return accounts * SECONDS_A_MONTH / interval
