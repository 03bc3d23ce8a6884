"""Runs the product on this machine: the real template on an emulated AWS, beside a HubSpot simulator."""
