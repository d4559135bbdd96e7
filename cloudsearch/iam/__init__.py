"""Grants, policy documents, matching and evaluation: what a principal may do. Never hears of CloudTrail.

``load_iam`` reads authorization details, ``Controls`` tells what an organisation lets through, ``grants`` and
``granted`` answer in three values, ``parse`` reads a document. Only ``aws``, and ``live`` and ``snapshot`` that ask
through it, know boto3: they are imported when AWS is asked, and by nobody here.
"""

from cloudsearch.iam.details import load_iam
from cloudsearch.iam.documents import ConditionTest, Document, Effect, Patterns, Statement, parse
from cloudsearch.iam.evaluate import (
    BOUNDARY,
    IDENTITY,
    Evaluation,
    Grant,
    Layer,
    Scope,
    State,
    StatementRef,
    granted,
    grants,
    layers_of,
)
from cloudsearch.iam.files import as_of
from cloudsearch.iam.matching import matches_action, matches_resource
from cloudsearch.iam.organization import Controls, Organization, load_organizations, load_scps, without_allow
from cloudsearch.iam.principals import Account, Iam, LastUse, Policy, Principal

__all__ = [
    "BOUNDARY",
    "IDENTITY",
    "Account",
    "ConditionTest",
    "Controls",
    "Document",
    "Effect",
    "Evaluation",
    "Grant",
    "Iam",
    "LastUse",
    "Layer",
    "Organization",
    "Patterns",
    "Policy",
    "Principal",
    "Scope",
    "State",
    "Statement",
    "StatementRef",
    "as_of",
    "granted",
    "grants",
    "layers_of",
    "load_iam",
    "load_organizations",
    "load_scps",
    "matches_action",
    "matches_resource",
    "parse",
    "without_allow",
]
