//! What a folder tells of what lies in it and is no message, not yet, or twice.

use std::ffi::OsStr;

use tempo_message::{Arrival, Beside, Foreign, Item, Relay, Report, Taken};

use crate::{
    format::{
        item::item,
        name::{DirName, printable, push_printable_name},
    },
    fs::port::Fs,
    scan::folder::Folder,
};

impl<F: Fs> Folder<F> {
    /// Adds to a report what is here. The places of another piece of the session's folder begin with its name.
    pub(crate) fn describe(&self, piece: Option<&OsStr>, report: &mut Report) {
        let top = before(piece, None);
        self.notes.describe(&|name| inside_of(&top, name), None, report);
        for (dir, there) in &self.places {
            let at = || place(piece, None, dir);
            match DirName::parse(dir) {
                DirName::Copy(author) => report.doubled.push(Beside {
                    place: at(),
                    item: Item::Directory(author),
                    is_temporary: false,
                    author,
                    counter: None,
                }),
                DirName::Relay(author, relayer) => report.relays.push(Relay { place: at(), author, relayer }),
                _ => {}
            }
            let within = before(piece, Some(dir));
            there.notes.describe(&|name| inside_of(&within, name), Some(there.author), report);
        }
    }

    /// Hands up what was found foreign since the last call; true when what is to be reported has changed.
    pub(crate) fn tell_news(&mut self, piece: Option<&OsStr>, take: &mut dyn FnMut(Arrival) -> Taken) -> bool {
        let mut changed = self.notes.take_changed();
        for (name, reason) in self.notes.take_news() {
            take(Arrival::Foreign(Foreign {
                place: place(piece, None, &name),
                item: item(&name),
                author: None,
                reason,
            }));
        }
        for (dir, there) in &mut self.places {
            changed |= there.notes.take_changed();
            for (name, reason) in there.notes.take_news() {
                let author = Some(there.author);
                take(Arrival::Foreign(Foreign {
                    place: place(piece, Some(dir), &name),
                    item: item(&name),
                    author,
                    reason,
                }));
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
    inside_of(&before(piece, dir), name)
}

/// What stands before the names in a directory.
fn before(piece: Option<&OsStr>, dir: Option<&OsStr>) -> String {
    [piece, dir].into_iter().flatten().map(|part| printable(part) + "/").collect()
}

fn inside_of(before: &str, name: &OsStr) -> String {
    let mut place = String::with_capacity(before.len() + name.len());
    place.push_str(before);
    push_printable_name(&mut place, name);
    place
}
