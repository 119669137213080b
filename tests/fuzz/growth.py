"""Whether something grew over the last half of a run."""

RSS_SLACK_BYTES = 3 * 2**20
"""What an allocator may keep of lines of different sizes: no leak of 100 bytes an input hides in it for long."""
SLACK = {"rss": RSS_SLACK_BYTES, "fds": 0, "threads": 0}
FEWEST = 8


def grown(samples: list[dict[str, int]]) -> dict[str, int]:
    """By how much each figure grew over the last half, beyond its slack; empty when nothing did.

    Compared are the lowest of the third quarter and of the last: a leak lifts every sample, a large line one.
    """
    if len(samples) < FEWEST:
        raise ValueError(f"{len(samples)} samples say nothing; {FEWEST} are needed")
    quarter = len(samples) // 4
    third, last = samples[2 * quarter : 3 * quarter], samples[3 * quarter :]
    growth = {name: min(s[name] for s in last) - min(s[name] for s in third) for name in SLACK}
    return {name: more for name, more in growth.items() if more > SLACK[name]}
