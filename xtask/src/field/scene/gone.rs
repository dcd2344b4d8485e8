//! A member is gone for good, and the service has removed what it had uploaded.

use super::Scene;
use crate::play::member::all_read;
use crate::play::stage::Stage;
use crate::play::stop::{Outcome, check};
use crate::play::tree;

pub(super) const SCENES: &[Scene] = &[Scene {
    name: "account-closed",
    source: "Google Drive: service.alaska.edu knowledge base 116; thegreatturning.blogspot.com, 4 May 2020",
    about: "Ben's account is closed, and his directory goes with it. Ana has all of his messages. Cleo joins afterwards.",
    right: "after `tempo relay` by Ana, Cleo reads every message, also those that answer Ben",
    needs: &[],
    wants: &[],
    play: account_closed,
}];

/// Both spellings of WHO: a name, and the beginning of an author.
fn account_closed(stage: &Stage) -> Outcome {
    stage.each(
        &["by name", "by author"],
        |way| (*way).to_owned(),
        |way, stage| {
            let (ana, ben, cleo) = (stage.member("Ana"), stage.member("Ben"), stage.member("Cleo"));
            ana.introduce("one")?;
            ben.introduce("answer to one")?;
            ana.send(&["two"])?;
            ben.send(&["answer to two"])?;
            let more: Vec<String> = (3..8).map(|number| format!("number {number}")).collect();
            more.iter().try_for_each(|text| ana.send(&[text]).map(drop))?;
            let mut texts = vec!["one", "answer to one", "two", "answer to two"];
            texts.extend(more.iter().map(String::as_str));

            let author = ben.author()?;
            tree::remove(&ben.folder.join(&author))?;
            tree::remove(&ben.state)?;
            ana.open()?;
            ana.ask(&["pack"])?;
            all_read(&[&ana], &texts)?;

            let who = if *way == "by name" { "Ben" } else { author.get(..8).unwrap_or_default() };
            ana.ask(&["relay", who])?;
            cleo.send(&["can you hear me?"])?;
            ana.send(&["yes"])?;
            texts.extend(["can you hear me?", "yes"]);
            all_read(&[&ana, &cleo], &texts)?;
            check(cleo.log()?.lines.iter().any(|line| line.name.as_deref() == Some("Ben")), || {
                "Ben's messages have lost his name".to_owned()
            })?;
            cleo.is_well()
        },
    )
}
