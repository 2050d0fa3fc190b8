"""``doorward why``: explains a refused request by its id, from the logs.

- `entries`   parses log lines of either format, with any prefix
- `sources`   where to look
- `story`     the entries of one request, across both services, as sentences
- `remedies`  the remedy, by reason code
- `command`   the options and the exit status

Logs contain data of strangers. It is never printed raw: `shared.cli.doctor.text` makes it safe to print.
"""
