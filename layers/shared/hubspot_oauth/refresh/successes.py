"""The successes that this process has not yet written to the breaker's item."""

import threading
from dataclasses import dataclass, field


@dataclass
class Successes:
    """Keeps, for each version of the client secret, the time when the latest successful call was sent."""

    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _latest: dict[str, int] = field(default_factory=dict, init=False)

    def add(self, secret_version: str, sent_at: int) -> None:
        with self._lock:
            self._latest[secret_version] = max(sent_at, self._latest.get(secret_version, 0))

    def take(self) -> dict[str, int]:
        """Return what was added since the last call, as ``{secret_version: sent_at}``."""
        with self._lock:
            taken, self._latest = self._latest, {}
        return taken
