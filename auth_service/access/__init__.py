"""Access: what people may hold, by rules and groups in the store (DESIGN D16, ID-3, ID-4).

- `rules`          the access rules: one document, changed by compare-and-swap
- `groups`         the local groups and their members
- `announcements`  announces changes to the resource servers, which cache answers about tokens
- `control`        the decision about a person or a grant; `grants` and `authorize` depend on it

Commands, console and API change the same documents through `AccessRules` and `Groups`. The decision itself is
in `protocol.access`. Nothing is cached: every process sees a change at once.
"""
