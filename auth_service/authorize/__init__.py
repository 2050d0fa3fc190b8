"""The authorization endpoint (RFC 6749 §3.1) and the requests in progress.

- `endpoint`                GET and POST /authorize
- `requests`                request objects (RFC 9101) and pushed requests (RFC 9126)
- `hints`                   `id_token_hint` (OpenID Connect Core §3.1.2.1)
- `pending`                 requests in progress, bound to the browser that began them
- `consents`                remembered consents
- `standing`                the approvals and permissions of the person
- `second_factors`          whether the policy requires a second factor
- `authorization_response`  the response to the client (RFC 6749 §4.1.2, RFC 9207)
- `device_decision`         the decision on a device request (RFC 8628 §3.3), and its page
"""
