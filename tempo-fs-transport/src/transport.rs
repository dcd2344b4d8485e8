//! The folder as a transport.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fmt, io,
    path::Path,
    sync::Arc,
    task::Waker,
    time::Duration,
};

use tempo_message::{
    Arrival, AuthorId, CollectError, CollectRequest, Collected, Disposition, Durability, Frame, Head, Pack,
    PublishError, Published, Report, StoredRun, Transport,
};

use crate::{
    error::{OpenError, check_name, collect_error, open_error},
    format::name::FileName,
    fs::{
        calls::{About, Calls},
        port::Fs,
        real::RealFs,
        worker::Threads,
    },
    options::Options,
    parts::{handle::FolderParts, site::Site},
    publish::{
        publisher::{Publication, Publisher},
        redundant,
        writer::Writer,
    },
    read::{
        collect::{Done, Work, looks_anew},
        reader::Reader,
    },
    scan::{folder::Folder, placeholder::Placeholders},
    split::parts::Parts,
    watch::signal::{Hints, Signal},
};

/// A session folder as a transport.
///
/// Where a service has split the folder, its other parts are read as well: directories beside it
/// whose messages follow messages in the folder. They are never written, and do not affect whether
/// the folder is there.
///
/// Scanning is the truth; the watcher only says when to scan. Everything works without it, later: a
/// change without an event is found within 30 seconds where directories show it, and within 60 where
/// they do not.
///
/// # Durability
///
/// A durable publication is synced, file and directory, before it returns. A lazy one is renamed into place unsynced.
#[derive(Debug)]
pub struct FsTransport<F: Fs = RealFs> {
    pub(crate) folder: Folder<F>,
    writer: Writer<F>,
    reads: Reader,
    parts: Parts<F>,
    parts_first: bool,
    /// What the handles for the parts of files know of the folder.
    site: Arc<Site<F>>,
    signal: Arc<Signal>,
    looked_at: Duration,
    changed_at: Duration,
    /// The reason for missing hints that was reported last.
    told_hints: Option<String>,
    /// Dropped last.
    _threads: Threads,
}

impl FsTransport {
    /// Opens a session folder of this machine.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; nothing has been written then.
    pub fn open(folder: &Path, options: &Options) -> Result<Self, OpenError> {
        Self::open_on(RealFs::default(), folder, options)
    }
}

impl<F: Fs> FsTransport<F> {
    /// Opens a session folder of any file system.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; nothing has been written then.
    pub fn open_on(fs: F, folder: &Path, options: &Options) -> Result<Self, OpenError> {
        check_name(folder)?;
        let signal = Arc::new(Signal::default());
        let now = fs.now();
        let threads = Threads::default();
        let calls = Calls::new(fs.clone(), (Arc::clone(&signal), threads.alive()), options.patience);
        let hints = !options.without_watching;
        let opened = Folder::open(calls, folder.to_owned(), Arc::clone(&signal), (hints, options.may_be_away));
        let parts = Parts::new(&fs, folder, options, (Arc::clone(&signal), threads.alive()));
        let publisher = (!options.read_only).then(|| {
            let staging = options.staging.as_deref();
            Publisher::new(fs, folder.to_owned(), staging, options.called.clone())
        });
        let mut opened = opened.map_err(|error| open_error(folder.to_owned(), error))?;
        opened.was_home(options.home);
        let site = Arc::new(Site::new(&opened, options));
        Ok(Self {
            folder: opened,
            writer: Writer::new(publisher),
            reads: Reader::new(options.fetch_online_only),
            parts,
            site,
            parts_first: false,
            signal,
            looked_at: now,
            changed_at: now,
            told_hints: None,
            _threads: threads,
        })
    }
}

impl<F: Fs> Transport for FsTransport<F> {
    fn join(&mut self, author: AuthorId) -> Result<(), PublishError> {
        self.write_own(author, move |publisher, root, _| publisher.join(root, author))
    }

    fn publish(&mut self, frame: &Frame, durability: Durability) -> Result<Published, PublishError> {
        self.put(frame.id().author, Publication::from(frame), durability)
    }

    fn has_packs(&self) -> bool {
        true
    }

