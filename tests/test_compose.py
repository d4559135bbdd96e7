"""docker-compose.yml without a container engine: pinned, on loopback, without a password, as the README says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloudsearch.dashboards.flavours import KIBANA, OPENSEARCH_DASHBOARDS
from cloudsearch.dashboards.importing import target

ROOT = Path(__file__).parent.parent
URLS = {"elasticsearch": "http://localhost:9200", "kibana": "http://localhost:5601"}
OTHER_URLS = {"opensearch": "http://localhost:9201", "opensearch-dashboards": "http://localhost:5602"}
IMPORTS = {
    "kibana-import": ("kibana", KIBANA),
    "opensearch-dashboards-import": ("opensearch-dashboards", OPENSEARCH_DASHBOARDS),
}
"""Services that import dashboards, where to, and of which product."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


@pytest.mark.parametrize(("profiles", "major"), [([], "8"), (["opensearch"], "2")])
def test_versions_are_pinned_and_one(compose: dict[str, Any], profiles: list[str], major: str) -> None:
    """Each engine and its dashboards of the same exact version."""
    services = [one for one in compose["services"].values() if one.get("profiles", []) == profiles]
    assert len(services) >= 3
    (version,) = {service["image"].rpartition(":")[2] for service in services}
    assert re.fullmatch(rf"{major}\.\d+\.\d+", version)


def test_nothing_listens_beyond_loopback(compose: dict[str, Any]) -> None:
    """Each published port names 127.0.0.1, and is the one the README tells."""
    published = {
        name: port.split(":") for name, service in compose["services"].items() for port in service.get("ports", ())
    }
    assert {name: f"http://localhost:{port}" for name, (_, port, _) in published.items()} == URLS | OTHER_URLS
    assert {address for address, _, _ in published.values()} == {"127.0.0.1"}


def test_security_is_on_and_no_password_is_in_it(compose: dict[str, Any]) -> None:
    """Passwords come from the environment alone, and without one nothing starts: OpenSearch sees to it by itself.

    What is insisted on is asked of everybody, whatever they start, so OpenSearch's is not.
    """
    assert compose["services"]["elasticsearch"]["environment"]["xpack.security.enabled"] == "true"
    settings = [
        (name, value)
        for service in compose["services"].values()
        for name, value in service["environment"].items()
        if "PASSWORD" in name
    ]
    assert len(settings) >= 3
    for _, value in settings:
        assert value == "${OPENSEARCH_PASSWORD:-}" or re.fullmatch(r"\$\{(\w+):\?set \1\}", value), value
    of_opensearch = compose["services"]["opensearch"]["environment"]
    assert "OPENSEARCH_INITIAL_ADMIN_PASSWORD" in of_opensearch
    assert not any("disable" in name.lower() for name in of_opensearch)


def test_kibana_starts_when_its_user_can_sign_in(compose: dict[str, Any]) -> None:
    """Elasticsearch healthy, then kibana_system's password set, then Kibana."""
    services = compose["services"]
    assert services["kibana-password"]["depends_on"]["elasticsearch"]["condition"] == "service_healthy"
    assert services["kibana"]["depends_on"]["kibana-password"]["condition"] == "service_completed_successfully"
    assert services["kibana"]["environment"]["ELASTICSEARCH_USERNAME"] == "kibana_system"
    for name in URLS:
        assert services[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", IMPORTS)
def test_dashboards_are_imported_as_push_does(compose: dict[str, Any], name: str) -> None:
    """The product's own file, by the path and with the header that push sends; a failure shows."""
    into, flavour = IMPORTS[name]
    service = compose["services"][name]
    assert list(service["depends_on"]) == [into]
    assert service["volumes"] == ["./kibana:/saved:ro"]
    assert (ROOT / "kibana" / flavour.file).is_file()
    (script,) = service["command"]
    where = target(flavour, "http://localhost:5601")
    assert f"'http://{into}:5601{where.path}'" in script
    assert f"file=@/saved/{flavour.file}" in script
    assert f"--header '{flavour.xsrf}: true'" in script
    assert """*'"success":true'*""" in script
    assert script.rstrip().endswith("exit 1")
    assert service["restart"] == "no"
    if flavour.tenant:
        assert f"--header '{flavour.tenant}: global'" in script


@pytest.mark.parametrize("name", ["kibana-password", *IMPORTS])
def test_scripts_are_bash(compose: dict[str, Any], name: str) -> None:
    """They parse, with every dollar that is the script's own doubled for compose."""
    (script,) = compose["services"][name]["command"]
    assert not re.search(r"(?<!\$)\$(?!\$)", script.replace("$$", ""))
    subprocess.run([str(shutil.which("bash")), "-n"], input=script.replace("$$", "$"), text=True, check=True)


def test_the_other_engine_starts_by_name_alone(compose: dict[str, Any]) -> None:
    """A service of a profile needs none that is not of it, and none without a profile needs it."""
    for service in compose["services"].values():
        for needed in service.get("depends_on", ()):
            assert compose["services"][needed].get("profiles", []) == service.get("profiles", [])


def test_data_outlives_a_container(compose: dict[str, Any]) -> None:
    """Every volume in use is a named one."""
    used = {
        volume.partition(":")[0] for service in compose["services"].values() for volume in service.get("volumes", ())
    }
    assert used - {"./kibana"} == set(compose["volumes"])


def test_the_readme_names_what_is_there(compose: dict[str, Any]) -> None:
    """Its URLs, and every variable the file insists on."""
    readme = (ROOT / "README.md").read_text()
    for url in URLS.values():
        assert url in readme
    head = (ROOT / "docker-compose.yml").read_text().partition("\nname:")[0]
    for url in (URLS | OTHER_URLS).values():
        assert url in head
    text = str(compose)
    for variable in set(re.findall(r"\$\{(\w+):\?", text)):
        assert variable in readme
