//! How many schedules the simulator does: `cargo bench --profile sim -p tempo-sim`.
//!
//! The figure that criterion prints as elements a second is schedules a second, on one core; a sweep does as many on
//! each. Nothing is recorded, as in a sweep.

use std::{hint::black_box, ops::Range, time::Duration};

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use mimalloc::MiMalloc;
use tempo_sim::{CHAOS, Plan};

/// As in the command.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The seeds of one measurement. They follow each other and are always the same: faults and disks come in the mix of a
/// sweep, the real database (one seed in 32) included, and two measurements differ by the code alone.
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
