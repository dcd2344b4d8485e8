//! The time from the appearance of a file to the event for its message.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use tempo_message::Frame;
use tempo_session::{Event, Events, Session};

use crate::{
    Lab,
    history::{AUTHORS, Authors, History, Manner, path_of},
    ours,
    poll::CALMING,
    rounds::{ns, rest},
    stats::{Figures, median, quantile},
    table::{Bound, Row, Unit},
    watchers::{self, Notified, Waiting},
};

pub(crate) const KEYS: &[&str] = &["latency"];

/// The pause between two messages, so that every reader is asleep when one arrives.
const PAUSE: Duration = Duration::from_millis(2);

/// The number of rounds, and the messages of each: in a whole run, and in a quick one.
const EFFORT: (usize, usize) = (10, 200);
const QUICK: (usize, usize) = (5, 100);

/// The most that the median may be on a quiet machine, in nanoseconds.
const P50: f64 = 300e3;
/// The most that the slowest hundredth may take on a quiet machine, in nanoseconds.
const P99: f64 = 1e6;

/// A reader that waits for messages in a thread of its own and reports when each arrived.
pub(crate) struct Reader {
    pub(crate) name: String,
    folder: PathBuf,
    staging: PathBuf,
    arrived: Receiver<Instant>,
    history: Box<dyn Iterator<Item = Frame>>,
    /// The session to close afterwards.
    session: Option<Session>,
}

/// The median and the slowest hundredth, round by round, by the names of the readers.
type Spreads = Vec<(String, Spread)>;

/// The median and the slowest hundredth, round by round.
#[derive(Debug, Default, Clone)]
struct Spread {
    median: Figures,
    slow: Figures,
}

pub(crate) fn rows(lab: &mut Lab) -> Vec<Row> {
    let (rounds, messages) = lab.options.pick(EFFORT, QUICK);
    let mut readers = sessions(lab, Authors::Signed);
    readers.extend(watching(lab));
    let spreads = measure(readers, (rounds, messages));
    let of = |name: &str| spreads.iter().find(|(known, _)| known == name).map(|(_, spread)| spread.clone());
    let notified = of("notify").expect("it is everywhere");
    let row = |name: &str, operation: &str, goal: f64, figures: fn(Spread) -> Figures| {
        let spread = of(name).expect("it was measured");
        let row = Row::new("latency", operation, Unit::Nanoseconds, figures(spread));
        // The number of files matters, because files are found by listing.
        let files = (rounds + 1) * messages / AUTHORS;
        let row = row.note(format!("directories of up to {files} files; {messages} messages a round"));
        let row = row.floor(Bound::figure(goal));
        let row = row.peer(Bound::at_most(2.0, "notify, a channel, read and digest", figures(notified.clone())));
        match of("inotify") {
            Some(raw) => row.also("raw inotify, read and digest", figures(raw)),
            None => row,
        }
    };
    vec![
        row("member", "new file to event, member, p50", P50, |spread| spread.median),
        row("member", "new file to event, member, p99", P99, |spread| spread.slow),
        row("observer", "new file to event, observer, p50", P50, |spread| spread.median),
        row("observer", "new file to event, observer, p99", P99, |spread| spread.slow),
    ]
}

/// Returns the rows of messages by signed authors beside those by plain ones.
pub(crate) fn signed(lab: &mut Lab) -> Vec<Row> {
    let readers = Authors::BOTH.into_iter().flat_map(|authors| sessions(lab, authors)).collect();
    let spreads = measure(readers, lab.options.pick(EFFORT, QUICK));
    let both = |name: &str| {
        let of = |name: String| spreads.iter().find(|(known, _)| *known == name).map(|(_, spread)| spread.clone());
        Authors::BOTH.map(|authors| of(authors.variant(name)).expect("it was measured"))
    };
    let row = |name: &str| {
        let [slow, plain_slow] = both(name).map(|spread| spread.slow);
        let operation = format!("new file to event, {name}, p50");
        Row::signed(operation, Unit::Nanoseconds, 1.25, both(name).map(|spread| spread.median))
            .also("p99", slow)
            .also("p99 with plain authors", plain_slow)
    };
    vec![row("member"), row("observer")]
}

/// Measures readers in turn: rounds of messages, one after the other.
fn measure(mut readers: Vec<Reader>, (rounds, messages): (usize, usize)) -> Spreads {
    rest(CALMING);
    let mut spreads = vec![Spread::default(); readers.len()];
    for round in 0..=rounds {
        for step in 0..readers.len() {
            let at = (round + step) % readers.len();
            let each = readers[at].deliver(messages);
            // The first round warms up.
            if round > 0 {
                spreads[at].median.push(median(&each));
                spreads[at].slow.push(quantile(&each, 0.99));
            }
        }
    }
    let names: Vec<String> = readers.iter().map(|reader| reader.name.clone()).collect();
    readers.into_iter().for_each(Reader::end);
    names.into_iter().zip(spreads).collect()
}

