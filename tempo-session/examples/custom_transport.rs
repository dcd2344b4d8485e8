//! A custom transport: a board in one database, for members in one program, such as the rooms of a server.
//! Everything above it stays unchanged: order, store, replicas.
//!
//! ```sh
//! cargo run -p tempo-session --example custom_transport     # a session over it
//! cargo test -p tempo-session --example custom_transport    # the contract of transports, clause by clause
//! ```

#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    error::Error,
    path::Path,
    sync::{Arc, Mutex, PoisonError, mpsc},
    task::{Wake, Waker},
    thread,
    time::Duration,
};

use bytes::Bytes;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use tempo_message::{
    Arrival, CollectError, CollectRequest, Collected, Decoded, Digest, Disposition, Durability, Frame, Head,
    PublishError, Published, Report, StoredRun, Transport,
};
use tempo_session::{
    AuthorId, Event, MessageId, Session,
    components::Components,
    store::{Marks, RedbStore},
};
use uuid::Uuid;

/// Frames by author, counter and digest. The digest separates messages with one id.
const FRAMES: TableDefinition<(u128, u64, [u8; 32]), &[u8]> = TableDefinition::new("frames");
/// Heads by author.
const HEADS: TableDefinition<u128, &[u8]> = TableDefinition::new("heads");

/// The database that all members share.
#[derive(Debug, Clone)]
struct Board {
    database: Arc<Database>,
    members: Arc<Mutex<Vec<Waker>>>,
}

/// The view of one member.
#[derive(Debug)]
struct BoardTransport {
    board: Board,
    bell: Arc<Bell>,
    heard: mpsc::Receiver<()>,
    /// Frames that are not handed up again.
    done: BTreeSet<Digest>,
    /// The author whose frame was handed up last. The next collect begins with the author after it.
    served: u128,
}

impl Board {
    fn create(path: &Path) -> Result<Self, redb::Error> {
        let database = Database::create(path)?;
        let writing = database.begin_write()?;
        writing.open_table(FRAMES)?;
        writing.open_table(HEADS)?;
        writing.commit()?;
        Ok(Self { database: Arc::new(database), members: Arc::default() })
    }

    fn transport(&self) -> BoardTransport {
        let (ring, heard) = mpsc::sync_channel(1);
        let bell = Arc::new(Bell(ring));
        self.members.lock().unwrap_or_else(PoisonError::into_inner).push(Waker::from(Arc::clone(&bell)));
        BoardTransport { board: self.clone(), bell, heard, done: BTreeSet::new(), served: 0 }
    }

    fn tell_all(&self) {
        self.members.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(Waker::wake_by_ref);
    }

    fn put(&self, frame: &Frame) -> Result<Published, redb::Error> {
        let (author, counter) = (frame.id().author.uuid().as_u128(), frame.id().counter);
        let writing = self.database.begin_write()?;
        let published = {
            let mut frames = writing.open_table(FRAMES)?;
            let is_taken = frames.range((author, counter, [0; 32])..=(author, counter, [0xff; 32]))?.next().is_some();
            let before = frames.insert((author, counter, *frame.digest().as_bytes()), frame.bytes().as_ref())?;
            match before {
                Some(_) => Published::Already,
                None if is_taken => Published::Displaced,
                None => Published::New,
            }
        };
        writing.commit()?;
        self.tell_all();
        Ok(published)
    }

    fn put_head(&self, head: &Head) -> Result<(), redb::Error> {
        let writing = self.database.begin_write()?;
        writing.open_table(HEADS)?.insert(head.author.uuid().as_u128(), head.encode().as_ref())?;
        writing.commit()?;
        self.tell_all();
        Ok(())
    }

    fn list(&self, author: u128) -> Result<Vec<StoredRun>, redb::Error> {
        let frames = self.database.begin_read()?.open_table(FRAMES)?;
        let rows = frames.range((author, 0, [0; 32])..=(author, u64::MAX, [0xff; 32]))?;
        rows.map(|row| {
            let (key, bytes) = row?;
            let (_, counter, _) = key.value();
            Ok(StoredRun { first: counter, last: counter, bytes: bytes.value().len() as u64 })
        })
        .collect()
    }
}

