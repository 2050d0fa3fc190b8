"""Which scopes a message needs. Pure: no request, no token, no clock.

What a message names decides: a tool, a prompt, a resource. For each kind there are rules, pattern to scopes.
A name that a rule spells out is that rule's; else the first pattern that matches decides; else the default.
Whatever cannot be understood needs the default as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from resource_service.policy.patterns import is_exact, matches
from resource_service.policy.uris import MAX_CHARACTERS, is_regular, is_regular_template, readings, shorter
from resource_service.policy.validation import faults_in

Scopes = frozenset[str]
Rules = Mapping[str, Scopes]
"""Pattern to the scopes it needs, all of them, in the order in which they are asked."""

_ResourceRules = tuple[dict[str, Scopes], list[tuple[str, Scopes]]]
"""What is spelled out, and the patterns: each as it is written, and in its other readings."""

FREE = frozenset(
    {
        *("initialize", "ping", "server/discover", "logging/setLevel", "subscriptions/listen"),
        *("tools/list", "prompts/list", "resources/list", "resources/templates/list"),
    }
)
"""Methods that do nothing in themselves: any good token will do, unless a rule says otherwise."""

NAMING = frozenset(
    {
        *("tools/call", "prompts/get", "completion/complete"),
        *("resources/read", "resources/subscribe", "resources/unsubscribe"),
    }
)
"""Methods that do something with what they name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The scopes of a resource and what they allow.

    Attributes:
        scopes: each scope with its description.
        default: what is needed for everything that no rule speaks of.
        tools: rules for the names of tools; `prompts` and `resources` likewise, these by URI.
        methods: rules for methods. They come on top of what is needed for the names in a message.
        includes: a scope with the narrower ones that it stands for as well.
        required: what every request needs, whatever is in it.
        hide: lists leave out what the caller's scopes do not allow.
        publish: the metadata says what is behind each scope.

    Raises:
        PolicyError: it cannot be meant like this.
    """

    scopes: Mapping[str, str]
    default: Scopes
    tools: Rules = field(default_factory=dict)
    prompts: Rules = field(default_factory=dict)
    resources: Rules = field(default_factory=dict)
    methods: Rules = field(default_factory=dict)
    includes: Mapping[str, Scopes] = field(default_factory=dict)
    required: Scopes = field(default_factory=frozenset)
    hide: bool = False
    publish: bool = True
    _resource_rules: _ResourceRules = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_resource_rules", _resource_rules(self.resources))
        for fault in faults_in(self):
            raise fault

    def needed(self, messages: Iterable[object]) -> Scopes:
        """All that a request of `messages` needs: one missing scope keeps all of them from running."""
        return self.required.union(*(self._needed_by(message) for message in messages))

    def missing(self, needed: Scopes, granted: Iterable[str]) -> Scopes:
        """What of `needed` is not in `granted`, nor included in something that is."""
        return needed - self.closure(granted)

    def closure(self, granted: Iterable[str]) -> Scopes:
        """`granted` with everything that it includes."""
        held: set[str] = set()
        waiting = list(granted)
        while waiting:
            scope = waiting.pop()
            if scope not in held:
                held.add(scope)
                waiting.extend(self.includes.get(scope, ()))
        return Scopes(held)

    def for_tool(self, name: object) -> Scopes:
        """What it takes to call a tool; anything but text is no name."""
        return self._ruled(self.tools, name)

    def for_prompt(self, name: object) -> Scopes:
        """What it takes to get a prompt."""
        return self._ruled(self.prompts, name)

    def for_resource(self, uri: object) -> Scopes:
        """What it takes to read a resource: what any way of understanding its URI needs.

        One that servers have to mend before they understand it needs the default as well, and one that is too
        long to be looked at, everything.
        """
        return self._for_uri(uri, is_regular)

    def for_template(self, template: object) -> Scopes:
        """What it takes to use a URI template (RFC 6570), judged like a URI, its expressions aside."""
        return self._for_uri(template, is_regular_template)

    def for_method(self, method: str) -> Scopes:
        """What a method takes, whatever it names."""
        ruled = _first(self.methods, method)
        if ruled is not None:
            return ruled
        free = method in FREE or method in NAMING or method.startswith("notifications/")
        return Scopes() if free else self.default

    def _ruled(self, rules: Rules, name: object) -> Scopes:
        ruled = _first(rules, name) if isinstance(name, str) else None
        return self.default if ruled is None else ruled

    def _for_uri(self, uri: object, is_regular: Callable[[str], bool]) -> Scopes:
        if not isinstance(uri, str):
            return self.default
        if len(uri) > MAX_CHARACTERS:
            return self.default.union(*self.resources.values())
        needed = Scopes().union(*map(self._read_as, readings(uri)))
        return needed if is_regular(uri) else needed | self.default

    def _read_as(self, uri: str) -> Scopes:
        """What one reading of a URI needs, and what is left of it where no rule tells the two apart."""
        pattern, needed = self._rule_for(uri)
        for less in shorter(uri):
            if pattern is None or matches(pattern, less):
                pattern, also = self._rule_for(less)
                needed = needed | also
        return needed

    def _rule_for(self, uri: str) -> tuple[str | None, Scopes]:
        exact, patterns = self._resource_rules
        if uri in exact:
            return uri, exact[uri]
        matching = ((pattern, scopes) for pattern, scopes in patterns if matches(pattern, uri))
        return next(matching, (None, self.default))

    def _needed_by(self, message: object) -> Scopes:
        match message:
            case {"method": str(method), **others}:
                params = others.get("params")
                named = self._named(method, params if isinstance(params, dict) else {})
                return self.for_method(method).union(*named)
            case {"method": _}:
                return self.default
            case {"result": _} | {"error": _}:
                return Scopes()  # the client's answer to what the server asked
            case _:
                return self.default

    def _named(self, method: str, params: dict[str, Any]) -> Iterator[Scopes]:
        match method:
            case "tools/call":
                yield self.for_tool(params.get("name"))
            case "prompts/get":
                yield self.for_prompt(params.get("name"))
            case "resources/read" | "resources/subscribe" | "resources/unsubscribe":
                yield self.for_resource(params.get("uri"))
            case "completion/complete":
                yield from self._referred(params.get("ref"))
            case "subscriptions/listen":
                yield from self._subscribed(params.get("notifications"))

    def _referred(self, ref: object) -> Iterator[Scopes]:
        """What `ref` takes by each reading that a server may give it: its type, or the members it has."""
        reference = ref if isinstance(ref, dict) else {}
        if reference.get("type") == "ref/prompt" or "name" in reference:
            yield self.for_prompt(reference.get("name"))
        if reference.get("type") == "ref/resource" or "uri" in reference:
            yield self.for_template(reference.get("uri"))
        if reference.get("type") not in ("ref/prompt", "ref/resource"):
            yield self.default

    def _subscribed(self, notifications: object) -> Iterator[Scopes]:
        wanted = notifications if isinstance(notifications, dict) else {}
        # The Python SDK also takes members by their Python names.
        for name in ("resourceSubscriptions", "resource_subscriptions"):
            uris = wanted.get(name)
            if isinstance(uris, list):
                yield from map(self.for_resource, uris)
            elif uris is not None:
                yield self.default


def _first(rules: Rules, name: str) -> Scopes | None:
    spelled_out = rules.get(name)
    if spelled_out is not None and is_exact(name):
        return spelled_out
    return next((scopes for pattern, scopes in rules.items() if matches(pattern, name)), None)


def _resource_rules(rules: Rules) -> _ResourceRules:
    exact = {pattern: scopes for pattern, scopes in rules.items() if is_exact(pattern)}
    for pattern, scopes in list(exact.items()):
        for reading in readings(pattern):
            exact.setdefault(reading, scopes)
    exact.pop("", None)
    patterns = [
        (reading, scopes)
        for pattern, scopes in rules.items()
        if not is_exact(pattern)
        # Another reading of what is no URI yet may mean more than the pattern does.
        for reading in (readings(pattern) if is_regular(pattern) else (pattern,))
        if reading
    ]
    return exact, patterns
