"""What an operator runs: build, deploy, set the client secret. Needs the SAM CLI for the first two."""
