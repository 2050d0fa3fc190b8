"""The device authorization grant (RFC 8628): requests in the store, and the decision of the person."""
