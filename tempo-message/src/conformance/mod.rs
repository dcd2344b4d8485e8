//! The conformance suites of [`Transport`](crate::Transport) and [`Parts`](crate::Parts): one test per clause of their
//! contracts.
//!
//! A transport runs it in its own tests:
//!
//! ```
//! use tempo_message::{MemoryMedium, MemoryTransport, conformance::Arena};
//!
//! struct Memory(MemoryMedium);
//!
//! impl Arena for Memory {
//!     type Transport = MemoryTransport;
//!
//!     fn member(&self) -> MemoryTransport {
//!         self.0.transport()
//!     }
//! }
//!
//! tempo_message::conformance_suite!(Memory(MemoryMedium::default()));
//! // A transport that carries files:
//! tempo_message::conformance_suite!(parts: Memory(MemoryMedium::default()));
//! ```

// A broken clause has to stop its test, and a panic is how tests say so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::missing_panics_doc)]

mod carrying;
mod heads;
mod parts;
mod relaying;
mod script;
mod taking;
mod waiting;

pub use carrying::*;
pub use heads::*;
pub use parts::*;
pub use relaying::*;
pub use script::{Arena, Script, gather};
pub use taking::*;
pub use waiting::*;

/// Makes a test of every clause; the expression makes a fresh [`Arena`] for each.
#[macro_export]
macro_rules! conformance_suite {
    ($arena:expr) => {
        $crate::conformance_suite! { @tests $arena;
            c01_carries_what_was_published_to_every_member,
            c02_publishing_is_create_only,
            c03_publishing_equal_bytes_again_changes_nothing,
            c04_known_frames_are_skipped,
            c05_an_authors_frames_come_in_counter_order,
            c06_a_collect_keeps_to_its_budget,
            c07_every_author_gets_its_turn,
            c08_later_means_again,
            c09_done_means_once,
            c10_gaps_hold_back_nothing,
            c11_own_frames_are_collected_too,
            c12_a_recheck_hands_up_what_is_known,
            c13_the_inventory_is_exact,
            c14_a_wait_ends_after_its_timeout,
            c15_the_waker_ends_a_wait,
            c16_joining_is_repeatable,
            c17_the_last_head_is_handed_up,
            c18_packs_carry_their_messages,
            c19_relays_carry_what_others_wrote,
        }
    };
    (parts: $arena:expr) => {
        $crate::conformance_suite! { @tests $arena;
            p01_carries_parts_to_every_member,
            p02_other_bytes_are_never_put,
            p03_putting_again_changes_nothing,
            p04_looks_without_reading,
            p05_any_authors_part_is_read,
            p06_an_author_removes_only_its_own,
            p07_a_reader_ends_the_reading,
            p08_a_source_that_fails_leaves_nothing,
            p09_parts_disturb_no_messages,
            p10_the_inventory_of_parts_is_exact,
        }
    };
    (@tests $arena:expr; $($clause:ident,)*) => {
        $(#[test]
        fn $clause() {
            $crate::conformance::$clause(&$arena);
        })*
    };
}
