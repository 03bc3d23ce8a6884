"""The operator's commands: build, deploy, set the client secret. The first two need the SAM CLI."""
