"""Call -> action, and action -> can its use be seen. Knows nothing of policies, and never evaluates.

``actions_for`` says which IAM actions a call surely needs, ``inferred_for`` which its parameters show beside those
(``infers``, ``may_tell`` whether they can show any, ``displaced`` which of the sure ones the call then does not need),
``may_need`` those it needs in cases that nothing which is kept can tell,
``observability`` what it takes for a use to be in the log, ``explain`` all of it for a person who asks.
"""

from cloudsearch.actions.explain import ExplainedAction, ExplainedCall, Explanation, explain, explain_action
from cloudsearch.actions.hosts import prefixes
from cloudsearch.actions.inferred import (
    displaced,
    displacing,
    inferred_for,
    infers,
    may_tell,
    passed_roles,
    passed_to,
    told_by_parameters,
)
from cloudsearch.actions.mapping import (
    FACT,
    NO_PERMISSION,
    SAME_NAME,
    UNKNOWN,
    Mapping,
    actions_for,
    unknown_calls,
)
from cloudsearch.actions.observability import Observability, ObservabilityClass, observability
from cloudsearch.actions.passing import PASS_ROLE, PassedRole
from cloudsearch.actions.possible import Case, may_need

__all__ = [
    "FACT",
    "NO_PERMISSION",
    "PASS_ROLE",
    "SAME_NAME",
    "UNKNOWN",
    "Case",
    "ExplainedAction",
    "ExplainedCall",
    "Explanation",
    "Mapping",
    "Observability",
    "ObservabilityClass",
    "PassedRole",
    "actions_for",
    "displaced",
    "displacing",
    "explain",
    "explain_action",
    "inferred_for",
    "infers",
    "may_need",
    "may_tell",
    "observability",
    "passed_roles",
    "passed_to",
    "prefixes",
    "told_by_parameters",
    "unknown_calls",
]
