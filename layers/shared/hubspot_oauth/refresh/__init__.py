"""Keeps tokens fresh: the schedule, one refresh, the verdict on a failed refresh, the breaker and the rescue."""
