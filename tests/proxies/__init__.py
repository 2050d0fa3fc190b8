"""The proxy configurations of `deploy/`, in the real servers, with TLS."""