/// Returns a member and an observer, who get the messages of some authors.
fn sessions(lab: &mut Lab, authors: Authors) -> Vec<Reader> {
    let history = || History::by(authors, Manner::Turns);
    let (folder, staging) = place(lab, &history());
    let state = lab.volume.dir("latency-state");
    ours::begin(authors, &folder, &state);
    let (member, name) = (ours::open(&folder, &state), authors.variant("member"));
    let member = Reader::of_session(name, &folder, &staging, member, history());
    let (folder, staging) = place(lab, &history());
    let observer = Session::observe(&folder).expect("the folder is there");
    vec![member, Reader::of_session(authors.variant("observer"), &folder, &staging, observer, history())]
}

/// Returns the readers without a session. Their authors are plain, because signing what is expected takes time.
fn watching(lab: &mut Lab) -> Vec<Reader> {
    let history = History::by(Authors::Plain, Manner::Deaf);
    let (folder, staging) = place(lab, &history);
    #[allow(unused_mut, reason = "there is another one on Linux")]
    let mut readers = vec![Reader::of_watcher("notify", &folder, &staging, Notified::new)];
    #[cfg(target_os = "linux")]
    {
        let (folder, staging) = place(lab, &history);
        readers.push(Reader::of_watcher("inotify", &folder, &staging, watchers::Inotify::new));
    }
    readers
}

/// Creates a folder with the directories of the authors, and a staging directory beside it.
fn place(lab: &mut Lab, history: &History) -> (PathBuf, PathBuf) {
    let (folder, staging) = (lab.volume.folder("latency"), lab.volume.dir("latency-staging"));
    for author in history.authors() {
        fs::create_dir(folder.join(author.to_string())).expect("the volume has room");
    }
    (folder, staging)
}

impl Reader {
    /// Starts an application that waits for events. It first takes the messages that are in the folder
    /// already.
    pub(crate) fn of_session(
        name: impl Into<String>,
        folder: &Path,
        staging: &Path,
        session: Session,
        history: impl Iterator<Item = Frame> + 'static,
    ) -> Self {
        session.refresh(ours::STUCK).expect("the folder is there");
        let mut events = session.events();
        let behind = session.timeline().len();
        (0..behind).for_each(|_| wait_for_message(&mut events).expect("the session is open"));
        let (tell, arrived) = mpsc::channel();
        thread::spawn(move || {
            while let Some(()) = wait_for_message(&mut events) {
                if tell.send(Instant::now()).is_err() {
                    break;
                }
            }
        });
        let (folder, staging, history) = (folder.to_owned(), staging.to_owned(), Box::new(history));
        Self { name: name.into(), folder, staging, arrived, history, session: Some(session) }
    }

    /// Starts a watcher of one directory, into which all messages go.
    fn of_watcher<W: Waiting + 'static>(
        name: &str,
        folder: &Path,
        staging: &Path,
        watch: impl FnOnce(&Path) -> W,
    ) -> Self {
        let history = || History::by(Authors::Plain, Manner::Deaf);
        let author = history().authors()[0];
        let mine = move |frame: &Frame| frame.id().author == author;
        let mut expected = history().filter(mine);
        let mut waiting = watch(&folder.join(author.to_string()));
        let (tell, arrived) = mpsc::channel();
        thread::spawn(move || {
            loop {
                let bytes = waiting.next();
                watchers::check(&bytes, &expected.next().expect("there is always one more"));
                if tell.send(Instant::now()).is_err() {
                    break;
                }
            }
        });
        let history = Box::new(history().filter(mine));
        Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            staging: staging.to_owned(),
            arrived,
            history,
            session: None,
        }
    }

    /// Publishes messages one after the other; returns how long each took, in nanoseconds.
    pub(crate) fn deliver(&mut self, messages: usize) -> Vec<f64> {
        let deliver = |_| {
            let frame = self.history.next().expect("there is always one more");
            let staged = self.staging.join("staged");
            fs::write(&staged, frame.bytes()).expect("the volume has room");
            let target = path_of(&self.folder, frame.id());
            rest(PAUSE);
            let appeared = Instant::now();
            fs::rename(&staged, target).expect("the volume has room");
            let arrived = self.arrived.recv_timeout(ours::STUCK).expect("it arrives");
            ns(arrived.duration_since(appeared))
        };
        (0..messages).map(deliver).collect()
    }

    /// Takes this many messages that another program has sent.
    pub(crate) fn pass(&mut self, messages: usize) {
        for _ in 0..messages {
            self.arrived.recv_timeout(ours::STUCK).expect("it arrives");
        }
    }

    pub(crate) fn end(self) {
        if let Some(session) = self.session {
            session.close().expect("the store works");
        }
    }
}

/// Waits for the next message; returns `None` when the session is closed.
fn wait_for_message(events: &mut Events) -> Option<()> {
    loop {
        if let Event::Message { .. } = events.next()?.expect("the store works") {
            return Some(());
        }
    }
}
