"""A HubSpot to develop and test against: consent pages, OAuth endpoints, faults on demand and a journal.

`with serve(SimulatorSettings(), port=0) as hubspot: hubspot.url` runs one inside this process;
`python -m local.hubspot` runs one for itself.
"""

from local.hubspot.server import Running, serve
from local.hubspot.settings import SimulatorSettings
from local.hubspot.simulator import Simulator

__all__ = ["Running", "Simulator", "SimulatorSettings", "serve"]