    fn publish_pack(&mut self, pack: &Pack, durability: Durability) -> Result<Published, PublishError> {
        self.put(pack.author(), Publication::from(pack), durability)
    }

    fn thin_out(&mut self, pack: &Pack, most: usize) -> Result<Vec<(u64, u64)>, PublishError> {
        let (author, pack) = ((pack.author(), None), pack.clone());
        let thin_out = move |publisher: &mut Publisher<F>, root: &F::Dir, placeholders: &Placeholders| {
            publisher.thin_out(root, &pack, most, placeholders)
        };
        self.writer.write(&mut self.folder, author, thin_out)
    }

    fn has_relays(&self) -> bool {
        true
    }

    fn relay(&mut self, frame: &Frame, relayer: AuthorId) -> Result<Published, PublishError> {
        self.put_for(frame.id().author, relayer, Publication::from(frame))
    }

    fn relay_pack(&mut self, pack: &Pack, relayer: AuthorId) -> Result<Published, PublishError> {
        self.put_for(pack.author(), relayer, Publication::from(pack))
    }

    fn withdraw(&mut self, author: AuthorId, relayer: AuthorId) -> Result<usize, PublishError> {
        let withdraw = move |publisher: &mut Publisher<F>, root: &F::Dir, _: &Placeholders| {
            publisher.withdraw(root, author, relayer)
        };
        self.writer.write(&mut self.folder, (author, Some(relayer)), withdraw)
    }

    fn leave_head(&mut self, head: &Head) -> Result<(), PublishError> {
        let (author, mut head) = (head.author, head.clone());
        // A member that comes new to a part calls the session what all the others call it.
        head.place = head.place.or_else(|| self.parts.called().cloned());
        self.write_own(author, move |publisher, root, placeholders| publisher.leave_head(root, &head, placeholders))
    }

    fn inventory(&mut self, author: AuthorId) -> Result<Vec<StoredRun>, CollectError> {
        let root = self.folder.attach()?;
        let name = OsString::from(author.to_string());
        let place = self.folder.path.join(&name).display().to_string();
        let parts =
            self.folder.calls.run(About::Directory(name.clone()), move |fs| take_inventory(fs, &root.dir, &name));
        parts.flatten().map_err(|error| collect_error(place, error))
    }

    fn collect(
        &mut self,
        want: &CollectRequest<'_>,
        take: &mut dyn FnMut(Arrival) -> Disposition,
    ) -> Result<Collected, CollectError> {
        let now = self.folder.calls.fs.now();
        // Taken even while the folder is away: hints that stay would end every wait.
        let hints = self.signal.take();
        let is_midway = hints == Hints::default() && self.is_midway(want, now);
        let files = self.folder.heed(hints);
        let done = if looks_anew(want) { Done::default() } else { self.read_named(files, want, take, now) };
        if !is_midway {
            let looked = self.look(want, now);
            if Arc::strong_count(&self.site) > 1 {
                self.site.update(&self.folder, &self.parts);
            }
            looked?;
        }
        let mut work = Work::new(want, take, done);
        work.done.collected.more |= is_midway;
        // When the budget is short, the folder and its parts take turns.
        let parts_first = self.parts_first;
        if parts_first {
            self.parts.read(&mut work, now);
        }
        self.reads.read(&mut self.folder, &mut work, now);
        if !parts_first {
            self.parts.read(&mut work, now);
        }
        self.parts_first = work.is_exhausted() && !parts_first;
        let Done { mut collected, progress, .. } = work.done;
        collected.report_changed = self.tell_news(take);
        if progress || collected.report_changed {
            self.changed_at = now;
        }
        Ok(collected)
    }

