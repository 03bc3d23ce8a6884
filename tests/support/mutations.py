"""What security rests on, taken away one by one, and for each the test that fails without it.

``docs/security.md`` shows this list; ``integration/test_mutations.py`` sees each test fail.
"""

from dataclasses import dataclass

_PACKAGE = "layers/shared/hubspot_oauth/"
_CALLBACK, _PAGES, _COOKIES = "install/callback.py", "install/pages.py", "install/cookies.py"
_DESTINATIONS, _ANSWERS = "install/allowed_destinations.py", "install/install_routes.py"


@dataclass(frozen=True, slots=True)
class Mutation:
    """A change to one file, in words and as text to replace, and the test that fails after it.

    ``path`` is below the package ``hubspot_oauth``, or below the repository's root if it begins with ``/``. ``test`` is
    below ``tests/``.
    """

    what: str
    path: str
    old: str
    new: str
    test: str

    @property
    def file(self) -> str:
        return self.path[1:] if self.path.startswith("/") else _PACKAGE + self.path


MUTATIONS = (
    # Where a browser is sent, and what frames our pages.
    Mutation(
        "`returnUrl` is not checked after an install of our own",
        "install/browser_landing.py",
        "if arrival.return_url and destinations.allows_hubspot_page(arrival.return_url, arrival.host):",
        "if arrival.return_url:",
        "integration/test_install_leaks.py::test_an_own_install_ends_on_no_strangers_site",
    ),
    Mutation(
        "an allowed origin is only the beginning of an address",
        _DESTINATIONS,
        'url.startswith((f"{origin}/", f"{origin}?", f"{origin}#"))',
        "url.startswith(origin)",
        "unit/test_urls.py::test_a_classic_bypass_is_not_within",
    ),
    Mutation(
        "a dot in HubSpot's host stands for any letter",
        _DESTINATIONS,
        r"\.hubspot\.com",
        ".hubspot.com",
        "unit/test_urls.py::test_other_hosts_are_not_on_hubspot",
    ),
    Mutation(
        "a state goes to another app's consent page",
        _DESTINATIONS,
        " and agrees(url, ours)",
        "",
        "integration/test_install_guards.py::test_no_state_is_ever_sent_to_the_consent_page_of_another_app",
    ),
    Mutation(
        "any mention of `finalize` allows framing",
        _ANSWERS,
        'return "step=finalize" in event.get("rawQueryString", "").split("&")',
        'return "finalize" in event.get("rawQueryString", "")',
        "integration/test_install_leaks.py::test_a_page_that_only_mentions_the_marketplaces_last_step_may_not_be_framed",
    ),
    Mutation(
        "a page with a customer's link may be framed",
        _ANSWERS,
        " and refused.retry_url in (None, self.settings.install_url(host_of(event)))",
        "",
        "integration/test_install_odd_visits.py::test_a_page_that_hubspot_may_frame_has_no_link_of_a_customer",
    ),
    Mutation(
        "any site may frame our pages",
        _PAGES,
        "\"frame-ancestors 'none'\"",
        '"frame-ancestors *"',
        "unit/test_pages.py::test_a_page_may_load_its_own_style_and_nothing_else",
    ),
    # What a page may do.
    Mutation(
        "values are not escaped",
        _PAGES,
        "autoescape=True",
        "autoescape=False",
        "unit/test_pages.py::test_every_value_on_a_page_is_escaped",
    ),
    *(
        Mutation(
            f"pages have no `{name}`",
            _PAGES,
            f"            {line},\n",
            "",
            "unit/test_pages.py::test_a_page_may_load_its_own_style_and_nothing_else",
        )
        for name, line in (
            ("nosniff", '"x-content-type-options": "nosniff"'),
            ("base-uri", "\"base-uri 'none'\""),
            ("form-action", "\"form-action 'none'\""),
        )
    ),
    Mutation(
        "any inline style is allowed",
        _PAGES,
        "f\"style-src 'sha256-{digest}'\"",
        "\"style-src 'unsafe-inline'\"",
        "unit/test_pages.py::test_a_page_may_load_its_own_style_and_nothing_else",
    ),
    Mutation(
        "the next site learns the address with the code",
        _ANSWERS,
        '"referrer-policy": "no-referrer"',
        '"referrer-policy": "unsafe-url"',
        "integration/test_install_addresses.py::test_a_classic_bypass_is_refused_as_return_to_and_as_return_url",
    ),
    # The state, the link, the cookie.
    Mutation(
        "states and links are signed with HMAC-SHA1",
        "install/signed_state.py",
        "hashlib.sha256",
        "hashlib.sha1",
        "unit/test_signed_state.py::test_states_and_links_are_signed_with_sha_256",
    ),
    Mutation(
        "a link passes for a state",
        "install/signed_state.py",
        'salt=f"hubspot-oauth/{salt}"',
        'salt="hubspot-oauth"',
        "unit/test_signed_state.py::test_a_link_never_passes_for_a_state_nor_a_state_for_a_link",
    ),
    Mutation(
        "a state never expires",
        _CALLBACK,
        "        if state.expires_at <= self.clock():\n            raise InstallRefused(refusal_texts.STATE_EXPIRED)\n",
        "",
        "integration/test_install.py::test_an_expired_state_is_refused_before_the_exchange",
    ),
    Mutation(
        "a link never expires",
        "install/links.py",
        "if asked.link and link.expires_at <= self.clock():",
        "if False:",
        "integration/test_install.py::test_an_expired_link_is_refused",
    ),
    Mutation(
        "a browser without the cookie finishes an install",
        _CALLBACK,
        "if value is None and state.kind is Kind.MARKETPLACE:",
        "if value is None:",
        "integration/test_install.py::test_another_browser_gets_nothing",
    ),
    Mutation(
        "a cookie with any value will do",
        _CALLBACK,
        "if value is None or not hmac.compare_digest(browser_hash(value), state.browser):",
        "if value is None:",
        "integration/test_install_leaks.py::test_a_cookie_with_another_value_finishes_nothing",
    ),
    Mutation(
        "of two equal cookies the last counts",
        _COOKIES,
        'cookies.setdefault(name.strip(" \\t"), value.strip(" \\t"))',
        'cookies[name.strip(" \\t")] = value.strip(" \\t")',
        "unit/test_cookies.py::test_of_two_cookies_with_one_name_the_first_counts",
    ),
    *(
        Mutation(
            what,
            _COOKIES,
            old,
            new,
            "unit/test_cookies.py::test_no_script_no_other_site_and_no_sibling_host_gets_at_the_cookie",
        )
        for what, old, new in (
            ("scripts may read the cookie", "; HttpOnly", ""),
            ("other sites' requests carry the cookie", "SameSite=Lax", "SameSite=None"),
            ("a sibling host may set the cookie", '"__Host-" if secure(redirect_uri) else ""', '""'),
        )
    ),
    # The code, the account, the customer.
    Mutation(
        "nonce and code are spent as often as one likes",
        "install/spent_codes.py",
        '                        "ConditionExpression": "attribute_not_exists(pk)",\n',
        "",
        "integration/test_install.py::test_one_code_under_two_states_is_exchanged_once",
    ),
    Mutation(
        "codes are stored in the clear",
        "install/attempt.py",
        "return sha256(code.encode()).hexdigest()",
        "return code",
        "integration/test_install_leaks.py::test_neither_table_has_a_code_or_a_cookie",
    ),
    Mutation(
        "who has a spent code sees its install",
        _CALLBACK,
        "if ended.browser and any(hmac.compare_digest(value, ended.browser) for value in hashes):",
        "if ended.browser:",
        "integration/test_install_guards.py::test_a_spent_code_tells_a_stranger_nothing_of_its_install",
    ),
    Mutation(
        "another account than the link's is stored",
        "install/grant_check.py",
        "if wanted.hub_id not in (None, hub_id):",
        "if False:",
        "integration/test_install.py::test_another_account_than_the_asked_one_is_refused_and_harms_no_grant",
    ),
    Mutation(
        "a customer's account is given to another customer",
        "adapters/accounts_table.py",
        'condition += f" AND {_UNLINKED}"',
        "pass",
        "integration/test_accounts_table.py::test_a_linked_account_is_not_given_to_another_reference",
    ),
    Mutation(
        "an install without proof is stored as `bound`",
        _CALLBACK,
        "binding=Binding.BOUND if proved else Binding.UNBOUND",
        "binding=Binding.BOUND",
        "integration/test_install_guards.py::test_a_marketplace_install_without_a_customer_is_unbound",
    ),
    Mutation(
        "a refresh's answer for another account is stored",
        "adapters/hubspot.py",
        "if answer.hub_id not in (None, hub_id):",
        "if False:",
        "integration/test_token_reads.py::test_an_answer_for_another_account_is_neither_stored_nor_handed_out",
    ),
    # Tokens and secrets.
    Mutation(
        "any KMS key may open a data key",
        "adapters/vault.py",
        "decrypt(KeyId=self._key_id, ",
        "decrypt(",
        "integration/test_vault.py::test_a_data_key_is_opened_with_the_stacks_own_key_and_for_its_own_app",
    ),
    Mutation(
        "sealed tokens open for an earlier install of the account",
        "adapters/sealing.py",
        "key.hub_id, key.holder, install_id]",
        "key.hub_id, key.holder]",
        "integration/test_vault.py::test_tokens_do_not_open_for_another_account_or_install",
    ),
    Mutation(
        "a token shows in a repr",
        "domain/tokens.py",
        '"""The two tokens of one grant."""\n\n    access_token: str = field(repr=False)',
        '"""The two tokens of one grant."""\n\n    access_token: str',
        "unit/test_reprs.py::test_a_secret_field_stays_out_of_the_repr",
    ),
    Mutation(
        "what anyone wrote as `error` is logged",
        _CALLBACK,
        'return error if re.fullmatch("[A-Za-z0-9_.-]{1,64}", error) else ""',
        "return error",
        "integration/test_install_leaks.py::test_an_error_that_anyone_can_write_is_logged_only_as_a_word",
    ),
    Mutation(
        "tokens may be cached on their way",
        "adapters/api_gateway.py",
        '"cache-control": "no-store"',
        '"cache-control": "private"',
        "unit/test_signed_calls.py::test_no_answer_to_a_signed_call_is_cached",
    ),
    Mutation(
        "calls to HubSpot use the environment's proxy",
        "adapters/http_calls.py",
        "made.trust_env = False",
        "made.trust_env = True",
        "unit/test_http_calls.py::test_no_proxy_and_no_password_of_the_environment_is_used",
    ),
    # Who may call, and who called.
    Mutation(
        "a call that nobody has verified gets a token",
        "api/signed_calls.py",
        "if caller_of(event) is None:",
        "if False:",
        "unit/test_signed_calls.py::test_a_call_whose_signature_nobody_verified_is_refused",
    ),
    Mutation(
        "the caller is not logged",
        "api/signed_calls.py",
        "        logger.append_keys(caller=caller_of(event))\n",
        "",
        "unit/test_signed_calls.py::test_a_call_leaves_one_line_that_says_who_asked_for_what_and_what_came_of_it",
    ),
    Mutation(
        "the token route is anonymous",
        "/template.yaml",
        "RouteKey: GET /accounts/{hub_id}/token\n      AuthorizationType: AWS_IAM",
        "RouteKey: GET /accounts/{hub_id}/token\n      AuthorizationType: NONE",
        "unit/test_template.py::test_pages_are_anonymous_and_everything_else_is_behind_iam",
    ),
    Mutation(
        "any API of the AWS account may call the token function",
        "/template.yaml",
        "${HttpApi}/*/GET/accounts/*/token",
        "*",
        "unit/test_template.py::test_api_gateway_may_call_a_function_for_its_own_routes_only",
    ),
    Mutation(
        "a role may decrypt for another app",
        "/template.yaml",
        """Action: kms:Decrypt
                Resource: !GetAtt TokensKey.Arn
                Condition:
                  StringEquals: {"kms:EncryptionContext:hubspot_client_id": !Ref HubSpotClientId}
""",
        """Action: kms:Decrypt
                Resource: !GetAtt TokensKey.Arn
""",
        "unit/test_template.py::test_functions_use_the_key_only_with_the_encryption_context",
    ),
    Mutation(
        "the local gateway answers with an exception's text",
        "/local/gateway.py",
        'except FunctionFailed:\n            return message(500, "Internal Server Error")',
        "except FunctionFailed as error:\n            return message(502, str(error))",
        "unit/test_api_gateway_stand_in.py::test_a_function_that_raises_is_a_plain_500",
    ),
)
