//! Runs from seeds.

use tempo_sim::{PROFILES, Plan, Profile, World};

#[test]
fn the_same_seed_is_the_same_run() {
    let plan = Plan::from_seed(11, Profile::named("chaos").unwrap(), 4, 20);
    let (first, second) = (plan.execute(true), plan.execute(true));
    assert_eq!(first.hash, second.hash);
    assert_eq!(first.trace, second.trace);
    assert_eq!(first.counts, second.counts);
    let other = Plan::from_seed(12, Profile::named("chaos").unwrap(), 4, 20).execute(false);
    assert_ne!(first.hash, other.hash);
}

#[test]
fn every_profile_delivers_everything() {
    for (number, profile) in PROFILES.iter().enumerate() {
        for seed in 0..20 {
            let plan = Plan::from_seed(1000 * number as u64 + seed, profile, 3, 8);
            let outcome = plan.execute(false);
            assert_eq!(outcome.failure, None, "{plan:?}");
        }
    }
}

#[test]
fn an_application_talks_through_a_simulated_dropbox() {
    let mut world = World::new(7, Profile::named("dropbox").unwrap(), 3);
    world.send(0, "Who plays the drums?").unwrap();
    world.run_for(std::time::Duration::from_secs(30)).unwrap();
    world.send(1, "I do.").unwrap();
    world.settle().unwrap();
    for member in 0..3 {
        let texts: Vec<_> = world.session(member).unwrap().timeline().map(|entry| entry.unwrap().payload).collect();
        assert_eq!(texts, ["Who plays the drums?", "I do."]);
    }
}
