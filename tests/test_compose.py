"""docker-compose.yml without a container engine: pinned, on loopback, without a password, as the README says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
URLS = {"elasticsearch": "http://localhost:9200", "kibana": "http://localhost:5601"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


def test_versions_are_pinned_and_one(compose: dict[str, Any]) -> None:
    """Elasticsearch and Kibana of the same exact version."""
    versions = {service["image"].rpartition(":")[2] for service in compose["services"].values()}
    (version,) = versions
    assert re.fullmatch(r"8\.\d+\.\d+", version)


def test_nothing_listens_beyond_loopback(compose: dict[str, Any]) -> None:
    """Each published port names 127.0.0.1, and is the one the README tells."""
    published = {
        name: port.split(":") for name, service in compose["services"].items() for port in service.get("ports", ())
    }
    assert {name: f"http://localhost:{port}" for name, (_, port, _) in published.items()} == URLS
    assert {address for address, _, _ in published.values()} == {"127.0.0.1"}


def test_security_is_on_and_no_password_is_in_it(compose: dict[str, Any]) -> None:
    """Passwords come from the environment alone, and without one nothing starts."""
    assert compose["services"]["elasticsearch"]["environment"]["xpack.security.enabled"] == "true"
    settings = [
        (name, value)
        for service in compose["services"].values()
        for name, value in service["environment"].items()
        if "PASSWORD" in name
    ]
    assert len(settings) >= 3
    for _, value in settings:
        assert re.fullmatch(r"\$\{(\w+):\?set \1\}", value), value


def test_kibana_starts_when_its_user_can_sign_in(compose: dict[str, Any]) -> None:
    """Elasticsearch healthy, then kibana_system's password set, then Kibana."""
    services = compose["services"]
    assert services["kibana-password"]["depends_on"]["elasticsearch"]["condition"] == "service_healthy"
    assert services["kibana"]["depends_on"]["kibana-password"]["condition"] == "service_completed_successfully"
    assert services["kibana"]["environment"]["ELASTICSEARCH_USERNAME"] == "kibana_system"
    for name in URLS:
        assert services[name]["healthcheck"]["test"]


def test_data_outlives_a_container(compose: dict[str, Any]) -> None:
    """Every volume in use is a named one."""
    used = {
        volume.partition(":")[0] for service in compose["services"].values() for volume in service.get("volumes", ())
    }
    assert used == set(compose["volumes"])


def test_the_readme_names_what_is_there(compose: dict[str, Any]) -> None:
    """Its URLs, and every variable the file insists on."""
    readme = (ROOT / "README.md").read_text()
    for url in URLS.values():
        assert url in readme
    text = str(compose)
    for variable in set(re.findall(r"\$\{(\w+):\?", text)):
        assert variable in readme
