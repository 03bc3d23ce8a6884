"""The product on moto, in this process: the template's own tables and key, the real parts, a clock the test moves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3

from hubspot_oauth.accounts import Accounts
from hubspot_oauth.attempts import Attempts
from hubspot_oauth.breaker import Breaker
from hubspot_oauth.callback import Callback
from hubspot_oauth.config import Settings
from hubspot_oauth.credentials import ClientSecret, StateKeys
from hubspot_oauth.dispatch import Dispatcher
from hubspot_oauth.grants import Grants
from hubspot_oauth.hubspot import HubSpot
from hubspot_oauth.models import Binding, Tokens
from hubspot_oauth.refresh import Refresher
from hubspot_oauth.rescue import RescueQueue
from hubspot_oauth.start import Starter
from hubspot_oauth.tokens import TokenVendor
from hubspot_oauth.vault import Vault
from hubspot_oauth.worker import Worker

ENVIRONMENT = {
    "APP_NAME": "Example",
    "BRAND_COLOR": "#0b6e69",
    "LOGO_URL": "",
    "SUPPORT_URL": "mailto:help@example.com",
    "HUBSPOT_CLIENT_ID": "sim00000-0000-4000-8000-000000000000",
    "HUBSPOT_API_VERSION": "v3",
    "HUBSPOT_API_URL": "http://localhost:1",
    "HUBSPOT_APP_URL": "http://localhost:1",
    "REQUIRED_SCOPES": "oauth crm.objects.contacts.read",
    "CONDITIONAL_SCOPES": "",
    "OPTIONAL_SCOPES": "tickets",
    "REDIRECT_URL": "http://localhost:3000/oauth-callback",
    "CALLBACK_PATH": "/oauth-callback",
    "RETURN_TO_ORIGINS": "https://app.example.com",
    "SIGN_IN_URL": "",
    "REFRESH_MARGIN_PERCENT": "33",
    "REFRESH_CONCURRENCY": "4",
    "REFRESH_WORKERS": "2",
    "ACCOUNTS_TABLE": "accounts",
    "SCRATCH_TABLE": "scratch",
    "KMS_KEY_ID": "key",
    "CLIENT_SECRET_ID": "client-secret",
    "STATE_KEY_ID": "state-key",
    "REFRESH_QUEUE_URL": "refresh",
    "RESCUE_QUEUE_URL": "rescue",
}
