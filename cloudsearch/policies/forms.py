"""Policies as files that tools take: JSON, Terraform, CloudFormation, what the CDK reads, AWS CLI commands.

Each form holds the policies and attaches them to whom they are for. Pure texts; names are made fit for AWS.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cloudsearch.iam.documents import Document, render

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9+=,.@_-]")
_NOT_IN_LABELS = re.compile(r"[^A-Za-z0-9]+")
_LONGEST_NAME = 128
"""https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html"""


class Form(StrEnum):
    """How policies are written."""

    JSON = "json"
    TERRAFORM = "terraform"
    CLOUDFORMATION = "cloudformation"
    CDK = "cdk"
    CLI = "cli"

    @property
    def ending(self) -> str:
        """What the name of a file of it ends in."""
        return {"json": "json", "terraform": "tf", "cloudformation": "template.json", "cdk": "cdk.json", "cli": "sh"}[
            self
        ]


class Holder(StrEnum):
    """Whom a policy is for."""

    USER = "user"
    ROLE = "role"
    PERMISSION_SET = "permission set"
    ACCOUNT = "account"
    """What a service control policy is attached to: an account, or a unit of the organisation."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The policies of one holder, in order; ``inline`` ones are its own, the others are attached to it.

    ``account`` is the holder's, empty where it has roles in several (a permission set).
    """

    holder: Holder
    name: str
    account: str
    policies: tuple[Document, ...]
    inline: bool = False
    partition: str = "aws"

    @property
    def names(self) -> tuple[str, ...]:
        """The policies' names: each of what it is for, and numbered where there are several."""
        ending = "limits" if self.holder is Holder.ACCOUNT else "least-privilege"
        start = _NOT_IN_NAMES.sub("-", self.name)[: _LONGEST_NAME - len(ending) - 4]
        return tuple(
            f"{start}-{ending}{f'-{number}' if number > 1 else ''}" for number in range(1, len(self.policies) + 1)
        )

    @property
    def named(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each policy's name and its document as IAM writes it."""
        return ((name, render(policy)) for name, policy in zip(self.names, self.policies, strict=True))


def form(bundle: Bundle, how: Form) -> str:
    """The whole of a bundle as one text, without a line's end after it."""
    return _FORMS[how](bundle)


def document(content: Document, *, minified: bool = False) -> str:
    """One policy as JSON; minified where every character counts."""
    return json.dumps(render(content), separators=(",", ":")) if minified else _json(render(content))


def together(bundles: Iterable[tuple[str, Bundle]]) -> str:
    """The policies of many as one list: whose, and each policy's name and document."""
    return _json(
        [
            {"principal": who, "policies": [{"name": name, "document": content} for name, content in bundle.named]}
            for who, bundle in bundles
        ]
    )


def _json(content: object) -> str:
    return json.dumps(content, indent=2)


def _as_json(bundle: Bundle) -> str:
    """The one policy, or a list of them."""
    if bundle.holder is Holder.ACCOUNT and len(bundle.policies) == 1:
        return document(bundle.policies[0], minified=True)
    documents = [content for _, content in bundle.named]
    return _json(documents[0] if len(documents) == 1 else documents)


def _as_cdk(bundle: Bundle) -> str:
    """For each policy what ``ManagedPolicy`` takes; its document is what ``PolicyDocument.fromJson`` reads."""
    name = "policyName" if bundle.inline else "managedPolicyName"
    return _json([{name: own, "document": content} for own, content in bundle.named])


def _as_cloudformation(bundle: Bundle) -> str:
    template: dict[str, Any] = {"AWSTemplateFormatVersion": "2010-09-09"}
    if bundle.holder is Holder.PERMISSION_SET:
        template["Parameters"] = {
            "InstanceArn": {"Type": "String", "Description": "ARN of the Identity Center instance"}
        }
    template["Resources"] = {_label(name, ""): _resource(bundle, name, content) for name, content in bundle.named}
    return _json(template)


def _resource(bundle: Bundle, name: str, content: dict[str, Any]) -> dict[str, Any]:
    """One policy: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_IAM.html."""
    match bundle.holder:
        case Holder.ACCOUNT:
            about = {"Name": name, "Type": "SERVICE_CONTROL_POLICY", "Content": content}
            return {"Type": "AWS::Organizations::Policy", "Properties": about}
        case Holder.PERMISSION_SET:
            about = {"InstanceArn": {"Ref": "InstanceArn"}, "Name": bundle.name, "InlinePolicy": content}
            return {"Type": "AWS::SSO::PermissionSet", "Properties": about}
    kind = bundle.holder.title()
    if bundle.inline:
        about = {"PolicyName": name, f"{kind}Name": bundle.name, "PolicyDocument": content}
        return {"Type": f"AWS::IAM::{kind}Policy", "Properties": about}
    about = {"ManagedPolicyName": name, f"{kind}s": [bundle.name], "PolicyDocument": content}
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": about}


def _as_terraform(bundle: Bundle) -> str:
    blocks = [block for name, content in bundle.named for block in _blocks(bundle, name, content)]
    return "\n\n".join(blocks)


def _blocks(bundle: Bundle, name: str, content: dict[str, Any]) -> Iterator[str]:
    """One policy: https://registry.terraform.io/providers/hashicorp/aws/latest/docs."""
    label = _label(name, "_").lower()
    policy = f"jsonencode({_hcl(content, 1)})" if _is_plain(content) else _text(json.dumps(content))
    holder = bundle.holder
    if holder is Holder.ACCOUNT:
        yield _block("aws_organizations_policy", label, {"name": _text(name), "content": policy})
    elif holder is Holder.PERMISSION_SET:
        yield 'variable "instance_arn" {\n  type = string\n}'
        yield 'variable "permission_set_arn" {\n  type = string\n}'
        given = {one: f"var.{one}" for one in ("instance_arn", "permission_set_arn")}
        yield _block("aws_ssoadmin_permission_set_inline_policy", label, given | {"inline_policy": policy})
    elif bundle.inline:
        whom = {"name": _text(name), holder.value: _text(bundle.name)}
        yield _block(f"aws_iam_{holder.value}_policy", label, whom | {"policy": policy})
    else:
        yield _block("aws_iam_policy", label, {"name": _text(name), "policy": policy})
        whom = {holder.value: _text(bundle.name), "policy_arn": f"aws_iam_policy.{label}.arn"}
        yield _block(f"aws_iam_{holder.value}_policy_attachment", label, whom)


def _is_plain(content: dict[str, Any]) -> bool:
    """Whether IAM takes every letter as it is; others only as escapes, which ``jsonencode`` does not write.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html
    """
    return max(map(ord, json.dumps(content, ensure_ascii=False))) <= 0xFF


def _block(kind: str, label: str, about: dict[str, str]) -> str:
    width = max(map(len, about))
    lines = [f"  {name.ljust(width)} = {value}" for name, value in about.items()]
    return "\n".join([f'resource "{kind}" "{label}" {{', *lines, "}"])


def _hcl(value: object, depth: int) -> str:
    """A JSON value as Terraform writes it."""
    inner, outer = "  " * (depth + 1), "  " * depth
    if isinstance(value, dict):
        lines = [f"{inner}{_key(name)} = {_hcl(one, depth + 1)}" for name, one in value.items()]
        return "\n".join(["{", *lines, f"{outer}}}"])
    if isinstance(value, list):
        return "\n".join(["[", *(f"{inner}{_hcl(one, depth + 1)}," for one in value), f"{outer}]"])
    return _text(str(value))


def _key(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else _text(name)


def _text(text: str) -> str:
    """A quoted text in which nothing is a template.

    https://developer.hashicorp.com/terraform/language/expressions/strings
    """
    quoted = json.dumps(text, ensure_ascii=False).replace("\\/", "/")
    return quoted.replace("${", "$${").replace("%{", "%%{")


def _as_cli(bundle: Bundle) -> str:
    """One command a line; a shell takes each word as it is."""
    commands = [command for name, content in bundle.named for command in _commands(bundle, name, content)]
    return "\n".join(
        " ".join(word if word in _VARIABLES else shlex.quote(word) for word in command) for command in commands
    )


_VARIABLES = ('"$INSTANCE_ARN"', '"$PERMISSION_SET_ARN"')
"""What a shell puts in: nothing in a store tells these."""


def _commands(bundle: Bundle, name: str, content: dict[str, Any]) -> Iterator[Sequence[str]]:
    """One policy: https://docs.aws.amazon.com/cli/latest/reference/iam/."""
    written = json.dumps(content, separators=(",", ":"))
    holder = bundle.holder
    if holder is Holder.ACCOUNT:
        about = ["--type", "SERVICE_CONTROL_POLICY", "--name", name, "--description", "", "--content", written]
        yield ["aws", "organizations", "create-policy", *about]
    elif holder is Holder.PERMISSION_SET:
        which = ["--instance-arn", _VARIABLES[0], "--permission-set-arn", _VARIABLES[1]]
        yield ["aws", "sso-admin", "put-inline-policy-to-permission-set", *which, "--inline-policy", written]
    elif bundle.inline:
        about = [f"--{holder}-name", bundle.name, "--policy-name", name, "--policy-document", written]
        yield ["aws", "iam", f"put-{holder}-policy", *about]
    else:
        yield ["aws", "iam", "create-policy", "--policy-name", name, "--policy-document", written]
        arn = f"arn:{bundle.partition}:iam::{bundle.account}:policy/{name}"
        yield ["aws", "iam", f"attach-{holder}-policy", f"--{holder}-name", bundle.name, "--policy-arn", arn]


def _label(name: str, between: str) -> str:
    """Letters and digits alone, a letter first."""
    words = [word for word in _NOT_IN_LABELS.split(name) if word]
    label = between.join(words) if between else "".join(f"{word[0].upper()}{word[1:]}" for word in words)
    return label if label[:1].isalpha() else f"P{between}{label}"


_FORMS = {
    Form.JSON: _as_json,
    Form.TERRAFORM: _as_terraform,
    Form.CLOUDFORMATION: _as_cloudformation,
    Form.CDK: _as_cdk,
    Form.CLI: _as_cli,
}
