//! The user's decisions about two directories: parts of one session, or two sessions.

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempo_message::AuthorId;
use thiserror::Error;

use crate::{
    error::{OpenError, open_error},
    fs::{port::Fs, real::RealFs},
    local::{
        home::Home,
        state_file::{self, InstallationError, lock, patiently, sync_dir},
    },
    split::contents::members,
};

/// The user's decision about two directories of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// They are parts of one session.
    Join,
    /// They are two sessions.
    Apart,
}

/// The decisions on this machine, for all installations in a state directory. They apply to the
/// directories themselves, wherever those are moved, and whichever of both is opened.
#[derive(Debug, Clone)]
pub struct Decisions {
    path: PathBuf,
}

/// The reason why a decision could not be kept.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecisionError {
    /// One of the directories cannot be read.
    #[error(transparent)]
    Folder(#[from] OpenError),
    /// It is the session folder itself.
    #[error("{} is the session folder itself", path.display())]
    Itself {
        /// The directory.
        path: PathBuf,
    },
    /// It contains no directory of a member.
    #[error("{} holds no directory of a member", path.display())]
    NoMembers {
        /// The directory.
        path: PathBuf,
    },
    /// The local state cannot be written.
    #[error(transparent)]
    State(#[from] InstallationError),
}

/// One of the two directories of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Side {
    /// The identity of the directory, if known.
    pub(crate) home: Option<Home>,
    /// The authors in it.
    pub(crate) authors: BTreeSet<AuthorId>,
}

/// All decisions, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Said(Vec<(Decision, Side, Side)>);

/// The file in the state directory.
const FILE: &str = "parts";

impl Decisions {
    /// Returns the decisions that are kept in this state directory.
    pub fn new(state: PathBuf) -> Self {
        Self { path: state }
    }

    /// Keeps a decision; the latest one about two directories counts.
    ///
    /// # Errors
    ///
    /// [`DecisionError`]; earlier decisions still count then.
    ///
    /// # Durability
    ///
    /// When this returns, the decision survives a loss of power.
    pub fn decide(&self, folder: &Path, other: &Path, decision: Decision) -> Result<(), DecisionError> {
        let (one, two) = (Side::of(folder)?, Side::of(other)?);
        let is_itself =
            one.home.is_some() && one.home == two.home || fs::canonicalize(folder).ok() == fs::canonicalize(other).ok();
        if is_itself {
            return Err(DecisionError::Itself { path: other.to_owned() });
        }
        if two.authors.is_empty() {
            return Err(DecisionError::NoMembers { path: other.to_owned() });
        }
        let failed = |source| InstallationError::Failed { path: self.path.clone(), source };
        fs::create_dir_all(&self.path).map_err(failed)?;
        let _lock = lock(&self.path.join("lock"))?;
        let mut said = self.read();
        said.0.retain(|(_, a, b)| !is_pair((a, b), (&one, &two), true) && !is_pair((a, b), (&one, &two), false));
        said.0.push((decision, one, two));
        state_file::put(&self.path, FILE, said.to_text().as_bytes())?;
        sync_dir(&self.path).map_err(failed)?;
        Ok(())
    }

    /// Returns all decisions, or none when they cannot be read.
    pub(crate) fn read(&self) -> Said {
        let path = self.path.join(FILE);
        let text = patiently(&path, || fs::read_to_string(&path)).unwrap_or_default();
        Said(text.lines().filter_map(parse).collect())
    }
}

impl Said {
    /// Returns the decision about two directories.
    pub(crate) fn of(&self, one: &Side, two: &Side) -> Option<Decision> {
        let said =
            self.0.iter().rev().find(|(decision, a, b)| is_pair((a, b), (one, two), *decision == Decision::Apart));
        said.map(|&(decision, ..)| decision)
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        for (decision, one, two) in &self.0 {
            let word = if *decision == Decision::Join { "join" } else { "apart" };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{word}\t{}\t{}", one.to_text(), two.to_text());
        }
        text
    }
}

