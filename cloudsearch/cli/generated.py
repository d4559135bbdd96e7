"""From what ``cloudsearch generate`` was asked to policies, and where they are written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cloudsearch.cli.output import put, say
from cloudsearch.cli.principals import controls, read
from cloudsearch.errors import CloudsearchError, UsageError
from cloudsearch.event import Copy
from cloudsearch.iam import Iam, Principal
from cloudsearch.policies.enough import lacking, unseen
from cloudsearch.policies.forms import Bundle, Form, Holder, document, form, together
from cloudsearch.policies.generate import Generated, Keep, Wishes, generate
from cloudsearch.policies.granted import granted_today, granted_unseen, of_any
from cloudsearch.policies.history import history
from cloudsearch.policies.profiles import Profiles, profiles, with_roles
from cloudsearch.policies.sizes import TooLarge
from cloudsearch.policies.subjects import (
    Subject,
    acting,
    as_one,
    asked_of,
    in_accounts,
    named,
    of_permission_set,
    told,
    whose,
)
from cloudsearch.policies.usage import Usage, outcomes, usage
from cloudsearch.render.policy import evidence, summary
from cloudsearch.render.text import folded
from cloudsearch.reports.coverage import Coverage, coverage
from cloudsearch.reports.window import Window
from cloudsearch.store import Store


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The flags."""

    role: str | None
    user: str | None
    permission_set: str | None
    everybody: bool
    accounts: Sequence[str]
    include_failed: bool
    generalise: int | None
    conditions: bool
    keep_granted_only: bool
    iam: Sequence[Path]
    inline: bool
    most: int
    min_days: int
    anyway: bool

    @cached_property
    def told(self) -> Iam | None:
        """What the IAM files tell, read once; None where there are none."""
        return read(self.iam) if self.iam else None

    @property
    def profiles(self) -> Profiles:
        """The roles in instance profiles, as far as IAM told."""
        return profiles(self.told or ())

    def subjects(self, store: Store, window: Window) -> list[Subject]:
        """Whom policies are asked for; those IAM told of, or without it those that acted."""
        known = told(self.told) if self.told else acting(store, window)
        found = list(in_accounts(known, self.accounts))
        if self.permission_set:
            return of_permission_set(found, self.permission_set)
        if self.everybody:
            return [one for one in found if not one.is_service_linked]
        one = named(found, "role", self.role) if self.role else named(found, "user", self.user or "")
        if one.is_service_linked:
            note(f"{one.key}: an AWS service alone can change what it may do")
        elif one.permission_set:
            note(f"{one.key} cannot be changed but by its permission set: --permission-set {one.permission_set}")
        return [one]


@dataclass(frozen=True, slots=True)
class Made:
    """The policies for one holder, what they rest on, and what is said of them."""

    who: str
    bundle: Bundle
    usage: Usage
    generated: Generated


@dataclass(slots=True)
class Making:
    """All that was made, and of whom nothing was; ``bundles`` are of whole accounts, and nobody's own use."""

    made: list[Made] = field(default_factory=list)
    bundles: list[Bundle] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    too_large: list[str] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    is_one: bool = True


def make(store: Store, window: Window, asked: Asked) -> Making:
    """Make policies for all that were asked for, in one pass over their events."""
    subjects = asked.subjects(store, window)
    covered = coverage(store, window)
    making = Making(is_one=not asked.everybody)
    allowed = [one for one in subjects if _is_enough(one, covered, asked, making)]
    if asked.permission_set and making.refused:
        return making  # a policy for all of its roles that knows what some of them did would fail the others
    for line in sorted({line for one in allowed for line in unseen(one.account, covered)}):
        note(line)
    used = _used(store, window, allowed, covered, asked) if allowed else {}
    keeps = _keeps(allowed, asked)
    if asked.permission_set and allowed:
        whole, own = as_one(allowed, asked.permission_set, used)
        _add(making, whole, own, of_any(list(keeps.values())) if keeps else None, asked)
        return making
    for one in allowed:
        _add(making, one, used.get(one.key, Usage()), keeps.get(one.key), asked)
        if one.principal and not asked.everybody:
            _tell_unseen(one.principal, used.get(one.key, Usage()))
    return making


def _tell_unseen(principal: Principal, used: Usage) -> None:
    """What is granted today and left out although nobody can say that it was not used."""
    if line := granted_unseen(principal, {action for action, _ in used.actions}):
        note(line)


def _is_enough(one: Subject, covered: Coverage, asked: Asked, making: Making) -> bool:
    """Whether logs suffice, or are said to; what speaks against it is told in any case."""
    problem = lacking(one, one.account, covered, asked.min_days)
    if problem is None:
        return True
    if asked.anyway:
        note(f"{one.key}: made all the same (--anyway): {problem}")
    else:
        making.refused.append(f"{one.key}: {problem}")
    return asked.anyway


