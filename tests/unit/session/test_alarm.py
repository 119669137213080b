"""The one timer of a session, on a loop whose time is ours."""

from sidecar.session.alarm import Alarm


class Timer:
    def __init__(self, at, call):
        self.at, self.call, self.live = at, call, True

    def cancel(self):
        self.live = False


class Loop:
    """What an alarm needs of a loop."""

    def __init__(self):
        self.now, self.timers = 100.0, []

    def time(self):
        return self.now

    def call_at(self, at, call):
        self.timers.append(Timer(at, call))
        return self.timers[-1]

    def live(self):
        return [timer.at for timer in self.timers if timer.live]

    def ring(self, late_s=0.0):
        timer = next(timer for timer in self.timers if timer.live)
        timer.live = False
        self.now = timer.at + late_s
        timer.call()


def test_an_earlier_time_moves_it_and_a_later_one_does_not():
    loop = Loop()
    alarm = Alarm(loop, [].append)
    alarm.set(110.0)
    alarm.set(120.0)
    assert loop.live() == [110.0]
    alarm.set(105.0)
    assert loop.live() == [105.0]


def test_it_tells_how_late_it_is_and_can_be_set_anew():
    loop, told = Loop(), []
    alarm = Alarm(loop, told.append)
    alarm.set(110.0)
    loop.ring(late_s=0.5)
    assert told == [0.5]
    assert not alarm.is_set
    alarm.set(111.0)
    assert loop.live() == [111.0]


def test_what_is_overdue_is_due_now_and_not_late():
    loop, told = Loop(), []
    alarm = Alarm(loop, told.append)
    alarm.set(90.0)
    loop.ring()
    assert told == [0.0]


def test_never_sets_nothing_and_stopped_it_does_not_ring():
    loop = Loop()
    alarm = Alarm(loop, [].append)
    alarm.set(float("inf"))
    assert not alarm.is_set
    alarm.set(110.0)
    alarm.stop()
    alarm.stop()
    assert loop.live() == []
    assert not alarm.is_set
