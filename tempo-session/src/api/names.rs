//! The names of members, for display.

use std::collections::{BTreeMap, BTreeSet};

use tempo_clock::AuthorId;
use tempo_message::printable_text;

use crate::api::status::Status;

/// The printable names of all members at one moment, unambiguous.
///
/// Members that share a name, have a successor, or have succeeded another author appear with the beginning of
/// their author id: "Ana 3dffda63".
#[derive(Debug, Clone)]
pub struct Names {
    names: BTreeMap<AuthorId, String>,
}

impl Status {
    /// Returns the names of all members.
    pub fn names(&self) -> Names {
        let mut alike: BTreeMap<&str, usize> = BTreeMap::new();
        let mut related = BTreeSet::new();
        for member in &self.members {
            if let Some(name) = &member.name {
                *alike.entry(name).or_default() += 1;
            }
            if let Some(former) = member.former {
                related.extend([member.author, former]);
            }
        }
        let called = self.members.iter().filter_map(|member| {
            let name = member.name.as_deref()?;
            let is_ambiguous = related.contains(&member.author) || alike.get(name).is_some_and(|&count| count > 1);
            let name = printable_text(name);
            let name = if is_ambiguous { format!("{name} {}", short(member.author)) } else { name };
            Some((member.author, name))
        });
        Names { names: called.collect() }
    }
}

impl Names {
    /// Returns the name of an author, if it has one.
    pub fn get(&self, author: AuthorId) -> Option<&str> {
        self.names.get(&author).map(String::as_str)
    }

    /// Returns the name of an author, or the beginning of its id if it has no name.
    pub fn of(&self, author: AuthorId) -> String {
        self.get(author).map_or_else(|| short(author), str::to_owned)
    }
}

pub(crate) fn short(author: AuthorId) -> String {
    author.to_string().chars().take(8).collect()
}
