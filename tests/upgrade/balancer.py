"""nginx in front of two processes of each service, as in a deployment with replicas."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.proxies.proxy import serving
from tests.servers import wait_until

# nginx tries the next process only while nothing has been sent: the second one would run a tool once more.
# Without keep-alive, no client sends a request on a connection that nginx closes with its old configuration.
_SITE = """
upstream port{port} {{ {servers} }}
server {{
    listen 127.0.0.1:{port};
    keepalive_timeout 0;
    location / {{
        proxy_pass http://port{port};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_buffering off;
    }}
}}
"""


class Balancer:
    """The sites of a running nginx.

    Args:
        sites: the ports of the processes behind each port.
    """

    def __init__(self, directory: Path, sites: Mapping[int, Sequence[int]]) -> None:
        self._directory = directory
        self._sites = sites
        self.file = directory / "nginx.conf"
        self._write()

    @contextmanager
    def without(self, port: int) -> Iterator[None]:
        """Send no requests to a process inside the context, as an operator does who replaces it."""
        self._write(down=port)
        self._reload()
        yield
        self._write()
        self._reload()

    def _write(self, down: int | None = None) -> None:
        sites = (
            _SITE.format(
                port=port,
                servers=" ".join(
                    f"server 127.0.0.1:{each} max_fails=0{' down' if each == down else ''};" for each in ports
                ),
            )
            for port, ports in self._sites.items()
        )
        temporary = (
            f"{kind}_temp_path {self._directory}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        self.file.write_text(
            f"daemon off;\npid {self._directory}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{''.join(temporary)}{''.join(sites)}\n}}\n"
        )

    def _reload(self) -> None:
        """Apply the file, and return once no worker of before accepts connections."""
        master = int((self._directory / "nginx.pid").read_text())
        before = _workers(master)
        os.kill(master, signal.SIGHUP)
        wait_until(lambda: bool(_workers(master)) and not _workers(master) & before)


def _workers(master: int) -> set[int]:
    """The workers that accept connections."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    accepting = set()
    for child in map(int, children):
        with suppress(FileNotFoundError):
            title = Path(f"/proc/{child}/cmdline").read_text()
            if "worker process" in title and "shutting down" not in title:
                accepting.add(child)
    return accepting


@contextmanager
def balanced(directory: Path, sites: Mapping[int, Sequence[int]]) -> Iterator[Balancer]:
    """Distribute the requests at each port of `sites` to the ports of its processes."""
    directory.mkdir()
    balancer = Balancer(directory, sites)
    command = ["nginx", "-c", str(balancer.file), "-p", str(directory), "-e", "stderr"]
    with serving(command, directory, next(iter(sites))):
        yield balancer
