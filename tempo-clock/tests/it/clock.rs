//! The clock advances past everything it has seen; the stamp is a total order that respects causes.

use proptest::prelude::*;
use tempo_clock::{AuthorId, ClockExhausted, Lamport, LamportClock, LogicalClock, Stamp};
use uuid::Uuid;

#[derive(Debug, Clone)]
enum Step {
    Tick,
    Observe(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Tick),
        any::<u64>().prop_map(Step::Observe),
        (0_u64..50).prop_map(Step::Observe),
        (u64::MAX - 5..=u64::MAX).prop_map(Step::Observe),
    ]
}

fn stamp() -> impl Strategy<Value = Stamp> {
    (0_u64..4, -2_i64..2, 0_u128..3).prop_map(|(lamport, unix_ms, author)| Stamp {
        lamport: Lamport(lamport),
        unix_ms,
        author: AuthorId::new(Uuid::from_u128(author)),
    })
}

proptest! {
    #[test]
    fn the_clock_keeps_the_greatest_time(steps in prop::collection::vec(step(), 0..60)) {
        let mut clock = LamportClock::default();
        let mut greatest = 0_u64;
        for step in steps {
            match step {
                Step::Tick => match clock.tick() {
                    Ok(time) => {
                        prop_assert!(time.0 == greatest + 1);
                        greatest = time.0;
                    }
                    Err(ClockExhausted) => prop_assert_eq!(greatest, u64::MAX),
                },
                Step::Observe(time) => {
                    let is_bounded = time.saturating_sub(greatest) <= LamportClock::MAX_DRIFT;
                    prop_assert_eq!(clock.observe(Lamport(time)).is_ok(), is_bounded);
                    if is_bounded {
                        greatest = greatest.max(time);
                    }
                }
            }
            prop_assert_eq!(clock.latest(), Lamport(greatest));
        }
    }

    #[test]
    fn observing_is_idempotent_and_commutes(a: u64, b: u64) {
        let observed = |times: &[u64]| {
            let mut clock = LamportClock::with_max_drift(u64::MAX);
            times.iter().for_each(|&time| clock.observe(Lamport(time)).unwrap());
            clock
        };
        prop_assert_eq!(observed(&[a, b]), observed(&[b, a, b, b]));
    }

    #[test]
    fn the_order_is_lexicographic(a in stamp(), b in stamp()) {
        let key = |s: &Stamp| (s.lamport.0, s.unix_ms, s.author.uuid().as_u128());
        prop_assert_eq!(a.cmp(&b), key(&a).cmp(&key(&b)));
        prop_assert_eq!(a == b, key(&a) == key(&b));
    }

    #[test]
    fn only_the_canonical_spelling_is_an_author(value: u128) {
        let author = AuthorId::new(Uuid::from_u128(value));
        let text = author.to_string();
        prop_assert_eq!(text.parse::<AuthorId>(), Ok(author));
        prop_assert!(text.replace('-', "").parse::<AuthorId>().is_err());
        let braced = format!("{{{text}}}");
        prop_assert!(braced.parse::<AuthorId>().is_err());
        let upper = text.to_uppercase();
        prop_assert_eq!(upper.parse::<AuthorId>().is_ok(), upper == text);
    }
}

#[test]
fn the_clock_reports_its_end_and_stays_there() {
    let mut clock = LamportClock::with_max_drift(u64::MAX);
    clock.observe(Lamport(u64::MAX - 1)).unwrap();
    assert_eq!(clock.tick(), Ok(Lamport(u64::MAX)));
    assert_eq!(clock.tick(), Err(ClockExhausted));
    assert_eq!(clock.latest(), Lamport(u64::MAX));
}

#[test]
fn an_invented_time_does_not_stop_the_clock() {
    let mut clock = LamportClock::default();
    clock.observe(Lamport(7)).unwrap();
    let error = clock.observe(Lamport(u64::MAX)).unwrap_err();
    assert_eq!(error.to_string(), "the logical time 18446744073709551615 is more than 4294967296 ahead of 7");
    assert_eq!(clock.tick(), Ok(Lamport(8)));
    // The bound is on the step, and moves with the clock.
    clock.observe(Lamport(8 + LamportClock::MAX_DRIFT)).unwrap();
    assert!(clock.observe(Lamport(9 + 2 * LamportClock::MAX_DRIFT)).is_err());
    assert_eq!(clock.latest(), Lamport(8 + LamportClock::MAX_DRIFT));
    // An earlier time is never too far.
    assert_eq!(LamportClock::with_max_drift(0).observe(Lamport::ZERO), Ok(()));
}

#[test]
fn an_extreme_wall_clock_is_shown_clamped_and_compared_raw() {
    let at = |unix_ms| Stamp { lamport: Lamport(1), unix_ms, author: AuthorId::new(Uuid::nil()) };
    assert!(at(i64::MIN) < at(-1) && at(-1) < at(0) && at(0) < at(i64::MAX));
    assert_eq!(at(-5).shown_unix_ms(), 0);
    assert_eq!(at(1_700_000_000_000).shown_unix_ms(), 1_700_000_000_000);
    assert_eq!(at(i64::MAX).shown_unix_ms(), 253_402_300_799_999);
}
