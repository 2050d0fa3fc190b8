"""The reason codes of the authorization server: why a request was refused, or a token is not active."""

from __future__ import annotations

from enum import unique

from shared.reasons import ReasonCode

_CONNECT_AGAIN = "Disconnect the client and connect it again."
_REGISTER_AGAIN = (
    "The client remembers a registration that is gone, or sends a wrong secret. Remove the connection in the "
    "client and add it again. `doorward clients list` shows who is registered."
)
_REDIRECT_URI = (
    "The client sent another redirect URI than it has registered. Remove the connection in the client and "
    "add it again, so that it registers again."
)
_UNKNOWN_RESOURCE = (
    "The client asked for a resource that is not configured. Name the URL that people paste in "
    "DOORWARD_RESOURCE_SERVERS."
)
_SAME_SECRET = (
    "Give both services the same secret: DOORWARD_RESOURCE_SECRET of the resource server is the secret that "
    "DOORWARD_RESOURCE_SERVERS of the authorization server names for DOORWARD_RESOURCE_SERVER_ID."
)
_ONE_BROWSER = "Begin again in the client, and use one browser that keeps cookies until the end."
_LOG_IN_AGAIN = "The client must log in again; most do so by themselves. Else " + (
    _CONNECT_AGAIN[0].lower() + _CONNECT_AGAIN[1:]
)
_GRANT_ENDED = (
    "Somebody has ended this connection: the client, the person at /account, an operator, or the reuse of a "
    "refresh token. Connect the client again."
)
_ASK_AGAIN = "Somebody pressed Deny or Cancel. Connect again to be asked again."
_WAIT_FOR_LOGIN = (
    "Wait as long as the page says. DOORWARD_LOGIN_FAILURES and DOORWARD_LOGIN_WINDOW_S say how many wrong "
    "passwords are accepted from a network."
)
_PASSWORD = "`doorward users list` shows the accounts, `doorward users passwd NAME` sets a new password."


