//! Finding the member that a person means.

use tempo_message::printable_text;
use tempo_session::{AuthorId, Status};

use crate::{failure::Failure, output};

/// The shortest beginning of an author that identifies it, in characters.
const BEGINNING: usize = 4;

/// Returns the other authors that have this name, or that begin with it: those of other members, and former ones of this
/// member.
pub(crate) fn called(status: &Status, who: &str) -> Vec<AuthorId> {
    let names = status.names();
    let others = status.members.iter().filter(|member| Some(member.author) != status.author);
    let lower = who.to_lowercase();
    let is_called = |name: Option<&str>| name.is_some_and(|name| name.to_lowercase() == lower);
    let begins = |author: AuthorId| lower.len() >= BEGINNING && author.to_string().starts_with(&lower);
    let called = others.filter(|member| {
        is_called(member.name.as_deref()) || is_called(names.get(member.author)) || begins(member.author)
    });
    called.map(|member| member.author).collect()
}

/// Returns the one author that is meant. Those whose place another one has taken for certain are not, unless there is no
/// other.
pub(crate) fn only(status: &Status, who: &str) -> Result<AuthorId, Failure> {
    let called = called(status, who);
    let is_current = |author: &AuthorId| {
        let member = status.members.iter().find(|member| member.author == *author);
        member.is_some_and(|member| member.retired.is_none() && !status.is_succeeded(member.author))
    };
    let current: Vec<AuthorId> = called.iter().copied().filter(is_current).collect();
    let names = status.names();
    match (if current.is_empty() { &called } else { &current }).as_slice() {
        [] if is_me(status, who) => Err(Failure::Yourself),
        [] => Err(Failure::Nobody { who: printable_text(who) }),
        &[author] => Ok(author),
        several => {
            let several = output::listed(several.iter().map(|&author| names.of(author)));
            Err(Failure::Several { who: printable_text(who), several })
        }
    }
}

fn is_me(status: &Status, who: &str) -> bool {
    let name = status.author.and_then(|author| status.name(author));
    name.is_some_and(|name| name.to_lowercase() == who.to_lowercase())
}
