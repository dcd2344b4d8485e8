//! Writing into the folder, as long as it is the one that was scanned.

use std::{
    ffi::OsStr,
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
};

use tempo_message::{AuthorId, CollectError, Detachment, PublishError};

use crate::{
    error::publish_error,
    format::name::DirName,
    fs::{
        calls::{About, no_answer},
        port::Fs,
    },
    publish::publisher::Publisher,
    scan::{folder::Folder, placeholder::StandIns, root::Root},
};

/// Writes into a folder, unless it is only read.
#[derive(Debug)]
pub(crate) struct Writer<F: Fs> {
    /// Shared with the thread that publishes; `None` when the folder is only read.
    publisher: Option<Arc<Mutex<Publisher<F>>>>,
}

/// With this many copies of a directory that is gone, making it once more would make one copy more.
const UNDONE: usize = 3;

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
        work: impl Fn(&mut Publisher<F>, &F::Dir, &StandIns) -> Result<T, PublishError> + Clone + Send + 'static,
    ) -> Result<T, PublishError> {
        let dir = DirName::of(author, relayer);
        let publisher = Arc::clone(self.publisher(folder)?);
        let place = folder.path.join(&dir).display().to_string();
        if !folder.places.contains_key(&*dir) && is_placeheld(folder, author) {
            return Err(publish_error(place, io::Error::other("the directory is perhaps only with the service")));
        }
        if is_undone(folder, author) {
            return Err(PublishError::Undone { place });
        }
        // Making a directory waits in some systems for every question about the others, and everything else for it.
        let must_wait = !folder.places.contains_key(&*dir) && folder.calls.is_any_directory_late();
        if must_wait || folder.calls.is_directory_late(&dir) {
            return Err(publish_error(place, no_answer()));
        }
        let stand_ins = folder.places.get(&*dir).map(|there| there.stand_ins()).unwrap_or_default();
        let write = move |root: &F::Dir| {
            // A publication that has not come back keeps it, and lets no other one be begun.
            work(&mut publisher.lock().unwrap_or_else(PoisonError::into_inner), root, &stand_ins)
        };
        if let Some(door) = folder.door_to(&dir) {
            // Usually all is well, and a second change of threads would cost more than the publication.
            let write = write.clone();
            let at_once = move |fs: &F| door.open_here(fs).ok().flatten().map(|root| write(&root));
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
        let root = folder.attach().map_err(|error| match error {
            CollectError::Failed { place, source } => PublishError::Failed { place, source },
            CollectError::Detached { place, why } => PublishError::Detached { place, why },
            _ => PublishError::Detached { place: place.clone(), why: Detachment::Missing },
        })?;
        if folder.is_emptied || !root.is_familiar() {
            // It is not known who is in it.
            return Err(PublishError::Detached { place, why: Detachment::Emptied });
        }
        Ok(root)
    }

    fn publisher(&self, folder: &Folder<F>) -> Result<&Arc<Mutex<Publisher<F>>>, PublishError> {
        self.publisher.as_ref().ok_or_else(|| PublishError::ReadOnly { place: folder.path.display().to_string() })
    }
}

/// Returns whether something stands for the directory of an author, which is not here.
fn is_placeheld<F: Fs>(folder: &Folder<F>, author: AuthorId) -> bool {
    folder.notes.stand_ins().iter().any(|name| DirName::parse(name) == DirName::Copy(author))
}

/// Returns whether an author's directory is gone while several copies of it are here: something moves away what is written.
fn is_undone<F: Fs>(folder: &Folder<F>, author: AuthorId) -> bool {
    let is_copy = |name: &OsStr| matches!(DirName::parse(name), DirName::Copy(it) if it == author);
    !folder.places.contains_key(OsStr::new(&author.to_string()))
        && folder.places.keys().filter(|name| is_copy(name)).count() >= UNDONE
}
