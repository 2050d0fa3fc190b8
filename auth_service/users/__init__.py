"""Users: accounts, login sessions, login limits, and the subject under which a client knows a user.

- `repository`       accounts in the store
- `sessions`         login sessions
- `factors`          second factors in the store; `code_check` checks their codes within `code_limits`
- `login_limits`     limits on password guessing; `password_check` checks a password within them
- `client_subjects`  public and pairwise subjects (OpenID Connect Core §8)
"""
