"""Verify Doorward's identity token in the upstream server: pip install "pyjwt[crypto]"

    python docs/examples/verify_identity.py RESOURCE UPSTREAM TOKEN

RESOURCE is the URL that people paste, UPSTREAM the one configured in Doorward, TOKEN the value of the header
X-Doorward-Identity.
"""

import json
import sys
from typing import Any
from urllib.parse import urljoin

import jwt


def caller(resource: str, upstream: str, token: str) -> dict[str, Any]:
    """Return the claims of `token`: sub is the user, preferred_username their name (both absent if a client
    acts for itself), client_id the client.

    Raises:
        jwt.InvalidTokenError: Doorward did not issue it for this server, or it is more than a minute old.
    """
    keys = jwt.PyJWKClient(urljoin(resource, "/.well-known/jwks.json"))
    key = keys.get_signing_key_from_jwt(token)
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["ES256"], issuer=resource, audience=upstream)
    return claims


if __name__ == "__main__":
    print(json.dumps(caller(*sys.argv[1:]), indent=2))  # noqa: T201