/// Returns whether a decision is about these two directories, in any order. When both may have been
/// moved to another volume, only their members identify them.
fn is_pair((a, b): (&Side, &Side), (one, two): (&Side, &Side), may_be_moved: bool) -> bool {
    let fits = |a: &Side, one: &Side, b: &Side, two: &Side| {
        let of_both = [a.is_home(one), b.is_home(two)];
        let by_members = || a.authors.is_subset(&one.authors) && b.authors.is_subset(&two.authors);
        match of_both {
            [Some(true), Some(true)] => true,
            [Some(false), Some(false)] => may_be_moved && by_members(),
            [Some(false), _] | [_, Some(false)] => false,
            _ => by_members(),
        }
    };
    fits(a, one, b, two) || fits(a, two, b, one)
}

impl Side {
    fn of(path: &Path) -> Result<Self, DecisionError> {
        let fs = RealFs::default();
        let look = || {
            let dir = Arc::new(fs.open_root(path)?);
            let stat = fs.stat_dir(&dir)?;
            let authors = members(&fs, &dir)?.into_iter().map(|(_, author)| author).collect();
            io::Result::Ok(Self { home: Home::opened(&fs, &dir, &stat), authors })
        };
        Ok(look().map_err(|error| open_error(path.to_owned(), error))?)
    }

    /// Returns whether it is this directory, if that is known.
    fn is_home(&self, other: &Self) -> Option<bool> {
        Some(self.home? == other.home?)
    }

    fn to_text(&self) -> String {
        let home = self.home.map_or_else(|| "-".to_owned(), Home::to_line);
        let authors: Vec<String> = self.authors.iter().map(AuthorId::to_string).collect();
        format!("{home}\t{}", authors.join(","))
    }

    fn parse(home: &str, authors: &str) -> Option<Self> {
        let home = if home == "-" { None } else { Some(home.parse().ok()?) };
        let authors = authors.split(',').filter(|author| !author.is_empty());
        Some(Self { home, authors: authors.map(str::parse).collect::<Result<_, _>>().ok()? })
    }
}

fn parse(line: &str) -> Option<(Decision, Side, Side)> {
    let mut fields = line.split('\t');
    let decision = match fields.next()? {
        "join" => Decision::Join,
        "apart" => Decision::Apart,
        _ => return None,
    };
    let mut side = || Side::parse(fields.next()?, fields.next()?);
    Some((decision, side()?, side()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(number: Option<u64>, authors: &[u128]) -> Side {
        let home = number.map(|number| format!("{number} 7").parse().unwrap());
        let authors = authors.iter().map(|&author| AuthorId::new(uuid::Uuid::from_u128(author))).collect();
        Side { home, authors }
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let said = vec![
            (Decision::Join, side(Some(1), &[1, 2]), side(None, &[3])),
            (Decision::Apart, side(Some(1), &[1, 2]), side(Some(2), &[])),
        ];
        let text = Said(said.clone()).to_text();
        assert_eq!(text.lines().filter_map(parse).collect::<Vec<_>>(), said);
        assert_eq!(["", "join", "part\t-\t\t-\t", "join\tx\t\t-\t"].map(parse), [None, None, None, None]);
    }

    #[test]
    fn the_same_directories_are_known_whatever_has_become_of_them() {
        let said = Said(vec![(Decision::Apart, side(Some(1), &[1]), side(Some(2), &[1, 2]))]);
        let of = |one: Side, two: Side| said.of(&one, &two);
        assert_eq!(of(side(Some(1), &[1, 5]), side(Some(2), &[1, 2, 6])), Some(Decision::Apart));
        assert_eq!(of(side(Some(2), &[1, 2]), side(Some(1), &[1])), Some(Decision::Apart), "from the other one");
        assert_eq!(of(side(Some(1), &[1]), side(Some(2), &[9])), Some(Decision::Apart), "members have moved");
        assert_eq!(of(side(Some(1), &[1]), side(Some(3), &[1, 2])), None, "another copy");
        assert_eq!(of(side(Some(7), &[1]), side(Some(8), &[1, 2])), Some(Decision::Apart), "on another volume");
        let joined = Said(vec![(Decision::Join, side(Some(1), &[1]), side(Some(2), &[2]))]);
        assert_eq!(joined.of(&side(Some(7), &[1, 2]), &side(Some(8), &[1, 2])), None, "perhaps two copies");
        let unknown = Said(vec![(Decision::Join, side(None, &[1]), side(None, &[2]))]);
        assert_eq!(unknown.of(&side(None, &[1]), &side(None, &[2])), Some(Decision::Join));
        assert_eq!(unknown.of(&side(None, &[1]), &side(None, &[3])), None);
    }
}
