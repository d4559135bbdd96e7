"""Grants, policy documents, matching and evaluation: what a principal may do. Never hears of CloudTrail.

``load_iam`` reads authorization details, ``Controls`` tells what an organisation lets through, ``grants`` and
``granted`` answer in three values, with ``facts_of`` a principal as far as Conditions ask for it; ``parse`` reads a
document, ``render`` writes it. Only ``aws``, and ``live`` and ``snapshot`` that ask through it, know boto3: they are
imported when AWS is asked, and by nobody here.
"""

from cloudsearch.iam.details import load_iam
from cloudsearch.iam.documents import ConditionTest, Document, Effect, Patterns, Principals, Statement, parse, render
from cloudsearch.iam.evaluate import Evaluation, Grant, Scope, State, granted, grants
from cloudsearch.iam.facts import Facts, facts_of, may_tag_sessions
from cloudsearch.iam.files import as_of
from cloudsearch.iam.layers import BOUNDARY, IDENTITY, SCP, SESSION, Layer, StatementRef, layers_of
from cloudsearch.iam.matching import matches_action, matches_resource
from cloudsearch.iam.organization import Controls, Organization, load_organizations, load_scps, without_allow
from cloudsearch.iam.principals import Account, Iam, LastUse, Policy, Principal

__all__ = [
    "BOUNDARY",
    "IDENTITY",
    "SCP",
    "SESSION",
    "Account",
    "ConditionTest",
    "Controls",
    "Document",
    "Effect",
    "Evaluation",
    "Facts",
    "Grant",
    "Iam",
    "LastUse",
    "Layer",
    "Organization",
    "Patterns",
    "Policy",
    "Principal",
    "Principals",
    "Scope",
    "State",
    "Statement",
    "StatementRef",
    "as_of",
    "facts_of",
    "granted",
    "grants",
    "layers_of",
    "load_iam",
    "load_organizations",
    "load_scps",
    "matches_action",
    "matches_resource",
    "may_tag_sessions",
    "parse",
    "render",
    "without_allow",
]
