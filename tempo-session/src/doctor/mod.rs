//! A diagnosis for people: what is wrong, what it means, whether anything is lost, and what to do.
//!
//! [`diagnose`] is a pure function of a [`Status`](crate::Status) and of the [`Surroundings`] of the session. An
//! application shows the findings in its own window; `tempo doctor` prints them.
//! [`Builder::check_up`](crate::Builder::check_up) examines a folder without running a session, and
//! without writing anything, anywhere.

mod around;
mod beside;
mod checkup;
mod compare;
mod contents;
mod diagnosis;
mod files;
mod finding;
mod foreign;
mod history;
mod members;
mod reading;
mod words;

pub use around::{LocalStore, Surroundings};
pub use checkup::{Checkup, TidyError};
pub use compare::{Lag, Vanished};
pub use diagnosis::diagnose;
pub use files::{FileFound, FileVolume, FilesFound, OwnFile};
pub use finding::{Finding, FindingKind, Loss, Severity};

#[cfg(test)]
mod tests;
