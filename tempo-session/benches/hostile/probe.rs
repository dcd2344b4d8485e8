//! An application that calls the session all the time, and records the longest time of each call.

use std::{
    fs::File,
    io::Write,
    path::PathBuf,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tempo_session::Session;

/// The longest time of each call.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Longest {
    pub(crate) status: Duration,
    pub(crate) timeline: Duration,
    pub(crate) poll: Duration,
    pub(crate) send: Duration,
    pub(crate) sync: Duration,
    pub(crate) sent: usize,
}

#[derive(Debug)]
pub(crate) struct Probe {
    stop: Sender<()>,
    thread: JoinHandle<Longest>,
}

impl Probe {
    /// The pause between two rounds of calls.
    const PAUSE: Duration = Duration::from_millis(2);
    /// The number of rounds between two sent messages.
    const SEND: usize = 25;

    /// Begins to call. The file whose syncs are compared with a send is written beside the store.
    pub(crate) fn start(session: Session, scratch: PathBuf) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut longest = Longest::default();
            for round in 0.. {
                if stopped.recv_timeout(Self::PAUSE) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
                longest.round(&session);
                if round % Self::SEND == 0 {
                    timed(&mut longest.sync, || sync(&scratch));
                    timed(&mut longest.send, || session.send("meanwhile").expect("sending works"));
                    longest.sent += 1;
                }
            }
            longest
        });
        Self { stop, thread }
    }

    /// Ends the calls.
    pub(crate) fn stop(self) -> Longest {
        // If the receiver is gone, the calls have stopped already.
        let _ = self.stop.send(());
        self.thread.join().expect("calling works")
    }
}

impl Longest {
    fn round(&mut self, session: &Session) {
        timed(&mut self.status, || session.status());
        timed(&mut self.timeline, || {
            let timeline = session.timeline();
            timeline.len().checked_sub(1).map(|last| timeline.get(last).expect("the store works"))
        });
        while timed(&mut self.poll, || session.poll().expect("the store works")).is_some() {}
    }
}

fn timed<T>(longest: &mut Duration, call: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let answer = call();
    *longest = began.elapsed().max(*longest);
    answer
}

fn sync(path: &PathBuf) {
    let mut file = File::create(path).expect("the disk has room");
    file.write_all(&[0x5a; 4096]).and_then(|()| file.sync_all()).expect("the disk has room");
}
