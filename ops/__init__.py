"""The operator's commands: build, deploy and secret. Build and deploy need the SAM CLI."""
