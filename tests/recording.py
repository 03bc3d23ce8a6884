"""Another HubSpot, that remembers every secret it ever made."""

from simulator import Simulator, SimulatorSettings


class RecordingSimulator(Simulator):
    """`made` holds every code and token, oldest first."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.made: list[str] = []
        super().__init__(settings)

    def opaque(self, length: int, hub_id: int | None = None) -> str:
        secret = super().opaque(length, hub_id)
        self.made.append(secret)
        return secret
