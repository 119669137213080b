"""Markdown tables, shared by the writers of this folder."""

from collections.abc import Iterable, Iterator


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """The lines of a table, and an empty one after it."""

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    yield line(head)
    yield line("---" for _ in head)
    yield from map(line, rows)
    yield ""


def span(ms: float) -> str:
    """A time in the largest unit in which it is short: `500 ms`, `2.5 s`, `10 min`, `2 h`."""
    for unit, size in (("h", 3_600_000), ("min", 60_000)):
        if ms >= 2 * size and ms % size == 0:
            return f"{ms / size:g} {unit}"
    return f"{ms / 1000:g} s" if ms >= 1000 else f"{ms:g} ms"
