"""Which scopes a message needs: what the operator wrote, kept up to date, and told to those it concerns.

- `rules`      the decision, by `patterns`; `faults` is what a policy cannot be
- `file`       the policy as it is written; `in_force`, the one that counts, read again when the file changes
- `published`  what is behind each scope, for the consent page; `agreement` with the scopes that are granted
- `draft`      a first policy, from a `survey` of a server
- `hiding`     takes what the caller may not use out of a `listing`, also in an `event_stream`
"""
