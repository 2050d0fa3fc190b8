"""The configuration as a file: people, local groups, access rules and clients (ID-12).

- `model`      the parsed file, the current state, and the changes between the two
- `reading`    reads mappings and collects every problem with its place
- `people_file`, `document`  parse the file
- `people_plan`, `groups_plan`, `access_plan`, `clients_plan`, `plan`  compute the changes; pure
- `applied`    reads the current state, and applies changes to the store
- `exported`   the current state as a file
- `schema`     the JSON Schema of the file, for editors

What a file does not name is left as it is, except in a section with ``prune: true``.
"""
