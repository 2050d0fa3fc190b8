"""The credentials that people have connected for an upstream, requested from the authorization server (GW-1).

The authorization server keeps and refreshes them. This service gets the current one with the access token of
a request, keeps it in memory for a minute at most, and sends it to the upstream only.

    answers.py            what the authorization server answers: a credential, or a link to connect one; pure
    client.py             one query
    kept_credentials.py   the credentials in memory, by grant and resource
    accounts.py           the credentials of all resources, used only while their ends are announced
    request_account.py    the credential of one request, and its replacement after a refusal
    elicitation.py        how a client is told the link, by what it can do; pure
    introduction.py       what this service answers instead of an upstream that nobody is connected to; pure
    stream_messages.py    messages of a stream that waits for the account; pure
    client_sessions.py    sessions that this service opens before an account is connected
    errors.py             error responses
"""
