"""Code that both services share: wire models, URIs, scopes, logs, the store, and the ``doorward`` command.

Nothing in here may import ``auth_service`` or ``resource_service``, except ``shared.cli``, which loads a
service only when its command is run.
"""
