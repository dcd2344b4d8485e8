//! Finding the member that a person means.

use tempo_session::{AuthorId, Status};

/// The shortest beginning of an author that identifies it, in characters.
const BEGINNING: usize = 4;

/// Returns the other members that have this name, or whose author begins with it.
pub(crate) fn called(status: &Status, who: &str) -> Vec<AuthorId> {
    let names = status.names();
    let is_me = |author: AuthorId| Some(author) == status.author || status.former.contains(&author);
    let others = status.members.iter().filter(|member| !is_me(member.author));
    let lower = who.to_lowercase();
    let is_called = |name: Option<&str>| name.is_some_and(|name| name.to_lowercase() == lower);
    let begins = |author: AuthorId| lower.len() >= BEGINNING && author.to_string().starts_with(&lower);
    let called = others.filter(|member| {
        is_called(member.name.as_deref()) || is_called(names.get(member.author)) || begins(member.author)
    });
    called.map(|member| member.author).collect()
}
