"""Settings that make a long load faster, and their way back.

While much is written to an index it is not refreshed, and one that this load made has no replicas yet: an index that
was there before keeps its copies, for what it holds is not ours to put at risk. What the settings were is noted in
the index itself before they change, so whoever loads next can put back what a killed load could not.

Elasticsearch, "Tune for indexing speed".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from threading import Lock, Thread

import msgspec

from cloudsearch.errors import AccessError, StoreError
from cloudsearch.stores.engine import Engine, answered, checked

RELAX_AFTER = 4
"""Chunks written to an index from which on it is worth while."""

HURRY_SECONDS = 1.0
"""How long a load that was cut short waits for its settings' way back; the next one finishes it."""

_AT_ONCE = 40
"""Indices named in one request: engines take 4,096 bytes of an address."""

_REFRESH = {"refresh_interval": "-1"}
_ALONE = {"auto_expand_replicas": "false", "number_of_replicas": "0"}

Settings = Mapping[str, str | None]
"""Settings of an index; None is the engine's own choice."""


class _Kept(msgspec.Struct):
    fields_version: int = 0
    derivation_version: int = 0
    relaxed: dict[str, str | None] | None = None


class _Meta(msgspec.Struct):
    cloudsearch: _Kept | None = None


class _Mapping(msgspec.Struct, rename={"meta": "_meta"}):
    meta: _Meta = msgspec.field(default_factory=_Meta)


class _Index(msgspec.Struct):
    mappings: _Mapping = msgspec.field(default_factory=_Mapping)


class _Set(msgspec.Struct):
    settings: dict[str, object] = msgspec.field(default_factory=dict)


class Relaxing:
    """The indices of one store that are being loaded into. Thread-safe."""

    def __init__(self, engine: Engine, read_names: Collection[str]) -> None:
        self._engine = engine
        self._read = ",".join(sorted(read_names))
        self._lock = Lock()
        self._chunks: Counter[str] = Counter()
        self._allowed = True

    def wrote(self, indices: Iterable[str], created: Collection[str]) -> None:
        """Chunks were written to indices, of which the process itself made some."""
        with self._lock:
            for index in indices:
                self._chunks[index] += 1
                if self._allowed and self._chunks[index] == RELAX_AFTER:
                    self._relax(index, alone=index in created)

    def _relax(self, index: str, *, alone: bool) -> None:
        """Note what is, then change it. What fails here fails nothing: the load is slower, that is all."""
        wanted = _REFRESH | (_ALONE if alone else {})
        try:
            kept = self._marks(index).get(index)
            if kept is None:
                return
            current = {name: value for name, value in self._settings(index).items() if name in wanted}
            if kept.relaxed is None and current.get("refresh_interval") == "-1":
                return  # somebody else's choice
            self._mark([index], kept, {name: current.get(name) for name in wanted} | (kept.relaxed or {}))
            self._set([index], wanted)
        except AccessError:
            self._allowed = False
        except StoreError:
            return

    def may_relax(self, index: str) -> bool:
        """Whether settings may be changed, tried on an index by setting what is set."""
        try:
            self._set([index], {"refresh_interval": self._settings(index).get("refresh_interval")})
        except AccessError:
            self._allowed = False
        except StoreError:
            return True
        return self._allowed

    def restore(self) -> None:
        """Put back whatever is marked, this load's or a killed one's. Raises ``StoreError`` or ``AccessError``."""
        alike: dict[tuple[tuple[str, str | None], ...], list[tuple[str, _Kept]]] = defaultdict(list)
        for index, kept in self._marks(self._read).items():
            if kept.relaxed is not None:
                alike[tuple(sorted(kept.relaxed.items()))].append((index, kept))
        for settings, marked in alike.items():
            for start in range(0, len(marked), _AT_ONCE):
                part = marked[start : start + _AT_ONCE]
                self._set([index for index, _ in part], dict(settings))
                self._unmark(part)

    def end(self, *, in_a_hurry: bool) -> None:
        """Restore, if the engine answers; in a hurry no longer than a moment."""
        thread = Thread(target=self._restore_if_possible, daemon=True)
        thread.start()
        thread.join(HURRY_SECONDS if in_a_hurry else None)
        self._chunks.clear()

    def _restore_if_possible(self) -> None:
        try:
            self.restore()
        except (StoreError, AccessError):
            return  # the next load does it

    def _marks(self, name: str) -> dict[str, _Kept]:
        params = {"filter_path": "*.mappings._meta", "ignore_unavailable": "true"}
        answer = self._engine.request("GET", f"/{name}/_mapping", params=params)
        if answer.status == 404:
            return {}
        found = answered(answer, dict[str, _Index], f"Reading the mapping of {name}")
        kept = {index: one.mappings.meta.cloudsearch for index, one in found.items()}
        return {index: one for index, one in kept.items() if one is not None}

    def _settings(self, index: str) -> Settings:
        params = {"flat_settings": "true"}
        answer = self._engine.request("GET", f"/{index}/_settings", params=params)
        found = answered(answer, dict[str, _Set], f"Reading the settings of {index}")[index].settings
        return {name.removeprefix("index."): str(value) for name, value in found.items()}

    def _set(self, indices: Collection[str], settings: Settings) -> None:
        path = f"/{','.join(indices)}/_settings"
        body = {"index": dict(settings)}
        checked(self._engine.request("PUT", path, body=body), f"Changing settings of {', '.join(indices)}")

    def _mark(self, indices: Collection[str], kept: _Kept, relaxed: Settings | None) -> None:
        ours = {"fields_version": kept.fields_version, "derivation_version": kept.derivation_version}
        body = {"_meta": {"cloudsearch": ours | ({"relaxed": dict(relaxed)} if relaxed is not None else {})}}
        path = f"/{','.join(indices)}/_mapping"
        checked(self._engine.request("PUT", path, body=body), f"Noting settings of {', '.join(indices)}")

    def _unmark(self, marked: Iterable[tuple[str, _Kept]]) -> None:
        alike: dict[tuple[int, int], list[tuple[str, _Kept]]] = defaultdict(list)
        for index, kept in marked:
            alike[kept.fields_version, kept.derivation_version].append((index, kept))
        for same in alike.values():
            self._mark([index for index, _ in same], same[0][1], None)
