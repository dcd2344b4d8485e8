//! The disks that the members of a run have.

use std::time::Duration;

use crate::{
    Counts, DiskOptions, Rng,
    disk::{LineEnds, Naming, System},
};

/// The properties that the disks of one run share.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "disks differ in ways that have nothing to do with each other")]
pub(crate) struct Disks {
    pub(crate) are_odd: bool,
    pub(crate) lose_hints: bool,
    pub(crate) convert: bool,
    pub(crate) have_systems: bool,
    /// True if every member's folder has a name with an accent.
    pub(crate) are_accented: bool,
}

impl Disks {
    /// Draws the disk of one member.
    pub(crate) fn draw(self, rng: &mut Rng) -> DiskOptions {
        let mut options = DiskOptions::default();
        if self.are_odd {
            options.staging_elsewhere = rng.chance(400);
            options.is_shared = rng.chance(300);
            options.naming = Naming { folds_case: rng.chance(300), decomposes: rng.chance(200) };
            options.looks_before_renaming = rng.chance(300);
            options.hides_online_only = rng.chance(400);
            options.fetches = rng.chance(300);
            let granularities = [1, 10_000_000, 1_000_000_000, 2_000_000_000].map(Duration::from_nanos);
            options.granularity = rng.pick(&granularities).copied().unwrap_or(options.granularity);
            options.length_first = rng.chance(500);
            options.reading_moves_times = rng.chance(200);
        }
        if self.lose_hints {
            options.lost_hints = rng.pick(&[100, 500, 1000]).copied().unwrap_or(1000);
        }
        if self.convert && rng.chance(400) {
            options.line_ends = rng.pick(&[LineEnds::Added, LineEnds::Dropped]).copied();
        }
        if self.have_systems {
            options.system = System::draw(rng);
            (options.is_accented, options.is_linked) = (self.are_accented, true);
            // Windows can always rename without replacing.
            options.looks_before_renaming &= !options.system.is_windows();
        }
        options
    }
}

/// Counts a run whose members use different systems.
pub(crate) fn count_systems(systems: &[System], counts: &mut Counts) {
    let kinds = [System::is_windows, System::is_mac, |system| system == System::Linux];
    if kinds.iter().filter(|is| systems.iter().any(|&system| is(system))).count() > 1 {
        counts.add("several systems");
    }
}
