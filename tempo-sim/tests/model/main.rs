//! A model of the protocol, explored in every order of events by [stateright](https://docs.rs/stateright).
//!
//! Authors create messages, files travel one at a time in any order, power fails, a store is cloned, a member joins
//! late. The [`properties`] must hold in every resulting state within the bounds of a [`config::Config`], and each
//! defect that can be planted must violate one of them.
//!
//! The model deals with messages and their consequences, not with bytes. A message is a bit in a set, a file is whole
//! or absent, and two contents with one name are in a folder as file and conflict copy. The stable prefix is modeled
//! as intended: computed from durable messages, with heads that say which messages were written before them, and
//! remembered. Steps that no member could distinguish are one step. Without further crashes everything is durable at
//! once, and unless a configuration is slow, arrivals are collected at once.
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
    reason = "a test may fail loudly, and reports how long it took"
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