def _used(
    store: Store, window: Window, subjects: Sequence[Subject], covered: Coverage, asked: Asked
) -> dict[str, Usage]:
    without_logs = {one.account for one in subjects if not covered.of(one.account).days}
    events = history(
        store,
        window,
        None if asked.everybody and not asked.iam else asked_of(subjects),
        outcomes=outcomes(include_failed=asked.include_failed),
        copies=(Copy.CALLER, Copy.OWNER) if without_logs else (Copy.CALLER,),
    )
    return usage(with_roles(events, asked.profiles), whose(subjects, without_logs), asked.most)


def _keeps(subjects: Sequence[Subject], asked: Asked) -> dict[str, Keep]:
    """What of each subject's uses is kept; all, where that was not asked for."""
    if not asked.keep_granted_only:
        return {}
    bounds = controls(asked.iam, ())
    return {
        one.key: granted_today(one.principal, bounds.layers_for(one.principal), bounds.organization_of(one.account))
        for one in subjects
        if one.principal
    }


def _add(making: Making, one: Subject, used: Usage, keep: Keep | None, asked: Asked) -> None:
    limit = f"inline-{'user' if one.kind == Holder.USER else 'role'}" if asked.inline else "managed"
    wishes = Wishes(limit=limit, generalise=asked.generalise, conditions=asked.conditions, keep=keep)
    try:
        found = generate(used, wishes)
    except TooLarge as error:
        if making.is_one:
            raise
        making.too_large.append(f"{one.key}: {error}")
        return
    partition = one.key.split(":", 2)[1]
    bundle = Bundle(Holder(one.kind), one.name, one.account, found.policies, asked.inline, partition)
    if found.policies:
        making.made.append(Made(one.key if one.account else one.name, bundle, used, found))
    else:
        making.idle.append(one.key)


@dataclass(frozen=True, slots=True)
class Written:
    """Where policies go and in which form."""

    how: str
    folder: Path | None
    evidence: Path | None

    def write(self, making: Making) -> None:
        """Write what was made; then raise for whom nothing was, where that is worth an error."""
        for made in making.made:
            for line in summary(made.who, made.usage, made.generated, width=_errors_width()):
                say(line)
        if self.evidence:
            lines = ((made.who, made.bundle.names, made.generated.lines) for made in making.made)
            put(evidence(lines), self.evidence)
        if self.folder:
            _make(self.folder)
            for name, text in self._files([*making.bundles, *(made.bundle for made in making.made)]):
                put([text], self.folder / name)
        elif making.made or making.bundles:
            put(self._stdout(making), None)
        _judge(making)

    def _stdout(self, making: Making) -> Iterator[str]:
        how = Form(self.how)
        if how is Form.JSON and not making.is_one:
            yield together((made.who, made.bundle) for made in making.made)
        elif making.bundles:
            yield form(making.bundles[0], how)
        elif how in (Form.CLOUDFORMATION, Form.CDK) and len(making.made) > 1:
            raise UsageError(f"--format {how} is a file for each principal: say where with --output DIR")
        else:
            yield "\n\n".join(form(made.bundle, how) for made in making.made)

    def _files(self, bundles: Sequence[Bundle]) -> Iterator[tuple[str, str]]:
        """Names and contents; names of several accounts begin with the account."""
        how = Form(self.how)
        is_mixed = len({(one.account, one.holder) for one in bundles}) > 1
        for bundle in bundles:
            start = f"{bundle.account}-{bundle.holder.value.replace(' ', '-')}-" if is_mixed else ""
            if how is Form.JSON:
                for name, policy in zip(bundle.names, bundle.policies, strict=True):
                    minified = bundle.holder is Holder.ACCOUNT
                    yield f"{start}{name}.{how.ending}", document(policy, minified=minified)
            else:
                yield f"{start}{bundle.names[0]}.{how.ending}", form(bundle, how)


def note(text: str) -> None:
    """A remark on stderr, folded to the terminal that it may be."""
    for line in folded(f"note: {text}", _errors_width()):
        say(line)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CloudsearchError(f"{folder} could not be made: {error.strerror}") from error


def _errors_width() -> int | None:
    """Columns of the terminal that stderr is, if it is one."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns if sys.stderr.isatty() else None
    except (OSError, ValueError):
        return None


def _judge(making: Making) -> None:
    """Say for whom there is no policy, and raise where that is not what was asked for."""
    for who in making.idle:
        note(f"{who}: used nothing in the window that needs a permission, so there is no policy of it")
    if not any((making.made, making.bundles, making.refused, making.too_large, making.idle)):
        note("no user or role acted in the window, so there is no policy; `cloudsearch coverage` shows what is loaded")
    if making.is_one and not making.made and making.idle:
        raise CloudsearchError("There is nothing to make a policy from; that it used nothing proves nothing by itself")
    lines = [*making.refused, *making.too_large]
    if not lines:
        return
    if len(lines) == 1:
        error = CloudsearchError(f"No policy is made: {lines[0]}")
    else:
        error = CloudsearchError(f"No policy is made of {len(lines)}:")
        error.add_note("\n".join(f"  {line}" for line in lines))
    if making.refused:
        error.add_note("Load more logs (`cloudsearch coverage` shows which), or make it all the same: --anyway")
    if making.too_large:
        error.add_note("Make siblings one with --generalise N where a policy is too large")
    raise error
