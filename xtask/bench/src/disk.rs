//! The space that a message takes on the disk, in a file of its own and packed.

use std::{
    fs::{self, Metadata},
    path::Path,
    time::Duration,
};

use tempo_session::{Packing, Session};

use crate::{
    Lab,
    history::{Authors, History, Manner, PAYLOAD, payload, write_packs},
    join::thousands,
    ours,
    stats::Figures,
    table::{Bound, Row, Unit},
};

pub(crate) const KEYS: &[&str] = &["disk"];

/// The most that signed authors may take, as a multiple of what plain ones do.
const SIGNED: f64 = 1.2;

/// The bytes of the prelude and of the header without digests and links: author, counter, kind, logical time,
/// wall clock.
const HEADER: usize = 12 + 17 + 3 + 1 + 3 + 6;

/// Returns the rows of packs that a session has made, and of packs of four authors.
pub(crate) fn rows(lab: &mut Lab) -> Vec<Row> {
    let written = (PAYLOAD + HEADER) as f64;
    let few = lab.options.pick(10_000, 2000);
    let (alone, packed) = packed_by_hand(lab, Authors::Signed, few);
    let each = |bytes: f64, messages: usize| Figures::fixed(bytes / messages as f64);
    let floor = || Bound::at_most(1.35, "payload and header, without digests and links", Figures::fixed(written));
    let mut rows = vec![
        Row::new("disk", format!("disk a message, {} packed", thousands(few)), Unit::Bytes, each(packed, few))
            .floor(floor())
            .peer(Bound::at_most(0.125, "a file per message", each(alone, few)))
            .note("one author; files and directories as allocated"),
    ];
    let many = lab.options.pick(1_000_000, 50_000);
    for (manner, how) in [(Manner::Turns, "a quarter with a parent"), (Manner::Alternating, "each with a parent")] {
        let size = in_packs(lab, History::of(manner), many);
        let operation = format!("disk a message, {} of 4 authors, {how}", thousands(many));
        let row = Row::new("disk", operation, Unit::Bytes, each(size, many));
        // There is no goal for how often members answer each other; the first manner is how people talk.
        rows.push(match manner {
            Manner::Turns => row.floor(floor()),
            _ => row.floor(Bound::shown(floor().name, Figures::fixed(written))),
        });
    }
    rows
}

/// Returns the rows of signed authors beside plain ones.
pub(crate) fn signed(lab: &mut Lab) -> Vec<Row> {
    let (few, many) = lab.options.pick((10_000, 100_000), (2000, 20_000));
    let each = |bytes: f64, messages: usize| Figures::fixed(bytes / messages as f64);
    let together = Authors::BOTH.map(|authors| each(packed_by_hand(lab, authors, few).1, few));
    let by_turns = Authors::BOTH.map(|authors| each(in_packs(lab, History::by(authors, Manner::Turns), many), many));
    let row = |messages, how, figures| {
        Row::signed(format!("disk a message, {} {how}", thousands(messages)), Unit::Bytes, SIGNED, figures)
    };
    vec![row(few, "sent together and packed", together), row(many, "sent one by one and packed", by_turns)]
}

/// Returns the size of a history on the disk in packs.
fn in_packs(lab: &mut Lab, mut history: History, messages: usize) -> f64 {
    let folder = lab.volume.folder("disk");
    write_packs(&folder, &mut history, messages);
    lab.volume.sync();
    allocated(&folder)
}

/// Returns the size of a session's messages on the disk, before and after it packs them.
fn packed_by_hand(lab: &mut Lab, authors: Authors, messages: usize) -> (f64, f64) {
    let (folder, state) = (lab.volume.folder("disk"), lab.volume.dir("disk-state"));
    ours::begin(authors, &folder, &state);
    // Each message becomes a file, however many are sent together.
    let packing = Packing { at_once: usize::MAX, ..Packing::default() };
    let opened = Session::builder(&folder).state_dir(&state).packing(Some(packing)).open();
    let session = opened.expect("the folder is there");
    session.send_all((0..messages as u64).map(payload)).expect("the store works");
    ours::calm(&session);
    lab.volume.sync();
    let alone = allocated(&folder);
    let patience = Duration::from_secs(600);
    let pack_stats = session.pack_at_once(patience).expect("the folder is there");
    assert!(pack_stats.packs > 0 && pack_stats.alone < messages / 100, "it is packed: {pack_stats:?}");
    session.close().expect("the store works");
    lab.volume.sync();
    (alone, allocated(&folder))
}

/// Returns the space that a directory takes on the disk with everything in it.
pub(crate) fn allocated(dir: &Path) -> f64 {
    let of = |metadata: &Metadata| blocks(metadata) as f64 * 512.0;
    let entries = fs::read_dir(dir).expect("it is there").map(|entry| entry.expect("it is there"));
    let inside = entries.map(|entry| {
        let metadata = entry.metadata().expect("it is there");
        if metadata.is_dir() { allocated(&entry.path()) } else { of(&metadata) }
    });
    of(&fs::metadata(dir).expect("it is there")) + inside.sum::<f64>()
}

#[cfg(unix)]
fn blocks(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(metadata)
}

/// On other systems a file takes whole clusters of 4 KiB.
#[cfg(not(unix))]
fn blocks(metadata: &Metadata) -> u64 {
    metadata.len().div_ceil(4096) * 8
}
