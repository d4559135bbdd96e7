"""What AWS is asked, and in what form the answer is kept. Reading alone; never a call that changes anything.

Beside ``sts:AssumeRole`` (for ``--role-arn``) every call is of the access levels List or Read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from cloudsearch.errors import AccessError
from cloudsearch.iam.aws import Aws, AwsAnswer
from cloudsearch.iam.details import iam_of
from cloudsearch.iam.files import Value
from cloudsearch.iam.organization import RCP, SCP
from cloudsearch.iam.principals import Iam

Tell = Callable[[str], None]
Json = dict[str, Any]

ENTITIES = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
_NO_ORGANIZATION = "AWSOrganizationsNotInUseException"
_NO_REPORT = ("ReportNotPresent", "ReportExpired", "ReportInProgress")
_TRIES = 12  # that IAM gets to write its credential report, some twenty seconds in all


def ask_iam(aws: Aws, tell: Tell) -> Iam:
    """The account's principals as they are now; without ``credential_uses`` where there is no report to be had."""
    found = [Value(f"IAM of account {aws.account}", authorization_details(aws, tell))]
    notes: tuple[str, ...] = ()
    try:
        found.append(Value(f"IAM of account {aws.account}", credential_report(aws, tell, tries=0)))
    except AwsAnswer as error:
        if error.code not in _NO_REPORT:
            raise
    except AccessError as error:
        notes = (f"{error}. When passwords and access keys were last used is not known",)
    told = iam_of(found)
    return Iam(told.principals, (*told.notes, *notes))


def authorization_details(aws: Aws, tell: Tell) -> Json:
    """All pages of ``iam:GetAccountAuthorizationDetails`` as one, in the shape AWS's own command prints."""
    whole: Json = {name: [] for name in ENTITIES}
    for page in aws.pages("iam", "GetAccountAuthorizationDetails"):
        for name in ENTITIES:
            whole[name] += page.get(name, [])
        tell(f"account {aws.account}: {len(whole['UserDetailList'])} users, {len(whole['RoleDetailList'])} roles")
    return whole


def credential_report(aws: Aws, tell: Tell, *, tries: int = _TRIES) -> Json:
    """The credential report, its CSV as text; with ``tries`` one that is made first, else the last that was made.

    ``AwsAnswer`` where there is none, or it is not ready in time.
    """
    for tried in range(tries):
        tell(f"account {aws.account}: credential report")
        if aws.call("iam", "GenerateCredentialReport").get("State") == "COMPLETE":
            break
        time.sleep(min(2.0, 0.1 * 2**tried))
    report = aws.call("iam", "GetCredentialReport")
    return report | {"Content": bytes(report["Content"]).decode()}


def trails(aws: Aws, tell: Tell) -> tuple[list[Json], list[str]]:
    """The trails that log the account, each with status and selectors, and what of that was refused.

    What was refused is null, not empty: an empty list of selectors would say that nothing is selected.
    """
    found, refused = [], []
    for page in aws.pages("cloudtrail", "ListTrails"):
        for trail in page.get("Trails", []):
            tell(f"account {aws.account}: trail {trail['Name']}")
            told, problems = _trail(aws, trail["TrailARN"], trail["HomeRegion"])
            found.append(told)
            refused += problems
    return found, refused


def _trail(aws: Aws, arn: str, region: str) -> tuple[Json, list[str]]:
    refused: list[str] = []

    def asked(operation: str, **parameters: object) -> Json:
        try:
            return aws.call("cloudtrail", operation, region=region, **parameters)
        except (AccessError, AwsAnswer) as error:
            refused.append(f"trail {arn}: {error}")
            return {}

    described = asked("DescribeTrails", trailNameList=[arn]).get("trailList") or [{"TrailARN": arn}]
    status = asked("GetTrailStatus", Name=arn) or None
    selectors = asked("GetEventSelectors", TrailName=arn)
    simple, advanced = selectors.get("EventSelectors"), selectors.get("AdvancedEventSelectors")
    return {
        "trail": described[0],
        "status": status,
        "event_selectors": (simple or []) if selectors else None,
        "advanced_event_selectors": (advanced or []) if selectors else None,
    }, refused


def organization(aws: Aws) -> Json | None:
    """The organisation the account is in, as any member may see it; None where it is in none."""
    try:
        return dict(aws.call("organizations", "DescribeOrganization")["Organization"])
    except AwsAnswer as error:
        if error.code == _NO_ORGANIZATION:
            return None
        raise


def tree(aws: Aws, tell: Tell) -> Json:
    """Roots, units and accounts with what is attached to each; only the management account or a delegate may ask."""
    roots = [root for page in aws.pages("organizations", "ListRoots") for root in page["Roots"]]
    types = [one for root in roots for one in root.get("PolicyTypes", [])]
    targets = {root["Id"]: _target(root, "ROOT", None) for root in roots}
    for target in _below(aws, list(targets), tell):
        targets[target["id"]] = target
    policies = []
    for kind in (SCP, RCP):
        if any(one["Type"] == kind and one["Status"] == "ENABLED" for one in types):
            found = list(_policies(aws, kind, targets, tell))
            _complete(aws, kind, targets, {policy["Id"] for policy in found})
            policies += found
    return {"policy_types": types, "targets": list(targets.values()), "policies": policies}


def _target(item: Json, kind: str, parent: str | None) -> Json:
    return {"id": item["Id"], "type": kind, "name": item["Name"], "parent": parent, "policies": []}


def _below(aws: Aws, parents: list[str], tell: Tell) -> Iterator[Json]:
    """Units and accounts, level by level."""
    while parents:
        parent = parents.pop(0)
        tell(f"organisation: below {parent}")
        for page in aws.pages("organizations", "ListOrganizationalUnitsForParent", ParentId=parent):
            for unit in page["OrganizationalUnits"]:
                parents.append(unit["Id"])
                yield _target(unit, "ORGANIZATIONAL_UNIT", parent)
        for page in aws.pages("organizations", "ListAccountsForParent", ParentId=parent):
            for account in page["Accounts"]:
                yield _target(account, "ACCOUNT", parent)


def _policies(aws: Aws, kind: str, targets: dict[str, Json], tell: Tell) -> Iterator[Json]:
    """The policies of a type with their content, noted on what they are attached to.

    Asked policy by policy, since there are far fewer of them than accounts.
    """
    for page in aws.pages("organizations", "ListPolicies", Filter=kind):
        for summary in page["Policies"]:
            tell(f"organisation: {summary['Name']}")
            told = aws.call("organizations", "DescribePolicy", PolicyId=summary["Id"])["Policy"]
            for attached in aws.pages("organizations", "ListTargetsForPolicy", PolicyId=summary["Id"]):
                for target in attached["Targets"]:
                    if target["TargetId"] in targets:
                        targets[target["TargetId"]]["policies"].append(summary["Id"])
            yield {**summary, "Content": told["Content"]}


def _complete(aws: Aws, kind: str, targets: dict[str, Json], policies: set[str]) -> None:
    """Ask the other way round, target by target, where one seems to have nothing of an enabled type.

    AWS lets nobody detach the last policy, so what was told is not all; a level that is thought to be without any
    would grant nothing.
    """
    if not any(policies.isdisjoint(target["policies"]) for target in targets.values()):
        return
    for target in targets.values():
        for page in aws.pages("organizations", "ListPoliciesForTarget", TargetId=target["id"], Filter=kind):
            ids = [one["Id"] for one in page["Policies"] if one["Id"] in policies]
            target["policies"] += [one for one in ids if one not in target["policies"]]
