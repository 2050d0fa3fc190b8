"""The health check of the images: ``python -IS health_check.py PORT...``.

It fails unless all services are healthy. It runs every few seconds, so it imports no HTTP client, which would
take three quarters of its processor time.
"""

import socket
import sys

TIMEOUT_S = 2

for port in sys.argv[1:]:
    with socket.create_connection(("127.0.0.1", int(port)), TIMEOUT_S) as connection:
        connection.sendall(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
        line = connection.recv(64)
    if b" 200 " not in line:
        sys.exit(f"port {port}: {line!r}")
