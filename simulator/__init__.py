"""A HubSpot to develop and test against: consent pages, OAuth endpoints, faults on demand and a journal.

In a test: `with serve(SimulatorSettings()) as hubspot:` listens at `hubspot.url`. By hand: `python -m simulator`.
"""

from simulator.configuration import SimulatorSettings
from simulator.server import Running, serve
from simulator.simulator import Simulator

__all__ = ["Running", "Simulator", "SimulatorSettings", "serve"]
