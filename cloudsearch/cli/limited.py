"""``cloudsearch generate --scp``: from whole accounts to service control policies, proved before they are printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloudsearch.cli.generated import Making, note
from cloudsearch.errors import CloudsearchError
from cloudsearch.policies.enough import account_lacks
from cloudsearch.policies.forms import Bundle, Holder
from cloudsearch.policies.limiting import broken, limiting, replayed, touched
from cloudsearch.policies.replay import Answer
from cloudsearch.reports.coverage import coverage
from cloudsearch.reports.window import Window
from cloudsearch.store import Store


@dataclass(frozen=True, slots=True)
class Limiting:
    """What was asked for; ``accounts`` none is every account whose principals acted."""

    accounts: Sequence[str]
    include_assumed: bool
    min_days: int
    anyway: bool

    def make(self, store: Store, window: Window) -> Making:
        """One set of policies for all the accounts together; nothing is printed that would have refused a call."""
        covered = coverage(store, window)
        accounts = tuple(sorted(self.accounts or covered.accounts))
        if not accounts:
            raise CloudsearchError("The store has no events in the window: there is nothing to make a policy from")
        making = Making()
        for account in accounts:
            if problem := account_lacks(account, covered, self.min_days):
                if not self.anyway:
                    making.refused.append(f"account {account}: {problem}")
                else:
                    note(f"account {account}: made all the same (--anyway): {problem}")
        if making.refused:
            return making
        found = limiting(touched(store, window, accounts), covered, include_assumed=self.include_assumed)
        proof = replayed(store, window, accounts, found.policies)
        if lines := list(broken(proof)):
            error = CloudsearchError("The policies would have refused calls that were let in, so they are not written:")
            error.add_note("\n".join(f"  {line}" for line in lines[:20]))
            raise error
        for line in found.notes:
            note(line)
        events = sum(one.total for one in proof.values())
        untold = sum(one.events[Answer.UNTOLD] for one in proof.values())
        note(f"replayed {events:,} calls of {len(proof)} principals: none would break, {untold:,} cannot be told")
        if not found.policies:
            raise CloudsearchError("There is nothing that these accounts provably do without")
        name = accounts[0] if len(accounts) == 1 else "accounts"
        making.bundles.append(Bundle(Holder.ACCOUNT, name, accounts[0], found.policies))
        return making
