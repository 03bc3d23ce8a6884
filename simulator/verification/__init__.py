"""What this project believes about HubSpot, sentence by sentence, each with a way to find out."""

from simulator.verification.report import run_facts, verify

__all__ = ["run_facts", "verify"]
