"""Processes that share a database, but not always a folder: signs of life, and claims to trials, in two tables of it.

Every process counts up its own row. One whose count stands still is gone; nobody's clock is compared with another's.
A trial belongs to the process with the highest turn in `CLAIMS`. Since study, number and turn are the primary key, only
one process can insert the next turn, whatever the database.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, create_engine, make_url
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from puffer_train.storage.lock import Presence, find_holder
from puffer_train.sweep.presence import GRACE_SECONDS

BEAT_SECONDS = 5.0
"""How often a process shows that it lives."""
LOCKED_SECONDS = 60
"""How long to wait for SQLite while another process writes."""

_TABLES = MetaData()
WORKERS = Table(
    "puffer_sweep_workers",
    _TABLES,
    Column("study", Integer, primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("beat", Integer, nullable=False),
)
CLAIMS = Table(
    "puffer_sweep_claims",
    _TABLES,
    Column("study", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("owner", String(255), nullable=False),
)


def connection_options(url: str) -> dict[str, Any]:
    """Return what SQLAlchemy needs to connect."""
    return {"connect_args": {"timeout": LOCKED_SECONDS}} if url.startswith("sqlite") else {"pool_pre_ping": True}


def check_file(url: str) -> None:
    """Raise `FileNotFoundError` where a database is a file that is missing: SQLite would make an empty one."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database and not Path(parsed.database).exists():
        raise FileNotFoundError(f"there is no file {parsed.database}")


def prepare(url: str) -> Engine:
    """Connect, and make the tables where they are missing."""
    engine = create_engine(url, **connection_options(url))
    _TABLES.create_all(engine)
    return engine


class _Life(NamedTuple):
    """What is known of another process."""

    beat: int
    since: float
    """When its count was first seen to be that."""
    beats: bool
    """Whether it was seen to change."""


class SharedDatabase:
    """How the processes of a sweep know of each other: see `Sharing`."""

    def __init__(self, engine: Engine, study: int, folder: Path) -> None:
        """study: Number of the study in the database. folder: Of this process; others may work in it, too."""
        self._engine, self._study = engine, study
        self._presence = Presence(folder)
        self.name = self._presence.name
        self._beat, self._beaten = 0, -BEAT_SECONDS
        self._seen: dict[str, _Life] = {}
        self._unclaimed: dict[int, float] = {}
        self.look()

    def look(self) -> None:
        """Show that this process lives, and see which others do."""
        now = time.monotonic()
        if now - self._beaten >= BEAT_SECONDS:
            self._beat, self._beaten = self._beat + 1, now
            mine = (WORKERS.c.study == self._study) & (WORKERS.c.name == self.name)
            with self._engine.begin() as connection:
                if not connection.execute(WORKERS.update().where(mine).values(beat=self._beat)).rowcount:
                    row = {"study": self._study, "name": self.name, "beat": self._beat}
                    connection.execute(WORKERS.insert().values(row))
        query = WORKERS.select().where(WORKERS.c.study == self._study)
        with self._engine.connect() as connection:
            beats = {row.name: row.beat for row in connection.execute(query) if row.name != self.name}
        before, self._seen = self._seen, {}
        for name, beat in beats.items():
            old = before.get(name)
            self._seen[name] = old if old is not None and old.beat == beat else _Life(beat, now, old is not None)

    def alone(self) -> bool:
        """Return whether no other process is known to live."""
        living = [name for name in self._seen if not self._gone(name)]
        return not any(self._seen[name].beats or self._presence.lives(name) for name in living)

    def begin(self, number: int) -> None:
        """Show that this process runs a trial."""
        self._claim(number, 0)

    def owns(self, number: int) -> bool:
        """Return whether nobody has taken over a trial, after a time in which this process showed no sign of life."""
        return self._owner(number)[1] == self.name

    def take_over(self, number: int, began: float, folder: Path) -> bool:
        """Return whether the process that ran a trial is gone, and this process is the first to notice."""
        turn, owner = self._owner(number)
        if owner is None:  # it is about to be claimed, or its process ended just before
            since = self._unclaimed.setdefault(number, time.monotonic())
            gone = all(self._gone(name) for name in self._seen) or time.monotonic() - since > GRACE_SECONDS
        else:
            gone = owner == self.name or self._gone(owner)
        if not gone or find_holder(folder) is not None:
            return False
        return owner == self.name or self._claim(number, turn + 1)

    def end(self) -> None:
        """Leave: others need not wait to know."""
        mine = (WORKERS.c.study == self._study) & (WORKERS.c.name == self.name)
        with suppress(SQLAlchemyError), self._engine.begin() as connection:
            connection.execute(WORKERS.delete().where(mine))
        self._engine.dispose()
        self._presence.end()

    def _gone(self, name: str) -> bool:
        """Return whether another process has left, was killed here, or has been silent for too long."""
        if name not in self._seen:
            return True
        lives = self._presence.lives(name)
        return time.monotonic() - self._seen[name].since > GRACE_SECONDS if lives is None else not lives

    def _owner(self, number: int) -> tuple[int, str | None]:
        """Return the last turn of a trial, -1 if there is none, and whose it is."""
        query = CLAIMS.select().where((CLAIMS.c.study == self._study) & (CLAIMS.c.number == number))
        with self._engine.connect() as connection:
            last = connection.execute(query.order_by(CLAIMS.c.turn.desc()).limit(1)).first()
        return (-1, None) if last is None else (last.turn, last.owner)

    def _claim(self, number: int, turn: int) -> bool:
        """Return whether this process is the one that has a trial from this turn on."""
        row = {"study": self._study, "number": number, "turn": turn, "owner": self.name}
        try:
            with self._engine.begin() as connection:
                connection.execute(CLAIMS.insert().values(row))
        except IntegrityError:
            return False
        return True
