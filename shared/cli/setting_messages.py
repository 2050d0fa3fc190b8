"""The sentences for settings that are not valid: they say what to do. Pure."""

from __future__ import annotations

from pydantic_core import ErrorDetails

NETWORK = "each entry must be an IP address or a network such as 10.0.0.0/8; it cannot be a name"
BY_TYPE = {
    "missing": "it is not set; `doorward init` writes a file with all that is required",
    "ip_v4_network": NETWORK,
    "ip_v6_network": NETWORK,
    "int_parsing": "it must be a whole number",
    "float_parsing": "it must be a number",
    "bool_parsing": "it must be true or false",
}
EMPTY = "it is empty; remove it for the default, if it has one, or set a value"
ADVICE = {
    "the URL must be https": "; behind a proxy that ends TLS, set the https URL that clients use",
    "a URI must have a scheme": "; it begins with https://",
}
"""The beginning of a message, and what is added to it."""


def message_of(error: ErrorDetails, *, stored_in_url: bool = False) -> str:
    """Return the sentence for an error that pydantic found.

    Args:
        stored_in_url: whether the setting is the URL of a store.
    """
    if error["type"] == "too_short" and error.get("ctx", {}).get("field_type") == "Value":
        # A secret: pydantic speaks of its items.
        return f"it must have at least {error['ctx']['min_length']} characters; `doorward init` draws one"
    if error["type"] == "string_pattern_mismatch" and stored_in_url:
        return "it must be sqlite:///PATH, redis://HOST:PORT, or rediss, redis+sentinel or redis+cluster"
    message = BY_TYPE.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    advice = next((added for beginning, added in ADVICE.items() if message.startswith(beginning)), "")
    return f"{message}{advice}"


def place_in(location: tuple[int | str, ...]) -> str:
    """Return where in a value an error is, without the parts that name alternatives of its type."""
    return "".join(f"[{part}]" for part in location if "[" not in str(part))
