"""Render the Helm charts: valid and confined objects, with settings that the services accept (OP-1)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.command import ROOT, doorward
from tests.deploy.conftest import ISSUER, RESOURCE

pytestmark = pytest.mark.requirement("OP-1")

HELM = Path(sys.executable).with_name("helm")
VERSIONS = ("1.30.0", "1.34.0")
REQUIRED = {
    "auth": [f"settings.DOORWARD_ISSUER={ISSUER}", f"settings.DOORWARD_RESOURCE={RESOURCE}"],
    "resource": [f"settings.DOORWARD_ISSUER={ISSUER}", f"settings.DOORWARD_RESOURCE={RESOURCE}"],
}
EVERYTHING = [
    "replicas=2",
    "autoscaling.enabled=true",
    "ingress.enabled=true",
    "ingress.className=nginx",
    "ingress.tlsSecret=tls",
    "podAnnotations.note=here",
    "metrics.enabled=true",
    "imagePullSecrets[0].name=registry",
]
SHARED_STORE = ["secretSettings.DOORWARD_RESOURCE_STORE.secret=redis"]
POLICY = "scopes: {}\n"


def helm(service: str, *values: str) -> subprocess.CompletedProcess[str]:
    options = [part for value in values for part in ("--set", value)]
    chart = ROOT / "deploy" / "helm" / f"doorward-{service}"
    command = [str(HELM), "template", service, str(chart), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def rendered(service: str, *values: str) -> list[dict[str, Any]]:
    done = helm(service, *REQUIRED[service], *values)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def the(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    [one] = [each for each in objects if each["kind"] == kind]
    return one


@pytest.mark.parametrize("values", [[], EVERYTHING], ids=["default", "everything"])
@pytest.mark.parametrize("service", REQUIRED)
def test_what_a_chart_renders_is_valid_in_every_supported_version(service: str, values: list[str]) -> None:
    own = [f"policy={POLICY}", *SHARED_STORE] if service == "resource" and values else []
    objects = rendered(service, *values, *own)
    kinds = {each["kind"] for each in objects}
    assert kinds >= {"Deployment", "Service", "NetworkPolicy"}
    optional = {"HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress"}
    assert optional <= kinds if values else not kinds & optional - {"PodDisruptionBudget"}
    # Its import takes a second, and every process of a test run imports this module.
    import kubernetes_validate

    for each in objects:
        for version in VERSIONS:
            kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("service", REQUIRED)
def test_pods_have_no_privilege_and_no_secret_in_their_environment(service: str) -> None:
    pod = the(rendered(service), "Deployment")["spec"]["template"]["spec"]
    assert pod["enableServiceLinks"] is False
    assert pod["automountServiceAccountToken"] is False
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 10001)
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all("valueFrom" not in each for each in container["env"])
    assert {probe: container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")} == {
        "livenessProbe": "/live",
        "readinessProbe": "/ready",
    }
    assert pod["terminationGracePeriodSeconds"] >= container["lifecycle"]["preStop"]["sleep"]["seconds"] + 10


@pytest.mark.requirement("OP-2")
@pytest.mark.parametrize("service", REQUIRED)
def test_the_service_accepts_the_settings_that_its_pod_has(
    service: str, secrets: Path, tmp_path: Path
) -> None:
    pod = the(rendered(service, "metrics.enabled=true"), "Deployment")["spec"]["template"]["spec"]
    [projected] = [each["projected"] for each in pod["volumes"] if "projected" in each]
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    for source in projected["sources"]:
        for item in source["secret"]["items"]:
            is_store = item["key"] == "store"
            value = "redis://:password@redis:6379/0" if is_store else (secrets / item["key"]).read_text()
            (mounted / item["path"]).write_text(value)
    environment = {
        each["name"]: each["value"]
        .replace("/run/secrets/doorward", str(mounted))
        .replace("/var/lib/doorward", str(tmp_path))
        for each in pod["containers"][0]["env"]
    }
    done = doorward("config", "check", service, cwd=tmp_path, **environment)
    assert done.returncode == 0, done.stderr


def test_the_policy_is_mounted_and_a_change_replaces_the_pods() -> None:
    objects = rendered("resource", f"policy={POLICY}")
    assert the(objects, "ConfigMap")["data"] == {"policy.yaml": POLICY}
    template = the(objects, "Deployment")["spec"]["template"]
    other = the(rendered("resource", "policy=other"), "Deployment")["spec"]["template"]
    assert template["metadata"]["annotations"] != other["metadata"]["annotations"]
    variables = {each["name"]: each["value"] for each in template["spec"]["containers"][0]["env"]}
    [mount] = [each for each in template["spec"]["containers"][0]["volumeMounts"] if each["name"] == "policy"]
    assert variables["DOORWARD_POLICY"] == f"{mount['mountPath']}/policy.yaml"


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ([], "settings.DOORWARD_ISSUER"),
        (["settings.DOORWARD_ISSUER=http://auth.example.com"], "settings.DOORWARD_ISSUER"),
        ([*REQUIRED["auth"], "settings.PORT=1"], "PORT"),
        (
            [*REQUIRED["auth"], "settings.DOORWARD_STORE=redis://redis"],
            "is in settings and in secretSettings",
        ),
        ([*REQUIRED["auth"], "secretSettings.DOORWARD_STORE.secret="], "secretSettings.DOORWARD_STORE"),
        ([*REQUIRED["auth"], "replicas=0"], "replicas"),
    ],
)
def test_values_that_cannot_work_are_refused_by_name(values: list[str], complaint: str) -> None:
    done = helm("auth", *values)
    assert done.returncode != 0
    assert complaint in done.stderr


@pytest.mark.requirement("RS-10")
@pytest.mark.parametrize("several", ["replicas=2", "autoscaling.enabled=true"])
def test_pods_of_the_resource_service_reach_each_other_for_sessions(several: str) -> None:
    alone = helm("resource", *REQUIRED["resource"], several)
    assert alone.returncode != 0
    assert "secretSettings.DOORWARD_RESOURCE_STORE" in alone.stderr
    objects = rendered(
        "resource", several, *SHARED_STORE, "networkPolicy.from[0].namespaceSelector.matchLabels.a=b"
    )
    deployment, policy = the(objects, "Deployment"), the(objects, "NetworkPolicy")["spec"]
    variables = {
        each["name"]: each["value"] for each in deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert variables["DOORWARD_REPLICA_URL"] == "auto"
    pods = {"podSelector": {"matchLabels": deployment["spec"]["selector"]["matchLabels"]}}
    assert pods in policy["ingress"][0]["from"]
    assert {"ports": [{"port": "http"}], "to": [pods]} in policy["egress"]


def test_one_pod_without_a_common_store_announces_nothing() -> None:
    template = the(rendered("resource"), "Deployment")["spec"]["template"]
    assert "DOORWARD_REPLICA_URL" not in {each["name"] for each in template["spec"]["containers"][0]["env"]}
