"""nginx and Caddy as processes, with a configuration of `deploy/` put onto this machine's ports."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers import wait_until

DEPLOY = Path(__file__).parent.parent.parent / "deploy"


def _onto_ports(text: str, auth_port: int, resource_port: int) -> str:
    return text.replace("127.0.0.1:9000", f"127.0.0.1:{auth_port}").replace(
        "127.0.0.1:9001", f"127.0.0.1:{resource_port}"
    )


def nginx_command(
    name: str, directory: Path, port: int, certificate: Path, ports: tuple[int, int]
) -> list[str]:
    """The command that serves `deploy/nginx/NAME.conf` on `port`."""
    site = _onto_ports((DEPLOY / "nginx" / f"{name}.conf").read_text(encoding="utf-8"), *ports)
    site = site.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    site = re.sub(
        r"(server_name [^;]+;)",
        rf"\1 ssl_certificate {certificate}; ssl_certificate_key {certificate};",
        site,
    )
    temporary = "".join(
        f"{kind}_temp_path {directory}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = (
        f"daemon off;\npid {directory}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{site}\n}}\n"
    )
    file = directory / "nginx.conf"
    file.write_text(main, encoding="utf-8")
    return ["nginx", "-c", str(file), "-p", str(directory), "-e", "stderr"]


def caddy_command(
    name: str, directory: Path, port: int, certificate: Path, ports: tuple[int, int]
) -> list[str]:
    """The command that serves `deploy/caddy/NAME.Caddyfile` on `port`."""
    site = _onto_ports((DEPLOY / "caddy" / f"{name}.Caddyfile").read_text(encoding="utf-8"), *ports)
    site = re.sub(
        r"^([a-z.]*example\.com) \{",
        rf"\1:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate} {certificate}",
        site,
        flags=re.M,
    )
    options = (
        "{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system "
        + f"{directory}/caddy\n"
        + "}\n"
    )
    file = directory / "Caddyfile"
    file.write_text(options + site, encoding="utf-8")
    return ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]


@contextmanager
def serving(command: list[str], directory: Path, port: int) -> Iterator[None]:
    """A proxy as a process, for the length of the context."""
    log = directory / "proxy.log"
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(directory)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        wait_until(lambda: _answers(port) or process.poll() is not None, timeout_s=30)
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
