//! What kind of failure an error is, for programs.

pub(crate) mod error_kind;

mod below;
mod own;
