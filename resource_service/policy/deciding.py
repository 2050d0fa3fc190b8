"""The names of the rules that decide on a message, for the journal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from resource_service.policy.patterns import first_pattern
from resource_service.policy.rules import FREE, Policy

DEFAULT = "default"


def deciding_rules(policy: Policy, method: str, params: Mapping[str, Any]) -> str:
    """Return the rules for a message, such as ``tools: delete_*``; ``default`` if there is none for it."""
    named = _named(policy, method, params)
    by_method = first_pattern(policy.methods, method) if policy.methods else None
    if by_method is None:
        return named or ("free" if method in FREE else DEFAULT)
    return f"methods: {by_method}" + (f", {named}" if named else "")


def _named(policy: Policy, method: str, params: Mapping[str, Any]) -> str:
    match method:
        case "tools/call":
            return _rule("tools", policy.tools, params.get("name"))
        case "prompts/get":
            return _rule("prompts", policy.prompts, params.get("name"))
        case "resources/read" | "resources/subscribe" | "resources/unsubscribe":
            uri = params.get("uri")
            pattern = policy.pattern_for_uri(uri) if isinstance(uri, str) else None
            return DEFAULT if pattern is None else f"resources: {pattern}"
        case "completion/complete":
            return ", ".join(_referred(policy, params.get("ref"))) or DEFAULT
    return ""


def _rule(kind: str, rules: Mapping[str, object], name: object) -> str:
    pattern = first_pattern(rules, name) if isinstance(name, str) else None
    return DEFAULT if pattern is None else f"{kind}: {pattern}"


def _referred(policy: Policy, ref: object) -> Iterator[str]:
    reference = ref if isinstance(ref, dict) else {}
    if "name" in reference:
        yield _rule("prompts", policy.prompts, reference["name"])
    if isinstance(uri := reference.get("uri"), str):
        pattern = policy.pattern_for_uri(uri)
        yield DEFAULT if pattern is None else f"resources: {pattern}"
