//! `tempo`: messages through a shared folder, from a terminal.

#![allow(clippy::print_stderr, reason = "this is a program for terminals")]

mod chat;
mod demo;
mod doctor;
mod export;
mod failure;
mod files;
mod log;
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
mod unread;
mod watch;
mod who;

use std::{
    path::PathBuf,
    process::{self, ExitCode},
};

use clap::{Args, Parser, Subcommand};
use failure::Failure;

/// Exchange messages through a shared folder, in one order that is the same for every member.
#[derive(Debug, Parser)]
#[command(name = "tempo", version, disable_help_subcommand = true)]
struct Tempo {
    #[command(flatten)]
    local: Local,
    #[command(subcommand)]
    command: Command,
}

/// The options about this machine.
#[derive(Debug, Args)]
struct Local {
    /// The directory of the local store, so that one machine can have several members [default: the
    /// command's own directory in the platform's data directory]
    #[arg(long, global = true, value_name = "DIR", env = "TEMPO_STATE", hide_env_values = true)]
    state: Option<PathBuf>,
    /// Make the service fetch files that are only online, by opening them
    #[arg(long, global = true)]
    download: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run several members over one shared folder, and show that their timelines are equal
    Demo,
    /// Send each line that you type, show what arrives, and show which members have seen your
    /// messages
    ///
    /// A line counts as seen once it has reached another member's device and word of that has come
    /// back through the folder. This takes up to a minute and a half, plus the time that the sync
    /// service needs. The line `/seen` shows your last ten lines and the members that have seen
    /// each. Every other line is sent as you type it; to send the text `/seen` itself, type
    /// `//seen`.
    Chat {
        #[command(flatten)]
        folder: Folder,
        /// The name that other members see
        #[arg(long)]
        name: Option<String>,
    },
    /// Send one message per TEXT, or per line of standard input; print the id of each once it is
    /// safe
    Send {
        #[command(flatten)]
        folder: Folder,
        /// The messages
        #[arg(value_name = "TEXT")]
        texts: Vec<String>,
        /// Send this file with the message, of which there is then only one; may be given up to 16 times
        #[arg(long = "file", value_name = "PATH")]
        files: Vec<PathBuf>,
        /// Keep no copy of the files: leave them unchanged until they are in the folder
        #[arg(long, requires = "files")]
        no_copy: bool,
    },
    /// List the files that messages name, and where they are
    Files {
        #[command(flatten)]
        folder: Folder,
        /// Put the parts of this file of yours back that somebody has removed from the folder
        #[arg(long, value_name = "FILE")]
        put_back: Option<String>,
        /// Print one object
        #[arg(long, conflicts_with = "put_back")]
        json: bool,
    },
    /// Write a file that a message names into a directory, checked, under a name that is free there; print its path
    ///
    /// Waits as long as parts of it arrive.
    Get {
        #[command(flatten)]
        folder: Folder,
        /// The file's name, or the beginning of its id
        #[arg(value_name = "FILE")]
        file: String,
        /// The directory
        #[arg(long, value_name = "DIR", default_value = ".")]
        to: PathBuf,
    },
    /// Say that files of yours are no longer needed, so that they are removed from the folder
    ///
    /// The other members hear of it first, and have a week to get them. The messages stay.
    Release {
        #[command(flatten)]
        folder: Folder,
        /// The files' names, or the beginnings of their ids
        #[arg(value_name = "FILE", required = true)]
        files: Vec<String>,
    },
    /// Print the timeline, in order
    ///
    /// A line on standard error marks where the stable part ends. The messages before it keep their
    /// places, unless a message of an unknown newcomer or of a retired member comes before them; the messages after it may
    /// still move. Standard output is identical for all members that have the same messages.
    ///
    /// Standard error also says how many files could not be read, and why; with `--json` as an
    /// object.
    Log {
        #[command(flatten)]
        folder: Folder,
        /// Keep running and print new messages
        #[arg(long)]
        follow: bool,
        /// Print one object per line
        #[arg(long)]
        json: bool,
    },
    /// Print the history as lines of JSON, or check such lines
    ///
    /// The last line has a digest of all the others, so that a check notices a line that is missing or changed. A check
    /// only reports; it puts nothing into a session. Messages that wait for others are not in the history, nor is the
    /// content of files.
    Export {
        /// A folder whose name ends in .session
        #[arg(value_name = "FOLDER", required_unless_present = "check")]
        path: Option<PathBuf>,
        /// Report what this file contains, and whether it is whole
        #[arg(long, value_name = "FILE", conflicts_with = "path")]
        check: Option<PathBuf>,
        /// Print the report as one object
        #[arg(long, requires = "check")]
        json: bool,
    },
    /// Print what happens as it happens: first the messages that are here, then everything that changes
    ///
    /// Runs until it is interrupted. It writes nothing, so that a session may be open meanwhile.
    Watch {
        #[command(flatten)]
        folder: Folder,
        /// Print each event as one object
        #[arg(long)]
        json: bool,
    },
    /// Print members, what is stable, what is missing, what is waiting, and the other files in the
    /// folder
    Status {
        #[command(flatten)]
        folder: Folder,
        /// Print one object
        #[arg(long)]
        json: bool,
    },
    /// Explain everything that is wrong, what it means, whether data is lost, and what to do;
    /// writes nothing
    ///
    /// Exit codes: 0 nothing is wrong, 1 something needs attention, 2 the folder could not be
    /// examined.
    Doctor {
        #[command(flatten)]
        folder: Folder,
        /// Print one object
        #[arg(long)]
        json: bool,
        /// Remove from your own directory the copies that are equal, byte for byte, to the message
        /// beside them
        #[arg(long)]
        fix: bool,
    },
    /// Pack your own messages into a few large files, which services carry and keep more cheaply
    ///
    /// This happens automatically to all but the latest messages. The small files are removed after
    /// a day, once the other members are known to have their content.
    Pack {
        #[command(flatten)]
        folder: Folder,
        /// Remove the small files now, without waiting for other members
        #[arg(long)]
        at_once: bool,
    },
    /// Put back another member's messages that you have and that are nowhere in the folder
    ///
    /// When a member leaves and its files disappear with it, members that join later wait for them.
    /// An open session puts them back automatically, but takes hours to be sure that their author
    /// does not. The files are in a directory of yours; the messages remain their author's.
    Relay {
        #[command(flatten)]
        folder: Folder,
        /// The member's name, or the beginning of its author
        #[arg(value_name = "WHO")]
        who: String,
    },
    /// Say that a member will not come back, so that nobody waits for it any more
    ///
    /// Messages become stable without that member, and packing does not wait for it. This holds for
    /// every member, until that one writes again. Nothing is removed, and what it writes later
    /// arrives as usual.
    Retire {
        #[command(flatten)]
        folder: Folder,
        /// The member's name, or the beginning of its author
        #[arg(value_name = "WHO")]
        who: String,
    },
    /// Say that you will not come back, so that nobody waits for you any more
    ///
    /// Your messages stay. Your next message brings you back.
    ///
    /// With `--delete` also removes what this machine keeps of the session, once your word is in the folder: the history,
    /// the content of files, and your secret key. If you open the folder again, you are a new member.
    Leave {
        #[command(flatten)]
        folder: Folder,
        /// Also remove what this machine keeps of the session
        #[arg(long)]
        delete: bool,
        /// Remove it even if messages of yours are not in the folder; they are lost
        #[arg(long, requires = "delete")]
        lose: bool,
    },
    /// List the sessions of which this machine keeps something: the member, the size, the last use, and the folder
    Sessions {
        /// Print one object
        #[arg(long)]
        json: bool,
    },
    /// List related directories beside the session folder, or decide permanently what they are
    ///
    /// A sync service may split a session folder, and people copy one to start another. Usually the
    /// content of both directories shows which it is. Where it does not, nothing is read until you
    /// decide. The local state remembers your decision for both directories, wherever they are
    /// moved.
    Parts {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        said: parts::Said,
        /// Print one object
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
