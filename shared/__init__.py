"""What both services use and neither owns: wire models, URIs, scopes, logs, and the ``doorward`` command.

Nothing in here may import ``auth_service`` or ``resource_service``, but for ``shared.cli``, which loads a
service only when its command is run.
"""
