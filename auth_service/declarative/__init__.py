"""The configuration as a file: people, local groups, access rules, clients and some settings (ID-12).

- `model`      the parsed file, the current state, and the changes between the two
- `reading`    reads mappings and collects every problem with its place
- `people_file`, `clients_file`, `settings_file`, `document`  parse the file
- `plan`, and for each section `people_plan`, `groups_plan`, `access_plan`, `clients_plan`, `settings_plan`
  compute the changes; pure
- `setting_kinds`  which settings a file can declare
- `stored_settings`, `merged_settings`  these in the store, and together with those of the environment
- `applied`    reads the current state, and applies changes to the store
- `exported`   the current state as a file
- `schema`     the JSON Schema of the file, for editors

What a file does not name is left as it is, except in a section with ``prune: true``.
"""
