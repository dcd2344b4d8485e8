//! A model of the protocol, explored in every order of events by [stateright](https://docs.rs/stateright).
//!
//! Authors make messages, files travel one at a time in any order, power fails, a store is cloned, a member comes late.
//! In every state that can come of it, within the bounds of a [`config::Config`], the [`properties`] must hold; and
//! each defect that can be planted must break one of them.
//!
//! The model speaks of messages and what follows from them, not of bytes: a message is a bit in a set, a file is whole
//! or not there, two contents with one name lie in a folder as file and conflict copy. The stable prefix is modeled
//! as it is meant to be built: computed from what is durable, with heads that say which messages were written before
//! them, and remembered. What could be told apart by nobody happens in one step: without crashes to come everything is
//! durable at once, and unless a configuration is slow, what arrives is collected.
//!
//! The short form runs with every test. `TEMPO_MODEL=long cargo test --release -p tempo-sim --test model --
//! --nocapture` explores some ten million states in a few minutes.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may fail loudly, and tells how long it took"
)]

mod action;
mod config;
mod defects;
mod explorations;
mod member;
mod message;
mod properties;
mod run;
mod set;
mod state;
