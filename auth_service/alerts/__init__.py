"""Alerts to the operator by a webhook (`DOORWARD_ALERT_WEBHOOK`): what needs a person soon.

`alert` says what an alert is, `sender` delivers it, and `sources` turns what happens into alerts. Requests
never wait for a delivery.
"""
