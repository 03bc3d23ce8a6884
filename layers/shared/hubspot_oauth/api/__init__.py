"""The routes for programs: tokens, accounts, disconnect and install links."""
