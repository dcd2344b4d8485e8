//! Reporting what is in a folder and is no message, not yet, or twice.

use std::ffi::OsStr;

use tempo_message::{Arrival, Disposition, Duplicate, Foreign, Item, Relay, Report};

use crate::{
    format::{
        item::item,
        name::{DirName, printable, push_printable_name},
    },
    fs::port::Fs,
    scan::folder::Folder,
};

impl<F: Fs> Folder<F> {
    /// Adds the folder to a report. The places in a part of a split folder begin with its name.
    pub(crate) fn describe(&self, part: Option<&OsStr>, report: &mut Report) {
        let top = before(part, None);
        self.findings.describe(&|name| inside_of(&top, name), None, report);
        for (dir, there) in &self.author_dirs {
            let at = || place(part, None, dir);
            match DirName::parse(dir) {
                DirName::Copy(author) => report.doubled.push(Duplicate {
                    place: at(),
                    item: Item::Directory(author),
                    is_temporary: false,
                    author,
                    counter: None,
                }),
                DirName::Relay(author, relayer) => report.relays.push(Relay { place: at(), author, relayer }),
                _ => {}
            }
            let within = before(part, Some(dir));
            there.findings.describe(&|name| inside_of(&within, name), Some(there.author), report);
        }
    }

    /// Hands up new foreign files; returns whether the report has changed.
    pub(crate) fn tell_news(&mut self, part: Option<&OsStr>, take: &mut dyn FnMut(Arrival) -> Disposition) -> bool {
        let mut changed = self.findings.take_changed();
        for (name, reason) in self.findings.take_news() {
            take(Arrival::Foreign(Foreign {
                place: place(part, None, &name),
                item: item(&name),
                author: None,
                reason,
            }));
        }
        for (dir, there) in &mut self.author_dirs {
            changed |= there.findings.take_changed();
            for (name, reason) in there.findings.take_news() {
                let author = Some(there.author);
                take(Arrival::Foreign(Foreign {
                    place: place(part, Some(dir), &name),
                    item: item(&name),
                    author,
                    reason,
                }));
            }
        }
        changed
    }
}

/// Returns the printable path of a name in a directory.
pub(crate) fn inside(dir: &OsStr, name: &OsStr) -> String {
    place(None, Some(dir), name)
}

fn place(part: Option<&OsStr>, dir: Option<&OsStr>, name: &OsStr) -> String {
    inside_of(&before(part, dir), name)
}

/// Returns the path before the names in a directory.
fn before(part: Option<&OsStr>, dir: Option<&OsStr>) -> String {
    [part, dir].into_iter().flatten().map(|part| printable(part) + "/").collect()
}

fn inside_of(before: &str, name: &OsStr) -> String {
    let mut place = String::with_capacity(before.len() + name.len());
    place.push_str(before);
    push_printable_name(&mut place, name);
    place
}
