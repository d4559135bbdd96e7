"""What became of everything a load was given."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(slots=True)
class Receipt:
    """Counts of a load: ``listed`` = already_loaded + loaded + refused, ``read`` = created + existing + dead_lettered.

    ``digests`` and ``not_log_files`` were readable but are not log files; they are not among the listed ones.
    """

    already_loaded: int = 0
    loaded: int = 0
    refused: int = 0
    digests: int = 0
    not_log_files: int = 0
    created: int = 0
    existing: int = 0
    dead_lettered: int = 0
    read: int = 0
    seconds: float = 0.0

    @property
    def listed(self) -> int:
        """Log files found, whatever became of them."""
        return self.already_loaded + self.loaded + self.refused

    @property
    def complete(self) -> bool:
        """Whether nothing was refused and nothing went to the dead letters."""
        return not (self.refused or self.dead_lettered)

    def __add__(self, other: Receipt) -> Receipt:
        return Receipt(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def answered(self) -> Receipt:
        """The same, with as many records read as something became of: the rest will be read again."""
        return replace(self, read=self.created + self.existing + self.dead_lettered)

    def as_json(self) -> dict[str, object]:
        """The receipt as ``load --format json`` prints it."""
        return {
            "files": {
                "listed": self.listed,
                "already_loaded": self.already_loaded,
                "loaded": self.loaded,
                "refused": self.refused,
                "skipped": {"digests": self.digests, "not_log_files": self.not_log_files},
            },
            "records": {
                "read": self.read,
                "created": self.created,
                "existing": self.existing,
                "dead_lettered": self.dead_lettered,
            },
            "seconds": round(self.seconds, 3),
        }
