//! `tempo`: messages through a shared folder, from a terminal.

#![allow(clippy::print_stderr, reason = "this is a program for terminals")]

mod chat;
mod demo;
mod doctor;
mod failure;
mod log;
mod member;
mod output;
mod pack;
mod pieces;
mod progress;
mod relay;
mod seen;
mod send;
mod stable;
mod status;
mod unread;

use std::{
    path::PathBuf,
    process::{self, ExitCode},
};

use clap::{Args, Parser, Subcommand};
use failure::Failure;

/// Messages through a shared folder, in one order that is the same for everybody.
#[derive(Debug, Parser)]
#[command(name = "tempo", version, disable_help_subcommand = true)]
struct Tempo {
    #[command(flatten)]
    local: Local,
    #[command(subcommand)]
    command: Command,
}

/// What is this person's own affair.
#[derive(Debug, Args)]
struct Local {
    /// Where the local store lives, so that several members fit on one machine [default: the platform's data directory]
    #[arg(long, global = true, value_name = "DIR", env = "TEMPO_STATE", hide_env = true)]
    state: Option<PathBuf>,
    /// Have the service fetch files that are only online, by opening them
    #[arg(long, global = true)]
    download: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Several members, a shared folder, a conversation, and the same timeline for all
    Demo,
    /// Type lines, see everybody's as they arrive, and who has seen yours
    ///
    /// A line counts as seen once it has reached somebody's device and that has come back through the folder, which
    /// takes up to a minute and a half, and however long the service takes. The line `/seen` shows your last ten lines
    /// and who has seen each. Every other line is sent as you type it; to send the text `/seen` itself, type `//seen`.
    Chat {
        #[command(flatten)]
        folder: Folder,
        /// The name that others see
        #[arg(long)]
        name: Option<String>,
    },
    /// Send one message per TEXT, or per line of standard input; prints the id of each once it is safe
    Send {
        #[command(flatten)]
        folder: Folder,
        /// The messages
        #[arg(value_name = "TEXT")]
        texts: Vec<String>,
    },
    /// The timeline, in order
    ///
    /// A line on standard error marks where the stable part ends: what stands before it keeps its place, unless a newcomer of
    /// whom nothing was known comes before it; what follows may still move. Standard output is the same for everybody who has
    /// the same messages.
    ///
    /// Standard error also says how many files could not be read, and why; with `--json` as an object.
    Log {
        #[command(flatten)]
        folder: Folder,
        /// Go on with what arrives
        #[arg(long)]
        follow: bool,
        /// One object per line
        #[arg(long)]
        json: bool,
    },
    /// Members, what is stable, what is missing, what waits, and what else lies in the folder
    Status {
        #[command(flatten)]
        folder: Folder,
        /// One object
        #[arg(long)]
        json: bool,
    },
    /// Everything that is wrong, what it means, whether anything is lost, and what to do; writes nothing, joins nothing
    ///
    /// Exit codes: 0 nothing is wrong, 1 something wants attention, 2 the folder could not be looked at.
    Doctor {
        #[command(flatten)]
        folder: Folder,
        /// One object
        #[arg(long)]
        json: bool,
        /// Remove from your own directory the copies that are equal, byte for byte, to the message beside them
        #[arg(long)]
        fix: bool,
    },
    /// Put your own messages into few large files, which services carry and keep more cheaply
    ///
    /// This is done by itself to what is not quite new. The small files are removed after a day, once the others are known
    /// to have what is in them.
    Pack {
        #[command(flatten)]
        folder: Folder,
        /// Remove the small files now, without waiting for anybody
        #[arg(long)]
        at_once: bool,
    },
    /// Put another member's messages that you have, and that lie nowhere in the folder, back into it
    ///
    /// When somebody leaves and its files go with it, whoever joins later waits for them. An open session puts them back by
    /// itself, but takes hours to be sure that their author does not. They lie in a directory of yours, and stay what they are.
    Relay {
        #[command(flatten)]
        folder: Folder,
        /// The member's name, or the beginning of its author
        #[arg(value_name = "WHO")]
        who: String,
    },
    /// What lies beside the session folder and has to do with it; or say what it is, for good
    ///
    /// A sync service may split a session folder, and people copy one to begin another. What lies in both shows which it is, as a
    /// rule. Where it does not, nothing is read until somebody says so. That is remembered in the local state for both
    /// directories, wherever they are moved to.
    Pieces {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        said: pieces::Said,
        /// One object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct Folder {
    /// A folder whose name ends in .session
    #[arg(value_name = "FOLDER")]
    path: PathBuf,
}

fn main() -> ExitCode {
    let tempo = Tempo::parse();
    let local = &tempo.local;
    let done = match tempo.command {
        Command::Demo => demo::run(),
        Command::Chat { folder, name } => chat::run(&folder.path, local, name),
        Command::Send { folder, texts } => send::run(&folder.path, local, &texts),
        Command::Log { folder, follow, json } => log::run(&folder.path, local, follow, json),
        Command::Status { folder, json } => status::run(&folder.path, local, json),
        Command::Doctor { folder, json, fix } => doctor::run(&folder.path, local, json, fix),
        Command::Pieces { folder, said, json } => pieces::run(&folder.path, local, &said, json),
        Command::Pack { folder, at_once } => pack::run(&folder.path, local, at_once),
        Command::Relay { folder, who } => relay::run(&folder.path, local, &who),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has had enough.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => process::exit(0),
        Err(Failure::Told { code }) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("tempo: {failure}");
            failure.exit_code()
        }
    }
}
