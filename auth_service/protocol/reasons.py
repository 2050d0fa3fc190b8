"""The reason codes of the authorization server: why a request was refused, or a token is not active."""

from __future__ import annotations

from enum import unique

from shared.reasons import ReasonCode

_CONNECT_AGAIN = "Disconnect the client and connect it again."
_REGISTER_AGAIN = (
    "The client uses a deleted registration or sends a wrong secret. Remove the connection in the client "
    "and add it again. `doorward clients list` shows the registered clients."
)
_REDIRECT_URI = (
    "The client sent a redirect URI that it has not registered. Remove the connection in the client and "
    "add it again, so that the client registers again."
)
_UNKNOWN_RESOURCE = (
    "The client requested a resource that is not configured. Set the URL that people paste as "
    "DOORWARD_RESOURCE, or add it to DOORWARD_RESOURCE_SERVERS."
)
_SAME_SECRET = (
    "Configure the same DOORWARD_RESOURCE_SECRET in both services. If the authorization server has "
    "DOORWARD_RESOURCE_SERVERS, it is the `secret` of the entry with the DOORWARD_RESOURCE_SERVER_ID of the "
    "resource server."
)
_ONE_BROWSER = (
    "Start again in the client, and use the same browser, with cookies enabled, for the whole login."
)
_LOG_IN_AGAIN = "The client must log in again; most do so automatically. Otherwise, " + (
    _CONNECT_AGAIN[0].lower() + _CONNECT_AGAIN[1:]
)
_GRANT_ENDED = (
    "The connection was ended by the client, by the user at /account, by an operator, or because a "
    "refresh token was used twice. Connect the client again."
)
_ASK_AGAIN = "The user pressed Deny or Cancel. Connect again to see the consent page again."
_WAIT_FOR_LOGIN = (
    "Wait for the time that the page shows. DOORWARD_LOGIN_FAILURES and DOORWARD_LOGIN_WINDOW_S set how "
    "many wrong passwords a network may send."
)
_PASSWORD = "`doorward users list` shows the accounts; `doorward users passwd NAME` sets a new password."


