"""The keys that a store uses for itself. Those of a service are in its key schema."""

from __future__ import annotations

from shared.storage.key_spec import PREFIX

PING = f"{PREFIX}ping"
"""The key that `Store.ping` writes."""
REVOCATION_LOG = f"{PREFIX}revocation-log"
"""The index of the keys of what was revoked, in the store of a revocation log."""
