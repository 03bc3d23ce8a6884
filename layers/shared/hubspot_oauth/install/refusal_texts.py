"""Every reason to refuse an install, with its stable code and the text of its page.

The code appears on the page, in the log and in the metric. ``docs/refusals.md`` lists them all, and a test checks that.
"""

from hubspot_oauth.install.refusal import Refusal

_NOT_CONNECTED_YET = (
    "HubSpot may list the app already, but it is connected only after an installation without an error."
)
_STAYS_AS_IT_WAS = (
    "What was connected before stays as it was. HubSpot may list the app among the account's connected apps."
)
_NEW_LINK = "Start the installation again in {app}, or ask whoever sent you the link for a new one."
WHO_MAY_INSTALL = "In HubSpot, a Super Admin or a user with App Marketplace Access can install apps."

INVALID_REQUEST = Refusal(
    "invalid_request",
    400,
    "This link does not work",
    "The address that was opened has a value this page cannot use.",
    "Open the install link again exactly as it was given to you, or ask the sender for a new one.",
    retry=False,
)
RETURN_TO_NOT_ALLOWED = Refusal(
    "return_to_not_allowed",
    400,
    "This link leads to an unknown site",
    "The install link asks to continue on a site that this app does not know.",
    "Ask the sender of the link for a new one.",
    retry=False,
)
RETURN_URL_NOT_ALLOWED = Refusal(
    "return_url_not_allowed",
    400,
    "This did not come from HubSpot",
    "The address to return to is not one of HubSpot's own.",
    "Start the installation again from HubSpot's App Marketplace.",
    retry=False,
)
MARKETPLACE_OFF = Refusal(
    "marketplace_off",
    400,
    "This app is not installed from the Marketplace",
    "The installation came by way of HubSpot's App Marketplace, and this app takes none from there.",
    "Start the installation from the app's own site instead.",
)
LINK_INVALID = Refusal(
    "link_invalid",
    400,
    "This install link is not valid",
    "The link was changed on its way, or was not made for {app}.",
    _NEW_LINK,
    retry=False,
)
LINK_EXPIRED = Refusal(
    "link_expired",
    400,
    "This install link has expired",
    "The link connects {app} to HubSpot, and such links work for a limited time.",
    _NEW_LINK,
    retry=False,
)
NOT_CONFIGURED = Refusal(
    "not_configured",
    503,
    "Almost there",
    "The app has been deployed, but its HubSpot client secret has not been set yet.",
    "If you run this app, set the client secret with “make secret” and open this page again.",
    retry=False,
)
STATE_INVALID = Refusal(
    "state_invalid",
    400,
    "This installation cannot be continued",
    "The answer from HubSpot does not belong to an installation that was started here.",
    "Start the installation again.",
)
STATE_EXPIRED = Refusal(
    "state_expired",
    400,
    "This installation took too long",
    "For your safety an installation has to be finished within ten minutes.",
    "Start the installation again.",
)
BROWSER_MISMATCH = Refusal(
    "browser_mismatch",
    400,
    "This installation was started elsewhere",
    "The installation was started in another browser, or this browser does not keep cookies for this site.",
    "Start the installation again in this browser. If it happens again, allow cookies for this site.",
)
INSTALL_CANCELLED = Refusal(
    "install_cancelled",
    400,
    "The installation was cancelled",
    "HubSpot reports that access was not granted, so nothing new was connected.",
    "You can start again whenever you like.",
)
HUBSPOT_REFUSED = Refusal(
    "hubspot_refused",
    400,
    "HubSpot did not allow the installation",
    "HubSpot ended the installation before this app was granted access.",
    f"Start again, perhaps with another account or user. {WHO_MAY_INSTALL}",
)
CODE_SPENT = Refusal(
    "code_spent",
    400,
    "This installation was already used",
    "HubSpot's authorization code for this installation has been used once, and it works only once.",
    "If your account is not connected yet, start the installation again.",
)
INTERRUPTED = Refusal(
    "interrupted",
    500,
    "The installation was interrupted",
    "Something on our side stopped while the installation was being finished.",
    "Start the installation again. That does no harm if the app is connected already.",
)
CODE_REJECTED = Refusal(
    "code_rejected",
    400,
    "HubSpot did not accept the installation",
    "HubSpot's authorization code was too old or had been used before.",
    "Start the installation again.",
)
MISCONFIGURED = Refusal(
    "misconfigured",
    500,
    "This app is not set up correctly",
    "HubSpot did not accept this app's own credentials or redirect URL. Your account is not the cause.",
    "Please tell the people who run this app. Their log has the details under this page's code.",
    retry=False,
)
HUBSPOT_UNAVAILABLE = Refusal(
    "hubspot_unavailable",
    503,
    "HubSpot did not answer",
    "HubSpot could not be reached, or took too long to answer.",
    f"Wait a minute, then start the installation again. {_NOT_CONNECTED_YET}",
)
WRONG_ACCOUNT = Refusal(
    "wrong_account",
    409,
    "That was another HubSpot account",
    f"The account that was chosen is not the one that the install link is for. {_STAYS_AS_IT_WAS}",
    "Start again and choose the account that the link was made for.",
)
SCOPES_MISSING = Refusal(
    "scopes_missing",
    409,
    "Some permissions are missing",
    f"{{app}} needs permissions that were not granted. {_STAYS_AS_IT_WAS}",
    "Start again and accept all permissions.",
)
ACCOUNT_ALREADY_LINKED = Refusal(
    "account_already_linked",
    409,
    "This HubSpot account is already linked",
    f"The HubSpot account is connected to another customer of this app. {_STAYS_AS_IT_WAS}",
    "Ask the people who run this app to disconnect it there first.",
    retry=False,
)

ALL: tuple[Refusal, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Refusal))
BY_CODE: dict[str, Refusal] = {refusal.code: refusal for refusal in ALL}
