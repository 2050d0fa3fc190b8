"""``doorward why``: from the id of a refused request to what happened, in sentences.

- `entries`   text to log entries, in whichever form it was logged and whatever stands in front of it
- `sources`   where to look
- `story`     the entries of one request, followed from one service into the other, as sentences
- `remedies`  what to do about it, by the reason code
- `command`   the options, and what the exit status says

Logs hold what strangers sent. Nothing of it is printed as it is: `shared.cli.doctor.text` makes it printable.
"""
