//! The runs that the book shows. Each checks that it shows what the book says of it.

use std::{error::Error, time::Duration};

use tempo_sim::{
    CALM, Effect, Rng, Trace, Verdict, World,
    trace::{Step, What},
};

/// A run, or what is wrong with it.
type Scene = fn() -> Result<Trace, Box<dyn Error>>;

/// The scenes, by the name of the picture's file.
pub(super) const SCENES: [(&str, Scene); 3] =
    [("order.svg", order), ("waiting.svg", waiting), ("offline.svg", offline)];

const ANA: usize = 0;
const BEN: usize = 1;
const CLEO: usize = 2;

/// Cleo writes before she has Ana's question. Ben has answered it, and gets her message above his answer.
fn order() -> Result<Trace, Box<dyn Error>> {
    let way = [(ANA, BEN, 2), (ANA, CLEO, 9), (CLEO, ANA, 7), (CLEO, BEN, 8), (BEN, ANA, 6), (BEN, CLEO, 11)];
    let mut world = begin(3, &way)?;
    world.send(ANA, "Who plays the drums?")?;
    world.run_for(Duration::from_millis(3500))?;
    world.send(CLEO, "Rehearsal at eight?")?;
    world.run_for(Duration::from_millis(500))?;
    world.send(BEN, "I do.")?;
    let trace = end(world)?;
    let is_at = |step: &&Step| matches!(step.what, What::Deliver { position: 1, .. } if step.member == BEN);
    expect(trace.steps.iter().filter(is_at).count() == 2, "Cleo's message comes above Ben's answer")?;
    expect(authors(&trace) == [ANA, CLEO, BEN], "the answer is last")?;
    Ok(trace)
}

/// Ben's answer reaches Cleo before Ana's question, and waits for it.
fn waiting() -> Result<Trace, Box<dyn Error>> {
    let mut world = begin(3, &[(ANA, BEN, 2), (ANA, CLEO, 10), (BEN, ANA, 6), (BEN, CLEO, 6)])?;
    world.send(ANA, "Who plays the drums?")?;
    world.run_for(Duration::from_secs(4))?;
    world.send(BEN, "I do.")?;
    let trace = end(world)?;
    let is_held = |step: &Step| matches!(step.what, What::Hold(_) if step.member == CLEO);
    expect(trace.steps.iter().any(is_held), "the answer waits at Cleo")?;
    expect(authors(&trace) == [ANA, BEN], "the answer comes after the question")?;
    Ok(trace)
}

/// Ana and Ben write while Ben is offline. Both have one order afterwards.
fn offline() -> Result<Trace, Box<dyn Error>> {
    let mut world = begin(2, &[(ANA, BEN, 11), (BEN, ANA, 12)])?;
    world.set_offline(BEN, true);
    for (member, text) in [(ANA, "buy strings"), (BEN, "buy picks"), (ANA, "buy a capo")] {
        world.send(member, text)?;
        world.run_for(Duration::from_secs(3))?;
    }
    world.set_offline(BEN, false);
    let trace = end(world)?;
    expect(authors(&trace) == [ANA, BEN, ANA], "the messages of both are merged")?;
    Ok(trace)
}

/// Returns a world whose members know of each other. For a sender and a receiver, `way` says how many seconds after the
/// beginning the first file may arrive.
fn begin(members: usize, way: &[(usize, usize, u64)]) -> Result<World, Box<dyn Error>> {
    let mut world = World::new(1).profile(CALM).members(members);
    world.run_for(Duration::from_secs(120))?;
    for &(from, to, seconds) in way {
        let until = world.now() + Duration::from_secs(seconds);
        let dir = world.member(from).ok_or("the scene has such a member")?.author().to_string();
        world.rule(move |effect: &Effect<'_>, _: &mut Rng| match until.checked_sub(effect.now) {
            Some(rest) if effect.to == to && effect.dir == dir.as_str() && !rest.is_zero() => Verdict::Delay(rest),
            _ => Verdict::Pass,
        });
    }
    world.record(1, String::new());
    Ok(world)
}

/// Lets everything arrive, and returns what has happened.
fn end(mut world: World) -> Result<Trace, Box<dyn Error>> {
    world.run_for(Duration::from_secs(20))?;
    world.rest_running()?;
    Ok(world.into_trace().ok_or("the run was recorded")?)
}

/// Returns the authors of the messages, in the order that all members have.
fn authors(trace: &Trace) -> Vec<usize> {
    trace.timeline.iter().filter_map(|&number| trace.messages.get(number)).map(|sent| sent.member).collect()
}

fn expect(holds: bool, what: &str) -> Result<(), Box<dyn Error>> {
    if holds { Ok(()) } else { Err(format!("the run does not show that {what}").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scene_shows_what_the_book_says() {
        for (name, scene) in SCENES {
            let picture = crate::svg::draw(&scene().unwrap_or_else(|error| panic!("{name}: {error}")));
            assert!(picture.contains("Ana") && picture.ends_with("</svg>\n"), "{name}: {picture}");
        }
    }
}
