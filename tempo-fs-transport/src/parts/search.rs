//! Looking for parts by their names, cheaply: only names that somebody asks for are examined, and a directory is listed
//! only for those that are not there under their exact names.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    io, mem,
    path::PathBuf,
    time::Duration,
};

use tempo_message::{FileType, Part, Presence};

use crate::{
    format::{
        known::known,
        part::{PartKey, PartName},
    },
    fs::port::{Fs, Stat},
    scan::{author_dir::Freshness, placeholder::LARGEST},
};

/// What the latest listings of directories of parts have met, apart from exact names.
#[derive(Debug, Default)]
pub(super) struct Memory(BTreeMap<PathBuf, Listed>);

#[derive(Debug, Default)]
struct Listed {
    freshness: Freshness,
    at: Duration,
    names: u32,
    unusual: Vec<Unusual>,
    /// There were more of them than are remembered.
    has_overflowed: bool,
}

/// A name that a part may have.
pub(super) type Unusual = (PartKey, PartName, OsString);

/// The most unusual names of a directory that are remembered.
const UNUSUAL: usize = 16_384;
/// The most unusual names of one part that are examined in a directory.
const COPIES: usize = 8;
/// A directory with very many names is not listed again before ten times the time that it takes.
const FOR_A_NAME: Duration = Duration::from_micros(10);
const RESTED: Duration = Duration::from_secs(10);

impl Memory {
    /// Returns the unusual names of parts in a directory, at most [`COPIES`] of each. Lists it if that is due.
    pub(super) fn unusual<F: Fs>(
        &mut self,
        fs: &F,
        (path, dir): (PathBuf, &F::Dir),
        wanted: &BTreeSet<PartKey>,
    ) -> io::Result<Vec<Unusual>> {
        let (version, now) = (fs.stat_dir(dir)?.version(), fs.now());
        let listed = self.0.entry(path).or_default();
        let rests = now < listed.at + (FOR_A_NAME * listed.names).min(RESTED) && listed.names > 0;
        if listed.has_overflowed || (listed.freshness.is_due(version, now) && !rests) {
            listed.list(fs, dir, wanted)?;
            listed.freshness.listed(version, now);
            listed.at = now;
        }
        Ok(wanted.iter().flat_map(|key| of_part(&listed.unusual, *key).take(COPIES)).cloned().collect())
    }
}

impl Listed {
    fn list<F: Fs>(&mut self, fs: &F, dir: &F::Dir, wanted: &BTreeSet<PartKey>) -> io::Result<()> {
        *self = Self { freshness: mem::take(&mut self.freshness), ..Self::default() };
        let mut met = 0_usize;
        fs.list(dir, &mut |name| {
            self.names = self.names.saturating_add(1);
            let Some((key, kind)) = PartKey::parse(name).filter(|(_, kind)| *kind != PartName::Exact) else {
                return true;
            };
            met += 1;
            let has_room = met <= UNUSUAL || (wanted.contains(&key) && self.unusual.len() < 2 * UNUSUAL);
            if has_room && known(name).is_none() {
                self.unusual.push((key, kind, name.to_owned()));
            }
            true
        })?;
        self.has_overflowed = met > UNUSUAL;
        self.unusual.sort_by(|(a, _, one), (b, _, other)| (a, one).cmp(&(b, other)));
        Ok(())
    }
}

/// Returns the names of one part among sorted ones.
pub(super) fn of_part(unusual: &[Unusual], key: PartKey) -> impl Iterator<Item = &Unusual> {
    let from = unusual.partition_point(|(it, ..)| *it < key);
    unusual.get(from..).unwrap_or_default().iter().take_while(move |(it, ..)| *it == key)
}

/// Returns what a name says of a part's presence, without opening anything.
pub(super) fn presence(part: &Part, kind: PartName, stat: &Stat) -> Presence {
    match (kind, stat.file_type) {
        (PartName::Placeholder, FileType::File) => Presence::Elsewhere,
        (_, FileType::File) if stat.len == part.length => {
            if stat.online_only {
                Presence::Elsewhere
            } else {
                Presence::Here
            }
        }
        // It may stand for a file that is not here.
        (PartName::Extended, FileType::File) if stat.len <= u64::from(LARGEST) => Presence::Elsewhere,
        _ => Presence::Damaged,
    }
}

/// Examines one name. What cannot be examined now has the part's name all the same.
pub(super) fn look_at<F: Fs>(fs: &F, dir: &F::Dir, name: &OsStr, kind: PartName, part: &Part) -> Presence {
    match fs.stat(dir, name) {
        Ok(stat) => presence(part, kind, &stat),
        Err(error) if super::place::is_none(&error) => Presence::Missing,
        Err(_) => Presence::Damaged,
    }
}