impl BoardTransport {
    fn hand_up(
        &mut self,
        want: &CollectRequest<'_>,
        take: &mut dyn FnMut(Arrival) -> Disposition,
    ) -> Result<Collected, redb::Error> {
        let reading = self.board.database.begin_read()?;
        for row in reading.open_table(HEADS)?.iter()? {
            if let Ok(head) = Head::decode(row?.1.value()) {
                take(Arrival::Head(head));
            }
        }
        let frames = reading.open_table(FRAMES)?;
        let mut wanted: BTreeMap<u128, VecDeque<_>> = BTreeMap::new();
        for row in frames.iter()? {
            let (author, counter, digest) = row?.0.value();
            let id = MessageId { author: AuthorId::new(Uuid::from_u128(author)), counter };
            let is_done = want.known.contains(id.author, counter) || self.done.contains(&Digest::from_bytes(digest));
            if !is_done || want.recheck.contains(&id) {
                wanted.entry(author).or_default().push_back((author, counter, digest));
            }
        }
        // Take one frame of each author in turn, so that no author delays the others.
        let after = wanted.split_off(&self.served.saturating_add(1));
        let mut turns: VecDeque<_> = after.into_iter().chain(wanted).collect();
        let (mut collected, mut bytes) = (Collected::default(), 0);
        while let Some((author, mut keys)) = turns.pop_front() {
            let Some(key) = keys.pop_front() else { continue };
            if collected.frames >= want.budget.frames || bytes >= want.budget.bytes {
                collected.more = true;
                break;
            }
            turns.push_back((author, keys));
            let Some(row) = frames.get(key)? else { continue };
            // Frames from newer software stay unread. A transport for a product names them in its report.
            let Decoded::Whole(frame) = Frame::decode(&Bytes::copy_from_slice(row.value())) else { continue };
            collected.frames += 1;
            bytes += frame.bytes().len();
            let digest = frame.digest();
            match take(Arrival::Frame(frame)) {
                Disposition::Done => self.done.insert(digest),
                Disposition::Known | Disposition::Later => self.done.remove(&digest),
            };
            self.served = author;
        }
        Ok(collected)
    }
}

impl Transport for BoardTransport {
    fn join(&mut self, _: AuthorId) -> Result<(), PublishError> {
        Ok(())
    }

    fn publish(&mut self, frame: &Frame, _: Durability) -> Result<Published, PublishError> {
        self.board.put(frame).map_err(not_written)
    }

    fn leave_head(&mut self, head: &Head) -> Result<(), PublishError> {
        self.board.put_head(head).map_err(not_written)
    }

    fn inventory(&mut self, author: AuthorId) -> Result<Vec<StoredRun>, CollectError> {
        self.board.list(author.uuid().as_u128()).map_err(not_read)
    }

    fn collect(
        &mut self,
        want: &CollectRequest<'_>,
        take: &mut dyn FnMut(Arrival) -> Disposition,
    ) -> Result<Collected, CollectError> {
        self.hand_up(want, take).map_err(not_read)
    }

    fn wait(&mut self, timeout: Duration) {
        // The result makes no difference: the bell has rung, or the time is over.
        let _ = self.heard.recv_timeout(timeout);
    }

    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.bell))
    }

    fn report(&self) -> Report {
        Report::default()
    }
}

fn not_written(source: redb::Error) -> PublishError {
    PublishError::Failed { place: "the board".to_owned(), source: Box::new(source) }
}

fn not_read(source: redb::Error) -> CollectError {
    CollectError::Failed { place: "the board".to_owned(), source: Box::new(source) }
}

/// Ends a member's wait, or its next one if it is not waiting.
#[derive(Debug)]
struct Bell(mpsc::SyncSender<()>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // When the channel is full, the bell has rung and the member has not heard it yet.
        let _ = self.0.try_send(());
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let place = tempfile::tempdir()?;
    let board = Board::create(&place.path().join("board.redb"))?;
    let (ana, ben) = (open(&board, place.path(), "Ana")?, open(&board, place.path(), "Ben")?);
    ana.send("Who plays the drums?")?;
    for event in ben.events() {
        if let Event::Message { entry, .. } = event? {
            let name = entry.name.as_deref().unwrap_or("?");
            println!("Ben reads: {name}: {}", String::from_utf8_lossy(&entry.payload));
            break;
        }
    }
    ana.close()?;
    ben.close()?;
    Ok(())
}

/// Opens a session on the board, as `Session::builder` does on a folder.
#[allow(clippy::disallowed_methods, reason = "a new member is somebody who nobody ever was")]
fn open(board: &Board, place: &Path, name: &str) -> Result<Session, Box<dyn Error>> {
    // A real program stores its author, and opens the store when it starts again.
    let author = AuthorId::new(Uuid::new_v4());
    let store = RedbStore::make(&place.join(name), author, Marks::new(Some(author)))?;
    let (session, driver) = Session::assemble(Components {
        name: Some(name.to_owned()),
        first_look: Some(Duration::from_secs(3)),
        ..Components::new(Box::new(board.transport()), Box::new(store))
    })?;
    thread::spawn(move || driver.run());
    Ok(session)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use tempo_message::conformance::Arena;

    use super::*;

    struct Room {
        board: Board,
        _place: TempDir,
    }

    impl Room {
        fn new() -> Self {
            let place = tempfile::tempdir().unwrap();
            Self { board: Board::create(&place.path().join("board.redb")).unwrap(), _place: place }
        }
    }

    impl Arena for Room {
        type Transport = BoardTransport;

        fn member(&self) -> BoardTransport {
            self.board.transport()
        }
    }

    tempo_message::conformance_suite!(Room::new());
}
