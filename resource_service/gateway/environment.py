"""The environment of a command: a few variables, and never a secret of this service."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from mcp.client.stdio import get_default_environment

from resource_service.principal import Principal
from shared.encoded_text import encoded

LOCALE = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")


def forwarded_environment(
    names: Iterable[str], environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the variables of `names` that are set."""
    return {name: environment[name] for name in names if name in environment}


def environment_for(principal: Principal, more: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a process for `principal`, encoded as in the HTTP headers."""
    named = {"DOORWARD_SUBJECT": principal.subject, "DOORWARD_USERNAME": principal.user}
    return {
        **get_default_environment(),
        **forwarded_environment(LOCALE),
        **more,
        **{name: encoded(value) for name, value in named.items() if value is not None},
        "DOORWARD_CLIENT": encoded(principal.client_id),
    }
