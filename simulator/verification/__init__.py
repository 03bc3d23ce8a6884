"""Facts about HubSpot, one sentence each, and a check of each against a real or simulated HubSpot."""

from simulator.verification.report import run_facts, verify

__all__ = ["run_facts", "verify"]
