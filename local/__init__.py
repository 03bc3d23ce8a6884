"""The product on this machine: the real template, with a HubSpot simulator beside it."""