    fn wait(&mut self, timeout: Duration) {
        let now = self.folder.calls.fs.now();
        let look = self.looked_at + self.interval();
        let retries = self.folder.next_retry().into_iter().chain(self.parts.next_retry());
        let due = retries.fold(look, Duration::min);
        // An overdue retry, because the folder was away, is no reason to scan without a pause.
        let due = due.max(self.looked_at + Self::SHORTEST);
        // A caller that does not collect, because it has no room, is not woken again and again.
        let pause = if due <= now { Self::SHORTEST } else { due.saturating_sub(now) };
        self.signal.wait(timeout.min(pause));
    }

    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.signal))
    }

    fn parts(&mut self) -> Option<Box<dyn tempo_message::Parts>> {
        self.site.update(&self.folder, &self.parts);
        Some(Box::new(FolderParts::new(Arc::clone(&self.site))))
    }

    fn report(&self) -> Report {
        let mut report = Report { without_hints: self.without_hints().cloned(), ..Report::default() };
        self.folder.describe(None, &mut report);
        self.parts.describe(&mut report);
        report
    }
}

impl<F: Fs> FsTransport<F> {
    /// Removes from an author's own directory every copy of a message that is equal, byte for byte, to the message
    /// beside it, and returns what was removed. Only the author itself may do so, and only while no other process
    /// publishes for it.
    ///
    /// Nothing else is touched: not the message, not a copy whose message is missing, cut short, damaged or another one,
    /// not what is only online, not a copy of the whole directory, and nothing of other authors. Both files are read
    /// again immediately before a removal.
    ///
    /// # Errors
    ///
    /// [`PublishError`]: the folder is detached, or this transport only reads, or the system refuses. Removals
    /// before that stay. Before a [collect](Transport::collect) has found the author's directory in the folder,
    /// nothing is removed and nothing fails.
    pub fn remove_redundant(&mut self, author: AuthorId) -> Result<Vec<String>, PublishError> {
        redundant::remove(&mut self.folder, &self.writer, author)
    }

    /// Returns what [`remove_redundant`](Self::remove_redundant) would remove now. Writes nothing.
    ///
    /// # Errors
    ///
    /// [`CollectError`], when the folder is away or does not answer.
    pub fn redundant(&mut self, author: AuthorId) -> Result<Vec<String>, CollectError> {
        redundant::find(&mut self.folder, author)
    }

    fn put(
        &mut self,
        author: AuthorId,
        content: Publication,
        durability: Durability,
    ) -> Result<Published, PublishError> {
        self.write_own(author, move |publisher, root, placeholders| {
            publisher.publish(root, &content, durability, placeholders)
        })
    }

    fn put_for(
        &mut self,
        author: AuthorId,
        relayer: AuthorId,
        content: Publication,
    ) -> Result<Published, PublishError> {
        let content = content.by(author, relayer);
        let relay = move |publisher: &mut Publisher<F>, root: &F::Dir, placeholders: &Placeholders| {
            publisher.relay(root, &content, placeholders)
        };
        self.writer.write(&mut self.folder, (author, Some(relayer)), relay)
    }

