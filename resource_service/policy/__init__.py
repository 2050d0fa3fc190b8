"""Scopes and groups that messages need: the operator's policy, kept up to date and published.

- `rules`      the decision, using `patterns`; `validation` finds errors in a policy
- `deciding`   the names of the rules that decide on a message, for the journal
- `decision`   whether a principal has what is needed, by scopes and `groups`
- `step_up`    the strength and age of the login that a tool needs (RFC 9470)
- `conditions` on calls: `arguments`, caller and time; `conditions_file` parses them
- `approvals`  that calls need; `approvals_file` parses them
- `limits`     the calls that count against the same limit; `limits_file` parses limits
- `cases`      calls and what the policy must decide about them; `cases_file` parses them
- `file`       parses a policy file, read by `nodes`; `watcher` reloads it when the file changes
- `published`  the meaning of each scope, for the consent page; `scope_check` compares with the granted scopes
- `draft`      generates a first policy from the `server_inventory` of a server
- `list_filter`     removes what the caller may not use from a `listing`, also in an `event_stream`
"""
