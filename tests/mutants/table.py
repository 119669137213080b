"""Slips that somebody could make in `lifecycle/` and `live/`: what stands there, and what would stand there.

Each changes what a user would notice. `before` occurs once in its file; `survives` says why no test can tell.
"""

from typing import Final, NamedTuple


class Mutant(NamedTuple):
    name: str
    file: str
    before: str
    after: str
    survives: str = ""

    @property
    def path(self) -> str:
        return f"sidecar/{self.file}"

    def apply(self, source: str) -> str:
        """The source with the slip in it.

        Raises:
            ValueError: what the row looks for does not stand there exactly once.
        """
        found = source.count(self.before)
        if found != 1:
            raise ValueError(f"{self.name}: its text stands {found} times in {self.path}")
        return source.replace(self.before, self.after)


M = Mutant

STATES: Final = "lifecycle/states.py"
DECISION: Final = "lifecycle/decision.py"
RECOVERY: Final = "lifecycle/recovery.py"
COURSE: Final = "lifecycle/course.py"
CORE: Final = "lifecycle/core.py"
CLOCK: Final = "lifecycle/clockwork.py"
LINE: Final = "lifecycle/line.py"
LIVENESS: Final = "lifecycle/liveness.py"
OUTBOX: Final = "lifecycle/outbox.py"
PACE: Final = "lifecycle/pace.py"
NUMBERS: Final = "lifecycle/numbers.py"
ITEM: Final = "lifecycle/item.py"
BOOKS: Final = "lifecycle/books.py"
RESUMPTION: Final = "lifecycle/resumption.py"
HANDOVER: Final = "lifecycle/handover.py"
TRANSPARENT: Final = "lifecycle/transparent.py"
BREAKER: Final = "lifecycle/breaker.py"
BACKOFF: Final = "lifecycle/backoff.py"
STALL: Final = "lifecycle/stall.py"
FAULTS: Final = "lifecycle/faults.py"
HEALTH: Final = "lifecycle/health.py"
STATS: Final = "lifecycle/stats.py"
TELLING: Final = "lifecycle/telling.py"
SETTINGS: Final = "lifecycle/settings.py"
AUTH: Final = "live/auth.py"
TURNS: Final = "live/turns.py"
MEANING: Final = "live/meaning.py"
CALLS: Final = "live/calls.py"
SPEECH: Final = "live/speech.py"
USAGE: Final = "live/usage.py"
FRAMES: Final = "live/frames.py"
CHECKING: Final = "live/checking.py"
SETUP: Final = "live/setup.py"
OUTGOING: Final = "live/outgoing.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    # -- which change of state there is ----------------------------------------------------------
    M("a suspect line cannot be lost", STATES, "SUSPECT: {E.HEARD: ACTIVE, E.HAND_OVER: DRAINING, E.LINE_LOST: WAITING, **_LEAVE}", "SUSPECT: {E.HEARD: ACTIVE, E.HAND_OVER: DRAINING, **_LEAVE}"),
    M("a suspect line cannot be left", STATES, "SUSPECT: {E.HEARD: ACTIVE, E.HAND_OVER: DRAINING,", "SUSPECT: {E.HEARD: ACTIVE,"),
    M("the handshake of a reconnect cannot fail", STATES, "    HANDSHAKING: {E.UPGRADED: SETUP, E.ATTEMPT_FAILED: WAITING, **_LEAVE}", "    HANDSHAKING: {E.UPGRADED: SETUP, **_LEAVE}"),
    M("a failed session cannot be revived", STATES, "FAILED: {E.REVIVE: WAITING, E.CLOSE: DISCONNECTING}", "FAILED: {E.CLOSE: DISCONNECTING}"),
    M("a parked open never gives up", STATES, "PARKED: {E.REVIVE: WAITING, E.GIVE_UP: FAILED,", "PARKED: {E.REVIVE: WAITING,"),
    M("a change of phase has no revision", STATES, "self.revision += 1", "self.revision += before[0] is not after[0]"),
    # -- whether to try again, when, and as what -------------------------------------------------
    M("Retry-After is not heeded", DECISION, "return max(fault.retry_after_s or 0.0, slow_lane_s)", "return slow_lane_s"),
    M("a quota is no reason to wait", DECISION, "return max(fault.retry_after_s or 0.0, slow_lane_s)", "return fault.retry_after_s or 0.0"),
    M("the smallest wait wins", DECISION, "delay_s = max(own_s, asked_for_s)", "delay_s = min(own_s, asked_for_s)"),
    M("one attempt too many", DECISION, "outage.reached >= reconnect.max_attempts", "outage.reached > reconnect.max_attempts"),
    M("the old owner is given 1.5 s, not 10", DECISION, "now - outage.owner_gone_at < settings.hand_over.window_s", "now - outage.owner_gone_at < settings.hand_over.first_delay_s"),
    M("a quota on a resume looks like an old owner", DECISION, "        and fault.action is Action.RESUME  # a quota refused says so\n", ""),
    M("a resume refused too early ends the session", DECISION, "own_s, fresh = settings.hand_over.retry_delay_s, False", "own_s, fresh = settings.hand_over.retry_delay_s, True"),
    M("the fresh session is tried for ever", DECISION, "outage.fresh = outage.fresh_tried = True", "outage.fresh = True"),
    M("the fresh session waits like any attempt", DECISION, "own_s, fresh = 0.0 if at_once else own_s, True", "own_s, fresh = own_s, True"),
    M("a resume waits though the model was speaking", DECISION, "if outage.owner_gone_at is None or outage.resume_at_once:", "if outage.owner_gone_at is None:"),
    M("a resume does not wait for the old owner", DECISION, "own_s = max(own_s, owner_delay_s(outage, settings, now))", "own_s = max(own_s, 0.0)"),
    M("the last attempt comes after the limit", DECISION, "delay_s if situation.first else min(delay_s, ends_at - now)", "delay_s"),
    M("a new network revives no session that a certificate ended", CORE, "(fault.retryable or fault.kind in REVIVED_BY_NETWORK)", "fault.retryable"),
    M("a setup that is wrong is tried again", DECISION, "return Action.STOP if fault.ws_code == 1007 else Action.RETRY", "return Action.RETRY"),
    M("a hand-over walks past the open breaker", DECISION, "return Retry(max(waiting_for_owner, backoff, situation.breaker_s), fresh=fresh)", "return Retry(max(waiting_for_owner, backoff), fresh=fresh)"),
    M("switched off, nobody gets past a dead handle", DECISION, "not reconnect.enabled and not situation.first and not goes_on:", "not reconnect.enabled and not situation.first:"),
    # -- from the end of one line to the next ----------------------------------------------------
    M("a dead handle is kept", RECOVERY, "        if fault.action is Action.FRESH:\n            self._resumption.drop()\n", ""),
    M("the handle of the lost session is kept", RECOVERY, "            self._resumption.drop()  # it named the old session; the new one sends its own\n", "            pass\n"),
    M("an expired handle is tried", RECOVERY, "if age_s > self.settings.resumption.handle_ttl_s:", "if age_s > self.settings.resumption.handle_ttl_s * 1000:"),
    M("a stable line forgets nothing", RECOVERY, 'count any more."""\n        self.outage = Outage()\n', 'count any more."""\n'),
    M("nobody remembers that the model was speaking", RECOVERY, "self.outage.resume_at_once = now, model_speaking", "self.outage.resume_at_once = now, False"),
    M("a torn line counts as thrown out", RECOVERY, "thrown_out = fault.ws_code not in (None, 1006)", "thrown_out = fault.ws_code is not None"),
    M("a failure that never reached the service counts", RECOVERY, "self.outage.reached += fault.reached", "self.outage.reached += 1"),
    M("every early close is a refused resume", RECOVERY, "return self.planned is None and line.unproven and closed", "return self.planned is None and closed"),
    M("a revived session forgets what was asked for", RECOVERY, "            asked_until=before.asked_until,\n", ""),
    M("a wait that was asked for stops while we sleep", RECOVERY, "            outage.asked_until -= slept_s\n", ""),
    M("a sleep uses up the time of an outage", RECOVERY, "            outage.since += slept_s\n", "            pass\n"),
    M("what the host wished counts as a failure", RECOVERY, "failed = not line.stable and planned.kind not in WISHES", "failed = not line.stable"),
    M("a cut right after a move is the second loss of one outage", RECOVERY, "if self.outage.moved_only and not refused:", "if False:"),
    M("a move whose attempt failed never was an outage", RECOVERY, "        self.outage.moved_only = False\n", ""),
    M("moves that we are ordered to again and again count nothing", RECOVERY, "            self.outage.moved_only &= not failed\n", ""),
    # -- the course of a session -----------------------------------------------------------------
    M("a denial on a line that is being left is overheard", COURSE, "            self.recovery.planned = None\n        planned = self.recovery.planned", "            pass\n        planned = self.recovery.planned"),
    M("what the service closed for is said again", COURSE, "blamed=fault.ws_code == 1007", "blamed=False"),
    M("a close frame proves that all was read", COURSE, "line.had(closed=closed)", "line.had(closed=False)"),
    M("what never left counts as sent", COURSE, "unsent_bytes=unsent_bytes,", "unsent_bytes=0,"),
    M("a hand-over waits for nothing", COURSE, "if self._drained or not drain:", "if self._drained or drain:"),
    M("a hand-over asks for no pong", COURSE, "        line.closing = True\n        line.liveness.hurry(now)\n", "        line.closing = True\n"),
    M("a suspension ends the deadline of the open", COURSE, '        self._forget_timers()\n        self._step(Event.SUSPEND', '        self._timers.clear()\n        self._step(Event.SUSPEND'),
    M("after a suspension nobody waits for the old owner", COURSE, "            self.recovery.left(now, model_speaking=self.model_speaking)\n", ""),
    M("any hint ends the wait that was asked for", COURSE, "0.0 if reason == INSISTING else self.recovery.asked_wait_s(now)", "0.0"),
    M("the deadlines of the two closes are swapped", COURSE, "self.settings.deadlines.close_s if final else self.settings.hand_over.old_close_s", "self.settings.hand_over.old_close_s if final else self.settings.deadlines.close_s"),
    M("the last losses are told after the end", COURSE, '        self._report(now)\n        self._step(Event.CLOSED, "closed", now)\n', '        self._step(Event.CLOSED, "closed", now)\n        self._report(now)\n'),
    M("an attempt goes on after the giving up", COURSE, '            self.out.append(ev.Abort(Cause(Layer.LOCAL, "givenUp")))\n', "            pass\n"),
    M("what the last attempt met is not told", COURSE, "            self._tell_failure(stop.last, now, fatal=False)\n", "            pass\n"),
    M("the deadline of a failed attempt goes on", COURSE, 'for name in ("step", "attempt", "token"):', 'for name in ("step",):'),
    M("a goAway holds also for the next attempt", COURSE, "        self._early_end_at = None\n", ""),
    M("a hand-over is told as a fault", COURSE, "self.fault = None if planned else fault", "self.fault = fault"),
    # -- the inputs ------------------------------------------------------------------------------
    M("an activity that was open is not opened again", CORE, "            self.outbox.put_first(first)\n", "            pass\n"),
    M("a goAway before setupComplete is forgotten", CORE, "            self.line.schedule.go_away(self._early_end_at - now, now)\n", "            pass\n"),
    M("a sleep does not age the line", CORE, "            self.line.schedule.slept(slept_s)\n", "            pass\n"),
    M("online revives who was denied", CORE, "and self.state is not State.SUSPENDED and self._worth_reviving", "and self.state is not State.SUSPENDED"),
    M("online revives who was suspended", CORE, "elif online and self.state is not State.SUSPENDED and", "elif online and"),
    M("the echo of a close confirms nothing", CORE, "            self.outbox.confirm_all()  #", "            pass  #"),
    M("a session that is being closed is still moved", CORE, "            self.line.schedule.cancel()\n", ""),
    M("a pong confirms what was written after its ping", CORE, "self.outbox.take(now, self._ping_number + 1)", "self.outbox.take(now, self._ping_number)"),
    M("what was written waits for the idle ping", CORE, "            self.line.liveness.wrote()\n", ""),
    M("other limits of the outbox are not taken over", CORE, "        self.outbox.configure(settings.outbox, settings.ring_s)\n", ""),
    M("what was refused is not in the books", CORE, "            self.outbox.refuse(item)\n", ""),
    M("the setup has the deadline of the handshake", CORE, "now + self.settings.deadlines.setup_s", "now + self.settings.deadlines.handshake_s"),
    M("the drain of a close has no end", CORE, '            self._timers["drain"] = now + (self.settings.deadlines.drain_s if drain_s is None else drain_s)\n', ""),
    # -- what time brings ------------------------------------------------------------------------
    M("a drain that is late ends in an abort", CLOCK, '"drain": Clockwork._drain_late,', '"drain": Clockwork._close_late,'),
    M("name resolution that is late is called TCP", CLOCK, "            return _DIAL_LATE[self._step_name]\n", "            return _DIAL_LATE[\"tcp\"]\n"),
    M("a proven line confirms nothing of before", CLOCK, "        if self.line is not None:\n            self._confirm(self.line, now)\n", ""),
    M("a resume that may be refused confirms", CLOCK, "if not line.unproven and self.outbox.confirm(line.pong):", "if self.outbox.confirm(line.pong):"),
    M("a drained line waits for its deadline", CLOCK, 'if "drain" in self._timers and self._drained:', "if False:"),
    M("pings follow a close frame", CLOCK, "if self.line is None or self.line.close_sent:", "if self.line is None:"),
    M("an overdue answer never moves the session", CLOCK, 'if limits.action == "reconnect" and', 'if limits.action == "event" and'),
    # -- whether the line lives ------------------------------------------------------------------
    M("time in which we did not read is silence", LINE, "            self.liveness.forgive(late_s)\n", "            pass\n"),
    M("a line that never answered becomes stable", LINE, "if self.answered_once and not self.stable and", "if not self.stable and"),
    M("what TCP had with the last byte was read", LINE, "latest = spoke_at - max(settings.outbox.replay_margin_s, min(queue_s, MAX_QUEUE_S))", "latest = spoke_at"),
    M("a queue on the way is no reason for doubt", LINE, "latest = spoke_at - max(settings.outbox.replay_margin_s, min(queue_s, MAX_QUEUE_S))", "latest = spoke_at - settings.outbox.replay_margin_s"),
    M("a pong proves that a resume was taken", LINE, "proven = content and self.unproven", "proven = self.unproven"),
    M("only pongs are life", LIVENESS, "        self.last_heard_at = now\n        self._unanswered_since = None\n", "        self.last_heard_at = now\n"),
    M("every ping starts the silence anew", LIVENESS, "        if first:\n            self._unanswered_since = now\n", "        self._unanswered_since = now\n"),
    M("each hint puts off the end of the probe", LIVENESS, "min(self._probe_ends_at, now + self._probe_s)", "now + self._probe_s"),
    M("a probe has no patience with late pongs", LIVENESS, "return max(self.settings.probe_s, PROBE_RTTS * (self.rtt_average_s or 0.0))", "return self.settings.probe_s"),
    M("a probe does not forgive the time we did not read", LIVENESS, "        self._probe_ends_at += late_s\n", ""),
    M("the newest round trip is all that counts", LIVENESS, "RTT_WEIGHT = 0.125", "RTT_WEIGHT = 0.875"),
    # -- a newer credential ----------------------------------------------------------------------
    M("a token that was taken stays the one that was refused", RECOVERY, "            outage.renewed = False  # the line came about, so the credential was good\n", ""),
    M("a token refused on line after line is renewed without end", DECISION, "tried_anew = renew and not situation.line_lost", "tried_anew = renew"),
    M("whoever goes on shows the token that was denied", RECOVERY, "self.renew = fault.action is Action.REFRESH_TOKEN and self._renewable", "self.renew = False"),
    M("a late refusal costs the newer token", AUTH, "if self._token is None or self._token.secret is not secret:", "if self._token is None:"),
    M("a token that ends with the line will do", AUTH, "self._clock() + in_s > self._ends_at", "self._clock() > self._ends_at"),
    M("a token is asked for when the line is left", HANDOVER, "self.settings.lead_s - PREPARE_S", "self.settings.lead_s"),
    M("the line is left before it is known what is lacking", LINE, "        elif not self.closing and self.schedule.due(", "        if not self.closing and self.schedule.due("),
    # -- messages: order, delivery, books --------------------------------------------------------
    M("nothing is sent again", OUTBOX, "elif untouched or (replayable and self.limits.replay_unconfirmed):", "elif untouched:"),
    M("what is sent again goes last", OUTBOX, "self.held.extendleft(reversed(back))", "self.held.extend(back)"),
    M("what is sent again goes backwards", OUTBOX, "self.held.extendleft(reversed(back))", "self.held.extendleft(back)"),
    M("a pong confirms one ping less", OUTBOX, "lambda item: item.mark <= number", "lambda item: item.mark < number"),
    M("what may have arrived is told as never sent", OUTBOX, 'if item.maybe_arrived and reason in ("outboxFull", "sessionClosed"):', 'if item.maybe_arrived and reason == "outboxFull":'),
    M("what a refused resume took is called delivered", OUTBOX, "untouched = refused or index >= surely_unsent", "untouched = index >= surely_unsent"),
    M("an activity closed on the lost line stays closed", OUTBOX, "self._activity_open = not _opens_activity(item)", "self._activity_open = self._activity_open"),
    M("tool results go to a session that never asked", OUTBOX, '            self._drop_held(lambda item: item.kind is Kind.TOOL_RESPONSE, "sessionLost")\n', ""),
    M("a pong confirms what no index has", OUTBOX, "        if not indexes.rule:\n            return self._confirm_while(", "        if True:\n            return self._confirm_while("),
    M("a fresh session hears again what the old one heard", OUTBOX, "            self._confirm_arrived()\n", ""),
    M("a fresh session does not hear that the user is speaking", OUTBOX, "                if item.kind is Kind.ACTIVITY:  # it does not go out again", "                if False:"),
    M("what never left is not told as sent again", OUTBOX, "        if item.writes:\n            books", "        if item.maybe_arrived:\n            books"),
    M("what the resumed session lacks is told as doubled", OUTBOX, "item.again = not self.indexes.told", "item.again = True"),
    M("one cancelled call silences the others", OUTBOX, "ids.issuperset(item.ids)", "not ids.isdisjoint(item.ids)"),
    M("a handle that names nothing holds all that has arrived", TRANSPARENT, "sure, self._sure = self._sure, self.arrived", "sure = self._sure = self.arrived"),
    M("a service that names nothing is sent everything again", TRANSPARENT, "sure, self._sure = self._sure, self.arrived", "sure = self._sure = 0"),
    M("what arrived and waits for its index is called lost", OUTBOX, "        while self.unconfirmed and self._has_arrived(self.unconfirmed[0]):", "        while False:"),
    M("an index confirms one message more", OUTBOX, "item.index <= index)", "item.index <= index + 1)"),
    M("the next line's messages are counted on", OUTBOX, "        self.indexes.new_line()\n", ""),
    M("a question is put to the fresh session once more", OUTBOX, "            self._drop_held(lambda item: item.maybe_arrived and item.kind not in REPLAYABLE, _UNKNOWN)\n", ""),
    M("a transparent resume opens the activity twice", OUTBOX, "if resumed and self.indexes.rule:", "if resumed and False:"),
    M("the backlog is sent as fast as it can", OUTBOX, "            self._pace.spend(item.audio_us)\n", ""),
    M("silence saves up for a burst", PACE, "self._left_s = min(self.limits.flush_burst_s, grown)", "self._left_s = grown"),
    M("a refused number counts as known", NUMBERS, "return n <= self.accepted_through and n not in self._refused", "return n <= self.accepted_through"),
    M("a full outbox drops the newest", OUTBOX, "oldest = queue.popleft()", "oldest = queue.pop()"),
    M("a message over the limit drops all the others", OUTBOX, "item.audio_us > ring_us or over_bytes > self._droppable_bytes(over_bytes)", "item.audio_us > ring_us"),
    M("a text is asked twice", ITEM, "REPLAYABLE = frozenset({Kind.AUDIO,", "REPLAYABLE = frozenset({Kind.TEXT, Kind.AUDIO,"),
    M("a text may be dropped", ITEM, "DROPPABLE = frozenset({Kind.AUDIO,", "DROPPABLE = frozenset({Kind.TEXT, Kind.AUDIO,"),
    M("a range of losses has gaps", BOOKS, "else item.n == self.through_n + 1", "else item.n > self.through_n"),
    M("losses of two kinds are one range", BOOKS, "if reason != self.reason or item.kind is not self.kind:", "if reason != self.reason:"),
    # -- the handle ------------------------------------------------------------------------------
    M("an update that is not resumable ends the handle", RESUMPTION, "        if resumable and handle:\n            self._handle = handle\n", "        self._handle = handle if resumable else None\n"),
    M("a resume waits for initial history", RESUMPTION, "result = _without_history(setup) if resuming or self.spent else dict(setup)", "result = dict(setup)"),
    M("the handle of the host's setup is sent again", RESUMPTION, 'options = {k: v for k, v in _options(setup).items() if k != "handle"}\n        if resuming', "options = dict(_options(setup))\n        if resuming"),
    M("the setup has resumption twice", RESUMPTION, '        result.pop("session_resumption", None)\n', ""),
    # -- waits, and what they go by --------------------------------------------------------------
    M("a hand-over prefers to interrupt", HANDOVER, "self.settings.lead_s if quiet else self.settings.margin_s", "self.settings.margin_s if quiet else self.settings.lead_s"),
    M("a later goAway puts off the end", HANDOVER, "self._ends_at = min(self._ends_at, now + time_left_s)", "self._ends_at = now + time_left_s"),
    M("old failures count for the breaker", BREAKER, "(t for t in self.failures if t > at - limits.window_s)", "self.failures"),
    M("one good line hides a service that flaps", BREAKER, "        if self.state is BreakerState.CLOSED:\n            return self\n", ""),
    M("a probe that fails leaves the breaker half open", BREAKER, "if self.state is BreakerState.CLOSED and len(recent)", "if len(recent)"),
    M("the backoff has no cap", BACKOFF, "else min(settings.max_delay_s, delay)", "else delay"),
    M("the jitter goes one way only", BACKOFF, "s.jitter_range * (2 * chance - 1)", "s.jitter_range * chance"),
    M("the backoff begins with the second step", BACKOFF, "min(n - 1, MAX_EXPONENT)", "min(n, MAX_EXPONENT)"),
    M("an overdue answer is told with every tick", STALL, "if self.demand is None or self._told else", "if self.demand is None else"),
    M("a late transcript asks for an answer", STALL, 'if demand == "speech" and now - self._answered_at < LATE_TRANSCRIPT_S:', "if False:"),
    M("a new line gives no new time to answer", STALL, "            self.demand = None\n        self._since = now\n", "            self.demand = None\n"),
    # -- what a failure means --------------------------------------------------------------------
    M("a quota that is exhausted is an error like any", FAULTS, '    Row(_WS, 1011, "exhausted", "quotaExceeded", A.SLOW_DOWN, S.WARNING, _QUOTA, "Check the quota."),\n', ""),
    M("a handle the service does not know ends it all", FAULTS, '"session not found", "handleExpired", A.FRESH', '"session not found", "handleExpired", A.STOP'),
    M("reasons are read by upper and lower case", FAULTS, "row.text.casefold() not in cause.text.casefold()", "row.text not in cause.text"),
    M("a refused upgrade did not reach the service", FAULTS, "cause.layer is Layer.WEBSOCKET or status is not None or", "cause.layer is Layer.WEBSOCKET or"),
    M("a denied project is tried again", FAULTS, '    Row(_WS, 1008, "denied access", "accessDenied", A.STOP, S.ERROR, _KEY, "Contact the service\'s support."),\n', ""),
    # -- how well it goes ------------------------------------------------------------------------
    M("cuts are remembered for ever", HEALTH, "sum(1 for at in self._at if now - at < CUT_MEMORY_S)", "len(self._at)"),
    M("many cuts make a good line poor", HEALTH, "10 * min(cuts, CUTS_COUNTED)", "10 * cuts"),
    M("a percentile is one rank too high", STATS, "ordered[max(0, ceil(share * len(ordered)) - 1)]", "ordered[min(ceil(share * len(ordered)), len(ordered) - 1)]"),
    M("a suspension counts as an outage", STATS, "elif state in (State.SUSPENDED, State.DISCONNECTED, State.DISCONNECTING):", "elif state in (State.DISCONNECTED, State.DISCONNECTING):"),
    M("a failed session takes messages", TELLING, "self.state not in (State.DISCONNECTED, State.DISCONNECTING, State.FAILED)", "self.state not in (State.DISCONNECTED, State.DISCONNECTING)"),
    M("the last movement of the queue is not told", TELLING, '        elif "report" not in self._timers:\n            self._timers["report"] = self._reported_at + REPORT_INTERVAL_S\n', ""),
    M("the ring is shorter than a death found late", SETTINGS, "return max(self.outbox.ring_s, self.heartbeat.dead_after_s + self.heartbeat.audio_interval_s + 1.0)", "return self.outbox.ring_s"),
    M("a margin over the lead is taken", SETTINGS, "hand_over.margin_s <= hand_over.lead_s", "True"),
    # -- the conversation ------------------------------------------------------------------------
    M("thoughts are told as speech", TURNS, "if part.text and not part.thought:", "if part.text:"),
    M("the text of a cut turn looks whole", TURNS, "            self._finish_texts(events, cut=True)\n", "            self._finish_texts(events, cut=False)\n"),
    M("a cut turn never ends", TURNS, '            events.append(Turn(self.turn_id, "interrupted", cut=True))\n', ""),
    M("a turn that is done without a word lives on over a cut", TURNS, "running = self.model_speaking or self._model_done", "running = self.model_speaking"),
    M("a new session hears the voice of the old one", TURNS, "self._cut_off = self._voiced = False", "self._cut_off = False"),
    M("an interruption of the playout is of the next turn", TURNS, "self.turn_id if asked else self._last_id", "self.turn_id"),
    M("the end of such an interruption parts question and answer", TURNS, "self._broke_in = not asked", "pass"),
    M("an interrupted turn that is pushed out never ends", TURNS, 'events.append(Turn(self._owed.popleft(), "complete"))', "self._owed.popleft()"),
    M("a turn ends before its texts", TURNS, '            self._finish_texts(events, cut=False)\n            self._owed.append(self.turn_id)\n            events.append(Turn(self.turn_id, "interrupted"))\n', '            events.append(Turn(self.turn_id, "interrupted"))\n            self._finish_texts(events, cut=False)\n            self._owed.append(self.turn_id)\n'),
    M("an interrupted turn swallows the next end", TURNS, "Turn(self._owed.popleft(), \"complete\", False", "Turn(self._owed[0], \"complete\", False"),
    M("the second turn in a row cannot be interrupted", TURNS, "        if self.model_speaking:\n            self._finish_texts(events, cut=False)\n            self._owed", "        if self.model_speaking and not self._owed:\n            self._finish_texts(events, cut=False)\n            self._owed"),
    M("an interruption that is said twice is told twice", TURNS, "        elif not self._owed:  # else it is said twice\n", "        else:\n"),
    M("an end that never came is waited for for ever", TURNS, "if self._owed and not self._model_done:", "if self._owed:"),
    M("a cut turn ends a turn that never began", TURNS, "return self._cut_off or (", "return False or ("),
    M("after a cut every end is a late one", TURNS, "self._cut_off = self._broke_in = False\n\n", "self._broke_in = False\n\n"),
    M("a text grows for ever", TURNS, "if texts.chars > MAX_CHARS:", "if False:"),
    M("a text that is too long is told again and again", TURNS, "            events += self._finals(source, texts, turn_id)\n            texts.clear()\n", "            events += self._finals(source, texts, turn_id)\n"),
    M("words of the next turn are lost", TURNS, "self._user_text, self._next_user_text = self._next_user_text, Speech()", "self._user_text, self._next_user_text = Speech(), Speech()"),
    M("an answered call of a lost session may be answered again", TURNS, "            self.dead_calls[call_id] = _LOST\n", "            pass\n"),
    M("an id that is used again stays dead", TURNS, "            self.dead_calls.pop(call.id, None)  # a new session may count anew\n", ""),
    M("calls are remembered for ever", CALLS, "if len(self) > CALLS_KEPT:", "if False:"),
    M("an id of megabytes is remembered", CALLS, "if len(call_id) > MAX_ID_CHARS:", "if False:"),
    M("the newest call is forgotten", CALLS, "self.popitem(last=False)", "self.popitem()"),
    M("a question that waits is a quiet moment", TURNS, "            or self._asked\n", ""),
    M("a barge-in is glued to the question before", TURNS, "            if self._voiced and self.model_speaking:\n                self._user_done = True  # the user speaks into the model's turn: that is the next one\n", ""),
    M("an empty message proves a resume", MEANING, "content not in (_EMPTY, _EMPTY_INPUT, _EMPTY_OUTPUT)", "content is not None"),
    M("a guess keeps a hand-over away for ever", TURNS, "        self.model_speaking = self._guessing = False\n", "        self.model_speaking = False\n"),
    M("IDLE is not heard", TURNS, "        self._status = status or self._status\n", ""),
    M("a model that waits for the user owes an answer", TURNS, '            self._asked = False\n            events.append(Turn(self._last_id, "waitingForInput"))', '            events.append(Turn(self._last_id, "waitingForInput"))'),
    M("tokens of a late end are counted for the next turn", TURNS, "beside[-1] if beside else self._spending_id", "self._spending_id"),
    M("tokens of a question are counted for the turn before", TURNS, "self.turn_id if self._user_text or self._asked else self._last_id", "self._last_id"),
    M("tokens of a turn's end are counted for the next", TURNS, "return self.turn_id if self.model_speaking else max(1, self.turn_id - 1)", "return self.turn_id"),
    M("the last report of tokens is all", TURNS, "turn = so_far.plus(told) if of_turn == turn_id else told", "turn = told"),
    M("the texts of two speakers are glued", SPEECH, 'not delta.speaker or self.speaker in ("", delta.speaker)', "True"),
    M("the texts of two languages are glued", SPEECH, 'not delta.language or self.language in ("", delta.language)', "True"),
    M("what Vertex counts is not read", USAGE, "told.response_token_count or told.candidates_token_count", "told.response_token_count"),
    M("a service makes up modalities for ever", USAGE, "len(counts) < MAX_MODALITIES and ", ""),
    # -- the wire --------------------------------------------------------------------------------
    M("a wrong field costs its whole message", FRAMES, "_if_fitting(members[field.encode_name], field.type)", "[msgspec.json.decode(members[field.encode_name], type=field.type)]"),
    M("a handle in a strange frame is passed on", FRAMES, "_what_fits(data), True", "_what_fits(data), False"),
    M("a handle with a null behind it is passed on", FRAMES, "secret = message.tells_handle", "secret = bool(message.session_resumption_update)"),
    M("sound with a turn's end may be dropped", FRAMES, "    if content != ServerContent(model_turn=content.model_turn):\n        return None\n", ""),
    M("sound with a goAway may be dropped", FRAMES, "    if message != ServerMessage(server_content=content):\n        return None\n", ""),
    M("a list of misfits is read to its end", FRAMES, "            if misfits > MAX_MISFITS:\n                break\n", ""),
    M("text that is not UTF-8 is passed on", FRAMES, "        if not data.isascii():\n            data.decode()\n", ""),
    # -- what may leave --------------------------------------------------------------------------
    M("only the first wrong field is told", CHECKING, "MAX_PROBLEMS = 50", "MAX_PROBLEMS = 1"),
    M("a list of problems is endless", CHECKING, "                raise _Enough\n", "                pass\n"),
    M("lenient checks are as strict", CHECKING, "if problem.certain or self._terms.strict:", "if True:"),
    M("lenient checks look for what was meant", CHECKING, "            return  # it is let through; to look for what was meant takes long\n", "            pass\n"),
    M("UNSPECIFIED is a value", CHECKING, "return None if enum and _unspecified(value) else value", "return value"),
    M("false excludes what stands beside it", CHECKING, "counted = given if choice.oneof else", "counted = given if True else"),
    M("an empty text beside an image leaves", CHECKING, "counted = given if choice.oneof else", "counted = given if False else"),
    M("a field of the other family leaves", CHECKING, "elif field.only and field.only != self._terms.family:", "elif False:"),
    M("two kinds of input leave in one frame", CHECKING, "if len(counted) > 1 or (choice.required", "if (choice.required"),
    M("nobody knows snake_case", CHECKING, "by_name[each.encode_name] = by_name[each.name] = field", "by_name[each.encode_name] = field"),
    M("null is a value", CHECKING, "            elif value is not None:\n", "            else:\n"),
    M("base64 is not looked into", CHECKING, '        return False, "not base64"\n', '        return True, ""\n'),
    M("a number beyond its type leaves", CHECKING, 'return fits, "" if fits else "out of range"', 'return True, ""'),
    M("the model is not looked at", SETUP, "(_model, _refusals, _ranges)", "(_refusals, _ranges)"),
    M("marks leave whatever the setup says", OUTGOING, "if given and terms.automatic is (not automatic):", "if False:"),
    M("a silent answer asks for one", OUTGOING, 'demand=None if silent else "toolResponse"', 'demand="toolResponse"'),
    M("a function that goes on is done", OUTGOING, 'if r.get("id") and not r.get("willContinue")', 'if r.get("id")'),
    M("two chunks leave, and one is lost", OUTGOING, "(_one_chunk, _sound, _activity)", "(_sound, _activity)"),
    M("no model takes function calls in a history", OUTGOING, "if _OLDER.match(terms.model) else ()", "if True else ()"),
    M("the first field is taken for the input", OUTGOING, "return next((field for field in given if not is_default(field[1])), ", "return next(iter(given), "),
    M("an empty text asks for an answer", OUTGOING, "demand = name if name in _DEMANDS and not is_default(value) else None", "demand = name if name in _DEMANDS else None"),
    M("what stands beside a mark is lost", OUTGOING, "frame = _mark(frame)", 'frame = msgspec.json.encode({"realtimeInput": message})'),
    M("a token's model is taken for the setup's", SETUP, '        return terms._replace(automatic=None, model="")\n', "        return terms._replace(automatic=None, model=_name(setup))\n"),
    M("half a sample leaves", OUTGOING, "    if size % PCM16_BYTES_PER_SAMPLE:\n        raise Unfit(\"data\", f\"has {size} bytes; PCM16 needs an even number\")\n", ""),
)  # fmt: skip