    fn write_own<T: Send + fmt::Debug + 'static>(
        &mut self,
        author: AuthorId,
        work: impl Fn(&mut Publisher<F>, &F::Dir, &Placeholders) -> Result<T, PublishError> + Clone + Send + 'static,
    ) -> Result<T, PublishError> {
        self.folder.own.insert(author);
        self.writer.write(&mut self.folder, (author, None), work)
    }

    const SHORTEST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(30);
    const LONGEST_WITHOUT_HINTS: Duration = Duration::from_secs(5);

    /// Returns how long to wait for a hint before a scan: a quarter of the time that nothing has
    /// changed.
    fn interval(&self) -> Duration {
        let longest = if self.without_hints().is_some() { Self::LONGEST_WITHOUT_HINTS } else { Self::LONGEST };
        let quiet = self.looked_at.saturating_sub(self.changed_at);
        (quiet / 4).clamp(Self::SHORTEST, longest)
    }

    /// Reads the files that hints have named, before any scan: usually nothing else is new.
    fn read_named(
        &mut self,
        files: BTreeSet<(OsString, OsString)>,
        want: &CollectRequest<'_>,
        take: &mut dyn FnMut(Arrival) -> Disposition,
        now: Duration,
    ) -> Done {
        if self.folder.is_busy() || self.reads.is_busy() {
            return Done::default();
        }
        if !self.folder.choose(files, want) {
            return Done::default();
        }
        let mut work = Work::in_haste(want, take);
        self.reads.read(&mut self.folder, &mut work, now);
        // The scan that follows shows whether there is more.
        work.done.collected.more = false;
        work.done
    }

    /// Returns whether files of a recent scan are still being read: without a hint at more, another
    /// scan is not needed.
    fn is_midway(&self, want: &CollectRequest<'_>, now: Duration) -> bool {
        let is_soon = now < self.looked_at + Self::SHORTEST;
        is_soon && self.reads.is_busy() && self.parts.is_empty() && !looks_anew(want)
    }

    /// Scans the folder and its parts.
    fn look(&mut self, want: &CollectRequest<'_>, now: Duration) -> Result<(), CollectError> {
        self.looked_at = now;
        let mut root = self.folder.attach_to_look().inspect_err(|_| self.reads.rest())?;
        self.parts.look(&root, want, now);
        let elsewhere = |author| self.parts.hold(author);
        self.folder.look(&mut root, want, &elsewhere, now).inspect_err(|_| self.reads.rest())
    }

    /// Hands up new foreign files; returns whether the report has changed.
    fn tell_news(&mut self, take: &mut dyn FnMut(Arrival) -> Disposition) -> bool {
        let mut changed = self.without_hints() != self.told_hints.as_ref();
        self.told_hints = self.without_hints().cloned();
        changed |= self.folder.tell_news(None, take);
        changed | self.parts.tell_news(take)
    }

    /// Returns why hints are missing.
    fn without_hints(&self) -> Option<&String> {
        self.folder.watching.failure.as_ref().or(self.parts.without_hints())
    }
}

fn take_inventory<F: Fs>(fs: &F, root: &F::Dir, name: &OsStr) -> io::Result<Vec<StoredRun>> {
    match fs.stat(root, name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        // Listing it would take until the service has fetched the names; a scan begins that.
        Ok(stat) if stat.online_only => return Err(io::Error::new(io::ErrorKind::WouldBlock, "it is online only")),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let dir = fs.open_dir(root, name)?;
    let mut parts = Vec::new();
    fs.list(&dir, &mut |name| {
        let (first, last) = match FileName::parse(name) {
            FileName::Message(counter) => (counter, counter),
            FileName::Pack(first, last) => (first, last),
            _ => return true,
        };
        // A file that cannot be examined now counts as missing.
        if let Ok(stat) = fs.stat(&dir, name) {
            parts.push(StoredRun { first, last, bytes: stat.len });
        }
        true
    })?;
    parts.sort_unstable();
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempo_clock::Seen;
    use tempo_message::{Budget, conformance::Script};

    use super::*;

    /// A hint starts a new scan even while files are being read: a new message does not wait until
    /// all others are read.
    #[test]
    fn what_a_hint_tells_of_comes_although_there_is_enough_to_read() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("jam.session");
        let put = |number: u8| {
            let mut script = Script::new(number);
            let dir = folder.join(script.author().to_string());
            fs::create_dir_all(&dir).unwrap();
            let frames = script.run(4);
            let pack = frames.iter().map(|frame| &frame.bytes()[..]).collect::<Vec<_>>().concat();
            fs::write(dir.join(format!("{:016x}-{:016x}", 1, 4)), pack).unwrap();
            frames
        };
        let first = put(1);
        let options = Options { without_watching: true, ..Options::default() };
        let mut transport = FsTransport::open(&folder, &options).unwrap();
        let mut known = Seen::default();
        let mut collect = |transport: &mut FsTransport, frames| {
            let mut arrived = Vec::new();
            let budget = Budget { frames, bytes: usize::MAX };
            let want = CollectRequest { known: &known.clone(), own: None, recheck: &[], full: false, budget };
            let collected = transport.collect(&want, &mut |arrival| {
                if let Arrival::Frame(frame) = arrival {
                    known.insert(frame.id().author, frame.id().counter);
                    arrived.push(frame);
                }
                Disposition::Known
            });
            collected.unwrap();
            arrived
        };
        assert_eq!(collect(&mut transport, 2), first[..2]);
        // Its times come before those of the others.
        let second = put(2);
        transport.signal.hint_folder();
        assert_eq!(collect(&mut transport, 2), second[..2]);
    }
}
