//! For the doctor: messages under names that are not read.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io,
    sync::Arc,
};

use tempo_message::{CollectError, Decoded, FileType, ForeignReason, Frames, MessageId, Transport};

use crate::{
    Fs, FsTransport, calls::About, error::collect_error, examine::read_still, name::printable, place::limit,
    telling::inside,
};

/// A file or directory that is not read, with whole messages in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stray {
    /// Where it lies, as the report names it.
    pub place: String,
    /// It is a directory, and the messages are in files in it.
    pub is_directory: bool,
    /// The messages.
    pub messages: BTreeSet<MessageId>,
}

/// So many files are looked into.
const FILES: usize = 1024;
/// And about so many bytes.
const BYTES: usize = 64 * 1024 * 1024;

impl Stray {
    /// What was found.
    pub fn new(place: &str, is_directory: bool, messages: impl IntoIterator<Item = MessageId>) -> Self {
        Self { place: place.to_owned(), is_directory, messages: messages.into_iter().collect() }
    }
}

impl<F: Fs> FsTransport<F> {
    /// Looks into what the last collect has passed over because of its name, or because it is another author's: files,
    /// and those in directories beside the authors'. Not into what is only online, nor into everything when there is
    /// very much. Writes nothing.
    ///
    /// # Errors
    ///
    /// [`CollectError`], when the folder is away or does not answer.
    pub fn strays(&mut self) -> Result<Vec<Stray>, CollectError> {
        let is_doubtful = |reason: &ForeignReason| {
            use ForeignReason::{Author, Name, Spelling, Temporary};
            matches!(reason, Author { .. } | Name | Spelling | Temporary { .. })
        };
        let foreign = self.report().foreign.into_iter().filter(|it| is_doubtful(&it.reason));
        let wanted: BTreeSet<String> = foreign.map(|it| it.place).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let root = self.folder.attach()?;
        let path = self.folder.path.display().to_string();
        let dirs: Vec<Arc<OsStr>> = self.folder.places.keys().cloned().collect();
        let search = move |fs: &F| {
            let mut search = Search { fs, files: 0, bytes: 0, found: Vec::new() };
            for name in search.names(&root.dir, &|name| wanted.contains(&printable(name)))? {
                search.look_at(&root.dir, &name)?;
            }
            for dir in dirs {
                // What cannot be opened has been told of.
                let is_here = fs.stat(&root.dir, &dir).is_ok_and(|stat| !stat.online_only);
                let Some(opened) = is_here.then(|| fs.open_dir(&root.dir, &dir).ok()).flatten() else { continue };
                for name in search.names(&opened, &|name| wanted.contains(&inside(&dir, name)))? {
                    let messages = search.read(&opened, &name);
                    search.note(inside(&dir, &name), false, messages);
                }
            }
            io::Result::Ok(search.found)
        };
        let found = self.folder.calls.run(About::Folder, search).flatten();
        found.map_err(|error| collect_error(path, error))
    }
}

struct Search<'a, F: Fs> {
    fs: &'a F,
    files: usize,
    bytes: usize,
    found: Vec<Stray>,
}

impl<F: Fs> Search<'_, F> {
    fn names(&self, dir: &F::Dir, is_wanted: &dyn Fn(&OsStr) -> bool) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        self.fs.list(dir, &mut |name| {
            if is_wanted(name) {
                names.push(name.to_owned());
            }
            names.len() < FILES
        })?;
        Ok(names)
    }

    /// Looks at something beside the authors' directories.
    fn look_at(&mut self, root: &F::Dir, name: &OsStr) -> io::Result<()> {
        let stat = self.fs.stat(root, name).ok();
        let is_directory = stat.is_some_and(|stat| stat.file_type == FileType::Directory);
        let mut messages = BTreeSet::new();
        if !is_directory {
            messages = self.read(root, name);
        } else if stat.is_some_and(|stat| stat.online_only) {
            // Looking into it would fetch it.
        } else if let Ok(dir) = self.fs.open_dir(root, name) {
            for name in self.names(&dir, &|_| true)? {
                messages.extend(self.read(&dir, &name));
            }
        }
        self.note(printable(name), is_directory, messages);
        Ok(())
    }

    fn note(&mut self, place: String, is_directory: bool, messages: BTreeSet<MessageId>) {
        if !messages.is_empty() {
            self.found.push(Stray { place, is_directory, messages });
        }
    }

    /// The messages that a file begins with, whatever comes after them.
    fn read(&mut self, dir: &F::Dir, name: &OsStr) -> BTreeSet<MessageId> {
        let mut messages = BTreeSet::new();
        if self.files >= FILES || self.bytes >= BYTES {
            return messages;
        }
        self.files += 1;
        let Ok((_, bytes)) = read_still(self.fs, dir, name, limit(name), false) else { return messages };
        self.bytes += bytes.len();
        for decoded in Frames::new(bytes) {
            let Decoded::Whole(frame) = decoded else { break };
            messages.insert(frame.id());
        }
        messages
    }
}
