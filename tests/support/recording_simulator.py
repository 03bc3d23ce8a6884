"""A HubSpot simulator that remembers every secret it ever issued."""

from simulator import Simulator, SimulatorSettings


class RecordingSimulator(Simulator):
    """`issued` holds every code and token, oldest first."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.issued: list[str] = []
        super().__init__(settings)

    def opaque(self, length: int, hub_id: int | None = None) -> str:
        secret = super().opaque(length, hub_id)
        self.issued.append(secret)
        return secret
