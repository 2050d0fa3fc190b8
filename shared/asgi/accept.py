"""Tell requests of browsers, which show a page, from requests of programs."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.types import Scope

from shared.asgi.headers import header_values

_PROGRAMS_READ = ("application/json", "text/event-stream")
_TOKEN_SCHEMES = ("bearer", "dpop")


def asks_for_page(scope: Scope) -> bool:
    """Check whether a browser will show the response to a person.

    A request with an access token comes from a program, whatever its Accept header says. So does a POST
    without an Origin header: browsers send it (Fetch §3.2), HTTP libraries do not, though some of them
    prefer HTML by default.
    """
    accept = ",".join(header_values(scope, "accept"))
    if "text/html" not in accept.lower() or not _prefers_html(accept):
        return False
    schemes = {value.partition(" ")[0].lower() for value in header_values(scope, "authorization")}
    if not schemes.isdisjoint(_TOKEN_SCHEMES):
        return False
    return scope["method"] in ("GET", "HEAD") or bool(header_values(scope, "origin"))


def _prefers_html(accept: str) -> bool:
    """Check whether HTML is accepted, and preferred to what programs read (RFC 9110 §12.5.1)."""
    weights = dict(_weights(accept))
    html = weights.get("text/html", 0.0)
    return html > 0 and all(html > _weight_of(media_type, weights) for media_type in _PROGRAMS_READ)


def _weight_of(media_type: str, weights: dict[str, float]) -> float:
    group = f"{media_type.partition('/')[0]}/*"
    return next((weights[name] for name in (media_type, group, "*/*") if name in weights), 0.0)


def _weights(accept: str) -> Iterator[tuple[str, float]]:
    for media_range in accept.split(","):
        name, *parameters = (part.strip().lower() for part in media_range.split(";"))
        weight = next((p.removeprefix("q=") for p in parameters if p.startswith("q=")), "1")
        yield name, _number(weight)


def _number(weight: str) -> float:
    """Parse a weight (RFC 9110 §12.4.2); an invalid one counts as not acceptable."""
    digits = weight.replace(".", "", 1)
    return min(float(weight), 1.0) if digits.isascii() and digits.isdigit() and len(weight) <= 5 else 0.0
