//! Writing into the folder, provided that it is still the one that was scanned.

use std::{
    ffi::OsStr,
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
};

use tempo_message::{AuthorId, Detachment, PublishError, planted};

use crate::{
    error::{not_entered, publish_error},
    format::name::DirName,
    fs::{
        calls::{About, no_answer},
        port::Fs,
    },
    publish::publisher::Publisher,
    scan::{folder::Folder, placeholder::Placeholders, root::Root},
};

/// Writes into a folder, unless it is only read.
#[derive(Debug)]
pub(crate) struct Writer<F: Fs> {
    /// Shared with the thread that publishes; `None` when the folder is only read.
    publisher: Option<Arc<Mutex<Publisher<F>>>>,
}

/// With this many copies of a directory that is gone, making it once more would make one copy more.
pub(crate) const UNDONE: usize = 3;

impl<F: Fs> Writer<F> {
    pub(crate) fn new(publisher: Option<Publisher<F>>) -> Self {
        Self { publisher: publisher.map(|publisher| Arc::new(Mutex::new(publisher))) }
    }

    /// Writes into a directory of an author's messages, as long as the folder is the one that was scanned. `work` also gets the
    /// placeholders that a service has left in that directory.
    pub(crate) fn write<T: Send + fmt::Debug + 'static>(
        &self,
        folder: &mut Folder<F>,
        (author, relayer): (AuthorId, Option<AuthorId>),
        work: impl Fn(&mut Publisher<F>, &F::Dir, &Placeholders) -> Result<T, PublishError> + Clone + Send + 'static,
    ) -> Result<T, PublishError> {
        let dir = DirName::of(author, relayer);
        let publisher = Arc::clone(self.publisher(folder)?);
        let place = folder.path.join(&dir).display().to_string();
        if !folder.author_dirs.contains_key(&*dir) && is_placeheld(folder, author) {
            return Err(publish_error(place, io::Error::other("the directory is perhaps only with the service")));
        }
        if is_undone(folder, author) && !planted!(UndoneIsRepeated) {
            return Err(PublishError::Undone { place });
        }
        // In some systems, making a directory waits for every pending call about the others.
        let must_wait = !folder.author_dirs.contains_key(&*dir) && folder.calls.is_any_directory_late();
        if must_wait || folder.calls.is_directory_late(&dir) {
            return Err(publish_error(place, no_answer()));
        }
        let placeholders = folder.author_dirs.get(&*dir).map(|there| there.placeholders()).unwrap_or_default();
        let write = move |root: &F::Dir| {
            // A late publication keeps the lock, and no other one begins.
            work(&mut publisher.lock().unwrap_or_else(PoisonError::into_inner), root, &placeholders)
        };
        if let Some(locator) = folder.locator_of(&dir) {
            // The usual case: a second change of threads would cost more than the publication.
            let write = write.clone();
            let at_once = move |fs: &F| locator.open_here(fs).ok().flatten().map(|root| write(&root));
            match folder.calls.run(About::Publishing, at_once) {
                Ok(Some(written)) => return written,
                Ok(None) => {}
                Err(error) => return Err(publish_error(place, error)),
            }
        }
        let root = self.root(folder)?;
        let written = folder.calls.run(About::Publishing, move |_| write(&root.dir));
        written.map_err(|error| publish_error(place, error))?
    }

    /// Opens the folder, as long as it is the one that was scanned and may be written.
    pub(crate) fn root(&self, folder: &mut Folder<F>) -> Result<Root<F>, PublishError> {
        self.publisher(folder)?;
        let place = folder.path.display().to_string();
        let root = folder.attach().map_err(not_entered)?;
        if folder.is_emptied || !root.is_familiar() {
            // Its members are unknown.
            return Err(PublishError::Detached { place, why: Detachment::Emptied });
        }
        Ok(root)
    }

    fn publisher(&self, folder: &Folder<F>) -> Result<&Arc<Mutex<Publisher<F>>>, PublishError> {
        self.publisher.as_ref().ok_or_else(|| PublishError::ReadOnly { place: folder.path.display().to_string() })
    }
}

/// Returns whether a placeholder stands for an author's directory.
fn is_placeheld<F: Fs>(folder: &Folder<F>, author: AuthorId) -> bool {
    folder.findings.placeholders().iter().any(|name| DirName::parse(name) == DirName::Copy(author))
}

/// Returns whether an author's directory is gone while several copies of it are here: something
/// moves written files away.
fn is_undone<F: Fs>(folder: &Folder<F>, author: AuthorId) -> bool {
    let is_copy = |name: &OsStr| matches!(DirName::parse(name), DirName::Copy(it) if it == author);
    !folder.author_dirs.contains_key(OsStr::new(&author.to_string()))
        && folder.author_dirs.keys().filter(|name| is_copy(name)).count() >= UNDONE
}
