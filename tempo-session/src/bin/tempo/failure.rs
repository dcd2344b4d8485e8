//! Failures of commands: what happened, where, and what to do next.

use std::{borrow::Cow, error::Error, fmt, io, process::ExitCode};

use tempo_fs_transport::{DecisionError, InstallationError, OpenError as FolderError, RealFs};
use tempo_session::{
    MAX_PAYLOAD,
    doctor::TidyError,
    error::{
        AttachError, DecideError, ExportError, IdentityError, OpenError, PackError, ReadError, RefreshError,
        RelayError, RetireError, SendError,
    },
    printable_text,
    store::StoreError,
};

/// Advice about a file that another program does not share.
const IN_USE: &str =
    "a scanner, a backup or the sync service has the file open; nothing is lost, so try again in a moment";

#[derive(Debug)]
pub(crate) enum Failure {
    Open(OpenError),
    Send(SendError),
    Read(ReadError),
    Refresh(RefreshError),
    Close(StoreError),
    Input(io::Error),
    Output(io::Error),
    LongLine {
        number: u64,
    },
    Temporary(io::Error),
    Tidy(TidyError),
    Pack(PackError),
    Relay(RelayError),
    Retire(RetireError),
    /// No other member has that name.
    Nobody {
        who: String,
    },
    /// No file has that name or id.
    NoFile {
        what: String,
    },
    /// More than one file has that name.
    SeveralFiles {
        what: String,
        several: String,
    },
    /// Files travel with one message.
    OneMessage,
    Attach(AttachError),
    Export(ExportError),
    /// The member that was named is the one that asks.
    Yourself,
    /// More than one other member has that name.
    Several {
        who: String,
        several: String,
    },
    Decide(DecideError),
    /// Messages are nowhere but in the local state.
    WouldLose {
        unpublished: usize,
    },
    /// Only a member can do this.
    NotAMember,
    /// The command's own negative answer.
    No(String),
    /// Everything has been printed; only the exit code is left.
    Told {
        code: u8,
    },
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::No(_) | Self::Export(ExportError::Incomplete { .. }) => ExitCode::from(1),
            Self::Told { code } => ExitCode::from(*code),
            _ => ExitCode::from(2),
        }
    }

    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Open(error) => Some(error),
            Self::Send(error) => Some(error),
            Self::Read(error) => Some(error),
            Self::Refresh(error) => Some(error),
            Self::Close(error) => Some(error),
            Self::Tidy(error) => Some(error),
            Self::Pack(error) => Some(error),
            Self::Relay(error) => Some(error),
            Self::Retire(error) => Some(error),
            Self::Decide(error) => Some(error),
            Self::Attach(error) => Some(error),
            Self::Export(error) => Some(error),
            Self::Input(error) | Self::Output(error) | Self::Temporary(error) => Some(error),
            Self::No(_)
            | Self::Nobody { .. }
            | Self::Several { .. }
            | Self::NoFile { .. }
            | Self::SeveralFiles { .. }
            | Self::OneMessage
            | Self::Yourself
            | Self::NotAMember
            | Self::WouldLose { .. }
            | Self::LongLine { .. }
            | Self::Told { .. } => None,
        }
    }

    /// Returns the store's error, if the store has failed.
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Open(OpenError::Store(error) | OpenError::Announce(SendError::Store(error)))
            | Self::Send(
                SendError::Store(error) | SendError::NoNewAuthor { source: IdentityError::Store(error), .. },
            )
            | Self::Read(ReadError::Store(error))
            | Self::Close(error) => Some(error),
            _ => None,
        }
    }

    fn advice(&self) -> Option<Cow<'static, str>> {
        let of_store = || self.store_error()?.advice().map(Cow::Owned);
        self.own_advice().map(Cow::Borrowed).or_else(of_store)
    }

    fn own_advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Open(OpenError::Installation(InstallationError::Folder(error))) => match error {
                FolderError::NotFound { .. } => {
                    "for a new session, create the folder in a place that your sync service shares: mkdir NAME.session"
                }
                FolderError::NotASession { .. } => "rename it, or create a folder for the session inside it",
                FolderError::NotAFolder { .. } => "name the folder itself",
                FolderError::Failed { path, source } if RealFs::is_in_use(path, source) => IN_USE,
                _ => "check the folder's permissions",
            },
            Self::Open(OpenError::Installation(InstallationError::Failed { path, source }))
                if RealFs::is_in_use(path, source) =>
            {
                IN_USE
            }
            Self::Open(OpenError::Store(StoreError::Held { .. })) => IN_USE,
            Self::Open(OpenError::Installation(InstallationError::Failed { source, .. }))
                if RealFs::is_full(source) =>
            {
                "make room on the disk that holds it, or choose another directory with --state; nothing is lost"
            }
            Self::Open(OpenError::Installation(InstallationError::Failed { .. })) => {
                "check its permissions, or choose another directory with --state"
            }
            Self::Open(OpenError::Installation(InstallationError::NoDefault)) => "choose a directory with --state",
            Self::Open(OpenError::AlreadyOpen { .. }) => {
                "use that session, end it, or become another member with --state DIR; log and status work meanwhile"
            }
            Self::Tidy(TidyError::NotAMember) => {
                "each member removes its own copies; if you are a member, choose the directory of your local state \
                 with --state"
            }
            Self::NotAMember => {
                "only members write into the folder; if you are one, choose the directory of your local state with \
                 --state"
            }
            Self::WouldLose { .. } => {
                "nothing was removed; try again when the folder is there, or give --lose to remove them with everything"
            }
            Self::Nobody { .. } => {
                "tempo status lists the members; the first four characters of an author are enough as well"
            }
            Self::Yourself => "tempo leave says it of yourself",
            Self::NoFile { .. } => "tempo files lists them; the first four characters of an id are enough as well",
            Self::SeveralFiles { .. } => "say which one by the first characters of its id",
            Self::OneMessage => "give one TEXT, or none",
            Self::Attach(AttachError::Keep(source)) if RealFs::is_full(source) => {
                "make room on the disk of the local state, or send the file with --no-copy; nothing was sent"
            }
            Self::Attach(_) | Self::Send(SendError::Attachments(_)) => "nothing was sent",
            Self::Export(ExportError::Incomplete { .. }) => {
                "the sync service has not brought the rest yet; try again later, or ask its author to open the session"
            }
            Self::Export(ExportError::Write { source, .. }) if RealFs::is_full(source) => {
                "make room there, or choose another directory with --to; nothing of it was left there"
            }
            Self::Export(_) => "nothing of it was left there",
            Self::Send(SendError::NotAttached { .. }) => "only who has sent a file can release it",
            Self::Several { .. } => {
                "say which one by its full name in this list, or by the first characters of its author"
            }
            Self::Relay(RelayError::Unclear { .. }) => {
                "wait until the sync service says that it is done; --download makes it fetch files that are only online"
            }
            Self::Relay(_) => "nothing is lost, and messages that were put back stay in the folder",
            Self::Pack(_) => "nothing is lost, and finished packs remain; tempo status shows the current state",
            Self::Decide(DecideError::Decision(DecisionError::State(_))) => {
                "check the permissions of the state directory"
            }
            Self::Decide(_) => {
                "give the name of a directory beside the session folder that is a part of it, or that is another \
                 session"
            }
            Self::Tidy(_) => "everything that is not listed as removed is still there",
            Self::LongLine { .. } => "no part of it was sent; the lines before it were",
            Self::Send(SendError::StoreFailed) => "tempo doctor says what is wrong, and what to do",
            Self::Send(SendError::NoKey { .. }) => {
                "nothing was sent; make the key readable, or remove its file to continue as a new member with the same name"
            }
            Self::Open(OpenError::Identity(_))
            | Self::Send(SendError::NoNewAuthor { source: IdentityError::Source(_), .. }) => {
                "make room, and check the permissions of the state directory; nothing that you wrote is lost"
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No(answer) => f.write_str(answer)?,
            Self::NotAMember => f.write_str("you have no messages here")?,
            Self::WouldLose { unpublished } => {
                write!(f, "{unpublished} of your messages would be lost, your last word among them")?;
            }
            Self::Nobody { who } => write!(f, "there is no other member called {who}")?,
            Self::Yourself => f.write_str("that is you")?,
            Self::NoFile { what } => write!(f, "no message names a file {what}")?,
            Self::SeveralFiles { what, several } => write!(f, "more than one file is called {what}: {several}")?,
            Self::OneMessage => f.write_str("files travel with one message")?,
            Self::Several { who, several } => write!(f, "more than one member is called {who}: {several}")?,
            Self::LongLine { number } => {
                write!(f, "line {number} of the input is longer than the {MAX_PAYLOAD} bytes of a message")?;
            }
            Self::Input(_) => f.write_str("cannot read standard input: ")?,
            Self::Output(_) => f.write_str("cannot write the output: ")?,
            Self::Temporary(_) => f.write_str("cannot create a temporary directory: ")?,
            _ => {}
        }
        let mut cause = self.cause();
        let mut separator = "";
        while let Some(error) = cause {
            // The text may contain a path with any characters.
            write!(f, "{separator}{}", printable_text(&error.to_string()))?;
            separator = ": ";
            cause = error.source();
        }
        match self.advice() {
            Some(advice) => write!(f, "\n       {advice}"),
            None => Ok(()),
        }
    }
}

macro_rules! from {
    ($($error:ty => $variant:ident),* $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

impl From<TidyError> for Failure {
    fn from(error: TidyError) -> Self {
        match error {
            TidyError::Open(error) => Self::Open(error),
            error => Self::Tidy(error),
        }
    }
}

impl From<RetireError> for Failure {
    fn from(error: RetireError) -> Self {
        match error {
            RetireError::Send(error) => Self::Send(error),
            error => Self::Retire(error),
        }
    }
}

impl From<DecideError> for Failure {
    fn from(error: DecideError) -> Self {
        match error {
            DecideError::Open(error) => Self::Open(error),
            error => Self::Decide(error),
        }
    }
}

from! {
    OpenError => Open,
    SendError => Send,
    AttachError => Attach,
    ExportError => Export,
    PackError => Pack,
    RelayError => Relay,
    ReadError => Read,
    RefreshError => Refresh,
    StoreError => Close,
}
