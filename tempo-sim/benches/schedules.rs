//! Measures how many schedules the simulator runs: `cargo bench --profile sim -p tempo-session-sim`.
//!
//! What criterion prints as elements per second is schedules per second on one core. A sweep reaches this rate on
//! each core. Nothing is recorded, as in a sweep.

use std::{hint::black_box, ops::Range, time::Duration};

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use mimalloc::MiMalloc;
use tempo_sim::{CHAOS, Plan};

/// The command uses this allocator too.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The seeds of one measurement. They are consecutive and always the same, so faults and disks have the proportions
/// of a sweep, including the real database (one seed in 32), and two measurements differ only by the code.
const SEEDS: Range<u64> = 1..129;

fn schedules(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("schedules");
    group.throughput(Throughput::Elements(SEEDS.end - SEEDS.start));
    group.sampling_mode(SamplingMode::Flat).sample_size(10).measurement_time(Duration::from_secs(20));
    for (name, members, messages) in [("standard, 5 x 20", 5, 20), ("small, 3 x 8", 3, 8)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for seed in SEEDS {
                    let plan = Plan::from_seed(seed, &CHAOS, members, messages);
                    let outcome = black_box(plan.execute(false));
                    // A run that ends early is fast for the wrong reason.
                    assert!(outcome.failure.is_none(), "{:?}: {}", outcome.failure, plan.command());
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, schedules);
criterion_main!(benches);
