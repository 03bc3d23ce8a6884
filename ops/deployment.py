"""Reads a deployed stack's outputs, and sets its client secret."""

from dataclasses import dataclass

import boto3


@dataclass(frozen=True, slots=True)
class Deployed:
    """The outputs of a stack, and whether its client secret has been set."""

    outputs: dict[str, str]
    secret_set: bool

    def report(self, make: str) -> str:
        """What to paste into HubSpot, and the next step. ``make`` is the command that sets the client secret."""
        lines = [
            "",
            f"Redirect URL   {self.outputs['RedirectUrl']}   (put it into redirectUrls of app-hsmeta.json)",
            f"Install link   {self.outputs['InstallUrl']}",
            f"Token API      {self.outputs['TokenApiUrl']}",
        ]
        if not self.secret_set:
            lines += ["", f"Next: set the HubSpot client secret with: {make}"]
        return "\n".join(lines)


def look_up(session: boto3.Session, stack_name: str) -> Deployed:
    stack = session.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    secret = session.client("secretsmanager").describe_secret(SecretId=outputs["ClientSecretArn"])
    stages = [stage for version in secret.get("VersionIdsToStages", {}).values() for stage in version]
    return Deployed(outputs, "AWSCURRENT" in stages)


def set_client_secret(session: boto3.Session, stack_name: str, value: str) -> None:
    """Store the app's client secret where the functions read it."""
    arn = look_up(session, stack_name).outputs["ClientSecretArn"]
    session.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=value)
