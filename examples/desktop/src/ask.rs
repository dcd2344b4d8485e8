//! Requests to the clerk.

use tempo_session::Event;

/// A request to look at something. Findings that follow from the status are looked at in any case.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ask {
    /// All files.
    pub(crate) files: bool,
    /// Everything in the folder.
    pub(crate) check_up: bool,
}

impl Ask {
    pub(crate) fn everything() -> Self {
        Self { files: true, check_up: true }
    }

    pub(crate) fn files() -> Self {
        Self { files: true, check_up: false }
    }

    /// Returns the request that an event makes.
    pub(crate) fn after(event: &Event) -> Self {
        let is_about_files = match event {
            Event::Message { entry, .. } => !entry.attachments.is_empty(),
            Event::File { .. }
            | Event::Fetched { .. }
            | Event::FileReleased { .. }
            | Event::Folder(_)
            | Event::Missed => true,
            _ => false,
        };
        if is_about_files { Self::files() } else { Self::default() }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self { files: self.files || other.files, check_up: self.check_up || other.check_up }
    }
}
