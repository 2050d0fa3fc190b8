"""The scopes and groups that a message needs. Pure: no request, no token, no clock.

The decision depends on what a message names: a tool, a prompt or a resource. Each kind has rules that map
patterns to what they need. A rule with the exact name wins; otherwise the first matching pattern; otherwise
the default. A message that is not understood needs the default as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from resource_service.policy.approvals import Approvals
from resource_service.policy.conditions import Conditions, groups_of
from resource_service.policy.groups import AnyGroup, Needed, named_in
from resource_service.policy.limits import Limits
from resource_service.policy.patterns import first_pattern, is_exact, matches
from resource_service.policy.pinning import OnDifference, Pinning
from resource_service.policy.step_up import Rules as StepUpRules
from resource_service.policy.uris import MAX_CHARACTERS, is_regular, is_regular_template, readings, shorter
from resource_service.policy.validation import faults_in
from shared.journal.redaction import Redaction

Scopes = frozenset[str]
Rules = Mapping[str, Needed]
"""Maps patterns to what they need, all of it; patterns are tried in order."""

_ResourceRules = tuple[dict[str, Needed], list[tuple[str, Needed]]]
"""The exact names and the patterns, each as written and in its other readings."""

FREE = frozenset(
    {
        *("initialize", "ping", "server/discover", "logging/setLevel", "subscriptions/listen"),
        *("tools/list", "prompts/list", "resources/list", "resources/templates/list"),
    }
)
"""Methods without an effect: any valid token is sufficient, unless a rule says otherwise."""

NAMING = frozenset(
    {
        *("tools/call", "prompts/get", "completion/complete"),
        *("resources/read", "resources/subscribe", "resources/unsubscribe"),
    }
)
"""Methods that act on what they name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The scopes of a resource and what they allow, and the groups that may do it.

    Attributes:
        scopes: each scope with its description.
        default: what is needed for everything that no rule covers.
        tools: rules for tool names; `prompts` and `resources` are the same for prompt names and URIs.
        methods: rules for methods, in addition to those for the names in a message.
        includes: maps a scope to the narrower scopes that it includes.
        required: the scopes that every request needs.
        hide: whether lists omit what the caller's scopes do not allow.
        publish: whether the metadata says what each scope allows.
        step_up: rules for tool names that need a stronger or a more recent login (RFC 9470).
        contact: whom somebody asks who is not in a group that is needed.
        journal: rules for names of tools and prompts: what the journal keeps of the arguments of a call.
        pin: how the definitions of tools, prompts and templates are approved; None for the setting's way.
        pin_changes: what happens to those that differ from what was approved.
        limits: how many calls there may be, by name of the limit.
        approve: calls of tools that run only after an approval.
        when: conditions on calls of tools, in addition to what their rules need.
        version: names this version of the policy in the journal.
        groups: every group that a rule names.

    Raises:
        PolicyError: the policy is invalid.
    """

    scopes: Mapping[str, str]
    default: Needed
    tools: Rules = field(default_factory=dict)
    prompts: Rules = field(default_factory=dict)
    resources: Rules = field(default_factory=dict)
    methods: Rules = field(default_factory=dict)
    includes: Mapping[str, Scopes] = field(default_factory=dict)
    required: Scopes = field(default_factory=frozenset)
    hide: bool = False
    publish: bool = True
    step_up: StepUpRules = field(default_factory=dict)
    contact: str | None = None
    journal: Mapping[str, Redaction] = field(default_factory=dict)
    pin: Pinning | None = None
    pin_changes: OnDifference = OnDifference.HOLD
    limits: Limits = field(default_factory=dict)
    approve: Approvals = field(default_factory=dict)
    when: Conditions = field(default_factory=dict)
    version: str = field(default="built-in", compare=False)
    groups: frozenset[str] = field(init=False, repr=False, compare=False)
    _resource_rules: _ResourceRules = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_resource_rules", _resource_rules(self.resources))
        rules = (self.tools, self.prompts, self.resources, self.methods)
        needs = (needed for kind in rules for needed in kind.values())
        object.__setattr__(
            self,
            "groups",
            named_in([self.default, *needs]) | groups_of(self.when) | self._groups_of_approvals(),
        )
        for fault in faults_in(self):
            raise fault

    def _groups_of_approvals(self) -> frozenset[str]:
        return groups_of({pattern: rule.unless for pattern, rule in self.approve.items()})

    def needed(self, messages: Iterable[object]) -> Needed:
        """Return all that a request with `messages` needs: if anything is missing, all are blocked."""
        return Needed(self.required).union(*map(self._needed_by, messages))

    def missing(self, needed: Needed, granted: Iterable[str], groups: Iterable[str] = ()) -> Needed:
        """Return what of `needed` is neither granted, nor included in what is, nor met by one of `groups`."""
        if not needed:
            return needed
        lacking, member_of = needed - self.closure(granted), frozenset(groups)
        met = {need for need in lacking if isinstance(need, AnyGroup) and need.groups & member_of}
        return lacking - met

    def closure(self, granted: Iterable[str]) -> Scopes:
        """Return `granted` with all scopes that it includes."""
        if not self.includes:
            return Scopes(granted)
        held: set[str] = set()
        waiting = list(granted)
        while waiting:
            scope = waiting.pop()
            if scope not in held:
                held.add(scope)
                waiting.extend(self.includes.get(scope, ()))
        return Scopes(held)

    def for_tool(self, name: object) -> Needed:
        """Return what is needed for calling a tool; a `name` that is not text matches no rule."""
        return self._ruled(self.tools, name)

    def for_prompt(self, name: object) -> Needed:
        """Return what is needed for getting a prompt."""
        return self._ruled(self.prompts, name)

    def for_resource(self, uri: object) -> Needed:
        """Return what is needed for reading a resource: the union over all interpretations of its URI.

        A URI that servers must repair to understand needs the default as well, and a URI that is too long to
        be examined needs everything.
        """
        return self._for_uri(uri, is_regular)

    def for_template(self, template: object) -> Needed:
        """Return what is needed for using a URI template (RFC 6570), judged as a URI without expressions."""
        return self._for_uri(template, is_regular_template)

    def for_method(self, method: str) -> Needed:
        """Return what is needed for a method, regardless of what it names."""
        ruled = _first(self.methods, method)
        if ruled is not None:
            return ruled
        free = method in FREE or method in NAMING or method.startswith("notifications/")
        return Needed() if free else self.default

    def names_tool(self, name: str) -> bool:
        """Whether a rule names exactly this tool."""
        return any(name in rules for rules in (self.tools, self.when, self.step_up))

    def redaction(self, name: str) -> Redaction:
        """Return what the journal keeps of the arguments of a tool or prompt: by default, their names."""
        pattern = first_pattern(self.journal, name) if self.journal else None
        return Redaction.KEYS if pattern is None else self.journal[pattern]

    def pattern_for_uri(self, uri: str) -> str | None:
        """Return the pattern of the rule for a resource, as its URI is written; None for the default."""
        return self._rule_for(uri)[0]

    def _ruled(self, rules: Rules, name: object) -> Needed:
        ruled = _first(rules, name) if isinstance(name, str) else None
        return self.default if ruled is None else ruled

    def _for_uri(self, uri: object, is_regular: Callable[[str], bool]) -> Needed:
        if not isinstance(uri, str):
            return self.default
        if len(uri) > MAX_CHARACTERS:
            return self.default.union(*self.resources.values())
        needed = Needed().union(*map(self._read_as, readings(uri)))
        return needed if is_regular(uri) else needed | self.default

    def _read_as(self, uri: str) -> Needed:
        """Return what one reading of a URI needs, with its shortened forms if no rule separates them."""
        pattern, needed = self._rule_for(uri)
        for less in shorter(uri):
            if pattern is None or matches(pattern, less):
                pattern, also = self._rule_for(less)
                needed = needed | also
        return needed

    def _rule_for(self, uri: str) -> tuple[str | None, Needed]:
        exact, patterns = self._resource_rules
        if uri in exact:
            return uri, exact[uri]
        matching = ((pattern, needed) for pattern, needed in patterns if matches(pattern, uri))
        return next(matching, (None, self.default))

    def _needed_by(self, message: object) -> Needed:
        match message:
            case {"method": str(method), "params": dict(params)}:
                return self.for_method(method).union(*self._named(method, params))
            case {"method": str(method)}:
                return self.for_method(method).union(*self._named(method, {}))
            case {"method": _}:
                return self.default
            case {"result": _} | {"error": _}:
                return Needed()  # the client's response to a request of the server
            case _:
                return self.default

    def _named(self, method: str, params: dict[str, Any]) -> Iterator[Needed]:
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

    def _referred(self, ref: object) -> Iterator[Needed]:
        """Yield what every way needs in which a server may read `ref`: by its type, or by its members."""
        reference = ref if isinstance(ref, dict) else {}
        if reference.get("type") == "ref/prompt" or "name" in reference:
            yield self.for_prompt(reference.get("name"))
        if reference.get("type") == "ref/resource" or "uri" in reference:
            yield self.for_template(reference.get("uri"))
        if reference.get("type") not in ("ref/prompt", "ref/resource"):
            yield self.default

    def _subscribed(self, notifications: object) -> Iterator[Needed]:
        wanted = notifications if isinstance(notifications, dict) else {}
        # The Python SDK also accepts members by their Python names.
        for name in ("resourceSubscriptions", "resource_subscriptions"):
            uris = wanted.get(name)
            if isinstance(uris, list):
                yield from map(self.for_resource, uris)
            elif uris is not None:
                yield self.default


def _first(rules: Rules, name: str) -> Needed | None:
    pattern = first_pattern(rules, name)
    return None if pattern is None else rules[pattern]


def _resource_rules(rules: Rules) -> _ResourceRules:
    exact = {pattern: needed for pattern, needed in rules.items() if is_exact(pattern)}
    for pattern, needed in list(exact.items()):
        for reading in readings(pattern):
            exact.setdefault(reading, needed)
    exact.pop("", None)
    patterns = [
        (reading, needed)
        for pattern, needed in rules.items()
        if not is_exact(pattern)
        # Other readings of a pattern that is not a regular URI may match more than the pattern does.
        for reading in (readings(pattern) if is_regular(pattern) else (pattern,))
        if reading
    ]
    return exact, patterns
