"""Helpers that several tests share: the product in this process, twins as processes, HubSpot, and long runs."""
