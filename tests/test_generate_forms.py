"""Each form of a policy read by a parser that is not ours, and found to be the policy."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

import hcl2
import pytest
from botocore import xform_name
from botocore.model import StructureShape
from botocore.session import get_session
from botocore.validate import ParamValidator
from cfnlint.api import lint_all
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsearch.iam import ConditionTest, Document, Effect, Patterns, Statement, parse, render
from cloudsearch.policies.forms import Bundle, Form, Holder, form, together
from tests.golden_files import golden

ORDERS = Document(
    "2012-10-17",
    (
        Statement(
            0,
            "S3ReadOrders",
            Effect.ALLOW,
            Patterns(("s3:GetObject", "s3:GetObjectVersion")),
            Patterns(("arn:aws:s3:::orders/a ${*} 'b' \"c\" %{d}", "arn:aws:s3:::orders/\u00fc/${$}{x}\\n")),
        ),
        Statement(
            1,
            "IamPassRoleRunner",
            Effect.ALLOW,
            Patterns(("iam:PassRole",)),
            Patterns(("arn:aws:iam::111122223333:role/runner",)),
            (ConditionTest("StringEquals", "iam:PassedToService", ("ec2.amazonaws.com", "lambda.amazonaws.com")),),
        ),
    ),
)
VPCS = Document(
    "2012-10-17", (Statement(0, "Ec2DescribeVpcs", Effect.ALLOW, Patterns(("ec2:DescribeVpcs",)), Patterns(("*",))),)
)
BUNDLES = {
    "role": Bundle(Holder.ROLE, "deploy", "111122223333", (ORDERS, VPCS)),
    "role-inline": Bundle(Holder.ROLE, "deploy", "111122223333", (ORDERS,), inline=True),
    "user": Bundle(Holder.USER, "o'hara@example.org", "111122223333", (VPCS,), partition="aws-cn"),
    "user-inline": Bundle(Holder.USER, "alice", "111122223333", (VPCS,), inline=True),
    "permission-set": Bundle(Holder.PERMISSION_SET, "Read+Only", "", (ORDERS,), inline=True),
    "account": Bundle(Holder.ACCOUNT, "111122223333", "111122223333", (VPCS,)),
}
every_bundle = pytest.mark.parametrize("name", BUNDLES)


def documents(bundle: Bundle) -> list[dict[str, Any]]:
    """The policies as IAM writes them."""
    return [render(policy) for policy in bundle.policies]


def unquoted(value: object) -> Any:  # noqa: ANN401 (any JSON)
    """What HCL's value means: quoted texts without quotes, templates that are none as they read."""
    if isinstance(value, dict):
        return {unquoted(f'"{key.strip(chr(34))}"'): unquoted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [unquoted(one) for one in value]
    text = str(value)
    assert text.startswith('"'), text
    return json.loads(text).replace("$${", "${").replace("%%{", "%{")


def encoded(expression: str) -> Any:  # noqa: ANN401 (any JSON)
    """What ``jsonencode(...)`` is given; or JSON as a text, where that has escapes for letters IAM does not take."""
    if expression.startswith('"'):
        written = unquoted(expression)
        assert written.isascii()
        return json.loads(written)
    start, end = "${jsonencode(", ")}"
    assert expression.startswith(start)
    assert expression.endswith(end)
    assert max(map(ord, expression)) <= 0xFF
    return unquoted(hcl2.loads(f"x = {expression[len(start) : -len(end)]}\n")["x"])


def resources(text: str) -> list[tuple[str, str, dict[str, str]]]:
    """Terraform's resources: type, label, arguments."""
    return [
        (kind.strip('"'), label.strip('"'), about)
        for block in hcl2.loads(f"{text}\n")["resource"]
        for kind, labels in block.items()
        for label, about in labels.items()
    ]


@every_bundle
def test_golden_files(name: str) -> None:
    """Every form of every kind of holder, to be looked at."""
    for how in Form:
        golden(f"generate-{name}.{how.ending}", [form(BUNDLES[name], how)])


@every_bundle
def test_json_is_the_policy(name: str) -> None:
    """One document, or a list of them, each read by our reader; a service control policy without a blank."""
    bundle = BUNDLES[name]
    text = form(bundle, Form.JSON)
    found = json.loads(text)
    assert (found if isinstance(found, list) else [found]) == documents(bundle)
    assert [parse(one, "p") for one in documents(bundle)] == list(bundle.policies)
    assert (" " not in text) is (bundle.holder is Holder.ACCOUNT)


@every_bundle
def test_terraform_is_the_policy(name: str) -> None:
    """python-hcl2 reads it; each policy is there as it is, and what attaches it names it."""
    bundle = BUNDLES[name]
    found = resources(form(bundle, Form.TERRAFORM))
    policies = [about for _, _, about in found if "policy_arn" not in about]
    told = [next(one for one in ("policy", "inline_policy", "content") if one in about) for about in policies]
    assert [encoded(about[key]) for about, key in zip(policies, told, strict=True)] == documents(bundle)
    attached = [about["policy_arn"] for _, _, about in found if "policy_arn" in about]
    if bundle.holder in (Holder.ROLE, Holder.USER) and not bundle.inline:
        labels = [label for kind, label, _ in found if kind == "aws_iam_policy"]
        assert attached == [f"${{aws_iam_policy.{label}.arn}}" for label in labels]
        assert len({(kind, label) for kind, label, _ in found}) == len(found)
        assert {unquoted(about[bundle.holder.value]) for _, _, about in found if "policy_arn" in about} == {bundle.name}
    else:
        assert not attached


@every_bundle
def test_cloudformation_is_valid(name: str) -> None:
    """cfn-lint, which knows every resource's schema and IAM's grammar, finds no error and nothing to warn of."""
    bundle = BUNDLES[name]
    text = form(bundle, Form.CLOUDFORMATION)
    found = [str(one) for one in lint_all(text) if one.rule.severity in ("error", "warning")]
    assert found == []
    keys = ("PolicyDocument", "InlinePolicy", "Content")
    abouts = [one["Properties"] for one in json.loads(text)["Resources"].values()]
    assert [next(about[key] for key in keys if key in about) for about in abouts] == documents(bundle)


def test_cfn_lint_finds_what_is_wrong() -> None:
    """The check can fail: an action that is none, an effect that is none."""
    text = form(BUNDLES["role"], Form.CLOUDFORMATION)
    for right, wrong in (("ec2:DescribeVpcs", "ec2:DescribeNothing"), ('"Allow"', '"Permit"')):
        assert [one for one in lint_all(text.replace(right, wrong)) if one.rule.severity in ("error", "warning")]


@every_bundle
def test_what_the_cdk_reads(name: str) -> None:
    """A name and a document for each policy."""
    bundle = BUNDLES[name]
    found = json.loads(form(bundle, Form.CDK))
    assert [one["document"] for one in found] == documents(bundle)
    key = "policyName" if bundle.inline else "managedPolicyName"
    assert [one[key] for one in found] == list(bundle.names)


@every_bundle
def test_commands_are_calls_that_aws_takes(name: str) -> None:
    """A shell's words, and botocore's own model of each operation validates its parameters."""
    bundle = BUNDLES[name]
    written = []
    for line in form(bundle, Form.CLI).split("\n"):
        aws, service, operation, *rest = shlex.split(line)
        assert aws == "aws"
        parameters = arguments(service, operation, rest)
        written += [
            json.loads(value)
            for key, value in parameters.items()
            if key in ("PolicyDocument", "InlinePolicy", "Content")
        ]
    assert written == documents(bundle)


def arguments(service: str, operation: str, words: Sequence[str]) -> dict[str, str]:
    """The parameters of a command, which must be valid for its operation."""
    model = get_session().get_service_model(service)
    names = {xform_name(one, "-"): one for one in model.operation_names}
    shape = model.operation_model(names[operation]).input_shape
    assert isinstance(shape, StructureShape)
    flags = {f"--{xform_name(member, '-')}": member for member in shape.members}
    parameters = {flags[flag]: value for flag, value in zip(words[::2], words[1::2], strict=True)}
    variables = {"$INSTANCE_ARN": "arn:aws:sso:::instance/ssoins-1234567890abcdef"}
    variables["$PERMISSION_SET_ARN"] = f"{variables['$INSTANCE_ARN'].replace('instance', 'permissionSet')}/ps-1"
    parameters = {key: variables.get(value, value) for key, value in parameters.items()}
    report = ParamValidator().validate(parameters, shape)
    assert not report.has_errors(), report.generate_report()
    return parameters


def test_all_of_many_principals_is_one_list() -> None:
    """Whose, and each policy by name."""
    found = json.loads(together([("a", BUNDLES["role"]), ("b", BUNDLES["user"])]))
    assert [one["principal"] for one in found] == ["a", "b"]
    assert [[policy["name"] for policy in one["policies"]] for one in found] == [
        ["deploy-least-privilege", "deploy-least-privilege-2"],
        ["o-hara@example.org-least-privilege"],
    ]


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)


@given(st.lists(texts, min_size=1, max_size=3), texts)
@settings(max_examples=60, deadline=None)
def test_any_resource_survives_every_form(keys: list[str], name: str) -> None:
    """Quotes, templates, backslashes, letters of any script: each parser gives back the text that was meant."""
    about = Patterns(tuple(f"arn:aws:s3:::b/{key}" for key in keys))
    policy = Document("2012-10-17", (Statement(0, "S3Read", Effect.ALLOW, Patterns(("s3:GetObject",)), about),))
    bundle = Bundle(Holder.ROLE, name, "111122223333", (policy,), inline=True)
    (found,) = resources(form(bundle, Form.TERRAFORM))
    assert encoded(found[2]["policy"]) == render(policy)
    assert unquoted(found[2]["role"]) == name
    words = shlex.split(form(bundle, Form.CLI))
    assert json.loads(words[-1]) == render(policy)
    assert words[4] == name
    assert json.loads(form(bundle, Form.JSON)) == render(policy)
