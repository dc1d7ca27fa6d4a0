from avatar_engine.live.heart import LOOKED, Watch


class Other:
    beats = 0
    now = 10.0


def test_a_watch_counts_the_time_without_a_beat_that_it_has_seen():
    other = Other()
    watch = Watch(lambda: other.beats, lambda: other.now)
    for _ in range(10):
        other.now += 0.1
        still = watch.still()
    assert 0.99 < still < 1.01
    other.beats += 1
    assert watch.still() == 0


def test_whoever_did_not_look_has_seen_nothing():
    other = Other()
    watch = Watch(lambda: other.beats, lambda: other.now)
    other.now += 60.0
    assert watch.still() <= LOOKED
