"""The error of a twin that cannot start, in lines for the person at the terminal."""


class CannotStart(Exception):
    """The twin did not start, and its parts are stopped again. `faults` has one line for each reason."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults
