//! Logical clocks.

use std::{hint::black_box, time::SystemTime};

use tempo_clock::{Lamport, LamportClock, LogicalClock};

use super::Effort;
use crate::{
    rounds::{Variant, each_of, interleave},
    table::{Bound, Row, Unit},
};

pub(super) fn rows(Effort { rounds, times }: Effort) -> Vec<Row> {
    let (mut ticking, mut observing) = (LamportClock::default(), LamportClock::default());
    let (hybrid, other) = (uhlc::HLC::default(), uhlc::HLC::default());
    let received: Vec<uhlc::Timestamp> = (0..times).map(|_| other.new_timestamp()).collect();
    let mut next = 0_u64;
    let measured = interleave(
        rounds,
        vec![
            Variant::new("tick", || each_of(times, || black_box(&mut ticking).tick())),
            Variant::new("observe", || {
                each_of(times, || {
                    next += 1;
                    black_box(&mut observing).observe(black_box(Lamport(next)))
                })
            }),
            Variant::new("uhlc tick", || each_of(times, || black_box(&hybrid).new_timestamp())),
            Variant::new("uhlc observe", || {
                let mut received = received.iter();
                each_of(times, || received.next().map(|time| black_box(&hybrid).update_with_timestamp(time)))
            }),
            Variant::new("wall clock", || each_of(times, SystemTime::now)),
        ],
    );
    let of = |name: &str| measured.of(name).clone();
    vec![
        Row::new("clock", "clock tick", Unit::Nanoseconds, of("tick"))
            .floor(Bound::figure(2.0))
            .peer(Bound::at_most(0.05, "uhlc, a new timestamp", of("uhlc tick")))
            .also("the wall clock", of("wall clock")),
        Row::new("clock", "clock observe", Unit::Nanoseconds, of("observe"))
            .floor(Bound::figure(4.0))
            .peer(Bound::at_most(0.05, "uhlc, an update", of("uhlc observe"))),
    ]
}
