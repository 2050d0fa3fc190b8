"""nginx in front of two processes of each service, as in a deployment with replicas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.proxies.proxy import serving

# A process that ends may reset a connection that it has not accepted yet: the request goes to the next one.
_SITE = """
upstream port{port} {{ {servers} }}
server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass http://port{port};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_buffering off;
        proxy_next_upstream error timeout non_idempotent;
    }}
}}
"""


@contextmanager
def balanced(directory: Path, sites: Mapping[int, Sequence[int]]) -> Iterator[None]:
    """Distribute the requests at each port of `sites` to the ports of its processes."""
    directory.mkdir()
    text = "".join(
        _SITE.format(port=port, servers=" ".join(f"server 127.0.0.1:{each} max_fails=0;" for each in ports))
        for port, ports in sites.items()
    )
    temporary = "".join(
        f"{kind}_temp_path {directory}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = directory / "nginx.conf"
    file.write_text(
        f"daemon off;\npid {directory}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{text}\n}}\n"
    )
    command = ["nginx", "-c", str(file), "-p", str(directory), "-e", "stderr"]
    with serving(command, directory, next(iter(sites))):
        yield
