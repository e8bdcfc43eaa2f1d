use proptest::prelude::*;

use super::*;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn a_message_is_sent_again_after_the_measured_time_and_less_and_less_often() {
    let mut out = Outbound::default();
    out.sent(ms(0), Bytes::from_static(b"a"));
    assert_eq!(out.due_at(), Some(ms(200)));
    assert!(out.due(ms(199), 9).is_empty());
    assert_eq!(out.due(ms(200), 9), [Bytes::from_static(b"a")]);
    assert_eq!(out.due_at(), Some(ms(600)), "twice as long after the first repetition");
    assert_eq!(out.due(ms(600), 9).len(), 1);
    assert_eq!(out.due_at(), Some(ms(1400)));
    assert_eq!(out.due(ms(1400), 9).len(), 1);
    assert_eq!(out.due_at(), Some(ms(2400)), "at most a second");
}

#[test]
fn what_was_overtaken_three_times_is_sent_again_at_once() {
    let mut out = Outbound::default();
    for _ in 0..5 {
        out.sent(ms(0), Bytes::new());
    }
    for (sequence, due) in [(1, 0), (2, 0), (3, 0), (4, 0)] {
        assert_eq!(out.due(ms(1), 9).len(), due);
        out.acknowledged(ms(1), sequence);
    }
    assert!(out.due(ms(1), 9).is_empty(), "sent at the same time, they overtook nothing");
    for n in 6..9 {
        assert!(out.due(ms(n), 9).is_empty());
        out.sent(ms(n), Bytes::new());
        out.acknowledged(ms(n), n as i64 - 1);
    }
    assert_eq!(out.due(ms(9), 9).len(), 1);
    assert!(out.due(ms(9), 9).is_empty(), "once");
}

#[test]
fn the_timeout_follows_the_round_trip() {
    let mut out = Outbound::default();
    for n in 0..100 {
        out.sent(ms(n * 10), Bytes::new());
        out.acknowledged(ms(n * 10 + 2), n as i64);
    }
    out.sent(ms(2000), Bytes::new());
    let due = out.due_at().unwrap() - ms(2000);
    assert!(due < ms(20), "{due:?} for a round trip of 2 ms");
}

#[test]
fn one_lost_for_good_holds_up_nothing() {
    let mut out = Outbound::default();
    for _ in 0..3 {
        out.sent(ms(0), Bytes::new());
    }
    out.acknowledged(ms(1), 1);
    out.acknowledged(ms(1), 2);
    assert!(!out.is_clear() && out.has_room());
    assert_eq!(out.resumed(ms(5)).len(), 1);
    out.acknowledged(ms(6), 77); // never sent
    out.acknowledged(ms(6), 0);
    assert!(out.is_clear());
}

#[test]
fn what_is_not_taken_is_not_acknowledged() {
    let mut inbound = Inbound::default();
    assert_eq!(inbound.arrived(1, 'b', 0), Arrival::Arrived, "behind a gap it is said at once");
    assert_eq!(inbound.take(), None);
    assert_eq!(inbound.arrived(0, 'a', 0), Arrival::Kept);
    assert_eq!(inbound.arrived(0, 'a', 0), Arrival::Ignored, "here, and not taken yet");
    assert_eq!(inbound.arrived(2, 'c', 0), Arrival::Kept, "no gap");
    assert_eq!(inbound.arrived(1, 'b', 0), Arrival::Arrived, "what was said may have been lost");
    let taken = [inbound.take(), inbound.take(), inbound.take(), inbound.take()];
    assert_eq!(taken, [Some(('a', true)), Some(('b', false)), Some(('c', true)), None]);
    assert_eq!(inbound.arrived(2, 'c', 0), Arrival::Arrived);
}

#[test]
fn memory_is_bounded_whatever_the_peer_sends() {
    let mut inbound = Inbound::default();
    for sequence in 1..=KEPT as i64 {
        let said = if sequence <= AHEAD as i64 { Arrival::Arrived } else { Arrival::Kept };
        assert_eq!(inbound.arrived(sequence, (), 0), said);
    }
    assert_eq!(inbound.arrived(KEPT as i64 + 1, (), 0), Arrival::Ignored);
    assert_eq!(inbound.arrived(0, (), 0), Arrival::Kept, "all wait for this one");
    assert_eq!(inbound.arrived(i64::MAX, (), 0), Arrival::Ignored);
}

#[test]
fn long_messages_are_not_kept_without_end() {
    let mut inbound = Inbound::default();
    let kept = (1..1000).filter(|n| inbound.arrived(*n, (), 1 << 20) != Arrival::Ignored).count();
    assert_eq!(kept, KEPT_BYTES >> 20);
    assert_eq!(inbound.arrived(0, (), 1 << 20), Arrival::Kept, "all wait for this one");
    while inbound.take().is_some() {}
    assert_eq!(inbound.arrived(500, (), KEPT_BYTES), Arrival::Arrived, "there is room again");
}

