//! The local store after a power loss.

use super::Scene;
use crate::play::member::all_read;
use crate::play::stage::Stage;
use crate::play::stop::{Outcome, check};
use crate::play::tree;

pub(super) const SCENES: &[Scene] = &[Scene {
    name: "broken-store",
    source: "marktext/marktext#4852",
    about: "After a loss of power the local store is all zeros, empty, cut, or half zeros; small files beside it are empty.",
    right: "sending says what is wrong and what to do, the store is not touched, and the way that the doctor advises \
            loses nothing that is in the folder",
    needs: &[],
    wants: &[],
    play: broken_store,
}];

/// A kind of damage: its name, and the function that damages the bytes.
type Damage = (&'static str, fn(Vec<u8>) -> Vec<u8>);

const DAMAGES: &[Damage] = &[
    ("zeros", |bytes| vec![0; bytes.len()]),
    ("empty", |_| Vec::new()),
    ("cut", |bytes| bytes.iter().take(bytes.len() / 2).copied().collect()),
    ("zeros from the start to the middle", |bytes| {
        let middle = bytes.len() / 2;
        bytes.into_iter().enumerate().map(|(index, byte)| if index < middle { 0 } else { byte }).collect()
    }),
];

fn broken_store(stage: &Stage) -> Outcome {
    stage.each(
        DAMAGES,
        |(name, _)| (*name).to_owned(),
        |(_, damage), stage| {
            let (ana, ben) = (stage.member("Ana"), stage.member("Ben"));
            ana.introduce("one")?;
            ben.introduce("two")?;
            let author = ana.author()?;
            let local = ana.state.join(&author);
            for small in ["folder", "home"] {
                tree::write(&local.join(small), "")?;
            }
            ana.send(&["the small files are empty"])?;
            check(ana.author()? == author, || "Ana is another member without the small files".to_owned())?;

            let store = local.join("store.redb");
            let broken = damage(tree::read(&store)?);
            tree::write(&store, &broken)?;
            let before = tree::files(&ana.folder)?;
            let said = ana.run(&["send", "not kept"])?;
            check(said.status.code() == Some(2) && said.out.is_empty(), || {
                format!("sending ends with {} and prints `{}`", said.status, said.out.trim())
            })?;
            check(said.err.contains("store.redb") && said.err.contains("move its directory"), || {
                format!("sending does not say what is wrong and what to do: {}", said.err.trim())
            })?;
            check(tree::read(&store)? == broken, || "the broken store was changed".to_owned())?;
            check(tree::files(&ana.folder)? == before, || "the folder was changed".to_owned())?;
            let checkup = ana.doctor()?;
            let names_store = checkup.attention().iter().any(|kind| ["store-unusable", "store-unclean"].contains(kind));
            check(names_store && checkup.text().contains("out of the state directory"), || {
                format!("the doctor does not say how to go on:{}", checkup.text())
            })?;

            // The doctor's advice: the directory is moved away, and Ana continues as a new member.
            tree::rename(&local, &stage.at("aside"))?;
            ana.send(&["as a new member"])?;
            all_read(&[&ana, &ben], &["one", "two", "the small files are empty", "as a new member"])
        },
    )
}
