//! What a session knows of the files that it sends and fetches.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tempo_message::AttachmentId;

use crate::store::files::FileRecord;

/// Which files of others are fetched without being asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Fetch {
    /// None.
    #[default]
    OnDemand,
    /// Those of at most this many bytes.
    UpTo(u64),
    /// All of them.
    All,
}

impl Fetch {
    pub(crate) fn includes(self, length: u64) -> bool {
        match self {
            Self::OnDemand => false,
            Self::UpTo(most) => length <= most,
            Self::All => true,
        }
    }
}

/// The records of the store, and what the carrier has found lately.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) records: BTreeMap<AttachmentId, FileRecord>,
    pub(crate) views: BTreeMap<AttachmentId, View>,
    /// How often the application has discarded files: what was staged before that is gone.
    pub(crate) discards: u64,
    /// The carrier has something to do at once.
    pub(crate) is_asked: bool,
    /// Nobody carries the parts of files here.
    pub(crate) has_no_carrier: bool,
}

/// What the carrier has found about a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// Own parts that somebody has removed again after they were put back.
    pub(crate) unwanted: usize,
    /// Somebody has removed or deselected the place of all own parts.
    pub(crate) is_deselected: bool,
    /// The error that keeps it from being sent or fetched.
    pub(crate) error: Option<String>,
}