/// A peer that never repeats an acknowledgement, as the plugin: all those under way were lost with a connection.
#[test]
fn a_whole_window_of_lost_acknowledgements_stops_nothing() {
    let mut out = Outbound::default();
    for _ in 0..WINDOW {
        out.sent(ms(0), Bytes::new());
    }
    assert!(!out.has_room());
    let mut now = ms(10);
    out.resumed(now);
    let mut stopped = ms(0);
    for n in 0..5000 {
        now += ms(10);
        if out.has_room() {
            let sequence = out.next_sequence();
            out.sent(now, Bytes::new());
            out.acknowledged(now + ms(5), sequence);
        } else {
            stopped += ms(10);
        }
        out.due(now, WINDOW);
        assert!(n < 500 || out.has_room(), "stopped after {n} turns");
    }
    assert!(stopped < Duration::from_secs(5), "stood still for {stopped:?}");
    assert!(!out.is_clear(), "nobody has said that they arrived");
    now += DOUBT;
    out.due(now, WINDOW);
    assert!(out.is_clear() && out.in_doubt == 0, "they count as taken at last");
}

#[test]
fn a_peer_that_takes_nothing_gets_little_more_than_a_window() {
    let mut out = Outbound::default();
    let mut now = ms(0);
    while now < Duration::from_secs(60) {
        while out.has_room() {
            out.sent(now, Bytes::new());
        }
        out.due(now, 64);
        now += ms(10);
    }
    let sent = out.next_sequence() as usize;
    assert!((WINDOW..WINDOW + 120).contains(&sent), "{sent} in a minute");
}

/// What happens to one transmission, by a number below 100.
#[derive(Debug, Clone, Copy)]
struct Weather {
    loss: u64,
    twice: u64,
    cut: u64,
}

/// A generator whose numbers depend on the seed only.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A sender whose whole window is silent adds one at a time.
const PROBES: usize = 100;

/// Sends so many messages through the weather in virtual time; returns what was taken and how much was kept at most.
fn send_through(seed: u64, count: usize, weather: Weather) -> (Vec<u64>, usize) {
    let mut dice = Dice(seed | 1);
    let (mut out, mut inbound) = (Outbound::default(), Inbound::default());
    // Under way: when it arrives, then which way: a message or an acknowledgement.
    let mut air: BTreeMap<(Duration, u64), Result<(i64, u64), i64>> = BTreeMap::new();
    let (mut now, mut sent, mut stamp, mut taken, mut most) = (ms(0), 0_u64, 0, Vec::new(), 0);
    let read = |frame: &Bytes| u64::from_be_bytes(frame[..].try_into().unwrap());
    while taken.len() < count || !out.is_clear() {
        assert!(now < Duration::from_secs(3600), "it goes on for ever: {} of {count}", taken.len());
        let mut leaving = out.due(now, 64);
        while out.has_room() && (sent as usize) < count && leaving.len() < 64 {
            let frame = Bytes::copy_from_slice(&sent.to_be_bytes());
            out.sent(now, frame.clone());
            leaving.push(frame);
            sent += 1;
        }
        if dice.below(1000) < weather.cut {
            air.clear();
            leaving = out.resumed(now);
        }
        let mut put = |dice: &mut Dice, what: Result<(i64, u64), i64>| {
            let copies = u64::from(dice.below(100) >= weather.loss) + u64::from(dice.below(100) < weather.twice);
            for _ in 0..copies {
                stamp += 1;
                air.insert((now + ms(1 + dice.below(30)), stamp), what);
            }
        };
        for frame in leaving {
            let number = read(&frame);
            put(&mut dice, Ok((number as i64, number)));
        }
        // A consumer that is sometimes busy.
        if dice.below(4) > 0 {
            while let Some((number, is_news)) = inbound.take() {
                if is_news {
                    put(&mut dice, Err(number as i64));
                }
                taken.push(number);
            }
        }
        now += ms(5);
        while let Some(entry) = air.first_entry().filter(|entry| entry.key().0 <= now) {
            match entry.remove() {
                Ok((sequence, number)) => {
                    if inbound.arrived(sequence, number, 8) == Arrival::Arrived {
                        stamp += 1;
                        air.insert((now + ms(1), stamp), Err(sequence));
                    }
                }
                Err(sequence) => out.acknowledged(now, sequence),
            }
        }
        most = most.max(inbound.kept.len());
    }
    (taken, most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn everything_arrives_once_and_in_order(seed: u64, loss in 0_u64..40, twice in 0_u64..40, cut in 0_u64..20) {
        let count = 400;
        let (taken, kept) = send_through(seed, count, Weather { loss, twice, cut });
        prop_assert_eq!(taken, (0..count as u64).collect::<Vec<_>>());
        prop_assert!(kept <= AHEAD + WINDOW + PROBES, "kept {kept}");
    }
}

/// Ten megabytes are 10,240 messages of 1,024 bytes.
#[test]
fn ten_megabytes_arrive_through_bad_weather() {
    for seed in 1..=8 {
        let (taken, _) = send_through(seed * 7919, 10_240, Weather { loss: 10, twice: 10, cut: 3 });
        assert!(taken.iter().copied().eq(0..10_240), "seed {seed}");
    }
}
