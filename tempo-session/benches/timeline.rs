//! Accepting messages into the timeline: `cargo bench -p tempo-session --bench timeline`.
//!
//! The timeline has no public interface of its own, so this goes through the core. "hidden"
//! messages are of a kind that the timeline does not show, but are otherwise the same; the
//! difference to "shown" ones is the cost of the timeline.

#![allow(clippy::pedantic, clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark may fail loudly")]

use std::cmp::Reverse;

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use tempo_clock::{AuthorId, Lamport};
use tempo_message::{Frame, Kind, Message, MessageId};
use tempo_session::core::{Input, Intake, Output, SessionCore};
use uuid::Uuid;

const MESSAGES: u64 = 20_000;
const AUTHORS: u64 = 4;

/// Authors that write in turn without knowing each other, so that their messages can come in any
/// order.
fn history(kind: Kind) -> Vec<Frame> {
    let mut last: Vec<Option<Frame>> = vec![None; AUTHORS as usize];
    let next = |number: u64| {
        let at = (number % AUTHORS) as usize;
        let author = AuthorId::new(Uuid::from_u64_pair(0x7b0e_8e4e_3f53_4c36, number % AUTHORS));
        let counter = number / AUTHORS + 1;
        let message = Message {
            id: MessageId { author, counter },
            lamport: Lamport(counter),
            unix_ms: 1_764_000_000_000,
            previous: last[at].as_ref().map(Frame::digest),
            parents: Vec::new(),
            kind,
            key: None,
            attachments: Vec::new(),
            extensions: Vec::new(),
            payload: Bytes::new(),
        };
        let frame = Frame::encode(&message).expect("it is a message");
        last[at] = Some(frame.clone());
        frame
    };
    (0..MESSAGES).map(next).collect()
}

fn accept(core: &mut SessionCore, frames: &[Frame]) {
    for frame in frames {
        assert_eq!(core.handle(Input::Received(frame)), Intake::Accepted);
        while core.poll() != Output::Idle {}
    }
}

fn timeline(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("timeline");
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    for (name, kind) in [("shown", Kind::Payload), ("hidden", Kind::Successor)] {
        let mut measure = |order: &str, before: &[Frame], measured: &[Frame]| {
            group.throughput(Throughput::Elements(measured.len() as u64));
            group.bench_function(BenchmarkId::new(order, name), |bencher| {
                let begin = || {
                    let mut core = SessionCore::new(None);
                    accept(&mut core, before);
                    core
                };
                bencher.iter_batched_ref(begin, |core| accept(core, measured), BatchSize::LargeInput);
            });
        };
        let ordered = history(kind);
        measure("in order", &[], &ordered);
        let mut near = ordered.clone();
        near.chunks_mut(2 * AUTHORS as usize).for_each(|block| block.sort_by_key(|frame| Reverse(frame.id().author)));
        measure("near", &[], &near);
        let (late, before): (Vec<Frame>, Vec<Frame>) =
            ordered.iter().cloned().partition(|frame| frame.id().author == ordered[0].id().author);
        measure("late", &before, &late);
    }
    group.finish();
}

criterion_group!(benches, timeline);
criterion_main!(benches);
