"""Why the twin does not start: sentences for the person at the terminal."""


class CannotStart(Exception):
    """Nothing was left running. `faults` are all that were found, each one line."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults
