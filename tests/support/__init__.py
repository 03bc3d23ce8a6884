"""What the tests stand on: the product in this process, twins as processes, HubSpot, and runs that take a while."""
