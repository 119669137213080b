"""Rows as text: aligned for a terminal, or a Markdown table."""

HEAD = (
    "scenario",
    "faults",
    "recovered",
    "offered ms",
    "lost ms",
    "doubled ms",
    "gap p50 ms",
    "gap max ms",
    "RSS before",
    "RSS after",
    "verdict",
)
_WIDTHS = (40, 6, 9, 10, 7, 10, 10, 10, 10, 9, 7)


def cells(row, problems):
    """The columns of HEAD as text. RSS in MB."""

    def ms(value_s):
        return "-" if value_s is None else f"{value_s * 1000:.0f}"

    return (
        row.name,
        str(row.faults),
        str(row.recovered),
        f"{row.offered_ms:.0f}",
        f"{row.lost_ms:.0f}",
        f"{row.doubled_ms:.0f}",
        ms(row.gap_p50_s),
        ms(row.gap_max_s),
        f"{row.rss_before_mb:.1f}",
        f"{row.rss_after_mb:.1f}",
        "BROKEN" if problems else "kept",
    )


def aligned(texts):
    """One line for a terminal: the name to the left, figures to the right."""
    first, *rest = zip(texts, _WIDTHS, strict=True)
    return "  ".join([f"{first[0]:<{first[1]}}", *(f"{text:>{width}}" for text, width in rest)])


def markdown(texts):
    return f"| {' | '.join(texts)} |"


def markdown_head():
    return f"{markdown(HEAD)}\n|{' --- |' * len(HEAD)}"
