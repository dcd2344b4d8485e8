//! The arguments of the command.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Exchange messages through a shared folder, in one order that is the same for every member.
#[derive(Debug, Parser)]
#[command(name = "tempo", version, disable_help_subcommand = true, after_help = EXIT_CODES)]
pub(crate) struct Tempo {
    #[command(flatten)]
    pub(crate) local: Local,
    /// When to use color; `auto` does so on a terminal, unless `NO_COLOR` is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// Log what the session does to standard error; `-vv` logs more, with paths and names of files, and `-vvv` everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  it was done
  1  the answer is no: the doctor found something, a file is not whole yet, an export was changed, members disagree
  2  it failed, or the arguments make no sense; standard error says why

`tempo COMMAND --help` shows an example of each command.";

/// When to use color.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// The options about this machine.
#[derive(Debug, Args)]
pub(crate) struct Local {
    /// The directory of the local store, so that one machine can have several members [default: the
    /// command's own directory in the platform's data directory]
    #[arg(long, global = true, value_name = "DIR", env = "TEMPO_STATE", hide_env_values = true)]
    pub(crate) state: Option<PathBuf>,
    /// Make the service fetch files that are only online, by opening them
    #[arg(long, global = true)]
    pub(crate) download: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run several members over one shared folder, and show that their timelines are equal
    #[command(after_help = "Example:\n  tempo demo")]
    Demo,
    /// Send each line that you type, show what arrives, and show which members have seen your
    /// messages
    ///
    /// A line counts as seen once it has reached another member's device and word of that has come
    /// back through the folder. This takes up to a minute and a half, plus the time that the sync
    /// service needs. The line `/seen` shows your last ten lines and the members that have seen
    /// each. Every other line is sent as you type it; to send the text `/seen` itself, type
    /// `//seen`.
    #[command(after_help = "Example:\n  tempo chat Dropbox/jam.session --name Ana")]
    Chat {
        #[command(flatten)]
        folder: Folder,
        /// The name that other members see
        #[arg(long)]
        name: Option<String>,
    },
    /// Send one message per TEXT, or per line of standard input; print the id of each once it is
    /// safe
    #[command(
        after_help = "Examples:\n  tempo send Dropbox/jam.session hello\n  tempo send Dropbox/jam.session --file take1.wav listen"
    )]
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
    #[command(after_help = "Example:\n  tempo files Dropbox/jam.session")]
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
    #[command(after_help = "Example:\n  tempo get Dropbox/jam.session take1.wav --to Music")]
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
    #[command(after_help = "Example:\n  tempo release Dropbox/jam.session take1.wav")]
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
    #[command(after_help = "Example:\n  tempo log Dropbox/jam.session --follow")]
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
    #[command(after_help = "Examples:\n  tempo export Dropbox/jam.session\n  tempo export --check jam.jsonl")]
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
    #[command(after_help = "Example:\n  tempo watch Dropbox/jam.session --json")]
    Watch {
        #[command(flatten)]
        folder: Folder,
        /// Print each event as one object
        #[arg(long)]
        json: bool,
    },
    /// Print members, what is stable, what is missing, what is waiting, and the other files in the
    /// folder
    #[command(after_help = "Example:\n  tempo status Dropbox/jam.session")]
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
    #[command(after_help = "Example:\n  tempo doctor Dropbox/jam.session")]
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
    #[command(after_help = "Example:\n  tempo pack Dropbox/jam.session")]
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
    #[command(after_help = "Example:\n  tempo relay Dropbox/jam.session Ben")]
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
    #[command(after_help = "Example:\n  tempo retire Dropbox/jam.session Ben")]
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
    #[command(after_help = "Example:\n  tempo leave Dropbox/jam.session --delete")]
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
    #[command(after_help = "Example:\n  tempo sessions")]
    Sessions {
        /// Print one object
        #[arg(long)]
        json: bool,
    },
    /// Print a script that completes commands and options in a shell
    ///
    /// Put it where the shell looks for such scripts, or evaluate it when the shell starts.
    #[command(after_help = "Example:\n  tempo completions bash")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or write the pages of all commands into a directory
    #[command(after_help = "Example:\n  tempo man --to man1")]
    Man {
        /// The directory, which exists
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
    /// List related directories beside the session folder, or decide permanently what they are
    ///
    /// A sync service may split a session folder, and people copy one to start another. Usually the
    /// content of both directories shows which it is. Where it does not, nothing is read until you
    /// decide. The local state remembers your decision for both directories, wherever they are
    /// moved.
    #[command(after_help = "Example:\n  tempo parts Dropbox/jam.session")]
    Parts {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        said: Said,
        /// Print one object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Folder {
    /// A folder whose name ends in .session
    #[arg(value_name = "FOLDER")]
    pub(crate) path: PathBuf,
}

/// A decision about another directory.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct Said {
    /// Treat this directory beside it as a part of the session, from now on
    #[arg(long, value_name = "OTHER")]
    pub(crate) join: Option<PathBuf>,
    /// Treat this directory beside it as another session, from now on
    #[arg(long, value_name = "OTHER")]
    pub(crate) apart: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_has_an_example_that_is_understood() {
        let tempo = Tempo::command();
        tempo.clone().debug_assert();
        for command in tempo.get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> = help.lines().skip(1).map(str::trim).collect();
            let begin = format!("tempo {}", command.get_name());
            assert!(!examples.is_empty() && examples.iter().all(|line| line.starts_with(&begin)), "{begin}: {help}");
            for example in examples {
                let parsed = Tempo::try_parse_from(example.split(' '));
                assert!(parsed.is_ok(), "{example}: {parsed:?}");
            }
        }
    }
}
