//! Many members: joining, the status, sending, and heads, with ten members and with a thousand.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempo_session::Session;

use crate::{
    Lab,
    history::{payload, write_members},
    join::thousands,
    ours,
    poll::CALMING,
    rounds::{Measured, Variant, interleave, median_of, rest, time},
    stats::Figures,
    table::{Bound, FLAT, Row, Unit},
};

pub(crate) const KEYS: &[&str] = &["members"];

/// The numbers of members.
const SIZES: [usize; 3] = [10, 100, 1000];
/// The messages of each member.
const EACH: usize = 20;
/// The largest head, in bytes.
const HEAD: f64 = 32.0 * 1024.0;

/// The folder of a session with some members.
struct Site {
    members: usize,
    folder: PathBuf,
}

/// A member that has joined a session.
struct Joined {
    members: usize,
    folder: PathBuf,
    session: Session,
}

/// Returns the rows that compare a thousand members with ten.
pub(crate) fn rows(lab: &mut Lab) -> Vec<Row> {
    let sites = SIZES.map(|members| {
        let folder = lab.volume.folder("members");
        write_members(&folder, members, EACH);
        Site { members, folder }
    });
    lab.volume.sync();
    let joins = joining(lab, &sites);
    let joined = sites.map(|site| site.join(lab));
    rest(CALMING);
    let statuses = asking(lab, &joined);
    let sends = sending(lab, &joined);
    let heads = joined.map(Joined::leave_head);
    let [ten, hundred, thousand] = SIZES.map(|members| format!("{} members", thousands(members)));
    let flat = |what: &str, most: f64, measured: &Measured| {
        let [few, some, many] = SIZES.map(|members| measured.of(&members.to_string()).clone());
        Row::flat("members", what, most, (&thousand, many), (&ten, few)).also(format!("with {hundred}"), some)
    };
    let [few, some, many] = heads.map(Figures::fixed);
    let messages = format!("{EACH} messages of each member");
    vec![
        flat("join, each message", FLAT, &joins).note(format!("{messages}, a file each")),
        flat("status, each message", FLAT, &statuses).note(messages),
        flat("durable send", 1.25, &sends),
        Row::new("members", format!("head of a member of {}", thousands(SIZES[2])), Unit::Bytes, many)
            .floor(Bound::figure(HEAD))
            .also(format!("with {ten}"), few)
            .also(format!("with {hundred}"), some),
    ]
}

/// Joins every session in each round, as a new member.
fn joining(lab: &mut Lab, sites: &[Site]) -> Measured {
    let rounds = lab.options.pick(7, 3);
    let trash = lab.volume.dir("trash");
    let variants = sites.iter().map(|Site { members, folder }| {
        // One more directory for the round that warms up.
        let mut states: Vec<PathBuf> = (0..=rounds).map(|_| lab.volume.dir("members-state")).collect();
        let (messages, trash) = (members * EACH, &trash);
        Variant::new(members.to_string(), move || {
            let state = states.pop().expect("there is one for each round");
            let (took, session) = time(|| ours::join(folder, &state, messages));
            ours::leave(session, folder, trash);
            took / messages as f64
        })
    });
    let mut variants: Vec<Variant<'_>> = variants.collect();
    variants.iter_mut().for_each(Variant::warm_up);
    interleave(rounds, variants)
}

/// Asks for the status.
fn asking(lab: &Lab, joined: &[Joined]) -> Measured {
    let (rounds, times) = lab.options.pick((25, 40), (7, 20));
    let variants = joined.iter().map(|Joined { members, session, .. }| {
        let ask = move || assert_eq!(session.status().messages, members * EACH);
        Variant::new(members.to_string(), move || median_of(times, ask) / (members * EACH) as f64)
    });
    interleave(rounds, variants.collect())
}

/// Sends messages one at a time.
fn sending(lab: &Lab, joined: &[Joined]) -> Measured {
    let (rounds, times) = lab.options.pick((25, 40), (5, 20));
    let payload = payload(0);
    let variants = joined.iter().map(|Joined { members, session, .. }| {
        let payload = &payload;
        Variant::new(members.to_string(), move || {
            let sent = median_of(times, || {
                session.send(payload).expect("the store works");
            });
            ours::calm(session);
            sent
        })
    });
    let mut variants: Vec<Variant<'_>> = variants.collect();
    variants.iter_mut().for_each(Variant::warm_up);
    interleave(rounds, variants)
}

impl Site {
    /// Joins, and stays a member for all that follows.
    fn join(self, lab: &mut Lab) -> Joined {
        let Self { members, folder } = self;
        let session = ours::join(&folder, &lab.volume.dir("members-state"), members * EACH);
        ours::calm(&session);
        Joined { members, folder, session }
    }
}

impl Joined {
    /// Closes the session, which leaves a head with everything that was accepted; returns the size of the head.
    fn leave_head(self) -> f64 {
        let author = self.session.author().expect("it is a member");
        self.session.close().expect("the store works");
        head_of(&self.folder.join(author.to_string()))
    }
}

fn head_of(directory: &Path) -> f64 {
    fs::metadata(directory.join("head")).expect("the member has left its head").len() as f64
}
