"""The successes that this process has not yet written to the breaker's item."""

import threading
from collections import Counter
from dataclasses import dataclass, field

from hubspot_oauth.domain.clocks import Clock
from hubspot_oauth.refresh.breaker_state import WINDOW_SECONDS


@dataclass
class Successes:
    """Counts successes by the second in which their call was sent, and drops those older than a window."""

    clock: Clock
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _counted: Counter[int] = field(default_factory=Counter, init=False)

    def add(self, sent_at: int) -> None:
        with self._lock:
            self._counted[sent_at] += 1
            if len(self._counted) > 2 * WINDOW_SECONDS:
                self._counted = self._recent()

    def take(self) -> Counter[int]:
        """Return the counts of the last window, and clear them."""
        with self._lock:
            taken, self._counted = self._recent(), Counter()
        return taken

    def put_back(self, taken: Counter[int]) -> None:
        """Add back counts that could not be written."""
        with self._lock:
            self._counted += taken

    def _recent(self) -> Counter[int]:
        since = int(self.clock()) - WINDOW_SECONDS
        return Counter({second: count for second, count in self._counted.items() if second > since})
