"""``doorward why``: explains a refused request by its id, from the logs or the journal.

- `entries`   parses log lines of either format, with any prefix
- `sources`   where to look
- `journal`   the events of a request, grant or client
- `story`     the entries of one request, across both services, as sentences
- `remedies`  the remedy, by reason code
- `command`   the options and the exit status

Logs contain data of strangers. It is never printed raw: `shared.cli.doctor.text` makes it safe to print.
"""
