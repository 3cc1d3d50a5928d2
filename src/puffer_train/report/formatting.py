"""Numbers as people write them."""

from __future__ import annotations


def short(number: float) -> str:
    """Return a count with a unit: 1234567 -> 1.23M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(number) >= size * 0.9995:  # 999,999 is 1M, not 1e+03k
            return f"{number / size:.3g}{unit}"
    return f"{number:.0f}"


def brief(number: float) -> str:
    """Return a number of any size with three digits: 0.0123, 4.5, 123, 12.3k."""
    return short(number) if abs(number) >= 999.5 else f"{number:.3g}"


def clock(seconds: float | None) -> str:
    """Return a duration: 3:05 or 2:03:05; `-` when unknown."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def counted(number: int, what: str) -> str:
    """Return a number with its noun: `1 run`, `3 runs`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def size(num_bytes: float) -> str:
    """Return a size: 512 B, 1.5 kB, 23 MB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if num_bytes >= factor * 0.9995:
            return f"{num_bytes / factor:.3g} {unit}"
    return f"{num_bytes:.0f} B"
