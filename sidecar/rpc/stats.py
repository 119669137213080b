"""What was counted, as it goes to the host: `session/stats` and `diagnostics/dump`."""

import asyncio
import os
import sys
import threading
import time
from pathlib import Path
from typing import cast

from msgspec import UNSET, UnsetType

from sidecar.lifecycle import stats as s
from sidecar.rpc import protocol as p
from sidecar.rpc.notifications import connection_id, fine_ms, queue_report
from sidecar.session import LiveSession


def session_stats(session_id: str, session: LiveSession) -> p.SessionStats:
    """Everything that is counted for one session."""
    core, now = session.core, session.now()
    high_water = core.outbox.high_water
    traffic = session.traffic
    return p.SessionStats(
        session_id=session_id,
        age_ms=_ms(now - session.started_at),
        connections=_connections(session_id, session, now),
        liveness=_liveness(session, now),
        traffic=p.TrafficStats(
            bytes_sent=traffic.bytes_sent,
            bytes_received=traffic.bytes_received,
            frames_sent=traffic.frames_sent,
            frames_received=traffic.frames_received,
        ),
        queue=queue_report(core.outbox),
        high_water=p.QueueHighWater(
            held_ms=high_water.held_us / 1000,
            unconfirmed_ms=high_water.unconfirmed_us / 1000,
            messages=high_water.messages,
            bytes=high_water.size,
        ),
        errors=_errors(core.stats, now),
        tls=_tls(session),
        proxy=session.proxy_address or UNSET,
    )


def process_stats(
    *, started_at: float, sessions: int, sessions_opened: int, queued_bytes: int
) -> p.ProcessStats:
    """The process as a whole; `started_at` by `time.monotonic`."""
    return p.ProcessStats(
        uptime_ms=_ms(time.monotonic() - started_at),
        sessions=sessions,
        sessions_opened=sessions_opened,
        cpu_ms=_ms(time.process_time()),
        resident_bytes=_resident_bytes(),
        tasks=len(asyncio.all_tasks()),
        threads=threading.active_count(),
        queued_bytes=queued_bytes,
    )


def _connections(session_id: str, session: LiveSession, now: float) -> p.ConnectionStats:
    stats = session.core.stats
    return p.ConnectionStats(
        attempts=stats.attempts,
        connected=stats.connected,
        failed=stats.failed,
        losses=stats.losses,
        hand_overs=stats.hand_overs,
        go_aways=stats.go_aways,
        resumes_tried=stats.resumes_tried,
        resumes_ok=stats.resumes_ok,
        resumes_refused=stats.resumes_refused,
        fresh=stats.fresh,
        reseeded=stats.reseeded,
        sleeps=stats.sleeps,
        stalls=stats.stalls,
        breaker_trips=session.core.recovery.breaker.trips,
        uptime_ms=_ms(stats.up_s(now)),
        downtime_ms=_ms(stats.down_s(now)),
        gaps=_histogram(stats.gaps),
        steps={name: _histogram(steps) for name, steps in stats.steps.items()},
        last=p.StepTimings(
            connection_id=connection_id(session_id, session) if "upgrade" in stats.last_steps else UNSET,
            dns_ms=fine_ms(stats.last_steps.get("dns")),
            tcp_ms=fine_ms(stats.last_steps.get("tcp")),
            proxy_ms=fine_ms(stats.last_steps.get("proxy")),
            tls_ms=fine_ms(stats.last_steps.get("tls")),
            upgrade_ms=fine_ms(stats.last_steps.get("upgrade")),
            setup_ms=fine_ms(stats.last_steps.get("setup")),
        ),
    )


def _liveness(session: LiveSession, now: float) -> p.LivenessStats:
    core, stats = session.core, session.core.stats
    live = core.line.liveness if core.line is not None else None
    health = core.health(now)
    return p.LivenessStats(
        pings=stats.pings,
        pongs=stats.pongs,
        unanswered=live.unanswered if live else 0,
        rtt_ms=fine_ms(live.rtt_s if live else None),
        rtt_average_ms=fine_ms(live.rtt_average_s if live else None),
        rtt_p50_ms=fine_ms(stats.rtt_percentile_s(0.5)),
        rtt_p95_ms=fine_ms(stats.rtt_percentile_s(0.95)),
        rtt=_histogram(stats.rtt),
        silence_ms=_ms(live.silence_s(now)) if live else 0,
        health_score=health.score,
        quality=cast(p.Quality, health.quality),
    )


def _tls(session: LiveSession) -> p.TlsStats | UnsetType:
    agreed = session.negotiated
    if agreed is None:
        return UNSET
    expires_at = agreed.certificate_expires_at
    return p.TlsStats(
        version=agreed.version,
        cipher=agreed.cipher,
        server_name=agreed.server_name,
        verified=agreed.verified,
        certificate_expires_at=UNSET if expires_at is None else round(expires_at * 1000),
    )


def _errors(stats: s.Stats, now: float) -> p.ErrorStats:
    wall = time.time()
    return p.ErrorStats(
        total=stats.errors.total(),
        fatal=stats.fatal_errors,
        by_kind=dict(stats.errors),
        recent=[
            p.PastError(
                at=round((wall - (now - past.at)) * 1000),
                kind=past.kind,
                message=past.message,
                fatal=past.fatal,
            )
            for past in stats.recent_errors
        ],
    )


def _histogram(histogram: s.Histogram) -> p.Histogram:
    bounds = [bound * 1000 for bound in s.BOUNDS_S]
    return p.Histogram(
        count=histogram.count,
        sum_ms=_ms(histogram.sum_s),
        max_ms=_ms(histogram.max_s),
        buckets=[
            p.Bucket(le_ms=bound, count=count)
            for bound, count in zip([*bounds, None], histogram.counts, strict=True)
        ],
    )


if sys.platform == "linux":

    def _resident_bytes() -> int | UnsetType:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")

else:

    def _resident_bytes() -> int | UnsetType:
        return UNSET  # only the peak is told there


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
