"""Grants, policy documents, matching and evaluation: what a principal may do. Never hears of CloudTrail.

``load_iam`` reads authorization details, ``grants`` and ``granted`` answer in three values, ``parse`` reads a document.
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
from cloudsearch.iam.matching import matches_action, matches_resource
from cloudsearch.iam.principals import Account, Iam, Policy, Principal

__all__ = [
    "BOUNDARY",
    "IDENTITY",
    "Account",
    "ConditionTest",
    "Document",
    "Effect",
    "Evaluation",
    "Grant",
    "Iam",
    "Layer",
    "Patterns",
    "Policy",
    "Principal",
    "Scope",
    "State",
    "Statement",
    "StatementRef",
    "granted",
    "grants",
    "layers_of",
    "load_iam",
    "matches_action",
    "matches_resource",
    "parse",
]
