//! Benchmarks of clocks and sets of counters: `cargo bench -p tempo-clock`.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use tempo_clock::{Counters, Lamport, LamportClock, LogicalClock};

fn clock(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("clock");
    let mut clock = LamportClock::default();
    group.bench_function("tick", |bencher| bencher.iter(|| black_box(&mut clock).tick()));
    let mut time = 0;
    group.bench_function("observe", |bencher| {
        bencher.iter(|| {
            time += 1;
            black_box(&mut clock).observe(black_box(Lamport(time)))
        });
    });
    group.finish();
}

/// Inserts counters in order, with gaps, and into the gaps.
fn counters(criterion: &mut Criterion) {
    const GAPS: u64 = 1000;
    let mut group = criterion.benchmark_group("counters");
    let (mut dense, mut next) = (Counters::default(), 0);
    group.bench_function("insert, in order", |bencher| {
        bencher.iter(|| {
            next += 1;
            black_box(&mut dense).insert(black_box(next))
        });
    });
    let sparse: Counters = (1..=GAPS).map(|run| run * 2).collect();
    group.bench_function("insert, into the middle of 1,000 gaps", |bencher| {
        bencher.iter_batched_ref(|| sparse.clone(), |sparse| sparse.insert(black_box(GAPS + 1)), BatchSize::SmallInput);
    });
    group.bench_function("contains, among 1,000 gaps", |bencher| {
        bencher.iter(|| black_box(&sparse).contains(black_box(GAPS + 1)));
    });
    group.finish();
}

criterion_group!(benches, clock, counters);
criterion_main!(benches);
