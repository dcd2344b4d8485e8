//! Writing into the folder, as long as it is the one that was looked at.

use std::{ffi::OsStr, fmt, io, sync::PoisonError};

use tempo_message::{AuthorId, CollectError, Detachment, Durability, PublishError, Published};

use crate::{
    error::publish_error,
    format::name::DirName,
    fs::port::Fs,
    publish::publisher::{Content, Publisher},
    read::calls::{About, no_answer},
    scan::{placeholder::StandIns, root::Root},
    transport::FsTransport,
};

impl<F: Fs> FsTransport<F> {
    /// What a service has left in an author's directory, or in that of a relayer, in the place of files.
    pub(crate) fn stand_ins(&self, author: AuthorId, relayer: Option<AuthorId>) -> StandIns {
        let place = self.folder.places.get(&*DirName::of(author, relayer));
        place.map(|place| place.stand_ins()).unwrap_or_default()
    }

    pub(crate) fn put(
        &mut self,
        author: AuthorId,
        content: Content,
        durability: Durability,
    ) -> Result<Published, PublishError> {
        self.folder.own.insert(author);
        let stand_ins = self.stand_ins(author, None);
        self.write_own(author, move |publisher, root| publisher.publish(root, &content, durability, &stand_ins))
    }

    pub(crate) fn put_for(
        &mut self,
        author: AuthorId,
        relayer: AuthorId,
        content: Content,
    ) -> Result<Published, PublishError> {
        let (content, stand_ins) = (content.by(author, relayer), self.stand_ins(author, Some(relayer)));
        let dir = DirName::of(author, Some(relayer));
        self.write(&dir, author, move |publisher, root| publisher.relay(root, &content, &stand_ins))
    }

    pub(crate) fn write_own<T: Send + fmt::Debug + 'static>(
        &mut self,
        author: AuthorId,
        work: impl Fn(&mut Publisher<F>, &F::Dir) -> Result<T, PublishError> + Clone + Send + 'static,
    ) -> Result<T, PublishError> {
        self.write(&DirName::of(author, None), author, work)
    }

    /// Writes into a directory of an author's messages, as long as the folder is the one that was looked at.
    pub(crate) fn write<T: Send + fmt::Debug + 'static>(
        &mut self,
        own: &OsStr,
        author: AuthorId,
        work: impl Fn(&mut Publisher<F>, &F::Dir) -> Result<T, PublishError> + Clone + Send + 'static,
    ) -> Result<T, PublishError> {
        let path = self.folder.path.display().to_string();
        let Some(publisher) = self.publisher.clone() else { return Err(PublishError::ReadOnly { place: path }) };
        let place = self.folder.path.join(own).display().to_string();
        if !self.folder.places.contains_key(own) && self.folder.is_placeheld(author) {
            return Err(publish_error(place, io::Error::other("the directory is perhaps only with the service")));
        }
        if self.folder.is_undone(author) {
            return Err(PublishError::Undone { place });
        }
        let calls = &mut self.folder.calls;
        // Making a directory waits in some systems for every question about the others, and everything else for it.
        let must_wait = !self.folder.places.contains_key(own) && calls.is_any_directory_late();
        if must_wait || calls.is_directory_late(own) {
            return Err(publish_error(place, no_answer()));
        }
        let write = move |root: &F::Dir| {
            // A publication that has not come back keeps it, and lets no other one be begun.
            work(&mut publisher.lock().unwrap_or_else(PoisonError::into_inner), root)
        };
        if let Some(door) = self.folder.door_to(own) {
            // Usually all is well, and a second change of threads would cost more than the publication.
            let write = write.clone();
            let at_once = move |fs: &F| door.open_here(fs).ok().flatten().map(|root| write(&root));
            match self.folder.calls.run(About::Publishing, at_once) {
                Ok(Some(written)) => return written,
                Ok(None) => {}
                Err(error) => return Err(publish_error(place, error)),
            }
        }
        let root = self.root_to_write()?;
        let written = self.folder.calls.run(About::Publishing, move |_| write(&root.dir));
        written.map_err(|error| publish_error(place, error))?
    }

    /// The opened folder, as long as it is the one that was looked at and may be written.
    pub(crate) fn root_to_write(&mut self) -> Result<Root<F>, PublishError> {
        let path = self.folder.path.display().to_string();
        if self.publisher.is_none() {
            return Err(PublishError::ReadOnly { place: path });
        }
        let root = self.folder.attach().map_err(|error| match error {
            CollectError::Failed { place, source } => PublishError::Failed { place, source },
            CollectError::Detached { place, why } => PublishError::Detached { place, why },
            _ => PublishError::Detached { place: path.clone(), why: Detachment::Missing },
        })?;
        if self.folder.is_emptied || !root.is_familiar() {
            // It is not known who is in it.
            return Err(PublishError::Detached { place: path, why: Detachment::Emptied });
        }
        Ok(root)
    }
}