@unique
class Reason(ReasonCode):
    """Why a request was refused, grouped by part of the protocol."""

    # Any request
    STORE_UNAVAILABLE = (
        "The store is unreachable or overloaded.",
        "Check that Redis is running and that DOORWARD_STORE is correct.",
    )
    RATE_LIMITED = "Too many requests of this kind came from one network, or from all networks together."
    JOURNAL_QUOTA_EXCEEDED = (
        "A resource server delivers more bytes of events in an hour than"
        " DOORWARD_JOURNAL_DELIVERY_BYTES_PER_HOUR allows.",
        "Find out which client calls so often; if the calls are legitimate, raise the setting.",
    )
    CONTENT_TYPE_WRONG = "The endpoint does not accept the content type of the body."
    BODY_MALFORMED = "The body is not JSON in the format that the endpoint expects."
    PARAMETERS_MALFORMED = "The parameters contain invalid characters."
    PARAMETER_MISSING = "A required parameter is missing or empty."
    PARAMETER_REPEATED = "A parameter appears more than once (RFC 6749 §3.1)."
    PARAMETER_TOO_LONG = "A parameter exceeds the maximum length."
    REQUEST_TOO_LONG = "The parameters together exceed the maximum length."

    # Client authentication
    CLIENT_ID_MISSING = "The request has no client_id."
    CLIENT_ID_MISMATCH = "Two places in the request name different clients."
    CLIENT_UNKNOWN = "No client with this client_id is registered.", _REGISTER_AGAIN
    CLIENT_DISABLED = (
        "An administrator has disabled the client.",
        "`doorward clients enable ID` or the console enables it again.",
    )
    CLIENT_AUTHENTICATION_REPEATED = "The client authenticates in more than one way (RFC 6749 §2.3)."
    CLIENT_SECRET_MISSING = "The client must authenticate with its secret.", _REGISTER_AGAIN
    CLIENT_SECRET_WRONG = "The client secret is wrong.", _REGISTER_AGAIN
    AUTHORIZATION_HEADER_MALFORMED = "The Authorization header is malformed, repeated, or not Basic."
    CLIENT_ASSERTION_REQUIRED = "The client registered private_key_jwt and must use it."
    CLIENT_ASSERTION_NOT_REGISTERED = (
        "The client sent an assertion without having registered private_key_jwt."
    )
    CLIENT_ASSERTION_TYPE_WRONG = "client_assertion_type is missing or unsupported (RFC 7523 §2.2)."
    CLIENT_ASSERTION_INVALID = "The client assertion failed verification (RFC 7523 §3)."
    CLIENT_ASSERTION_REPLAYED = "The client assertion was used before."
    CLIENT_KEYS_MISSING = "The client has registered or published no keys."
    CLIENT_KEYS_MALFORMED = "The keys that the client published are not a JWK Set."
    CLIENT_KEYS_UNREACHABLE = "The keys of a client or issuer cannot be fetched at the moment."
    CALLER_NOT_AUTHENTICATED = (
        "The caller of introspection or revocation events must authenticate.",
        _SAME_SECRET,
    )
    RESOURCE_SECRET_WRONG = "The secret of the resource server is wrong.", _SAME_SECRET
    CALLER_NOT_RESOURCE_SERVER = "Only configured resource servers receive revocation events."

    # Client ID metadata documents
    CLIENT_ID_URL_INVALID = "The client_id is not a valid URL of a metadata document."
    CLIENT_DOCUMENT_UNREACHABLE = "The server of the client's metadata document is temporarily unavailable."
    CLIENT_DOCUMENT_UNREADABLE = "The client's metadata document cannot be fetched."
    CLIENT_DOCUMENT_INVALID = "The client's metadata document is invalid."
    CLIENT_DOMAIN_NOT_ADMITTED = "The operator does not admit clients of this domain."

    # Registration (RFC 7591, RFC 7592)
    REGISTRATION_CLOSED = "Only the operator may register clients."
    INITIAL_ACCESS_TOKEN_INVALID = "The initial access token is missing, invalid or used up."
    SOFTWARE_STATEMENT_REQUIRED = "Registration requires a software statement."
    SOFTWARE_STATEMENT_UNTRUSTED = "The issuer of the software statement is not trusted."
    SOFTWARE_STATEMENT_INVALID = "The software statement failed verification."
    CLIENT_QUOTA_EXCEEDED = (
        "The maximum number of clients is registered, and all of them are in use.",
        "Raise DOORWARD_MAX_CLIENTS, or remove clients with `doorward clients remove`. Clients with a "
        "grant are never removed automatically.",
    )
    UNUSED_CLIENT_QUOTA_EXCEEDED = (
        "Too many of the registered clients were never used.",
        "Unused clients expire after a day. DOORWARD_UNUSED_CLIENTS_PERCENT sets their share of "
        "DOORWARD_MAX_CLIENTS.",
    )
    CLIENT_METADATA_INVALID = (
        "A member of the client metadata is invalid, or two members contradict each other."
    )
    CLIENT_METADATA_TOO_LONG = "The client metadata exceeds the maximum length."
    REDIRECT_URI_INVALID = "A redirect URI in the client metadata is invalid or missing."
    REDIRECT_HOST_NOT_ALLOWED = "The operator does not allow redirects to this host."
    SECTOR_INVALID = (
        "Pairwise subjects require redirect URIs on one host, or a sector_identifier_uri that lists them."
    )
    SECTOR_UNREADABLE = "The document at sector_identifier_uri cannot be fetched."
    REGISTRATION_TOKEN_INVALID = "The registration access token is not valid for this client."
    CLIENT_DELETED = "The client was deleted during the request."
    CLIENT_SECRET_NOT_CURRENT = "The client_secret in the update is not the current one (RFC 7592 §2.2)."

    # Authorization requests
    REDIRECT_URI_MISSING = "redirect_uri is missing."
    REDIRECT_URI_NOT_REGISTERED = "The client has not registered this redirect_uri.", _REDIRECT_URI
    REDIRECT_URI_NO_LONGER_REGISTERED = (
        "The client changed its redirect URIs during the request.",
        _REDIRECT_URI,
    )
    REDIRECT_URI_UNSAFE = (
        "redirect_uri is registered, but the current rules no longer allow this kind of URI."
    )
    RESPONSE_TYPE_UNSUPPORTED = "response_type is not code."
    RESPONSE_MODE_UNSUPPORTED = "response_mode is neither query nor form_post."
    GRANT_TYPE_NOT_REGISTERED = "The client did not register this grant type."
    CODE_CHALLENGE_MISSING = "code_challenge is missing; PKCE is required (RFC 7636)."
    CODE_CHALLENGE_INVALID = "code_challenge is malformed, or its method is not S256 (RFC 7636 §4.2)."
    PROMPT_INVALID = "prompt contains an unknown value, or none together with another value."
    MAX_AGE_INVALID = "max_age is not a number of seconds."
    CLAIMS_INVALID = "The claims parameter is malformed (OpenID Connect Core §5.5)."
    DPOP_JKT_INVALID = "dpop_jkt is malformed or does not match the key of the proof (RFC 9449 §10)."
    ID_TOKEN_HINT_INVALID = "id_token_hint failed verification, or was issued to another client."
    USER_HINTS_CONTRADICT = "id_token_hint and claims identify different or unknown users."
    REQUEST_AND_REQUEST_URI = "The request has both request and request_uri (RFC 9101 §5)."
    REQUEST_URI_INVALID = "request_uri is unknown, expired or already used (RFC 9126 §2.2)."
    REQUEST_URI_NOT_PUSHED = "request_uri must come from a pushed request, and cannot be pushed itself."
    PUSHED_REQUEST_REQUIRED = "The client must push its authorization requests (RFC 9126)."
    SIGNED_REQUEST_REQUIRED = "The client must sign its authorization requests (RFC 9101)."
    REQUEST_OBJECT_INVALID = "The request object failed verification (RFC 9101 §6)."
    SCOPE_MALFORMED = "scope is not a list of scope tokens (RFC 6749 §3.3)."
    RESOURCE_MISSING = "resource is missing (RFC 8707)."
    RESOURCE_UNKNOWN = "This server does not issue tokens for the requested resource.", _UNKNOWN_RESOURCE
    RESOURCE_REPEATED = "resource appears too often."
    REDIRECTED_ERROR_MALFORMED = "The form that returns an error to the client contains a malformed error."

    # Pages
    FORM_EXPIRED = "The form has expired, or was issued to another browser.", _ONE_BROWSER
    FORM_STALE = "A login or logout in this browser invalidated the form."
    FORM_FOREIGN = "The form was sent by a page of another site."
    FORM_FIELD_INVALID = "A form field has a value that the page does not offer."
    REQUEST_OVER = (
        "The authorization request has expired, is already completed, or belongs to another browser.",
        _ONE_BROWSER,
    )
    LOGIN_CANCELLED = "The user cancelled the login.", _ASK_AGAIN
    LOGIN_REQUIRED = "A login is required, but the client sent prompt=none."
    OTHER_USER_LOGGED_IN = "The client requested another user than the one who is logged in."
    CONSENT_REQUIRED = "Consent is required, but the client sent prompt=none."
    ACCESS_DENIED = "The user denied access.", _ASK_AGAIN
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
    ACR_UNAVAILABLE = "This server offers no login with the requested acr."
    LOGIN_FAILED = "The username or the password is wrong, or the account is disabled.", _PASSWORD
    LOGIN_FAILURES_EXCEEDED = "Too many logins from this network failed.", _WAIT_FOR_LOGIN
    LOGIN_QUEUE_FULL = "Too many logins are waiting for their password to be hashed."
    PROVIDER_UNAVAILABLE = (
        "The identity provider is unreachable or sent an unusable response.",
        "The log line names the URL that could not be fetched. A provider on a private network needs "
        "https, and its network must be in DOORWARD_FETCH_NETWORKS.",
    )
    PROVIDER_ANSWER_INVALID = (
        "The response of the identity provider is not valid for this login.",
        "The log line names the claim or the error. Compare `client_id`, `client_secret`, `issuer` and "
        "the redirect URI with the provider's configuration, and compare the clocks.",
    )
    PROVIDER_LOGIN_NOT_FRESH = (
        "A fresh login is needed, and the identity provider does not prove one.",
        "The provider must send `auth_time` in the ID token if asked with `max_age`; for Entra, add it as an "
        "optional claim. Otherwise people log in with a password.",
    )
    PROVIDER_DENIED = "The identity provider returned an error.", "The log line contains the error."
    PROVIDER_PERSON_NOT_ALLOWED = (
        "The allow list of the identity provider does not include the user.",
        "Add the user's domain, group or subject to `allow` in DOORWARD_IDENTITY_PROVIDERS.",
    )
    PROVIDER_GROUPS_UNKNOWN = (
        "The user has so many groups that the identity provider omitted them.",
        "Configure the provider to send only the groups that are assigned to this application.",
    )
    PROVIDER_ACCOUNT_EXISTS = (
        "Another account already has the user's e-mail address.",
        "The user can log in with the password and connect the provider on the account page.",
    )
    LOGOUT_TOKEN_INVALID = (
        "The logout token is not a valid token of the identity provider for this server.",
        "The log line names the claim. Compare `client_id` and `issuer` with the provider's "
        "configuration, and compare the clocks.",
    )
    PROVIDER_IDENTITY_TAKEN = "The identity is already connected to another account."
    CONNECTED_ACCOUNT_NOT_CONFIGURED = (
        "The resource has no upstream_oauth or upstream_api_key, the resource of the token does not join it, "
        "or the token has no user.",
        "Set `upstream_oauth` or `upstream_api_key` of the resource in DOORWARD_RESOURCE_SERVERS, or remove "
        "`connected_account` of the mount. For a joined URL, name the mount in `joins` of its resource.",
    )
    CONNECTED_ACCOUNT_TOKEN_INACTIVE = "The token is not an active access token for a resource of the caller."
    CONNECTED_ACCOUNT_UNAVAILABLE = (
        "The provider of a connected account cannot be reached, or another process refreshes the credential.",
        "The log line names the provider and the cause. Its endpoints must be https. A provider on a private "
        "network must be in DOORWARD_FETCH_NETWORKS.",
    )
    CONNECT_LINK_OF_OTHER_PERSON = (
        "A link for connecting an account was opened by another person; nothing was stored.",
        "Open the link in a browser in which the person is logged in who uses the client.",
    )
    CONNECT_DENIED = (
        "The provider answered with an error, or the person cancelled there.",
        ("The log line has the error of the provider. The same link can be used again."),
    )
    CONNECT_ANSWER_INVALID = (
        "The response of the provider of a connected account is not valid.",
        "Compare `client_id`, the secret, `issuer` and the redirect URI, which is `/connect/callback` of the "
        "authorization server, with the provider's configuration.",
    )
    CONNECT_DISCOVERY_FAILED = (
        "The MCP server behind a resource, or its authorization server, has no metadata that can be used.",
        "The log line has the document and the cause. Compare `discover` and `issuer` of `upstream_oauth` "
        "with the MCP server; an authorization server that does not announce PKCE with S256 is not used.",
    )
    CONNECT_REGISTRATION_FAILED = (
        "The authorization server of an MCP server does not register this server as a client.",
        "The log line has the cause. Register a client there with the redirect URI /connect/callback of this "
        "server, and set `client_id` and `issuer` of `upstream_oauth`.",
    )
    CONNECT_PROVIDER_CHANGED = (
        "The provider has changed while a person was there; the code was sent to nobody.",
        "The same link can be used again.",
    )
    API_KEY_INVALID = (
        "A person entered an API key that cannot be sent in a header; nothing was stored.",
        "Copy the key again, without spaces or line breaks. It has at most 4096 characters.",
    )
    APPROVAL_TOKEN_INACTIVE = (
        "The token of a call is not an active access token for a resource of the caller."
    )
    APPROVAL_REQUEST_INVALID = (
        "The request for the approval of a call is not valid; the description says why."
    )
    APPROVALS_TOO_MANY = "As many calls as are allowed wait for an approval already."
    APPROVAL_OF_OTHER_APPROVER = "The link to approve a call was opened by a person who may not approve it."
    APPROVAL_BEING_DECIDED = (
        "Another decision about the call is being made, or was interrupted in the last 30 s."
    )
    ACCOUNT_LINK_OVER = "A link that sets a password is unknown, has expired, or was used or replaced."
    PASSWORD_NOT_CHANGED = "The new password was not accepted, or the current one is wrong."
    EMAIL_NOT_CHANGED = "The e-mail address is not valid, or is not the one that waits for confirmation."
    USER_CODE_UNKNOWN = "No device is waiting for this user code."
    NOT_ADMINISTRATOR = (
        "The logged-in user is not an administrator.",
        "`doorward users promote NAME` makes a user an administrator.",
    )
    CONSOLE_PAGE_UNKNOWN = "The console page does not exist, or its subject was deleted."
    CANNOT_DISABLE_YOURSELF = "Administrators cannot disable or delete their own account."
    LOGIN_TOO_OLD = "The login is too old for an irreversible change."
    IDENTITY_NOT_DISCONNECTED = "An identity is the only way to log in, or is not connected."
    PASSWORD_WRONG = "The current password, required again for this change, is wrong.", _PASSWORD
    LOGOUT_REDIRECT_INVALID = "post_logout_redirect_uri is not registered or not allowed."

    # The admin API
    ADMIN_CLIENT_NOT_ALLOWED = (
        "The client may not be granted the scope of the admin API.",
        "Only the operator creates such clients: `doorward clients add NAME --scope doorward:admin`.",
    )
    ADMIN_TOKEN_REFUSED = "The access token is not one for the admin API, or not one given directly."
    ADMIN_SCOPE_MISSING = "The access token lacks the scope doorward:admin."
    ADMIN_OBJECT_UNKNOWN = "The account, client, group, connection or session does not exist."
    ADMIN_CONFLICT = "The request contradicts the current state, such as a username that is taken."
    ADMIN_VALUE_INVALID = "A member, parameter or header of the request has a value that is not allowed."
    IF_MATCH_MISSING = "The request must say in If-Match which version it changes."
    IF_MATCH_FAILED = "The object was changed since it was read."
    IDEMPOTENCY_KEY_MISSING = "The request must carry an Idempotency-Key, so that it can be repeated."

    # Codes and grants
    CODE_INVALID = "The authorization code is unknown or has expired.", _LOG_IN_AGAIN
    CODE_USED_TWICE = "The authorization code was redeemed twice; its grant is revoked.", _LOG_IN_AGAIN
    CODE_USED_JUST_NOW = "The authorization code is being redeemed by a parallel request."
    CODE_OF_OTHER_CLIENT = "The authorization code was issued to another client."
    CODE_VERIFIER_MISSING = "The code was issued for a code_challenge, and code_verifier is missing."
    CODE_VERIFIER_UNEXPECTED = "The code was issued without a code_challenge (RFC 9700 §2.1.1)."
    CODE_VERIFIER_WRONG = "code_verifier does not match the code_challenge (RFC 7636 §4.6)."
    REDIRECT_URI_MISMATCH = "redirect_uri differs from that of the authorization request (RFC 6749 §4.1.3)."
    DPOP_KEY_MISMATCH = "The code or token is bound to another DPoP key."
    SESSION_ENDED = "The login session of the grant has ended.", _LOG_IN_AGAIN
    GRANT_REVOKED = "The grant was revoked.", _GRANT_ENDED
    REFRESH_TOKEN_INVALID = "The refresh token is unknown.", _LOG_IN_AGAIN
    REFRESH_TOKEN_EXPIRED = "The refresh token has expired.", _LOG_IN_AGAIN
    REFRESH_TOKEN_USED_TWICE = "The refresh token was used before; its grant is revoked.", _LOG_IN_AGAIN
    REFRESH_TOKEN_OF_OTHER_CLIENT = "The refresh token was issued to another client."
    SCOPE_NOT_GRANTED = "The refresh requested scopes that were not granted."
    RESOURCE_NOT_GRANTED = "The requested resource was not granted.", _UNKNOWN_RESOURCE
    CLIENT_NOT_ALLOWED = "The client has been deleted or disabled.", _REGISTER_AGAIN
    USER_NOT_ALLOWED = "The user has been deleted or disabled."
    CLIENT_OR_USER_NOT_ALLOWED = "The user or the client was deleted or disabled during the consent."
    GRANT_TYPE_UNSUPPORTED = "This server does not support the grant_type."
    CLIENT_NOT_CONFIDENTIAL = "The grant type requires a confidential client."

    # Device authorization (RFC 8628)
    AUTHORIZATION_PENDING = "The user has not decided yet."
    POLLING_TOO_FAST = "The device polls too often (RFC 8628 §3.5)."
    DEVICE_CODE_INVALID = "The device code is unknown or has expired.", _LOG_IN_AGAIN
    DEVICE_CODE_EXPIRED = "The device code has expired.", _LOG_IN_AGAIN
    DEVICE_CODE_USED_TWICE = "The device code was used before.", _LOG_IN_AGAIN
    DEVICE_CODE_OF_OTHER_CLIENT = "The device code was issued to another client."

    # Assertions and token exchange (RFC 7523, RFC 8693)
    ASSERTION_INVALID = "The assertion failed verification (RFC 7523 §3)."
    ASSERTION_ISSUER_UNTRUSTED = "The issuer of the assertion is not trusted."
    ASSERTION_REPLAYED = "The assertion was used before."
    ASSERTION_RESOURCE_UNKNOWN = "The assertion names an unknown resource.", _UNKNOWN_RESOURCE
    WORKLOAD_NOT_ADMITTED = "No rule of the issuer admits this workload."
    EXCHANGED_TOKEN_INVALID = "subject_token or actor_token is not a valid access token of this client."
    EXCHANGE_MALFORMED = "The parameters of the token exchange contradict each other or are unsupported."
    EXCHANGE_NOT_ALLOWED = "The client may not exchange this token, or not for that resource."
    EXCHANGE_SCOPE_EXCEEDED = "The exchange requests scopes that the subject token does not have."
    EXCHANGE_TOO_OFTEN = "The subject token has been exchanged too often."

    # Tokens
    ACCESS_TOKEN_MISSING = "The access token is missing or malformed."
    ACCESS_TOKEN_INVALID = "The access token is unknown, expired or revoked.", _CONNECT_AGAIN
    ACCESS_TOKEN_REPEATED = "The access token was sent in two ways (RFC 6750 §2)."
    OPENID_SCOPE_MISSING = "The UserInfo endpoint requires the scope openid."
    DPOP_PROOF_REQUIRED = "The client must send a DPoP proof."
    DPOP_PROOF_INVALID = (
        "The DPoP proof failed verification (RFC 9449 §4.3).",
        "The DPoP proof of the client does not match the request. Usually a proxy shows the client "
        "another URL than DOORWARD_ISSUER, or the clocks differ.",
    )
    DPOP_PROOF_REPLAYED = "The DPoP proof was used before."
    DPOP_NONCE_REQUIRED = (
        "The DPoP proof must contain the nonce from this response (RFC 9449 §8).",
        "Nothing: the client tries again with the nonce.",
    )
    TOKEN_NOT_OF_THIS_INSTALLATION = (
        "Introspection: this installation did not issue the token.",
        "The token is from another installation, or it was issued before DOORWARD_MASTER_KEYS changed or "
        "the data was deleted. Disconnect the client and connect it again.",
    )
    TOKEN_EXPIRED = (
        "Introspection: the token has expired.",
        "Clients refresh expired tokens automatically. If this client keeps using the expired token, "
        "disconnect it and connect it again. If new tokens expire at once, compare the clocks of the "
        "machines.",
    )
    TOKEN_GRANT_GONE = "Introspection: the grant of the token is no longer stored.", _GRANT_ENDED
    TOKEN_GRANT_REVOKED = "Introspection: the grant of the token was revoked.", _GRANT_ENDED
    TOKEN_OF_OTHER_RESOURCE = (
        "Introspection: the token is for a resource of another caller.",
        "The token was issued for another URL. Use the same URL in the client and as DOORWARD_RESOURCE of "
        "both services (or in DOORWARD_RESOURCE_SERVERS); then connect again.",
    )
    TOKEN_NOT_ACCESS_TOKEN = "Introspection: a refresh token or code was sent as an access token."
    TOKEN_ENDED = "Introspection: the token was replaced, or a parent grant has ended or lost its scopes."
    EVENTS_MISSED = "The receiver's position in the revocation events is unknown; the receiver starts again."
