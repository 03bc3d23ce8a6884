"""A HubSpot to develop and test against: consent pages, OAuth endpoints, faults on demand and a journal.

`with serve(SimulatorSettings(), port=0) as hubspot: hubspot.url` runs one inside this process;
`python -m simulator` runs one for itself.
"""

from simulator.configuration import SimulatorSettings
from simulator.server import Running, serve
from simulator.simulator import Simulator

__all__ = ["Running", "Simulator", "SimulatorSettings", "serve"]
