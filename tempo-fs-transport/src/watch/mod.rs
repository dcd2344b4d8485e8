//! Hints that something may have changed.

pub(crate) mod signal;
