//! For diagnosis: messages under names that are not read.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io,
    sync::Arc,
};

use tempo_message::{CollectError, Decoded, FileType, ForeignReason, MessageId, Transport};

use crate::{
    error::collect_error,
    format::name::{DirName, limit, printable},
    fs::{
        calls::About,
        port::{Fs, names_in},
    },
    read::file::{frames_of, read_bare},
    scan::report::inside,
    transport::FsTransport,
};

/// The messages under names that are not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Strays {
    /// The files and directories with whole messages.
    pub found: Vec<Stray>,
    /// The places, as the report names them, that were not examined completely: something in them is
    /// online-only, cannot be read, or exceeds the limits. Messages may be there.
    pub unseen: BTreeSet<String>,
}

/// A file or directory that is not read, with whole messages in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stray {
    /// The place, as the report names it.
    pub place: String,
    /// It is a directory, and the messages are in files in it, at any depth.
    pub is_directory: bool,
    /// The printable path of the directory in it that holds directories of members, as a session
    /// folder does.
    pub session: Option<String>,
    /// The messages.
    pub messages: BTreeSet<MessageId>,
}

/// The most files that are read.
const FILES: usize = 1024;
/// The most bytes, roughly.
const BYTES: usize = 64 * 1024 * 1024;
/// The deepest nesting of directories.
const DEPTH: usize = 16;

impl Stray {
    /// Creates an entry.
    pub fn new(place: &str, is_directory: bool, messages: impl IntoIterator<Item = MessageId>) -> Self {
        Self { place: place.to_owned(), is_directory, session: None, messages: messages.into_iter().collect() }
    }
}

impl<F: Fs> FsTransport<F> {
    /// Examines what the last collect has skipped because of its name, or because it is another
    /// author's: files, and directories with all that is below them. Online-only content is left
    /// out, and so is anything beyond a limit. Writes nothing.
    ///
    /// # Errors
    ///
    /// [`CollectError`], when the folder is away or does not answer.
    pub fn strays(&mut self) -> Result<Strays, CollectError> {
        let foreign = self.report().foreign.into_iter().filter(|it| is_doubtful(&it.reason));
        let wanted: BTreeSet<String> = foreign.map(|it| it.place).collect();
        if wanted.is_empty() {
            return Ok(Strays::default());
        }
        let root = self.folder.attach()?;
        let path = self.folder.path.display().to_string();
        let dirs: Vec<Arc<OsStr>> = self.folder.author_dirs.keys().cloned().collect();
        let above = path.clone();
        let search = move |fs: &F| {
            let mut search = Search { fs, above, files: 0, bytes: 0, strays: Strays::default() };
            for name in search.names(&root.dir, &|name| wanted.contains(&printable(name)))? {
                search.look_at(&root.dir, &name, printable(&name));
            }
            for dir in dirs {
                // The report names directories that cannot be opened.
                let is_here = fs.stat(&root.dir, &dir).is_ok_and(|stat| !stat.online_only);
                let Some(opened) = is_here.then(|| fs.open_dir(&root.dir, &dir).ok()).flatten() else { continue };
                for name in search.names(&opened, &|name| wanted.contains(&inside(&dir, name)))? {
                    search.look_at(&opened, &name, inside(&dir, &name));
                }
            }
            io::Result::Ok(search.strays)
        };
        let found = self.folder.calls.run(About::Folder, search).flatten();
        found.map_err(|error| collect_error(path, error))
    }
}

/// Returns whether skipped files with this reason may hold messages.
fn is_doubtful(reason: &ForeignReason) -> bool {
    use ForeignReason::{Author, Content, Name, Spelling, Temporary, Type};
    matches!(
        reason,
        Author { .. } | Content | Name | Spelling | Temporary { .. } | Type { found: FileType::Directory, .. }
    )
}

struct Search<'a, F: Fs> {
    fs: &'a F,
    /// The printable path of the session folder.
    above: String,
    files: usize,
    bytes: usize,
    strays: Strays,
}

/// The messages under one name, and below it.
#[derive(Default)]
struct Found {
    messages: BTreeSet<MessageId>,
    session: Option<String>,
    /// Something was left out.
    is_partial: bool,
}

impl<F: Fs> Search<'_, F> {
    fn names(&self, dir: &F::Dir, is_wanted: &dyn Fn(&OsStr) -> bool) -> io::Result<Vec<OsString>> {
        names_in(self.fs, dir, FILES, |name| is_wanted(name).then(|| name.to_owned()))
    }

    fn look_at(&mut self, parent: &F::Dir, name: &OsStr, place: String) {
        let is_directory = self.fs.stat(parent, name).is_ok_and(|stat| stat.file_type == FileType::Directory);
        let found = self.look_into(parent, name, &format!("{}/{place}", self.above), DEPTH);
        if found.is_partial {
            self.strays.unseen.insert(place.clone());
        }
        let Found { messages, session, .. } = found;
        if !messages.is_empty() {
            self.strays.found.push(Stray { place, is_directory, session, messages });
        }
    }

    /// Examines a name in a directory, and everything below it.
    fn look_into(&mut self, parent: &F::Dir, name: &OsStr, path: &str, depth: usize) -> Found {
        let is_partial = true;
        match self.fs.stat(parent, name) {
            Ok(stat) if stat.online_only => Found { is_partial, ..Found::default() },
            Ok(stat) if stat.file_type == FileType::File => self.read(parent, name, stat.len),
            Ok(stat) if stat.file_type == FileType::Directory => match self.fs.open_dir(parent, name) {
                Ok(dir) if depth > 0 => self.look_below(&dir, path, depth - 1),
                _ => Found { is_partial, ..Found::default() },
            },
            // A link leads elsewhere, and a pipe holds nothing.
            Ok(_) => Found::default(),
            Err(_) => Found { is_partial, ..Found::default() },
        }
    }

    fn look_below(&mut self, dir: &F::Dir, path: &str, depth: usize) -> Found {
        let Ok(names) = self.names(dir, &|_| true) else { return Found { is_partial: true, ..Found::default() } };
        let mut all = Found { is_partial: names.len() >= FILES, ..Found::default() };
        for name in names {
            let found = self.look_into(dir, &name, &format!("{path}/{}", printable(&name)), depth);
            let is_members = !matches!(DirName::parse(&name), DirName::Foreign) && !found.messages.is_empty();
            all.session = all.session.or(found.session).or_else(|| is_members.then(|| path.to_owned()));
            all.messages.extend(found.messages);
            all.is_partial |= found.is_partial;
        }
        all
    }

    /// Returns the messages at the beginning of a file.
    fn read(&mut self, dir: &F::Dir, name: &OsStr, len: u64) -> Found {
        // A larger file is none of ours.
        if len > limit(name) {
            return Found::default();
        }
        if self.files >= FILES || self.bytes >= BYTES {
            return Found { is_partial: true, ..Found::default() };
        }
        self.files += 1;
        let Ok(file) = read_bare(self.fs, dir, name, limit(name), false) else {
            return Found { is_partial: true, ..Found::default() };
        };
        self.bytes += file.bytes.len();
        let mut found = Found::default();
        for decoded in frames_of(file.bytes) {
            let Decoded::Whole(frame) = decoded else { break };
            found.messages.insert(frame.id());
        }
        found
    }
}
