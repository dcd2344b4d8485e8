//! `tempo`: messages through a shared folder, from a terminal.

#![allow(clippy::print_stderr, reason = "this is a program for terminals")]

mod arguments;
mod chat;
mod demo;
mod doctor;
mod export;
mod failure;
mod files;
mod log;
mod manual;
mod member;
mod output;
mod pack;
mod parts;
mod progress;
mod relay;
mod retire;
mod seen;
mod send;
mod sessions;
mod stable;
mod status;
mod summary;
mod unread;
mod watch;
mod who;

use std::{
    io,
    process::{self, ExitCode},
};

use anstream::ColorChoice;
use arguments::{Color, Command, Tempo};
use clap::Parser;
use failure::Failure;
use tracing::Level;

fn main() -> ExitCode {
    let tempo = Tempo::parse();
    let local = &tempo.local;
    logs(tempo.verbose);
    match tempo.color {
        Color::Auto => {}
        Color::Always => ColorChoice::Always.write_global(),
        Color::Never => ColorChoice::Never.write_global(),
    }
    let done = match tempo.command {
        Command::Demo => demo::run(),
        Command::Chat { folder, name } => chat::run(&folder.path, local, name),
        Command::Send { folder, texts, files, .. } if files.is_empty() => send::run(&folder.path, local, &texts),
        Command::Send { folder, texts, files, no_copy } => {
            send::with_files(&folder.path, local, &texts, &files, no_copy)
        }
        Command::Files { folder, put_back: Some(file), .. } => files::put_back(&folder.path, local, &file),
        Command::Files { folder, json, .. } => files::list(&folder.path, local, json),
        Command::Get { folder, file, to } => files::get(&folder.path, local, &file, &to),
        Command::Release { folder, files } => files::release(&folder.path, local, &files),
        Command::Log { folder, follow, json } => log::run(&folder.path, local, follow, json),
        Command::Export { check: Some(file), json, .. } => export::check(&file, json),
        Command::Export { path, .. } => export::run(&path.unwrap_or_default(), local),
        Command::Watch { folder, json } => watch::run(&folder.path, local, json),
        Command::Status { folder, json } => status::run(&folder.path, local, json),
        Command::Doctor { folder, json, fix } => doctor::run(&folder.path, local, json, fix),
        Command::Parts { folder, said, json } => parts::run(&folder.path, local, &said, json),
        Command::Pack { folder, at_once } => pack::run(&folder.path, local, at_once),
        Command::Relay { folder, who } => relay::run(&folder.path, local, &who),
        Command::Retire { folder, who } => retire::retire(&folder.path, local, &who),
        Command::Leave { folder, delete: false, .. } => retire::leave(&folder.path, local),
        Command::Leave { folder, lose, .. } => retire::leave_for_good(&folder.path, local, lose),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { to } => manual::pages(to.as_deref()),
        Command::Sessions { json } => sessions::run(local, json),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of our output wants no more.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => process::exit(0),
        Err(Failure::Told { code }) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("tempo: {failure}");
            failure.exit_code()
        }
    }
}

/// Writes what the library tells to standard error.
fn logs(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => Level::INFO,
        2 => Level::DEBUG,
        _ => Level::TRACE,
    };
    tracing_subscriber::fmt().with_max_level(level).with_ansi(false).with_writer(io::stderr).init();
}
