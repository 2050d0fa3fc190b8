"""Approvals of calls that a policy lets run only after a person has agreed (GW-6).

    pending.py    the calls that wait for an approver, a bounded number
    approvals.py  requested, decided once, and used once

The rules are in `protocol.call_approval`, the page is `pages.approve`. Resource servers use an approval by
`endpoints.call_approval`.
"""
