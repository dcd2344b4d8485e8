//! The attacks of a hostile author.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use tempo_message::{CounterName, conformance::Script};

/// An attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Names that are not ours, in the directory of one author.
    JunkNames,
    /// Names that look like messages, with no content.
    EmptyMessages,
    /// Directories that belong to no author.
    JunkDirectories,
    /// Directories that look like an author's.
    InventedAuthors,
    /// One author's messages, arriving from the last to the first.
    Reverse,
}

impl Scenario {
    pub(crate) const ALL: [Self; 5] =
        [Self::JunkNames, Self::EmptyMessages, Self::JunkDirectories, Self::InventedAuthors, Self::Reverse];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::JunkNames => "junk-names",
            Self::EmptyMessages => "empty-messages",
            Self::JunkDirectories => "junk-directories",
            Self::InventedAuthors => "invented-authors",
            Self::Reverse => "reverse",
        }
    }

    /// Returns the number of items, at full size.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::JunkNames => 1_000_000,
            Self::EmptyMessages | Self::JunkDirectories | Self::InventedAuthors | Self::Reverse => 100_000,
        }
    }

    /// Returns how many messages there are in the end, not counting those of honest authors.
    pub(crate) fn messages(self, size: usize) -> usize {
        if self == Self::Reverse { size } else { 0 }
    }

    /// Creates what has to be there before the measurement begins.
    pub(crate) fn prepare(self, root: &Path, size: usize) {
        fs::create_dir(folder(root)).unwrap();
        fs::create_dir(hostile(root)).unwrap();
        if self == Self::Reverse {
            fs::create_dir(prepared(root)).unwrap();
            let mut script = script();
            for _ in 0..size {
                let frame = script.next(b"one of very many, and the first comes last");
                let name = CounterName::new(frame.id().counter);
                fs::write(prepared(root).join(name.as_str()), frame.bytes()).unwrap();
            }
        }
    }

    /// Puts the attack into the folder.
    pub(crate) fn flood(self, root: &Path, size: usize) {
        let hostile = hostile(root);
        match self {
            Self::JunkNames => (0..size).for_each(|n| touch(&hostile.join(format!("this is no message, number {n}")))),
            Self::EmptyMessages => {
                (1..=size).for_each(|n| touch(&hostile.join(CounterName::new(n as u64).as_str())));
            }
            Self::JunkDirectories => {
                (0..size).for_each(|n| fs::create_dir(folder(root).join(format!("Photos of {n}"))).unwrap());
            }
            Self::InventedAuthors => {
                let name = |n| format!("00000000-0000-4000-8000-{n:012x}");
                (0..size).for_each(|n| fs::create_dir(folder(root).join(name(n))).unwrap());
            }
            Self::Reverse => {
                for n in (1..=size).rev() {
                    let name = CounterName::new(n as u64);
                    fs::rename(prepared(root).join(name.as_str()), hostile.join(name.as_str())).unwrap();
                }
            }
        }
    }
}

pub(crate) fn folder(root: &Path) -> PathBuf {
    root.join("jam.session")
}

fn prepared(root: &Path) -> PathBuf {
    root.join("prepared")
}

fn hostile(root: &Path) -> PathBuf {
    folder(root).join(script().author().to_string())
}

/// Returns the author that floods the folder.
fn script() -> Script {
    Script::new(66)
}

fn touch(path: &Path) {
    File::create_new(path).unwrap();
}
