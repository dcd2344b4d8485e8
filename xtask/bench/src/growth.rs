//! Costs by the length of the history, from a thousand messages to a million: sending, polling, delivery, and
//! reopening.

use std::path::PathBuf;

use crate::{
    Lab,
    chart::{Line, Plot},
    history::{History, payload, write_packs},
    join::thousands,
    latency::Reader,
    ours,
    poll::{CALMING, Idle},
    reopen::show_last,
    rounds::{median_of, rest, time},
    stats::{Figures, median},
    table::{Bound, FLAT, Row, Unit},
};

/// The measured operations, and whether they must be flat. Reopening reads a snapshot, which grows.
const OPERATIONS: [(&str, bool); 4] =
    [("durable send", true), ("idle poll", true), ("new file to event", true), ("reopen", false)];

/// The sessions and figures of one size.
struct Site {
    messages: usize,
    session: tempo_session::Session,
    reader: Reader,
    /// Polls a folder of its own without any changes.
    idle: Idle,
    /// A folder of its own, and the state of a member that is closed between rounds.
    closed: (PathBuf, PathBuf),
    /// The figures in the order of the operations.
    figures: [Figures; OPERATIONS.len()],
}

/// Returns a row for each operation and size, and the plot.
pub(crate) fn measure(lab: &mut Lab) -> (Vec<Row>, Plot) {
    let (sizes, rounds): (&[usize], _) =
        lab.options.pick((&[1000, 10_000, 100_000, 1_000_000], 7), (&[1000, 20_000], 5));
    let mut sites: Vec<Site> = sizes.iter().map(|&messages| Site::new(lab, messages)).collect();
    lab.volume.sync();
    rest(CALMING);
    for round in 0..=rounds {
        for step in 0..sites.len() {
            let site = (round + step) % sites.len();
            // The first round warms up.
            sites[site].measure(round > 0);
        }
    }
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    for (at, (operation, is_flat)) in OPERATIONS.into_iter().enumerate() {
        let smallest = sites[0].figures[at].clone();
        for site in &sites {
            let row = Row::new(
                "growth",
                format!("{operation}, {}", thousands(site.messages)),
                Unit::Nanoseconds,
                site.figures[at].clone(),
            );
            let name = format!("the same with {}", thousands(sites[0].messages));
            let most = is_flat.then_some(FLAT);
            let bound = Bound { name, figures: smallest.clone(), most };
            rows.push(if site.messages == sites[0].messages { row } else { row.floor(bound) });
        }
        let points = sites.iter().map(|site| (site.messages as f64, site.figures[at].clone()));
        lines.push(Line { name: operation.to_owned(), points: points.collect() });
    }
    sites.into_iter().for_each(|site| site.reader.end());
    (rows, Plot { title: "How long it takes, by messages in the session".to_owned(), unit: Unit::Nanoseconds, lines })
}

impl Site {
    fn new(lab: &mut Lab, messages: usize) -> Self {
        eprintln!("         {} messages", thousands(messages));
        let volume = &mut lab.volume;
        let closed = (volume.folder("growth-closed"), volume.dir("growth-closed-state"));
        write_packs(&closed.0, &mut History::new(), messages);
        ours::join(&closed.0, &closed.1, messages).close().expect("the store works");
        let folder = volume.folder("growth");
        let mut history = History::new();
        write_packs(&folder, &mut history, messages);
        let session = ours::join(&folder, &volume.dir("growth-state"), messages);
        let reader = Reader::of_session("growth", &folder, &volume.dir("growth-staging"), session.clone(), history);
        let still = volume.folder("growth-still");
        write_packs(&still, &mut History::new(), messages);
        let idle = Idle::new(&still, messages);
        Self { messages, session, reader, idle, closed, figures: Default::default() }
    }

    fn measure(&mut self, counts: bool) {
        const TIMES: usize = 30;
        let payload = payload(0);
        // The work that a session still has after sending or receiving would disturb the next measurement.
        rest(CALMING);
        let sent = median_of(TIMES, || {
            self.session.send(&payload).expect("the store works");
        });
        ours::calm(&self.session);
        // The reader is also notified of the messages sent here.
        self.reader.pass(TIMES);
        rest(CALMING);
        let polled = self.idle.turn();
        let delivered = median(&self.reader.deliver(TIMES));
        let (folder, state) = &self.closed;
        let (reopened, session) = time(|| {
            let session = ours::open(folder, state);
            show_last(&session, self.messages);
            session
        });
        session.close().expect("the store works");
        if counts {
            for (figures, figure) in self.figures.iter_mut().zip([sent, polled, delivered, reopened]) {
                figures.push(figure);
            }
        }
    }
}
