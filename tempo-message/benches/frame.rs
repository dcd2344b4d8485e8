//! Benchmarks of encoding and decoding frames: `cargo bench -p tempo-message`.
//!
//! Most of the time goes into the digest, so the digest is also measured alone.

#![allow(clippy::expect_used, reason = "a benchmark may fail loudly")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tempo_message::{AuthorId, Decoded, Digest, Frame, Kind, Lamport, Message, MessageId, Parent};
use uuid::Uuid;

/// Returns the second message of an author, with one parent from each of `parents` other authors.
fn message(payload: usize, parents: u64) -> Message {
    let author = |number| AuthorId::new(Uuid::from_u64_pair(0x7b0e_8e4e_3f53_4c36, number));
    let digest = Digest::of(b"what came before");
    Message {
        id: MessageId { author: author(0), counter: 2 },
        lamport: Lamport(1000),
        unix_ms: 1_764_000_000_000,
        previous: Some(digest),
        parents: (1..=parents).map(|number| Parent { author: author(number), counter: 300, digest }).collect(),
        kind: Kind::Payload,
        key: None,
        attachments: Vec::new(),
        extensions: Vec::new(),
        payload: vec![0x5a; payload].into(),
    }
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    for (payload, parents) in [(256, 0), (256, 3), (64 * 1024, 0)] {
        let message = message(payload, parents);
        let frame = Frame::encode(&message).expect("it is a message");
        let content: Bytes = frame.bytes().slice(..frame.bytes().len() - Digest::LEN);
        let about = format!("{payload} bytes, {parents} parents");
        group.throughput(Throughput::Bytes(frame.bytes().len() as u64));
        group.bench_function(BenchmarkId::new("encode", &about), |bencher| {
            bencher.iter(|| Frame::encode(black_box(&message)));
        });
        group.bench_function(BenchmarkId::new("decode", &about), |bencher| {
            bencher.iter(|| assert!(matches!(Frame::decode(black_box(frame.bytes())), Decoded::Whole(_))));
        });
        group.bench_function(BenchmarkId::new("digest alone", &about), |bencher| {
            bencher.iter(|| Digest::of(black_box(&content)));
        });
    }
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
