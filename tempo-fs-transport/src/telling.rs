//! What a folder tells of what lies in it and is no message, not yet, or twice.

use std::ffi::OsStr;

use tempo_message::{Arrival, Beside, Foreign, Report, Taken};

use crate::{DirName, Fs, folder::Folder, name::printable};

impl<F: Fs> Folder<F> {
    /// Adds to a report what is here. The places of another piece of the session's folder begin with its name.
    pub(crate) fn describe(&self, piece: Option<&OsStr>, report: &mut Report) {
        self.notes.describe(&|name| place(piece, None, name), None, report);
        for (dir, there) in &self.places {
            if let DirName::Copy(author) = DirName::parse(dir) {
                report.doubled.push(Beside { place: place(piece, None, dir), author, counter: None });
            }
            there.notes.describe(&|name| place(piece, Some(dir), name), Some(there.author), report);
        }
    }

    /// Hands up what was found foreign since the last call; true when what is to be reported has changed.
    pub(crate) fn tell_news(&mut self, piece: Option<&OsStr>, take: &mut dyn FnMut(Arrival) -> Taken) -> bool {
        let mut changed = self.notes.take_changed();
        for (name, reason) in self.notes.take_news() {
            take(Arrival::Foreign(Foreign { place: place(piece, None, &name), author: None, reason }));
        }
        for (dir, there) in &mut self.places {
            changed |= there.notes.take_changed();
            for (name, reason) in there.notes.take_news() {
                let author = Some(there.author);
                take(Arrival::Foreign(Foreign { place: place(piece, Some(dir), &name), author, reason }));
            }
        }
        changed
    }
}

/// The place of a name in a directory, for people.
pub(crate) fn inside(dir: &OsStr, name: &OsStr) -> String {
    place(None, Some(dir), name)
}

fn place(piece: Option<&OsStr>, dir: Option<&OsStr>, name: &OsStr) -> String {
    let mut place = String::new();
    for part in [piece, dir].into_iter().flatten() {
        place.push_str(&printable(part));
        place.push('/');
    }
    place.push_str(&printable(name));
    place
}
