//! An application tested on a simulated Dropbox: a shopping list, four members, late files, conflict copies and a
//! power failure. Everything follows from a seed, so a failing run can be repeated.
//!
//! ```sh
//! cargo run -p tempo-session-sim --example app_test          # ten runs
//! cargo run -p tempo-session-sim --example app_test -- 7     # the run of one seed
//! ```

#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use std::{collections::BTreeSet, env, error::Error, time::Duration};

use tempo_session::{
    Entry, MessageId, Session,
    replica::{Reducer, Snapshot},
};
use tempo_sim::{DROPBOX, Effect, Rng, Verdict, World};

/// The application. Its messages are `buy TEXT`, and `bought ID` with the id of the message that asked for the item.
struct ShoppingList;

type Items = Vec<(MessageId, String)>;

impl Reducer for ShoppingList {
    type State = Items;

    fn initial(&self) -> Items {
        Vec::new()
    }

    fn apply(&self, items: &mut Items, entry: &Entry) {
        let text = String::from_utf8_lossy(&entry.payload);
        match text.split_once(' ') {
            Some(("buy", text)) => items.push((entry.id, text.to_owned())),
            // Two members may buy one item. The second message then finds nothing to remove.
            Some(("bought", id)) => items.retain(|(item, _)| item.to_string() != id),
            _ => {}
        }
    }
}

const MEMBERS: usize = 4;

/// Executes the run of one seed. Returns how many items are left in the end, for every member.
pub(crate) fn run(seed: u64) -> Result<usize, Box<dyn Error>> {
    let mut rng = Rng::new(seed);
    let mut world = World::new(seed).profile(DROPBOX).members(MEMBERS);
    world.rule(|effect: &Effect<'_>, rng: &mut Rng| match rng.below(10) {
        0 => Verdict::Copied(format!("{} (Ana's conflicted copy)", effect.name.display())),
        1..4 => Verdict::Delay(Duration::from_secs(rng.range(1..60))),
        _ => Verdict::Pass,
    });
    // The state that applications keep on their disks between two looks, and across the power failure.
    let mut kept: [Option<Snapshot<Items>>; MEMBERS] = Default::default();
    let mut expected = BTreeSet::new();
    for number in 0..40 {
        let (member, crashed) = (rng.below(MEMBERS), rng.below(MEMBERS));
        // A member without power does nothing.
        if let Some((session, kept)) = world.session(member).zip(kept.get_mut(member)) {
            let (items, snapshot) = look(&session, kept.take())?;
            *kept = Some(snapshot);
            let buys = rng.chance(400);
            let text = if let Some((id, text)) = rng.pick(&items).filter(|_| buys) {
                expected.remove(text);
                format!("bought {id}")
            } else {
                expected.insert(format!("thing {number}"));
                format!("buy thing {number}")
            };
            world.send(member, &text)?;
        }
        if number == 20 {
            world.crash(crashed, Duration::from_secs(30));
        }
        world.run_for(Duration::from_millis(rng.range(0..10_000)))?;
    }
    world.rest()?;

    let mut lists = Vec::new();
    for (member, kept) in kept.into_iter().enumerate() {
        let session = world.session(member).ok_or("every member runs in the end")?;
        // Both resuming from the kept state and starting from the beginning must give the same list.
        lists.extend([look(&session, kept)?.0, look(&session, None)?.0]);
    }
    for list in &lists {
        assert_eq!(Some(list), lists.first(), "seed {seed}: the lists differ");
        let texts: BTreeSet<String> = list.iter().map(|(_, text)| text.clone()).collect();
        assert_eq!(texts, expected, "seed {seed}: something was lost, or bought twice");
    }
    Ok(expected.len())
}

/// Returns the member's current list, and a snapshot of it to keep.
fn look(session: &Session, kept: Option<Snapshot<Items>>) -> Result<(Items, Snapshot<Items>), Box<dyn Error>> {
    let mut replica = match kept {
        Some(kept) => session.replica_after(ShoppingList, kept),
        None => session.replica(ShoppingList),
    };
    replica.catch_up()?;
    Ok((replica.state().clone(), replica.snapshot()?))
}

fn main() -> Result<(), Box<dyn Error>> {
    let seeds = match env::args().nth(1) {
        Some(seed) => {
            let seed = seed.parse()?;
            seed..seed + 1
        }
        None => 0..10,
    };
    for seed in seeds {
        println!("seed {seed}: {} items are left to buy, and all {MEMBERS} members agree", run(seed)?);
    }
    Ok(())
}