@unique
class Reason(ReasonCode):
    """Why a request was refused, grouped by part of the protocol."""

    # Any request
    STORE_UNAVAILABLE = (
        "The store cannot be reached, or too much work is waiting.",
        "The authorization server does not reach its store. See that Redis is up and DOORWARD_STORE right.",
    )
    RATE_LIMITED = "There were too many requests of this kind from one network, or from all of them."
    CONTENT_TYPE_WRONG = "The body is of a content type that the endpoint does not accept."
    BODY_MALFORMED = "The body is not the JSON that the endpoint expects."
    PARAMETERS_MALFORMED = "The parameters are not well-formed text."
    PARAMETER_MISSING = "A required parameter is missing or empty."
    PARAMETER_REPEATED = "A parameter appears more than once (RFC 6749 §3.1)."
    PARAMETER_TOO_LONG = "One parameter is longer than is stored."
    REQUEST_TOO_LONG = "All parameters together are longer than is stored."

    # Client authentication
    CLIENT_ID_MISSING = "The request does not say which client it is from."
    CLIENT_ID_MISMATCH = "Two places in the request name different clients."
    CLIENT_UNKNOWN = "No client of this client_id is registered.", _REGISTER_AGAIN
    CLIENT_AUTHENTICATION_REPEATED = "The client authenticates in more than one way (RFC 6749 §2.3)."
    CLIENT_SECRET_MISSING = "The client must authenticate with its secret.", _REGISTER_AGAIN
    CLIENT_SECRET_WRONG = "The client secret is not the one of the registration.", _REGISTER_AGAIN
    AUTHORIZATION_HEADER_MALFORMED = "The Authorization header is not one well-formed Basic header."
    CLIENT_ASSERTION_REQUIRED = "The client registered private_key_jwt and must use it."
    CLIENT_ASSERTION_NOT_REGISTERED = (
        "The client sent an assertion without having registered private_key_jwt."
    )
    CLIENT_ASSERTION_TYPE_WRONG = "client_assertion_type is missing or of another type (RFC 7523 §2.2)."
    CLIENT_ASSERTION_INVALID = "The client assertion failed verification (RFC 7523 §3)."
    CLIENT_ASSERTION_REPLAYED = "The client assertion was used before."
    CLIENT_KEYS_MISSING = "The client has registered or published no keys."
    CLIENT_KEYS_MALFORMED = "The published keys of the client are not a JWK Set."
    CLIENT_KEYS_UNREACHABLE = "The keys of a client or issuer cannot be fetched at the moment."
    CALLER_NOT_AUTHENTICATED = (
        "Introspection and revocation events need a caller that authenticates.",
        _SAME_SECRET,
    )
    RESOURCE_SECRET_WRONG = "The secret of the resource server is wrong.", _SAME_SECRET
    CALLER_NOT_RESOURCE_SERVER = "Only a configured resource server receives revocation events."

    # Client ID metadata documents
    CLIENT_ID_URL_INVALID = "The client_id is a URL of a form that no client may have."
    CLIENT_DOCUMENT_UNREACHABLE = (
        "The server of the client's metadata document does not answer at the moment."
    )
    CLIENT_DOCUMENT_UNREADABLE = "The client's metadata document cannot be fetched."
    CLIENT_DOCUMENT_INVALID = "The client's metadata document breaks a rule of its format."
    CLIENT_DOMAIN_NOT_ADMITTED = "The operator does not admit clients of this domain."

    # Registration (RFC 7591, RFC 7592)
    REGISTRATION_CLOSED = "Clients are registered by the operator."
    INITIAL_ACCESS_TOKEN_INVALID = "The initial access token is missing, invalid or used up."
    SOFTWARE_STATEMENT_REQUIRED = "Registration needs a software statement."
    SOFTWARE_STATEMENT_UNTRUSTED = "The issuer of the software statement is not trusted."
    SOFTWARE_STATEMENT_INVALID = "The software statement failed verification."
    CLIENT_QUOTA_EXCEEDED = (
        "As many clients are registered as this server keeps, and none of them can be removed to make room.",
        "Raise DOORWARD_MAX_CLIENTS, or remove clients that nobody needs with `doorward clients`. "
        "Clients that were granted something are never removed to make room.",
    )
    UNUSED_CLIENT_QUOTA_EXCEEDED = (
        "Too many clients are registered that were never used.",
        "They are gone after a day. DOORWARD_UNUSED_CLIENTS_PERCENT says how much of DOORWARD_MAX_CLIENTS "
        "they may take.",
    )
    CLIENT_METADATA_INVALID = "A member of the client metadata is invalid, or two contradict each other."
    CLIENT_METADATA_TOO_LONG = "The client metadata is longer than is stored."
    REDIRECT_URI_INVALID = "A redirect URI in the client metadata is invalid or missing."
    REDIRECT_HOST_NOT_ALLOWED = "The operator does not allow redirects to this host."
    SECTOR_INVALID = (
        "Pairwise subjects need one host, or a sector_identifier_uri that lists the redirect URIs."
    )
    SECTOR_UNREADABLE = "The document at sector_identifier_uri cannot be fetched."
    REGISTRATION_TOKEN_INVALID = "The registration access token is not valid for this client."
    CLIENT_DELETED = "The client was deleted while the request was under way."
    CLIENT_SECRET_NOT_CURRENT = "An update sent another client_secret than the current one (RFC 7592 §2.2)."

    # Authorization requests
    REDIRECT_URI_MISSING = "redirect_uri is required and missing."
    REDIRECT_URI_NOT_REGISTERED = "redirect_uri is not one that the client registered.", _REDIRECT_URI
    REDIRECT_URI_NO_LONGER_REGISTERED = (
        "The client changed its redirect URIs during the request.",
        _REDIRECT_URI,
    )
    REDIRECT_URI_UNSAFE = (
        "redirect_uri is registered, but is of a kind that this server redirects to no longer."
    )
    RESPONSE_TYPE_UNSUPPORTED = "response_type is not code."
    RESPONSE_MODE_UNSUPPORTED = "response_mode is neither query nor form_post."
    GRANT_TYPE_NOT_REGISTERED = "The client did not register this grant type."
    CODE_CHALLENGE_MISSING = "PKCE is required and code_challenge is missing (RFC 7636)."
    CODE_CHALLENGE_INVALID = "code_challenge or its method is not S256 (RFC 7636 §4.2)."
    PROMPT_INVALID = "prompt has an unknown value, or none beside another."
    MAX_AGE_INVALID = "max_age is not a number of seconds."
    CLAIMS_INVALID = "The claims parameter is malformed (OpenID Connect Core §5.5)."
    DPOP_JKT_INVALID = "dpop_jkt is malformed, or not the key of the proof (RFC 9449 §10)."
    ID_TOKEN_HINT_INVALID = "id_token_hint failed verification, or was issued to another client."
    USER_HINTS_CONTRADICT = "id_token_hint and claims name different or unknown users."
    REQUEST_AND_REQUEST_URI = "request and request_uri exclude each other (RFC 9101 §5)."
    REQUEST_URI_INVALID = "request_uri is unknown, has expired or was answered (RFC 9126 §2.2)."
    REQUEST_URI_NOT_PUSHED = "request_uri is for pushed requests only, and cannot itself be pushed."
    PUSHED_REQUEST_REQUIRED = "The client must push its authorization requests (RFC 9126)."
    SIGNED_REQUEST_REQUIRED = "The client must sign its authorization requests (RFC 9101)."
    REQUEST_OBJECT_INVALID = "The request object failed verification (RFC 9101 §6)."
    SCOPE_MALFORMED = "scope is not a list of scope tokens (RFC 6749 §3.3)."
    RESOURCE_MISSING = "resource is required and missing (RFC 8707)."
    RESOURCE_UNKNOWN = "resource is not one that this server issues tokens for.", _UNKNOWN_RESOURCE
    RESOURCE_REPEATED = "resource may be named once, or fewer times than it was."
    REDIRECTED_ERROR_MALFORMED = (
        "The button that returns an error to the client was posted with a malformed error."
    )

    # Pages
    FORM_EXPIRED = "The form was not given to this browser, or too long ago.", _ONE_BROWSER
    FORM_STALE = "Somebody logged in or out in this browser since the form was shown."
    FORM_FOREIGN = "A page of another site sent the form."
    FORM_FIELD_INVALID = "A field of a form holds a value that the page does not offer."
    REQUEST_OVER = (
        "The authorization request has expired, was answered, or belongs to another browser.",
        _ONE_BROWSER,
    )
    LOGIN_CANCELLED = "The person cancelled the login.", _ASK_AGAIN
    LOGIN_REQUIRED = "The client asked for no login page, and a login is needed (prompt=none)."
    OTHER_USER_LOGGED_IN = "The client asked for another user than the one who is logged in."
    CONSENT_REQUIRED = "The client asked for no consent page, and a consent is needed (prompt=none)."
    ACCESS_DENIED = "The person refused access.", _ASK_AGAIN
    SECOND_FACTOR_REQUIRED = "A second factor is required and the login had none."
    SECOND_FACTOR_WRONG = (
        "The second factor was wrong, expired or used before.",
        "The clock of the phone must be right to half a minute. `doorward users reset-factors NAME` removes "
        "lost second factors.",
    )
    SECOND_FACTOR_FAILURES_EXCEEDED = "There were too many wrong codes.", _WAIT_FOR_LOGIN
    SECOND_FACTOR_NOT_CHANGED = "A second factor could not be added or removed."
    ACCESS_NOT_GRANTED = (
        "The access rules give the person nothing at this resource.",
        "`doorward access check NAME URL` tells what somebody may hold, and by which rules. "
        "`doorward groups add` or `doorward access edit` changes it.",
    )
    ACR_UNAVAILABLE = "No login of this server meets the acr that the client asked for."
    LOGIN_FAILED = "The username or the password is wrong, or the account is disabled.", _PASSWORD
    LOGIN_FAILURES_EXCEEDED = "There were too many failed logins.", _WAIT_FOR_LOGIN
    LOGIN_QUEUE_FULL = "Too many logins are waiting for their password to be hashed."
    PROVIDER_UNAVAILABLE = (
        "The identity provider cannot be asked, or answers with something unusable.",
        "The line of the log names what could not be fetched. A provider on a private network must be "
        "reached by https, and its network be in DOORWARD_FETCH_NETWORKS.",
    )
    PROVIDER_ANSWER_INVALID = (
        "The answer of the identity provider is not valid for this login.",
        "The line of the log names the claim or the error. Compare `client_id`, `client_secret`, `issuer` "
        "and the redirect URI with the provider's, and the clocks.",
    )
    PROVIDER_LOGIN_NOT_FRESH = (
        "A fresh login is needed, and the identity provider does not prove one.",
        "The provider must send `auth_time` in the ID token if asked with `max_age`; for Entra, add it as an "
        "optional claim. Otherwise people log in with a password.",
    )
    PROVIDER_DENIED = "The identity provider answered with an error.", "The line of the log has the error."
    PROVIDER_PERSON_NOT_ALLOWED = (
        "The allow list of the identity provider does not name the person.",
        "Add their domain, group or subject to `allow` in DOORWARD_IDENTITY_PROVIDERS.",
    )
    PROVIDER_GROUPS_UNKNOWN = (
        "The identity provider left out the groups of the person, who has too many.",
        "Let the provider name only the groups that are assigned to this application.",
    )
    PROVIDER_ACCOUNT_EXISTS = (
        "An account has the e-mail address of the person already.",
        "The person logs in with the password and connects the provider on the account page.",
    )
    LOGOUT_TOKEN_INVALID = (
        "A logout token is not one of the identity provider for this server.",
        "The line of the log names the claim. Compare `client_id` and `issuer` with the provider, and the "
        "clocks.",
    )
    PROVIDER_IDENTITY_TAKEN = "The identity is connected to another account already."
    ACCOUNT_LINK_OVER = "A link that sets a password is unknown, has expired, or was used or replaced."
    PASSWORD_NOT_CHANGED = "The new password was not accepted, or the current one is wrong."
    USER_CODE_UNKNOWN = "No device is waiting for this user code."
    NOT_ADMINISTRATOR = (
        "The person who is logged in is not an administrator.",
        "`doorward users promote NAME` makes somebody an administrator.",
    )
    CONSOLE_PAGE_UNKNOWN = "There is no such page of the console, or what it was about is gone."
    CANNOT_DISABLE_YOURSELF = "Administrators cannot disable or delete their own account."
    LOGIN_TOO_OLD = "The login is too old for something that cannot be undone."
    IDENTITY_NOT_DISCONNECTED = "An identity is the only way to log in, or is not connected."
    PASSWORD_WRONG = "The current password, asked for again, is wrong.", _PASSWORD
    LOGOUT_REDIRECT_INVALID = "post_logout_redirect_uri is not registered, or not one that is redirected to."

    # Codes and grants
    CODE_INVALID = "The authorization code is unknown or has expired.", _LOG_IN_AGAIN
    CODE_USED_TWICE = "The authorization code was redeemed twice; its grant is revoked.", _LOG_IN_AGAIN
    CODE_USED_JUST_NOW = "The authorization code is being redeemed by a parallel request."
    CODE_OF_OTHER_CLIENT = "The authorization code was issued to another client."
    CODE_VERIFIER_MISSING = "The code was issued for a code_challenge, and code_verifier is missing."
    CODE_VERIFIER_UNEXPECTED = "The code was issued without a code_challenge (RFC 9700 §2.1.1)."
    CODE_VERIFIER_WRONG = "code_verifier does not match the code_challenge (RFC 7636 §4.6)."
    REDIRECT_URI_MISMATCH = "redirect_uri is not the one of the authorization request (RFC 6749 §4.1.3)."
    DPOP_KEY_MISMATCH = "The code or token is bound to another DPoP key."
    SESSION_ENDED = "The login that the grant came from has ended.", _LOG_IN_AGAIN
    GRANT_REVOKED = "The grant was revoked.", _GRANT_ENDED
    REFRESH_TOKEN_INVALID = "The refresh token is unknown.", _LOG_IN_AGAIN
    REFRESH_TOKEN_EXPIRED = "The refresh token has expired.", _LOG_IN_AGAIN
    REFRESH_TOKEN_USED_TWICE = "The refresh token was used before; its grant is revoked.", _LOG_IN_AGAIN
    REFRESH_TOKEN_OF_OTHER_CLIENT = "The refresh token was issued to another client."
    SCOPE_NOT_GRANTED = "A refresh asked for scopes that were not granted."
    RESOURCE_NOT_GRANTED = "resource is not the one that was granted.", _UNKNOWN_RESOURCE
    CLIENT_NOT_ALLOWED = "The client was deleted or disabled meanwhile.", _REGISTER_AGAIN
    USER_NOT_ALLOWED = "The user was deleted or disabled meanwhile."
    CLIENT_OR_USER_NOT_ALLOWED = "The user or the client was deleted or disabled during the consent."
    GRANT_TYPE_UNSUPPORTED = "grant_type is not one that this server offers."
    CLIENT_NOT_CONFIDENTIAL = "This needs a client that can authenticate."

    # Device authorization (RFC 8628)
    AUTHORIZATION_PENDING = "The user has not decided yet."
    POLLING_TOO_FAST = "The device polls more often than it may (RFC 8628 §3.5)."
    DEVICE_CODE_INVALID = "The device code is unknown or has expired.", _LOG_IN_AGAIN
    DEVICE_CODE_EXPIRED = "The device code has expired.", _LOG_IN_AGAIN
    DEVICE_CODE_USED_TWICE = "The device code was used before.", _LOG_IN_AGAIN
    DEVICE_CODE_OF_OTHER_CLIENT = "The device code was issued to another client."

    # Assertions and token exchange (RFC 7523, RFC 8693)
    ASSERTION_INVALID = "The assertion failed verification (RFC 7523 §3)."
    ASSERTION_ISSUER_UNTRUSTED = "The issuer of the assertion is not trusted."
    ASSERTION_REPLAYED = "The assertion was used before."
    ASSERTION_RESOURCE_UNKNOWN = "The assertion names a resource that is not here.", _UNKNOWN_RESOURCE
    WORKLOAD_NOT_ADMITTED = "No rule of the issuer admits this workload."
    EXCHANGED_TOKEN_INVALID = "subject_token or actor_token is not a valid access token of this client."
    EXCHANGE_MALFORMED = "The parameters of the token exchange contradict each other or are unsupported."
    EXCHANGE_NOT_ALLOWED = "The client may not exchange this token, or not for that resource."
    EXCHANGE_SCOPE_EXCEEDED = "The exchange asks for more scope than the subject token has."
    EXCHANGE_TOO_OFTEN = "The subject token has been exchanged too often."

    # Tokens
    ACCESS_TOKEN_MISSING = "A protected endpoint was called without one well-formed token."
    ACCESS_TOKEN_INVALID = "The access token is unknown, has expired or was revoked.", _CONNECT_AGAIN
    ACCESS_TOKEN_REPEATED = "The access token was sent in two ways (RFC 6750 §2)."
    OPENID_SCOPE_MISSING = "The UserInfo endpoint needs the scope openid."
    DPOP_PROOF_REQUIRED = "The client must send a DPoP proof."
    DPOP_PROOF_INVALID = (
        "The DPoP proof failed verification (RFC 9449 §4.3).",
        "The client signs proofs (DPoP) and this one was not for this request. Most often a proxy shows the "
        "client another URL than DOORWARD_ISSUER, or the clocks differ.",
    )
    DPOP_PROOF_REPLAYED = "The DPoP proof was used before."
    DPOP_NONCE_REQUIRED = (
        "The DPoP proof needs the nonce that comes with the answer (RFC 9449 §8).",
        "Nothing: the client tries again with the nonce that it was given.",
    )
    TOKEN_NOT_OF_THIS_INSTALLATION = (
        "Introspection: the text is not a token that this installation issued.",
        "The token is from another installation, or from before DOORWARD_MASTER_KEYS were changed or the "
        "data was deleted. Disconnect the client and connect it again.",
    )
    TOKEN_EXPIRED = (
        "Introspection: the token has expired.",
        "Clients refresh by themselves when a token ends. If this one goes on with it, disconnect and "
        "connect it again; if tokens end at once, compare the clocks of the machines.",
    )
    TOKEN_GRANT_GONE = "Introspection: the grant of the token is no longer stored.", _GRANT_ENDED
    TOKEN_GRANT_REVOKED = "Introspection: the grant of the token was revoked.", _GRANT_ENDED
    TOKEN_OF_OTHER_RESOURCE = (
        "Introspection: the token is for a resource that is not the caller's.",
        "The token was issued for another URL. The URL that was pasted, DOORWARD_RESOURCE and the `resource` "
        "in DOORWARD_RESOURCE_SERVERS must be the same; then connect again.",
    )
    TOKEN_NOT_ACCESS_TOKEN = "Introspection: a refresh token or code was sent as an access token."
    TOKEN_ENDED = "Introspection: the token was replaced, or a grant that it was derived from has ended."
    EVENTS_MISSED = "The receiver's position in the revocation events is unknown; it starts again."
