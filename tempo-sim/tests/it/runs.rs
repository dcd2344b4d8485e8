//! Runs from seeds.

use std::time::Duration;

use tempo_sim::{
    CHAOS, DROPBOX, Effect, Fault, ICLOUD, PROFILES, Plan, Profile, Rng, SEAFILE, SYNCTHING, Verdict, World,
    trace::What,
};

#[test]
fn equal_seeds_give_equal_runs() {
    let plan = Plan::from_seed(11, Profile::named("chaos").unwrap(), 4, 20);
    let (first, second) = (plan.execute(true), plan.execute(true));
    assert_eq!(first.hash, second.hash);
    assert_eq!(first.trace, second.trace);
    assert_eq!(first.counts, second.counts);
    let other = Plan::from_seed(12, Profile::named("chaos").unwrap(), 4, 20).execute(false);
    assert_ne!(first.hash, other.hash);
}

/// Tests every service, with the faults that the seeds draw.
#[test]
fn every_profile_delivers_everything() {
    for (number, profile) in PROFILES.iter().enumerate() {
        for seed in 0..40 {
            let plan = Plan::from_seed(1000 * number as u64 + seed, profile, 3, 8);
            assert_eq!(plan.execute(false).failure, None, "{}", plan.command());
        }
        for seed in 0..8 {
            let plan = Plan::from_seed(77_000 + 1000 * number as u64 + seed, profile, 5, 20);
            assert_eq!(plan.execute(false).failure, None, "{}", plan.command());
        }
    }
}

/// Tests defects that the simulator found in this project's own code, and those that only faults over minutes reveal.
/// Each has a run that still shows it: planted again, the defect breaks that run. If the simulator draws differently,
/// `cargo sim bugs` names other runs.
#[cfg(feature = "bugs")]
#[test]
fn fixed_defects_stay_fixed() {
    use tempo_sim::bugs::{Bug, plan};
    let found = [
        // After a power loss, a lazily published file had its length but contained zeros; only lengths were compared.
        (Bug::AuditByLength, 447),
        // A rewind brought back a damaged file of the right length, long after the audit.
        (Bug::NoScrub, 229),
        // A member that found another writing under its name no longer looked after the messages it had written
        // there.
        (Bug::FormerIsForgotten, 229),
        // A file that another program had open was considered damaged, and never read again.
        (Bug::InUseIsBad, 584),
        (Bug::RelinkedIsGone, 525),
        (Bug::NamesWithoutEnd, 415),
        (Bug::UndoneIsRepeated, 505),
    ];
    for (bug, seed) in found {
        let plan = plan(seed);
        assert_eq!(plan.execute(false).failure, None, "{}", plan.command());
        let _planted = bug.plant();
        assert!(plan.execute(false).failure.is_some(), "{bug} no longer breaks {}", plan.command());
    }
}

/// After a service was linked again, a turn listed the directories of all members once for each member whose messages
/// had vanished.
#[test]
fn a_turn_asks_once_whether_most_members_are_missing() {
    let mut plan = Plan::from_seed(50_010_077, Profile::named("calm").unwrap(), 5, 20);
    plan.faults.remove(&Fault::Thief);
    assert_eq!(plan.execute(false).failure, None, "{}", plan.command());
}

/// A member whose clock had been ahead never put back what another one had written: it took what it had heard then for
/// news, until its clock would have come to that time again.
#[test]
fn a_clock_that_was_set_back_delays_no_relay() {
    let faults = [Fault::FailedCall, Fault::Clocks, Fault::LockedFile, Fault::Departure].into();
    let plan = Plan { seed: 80_147_211, profile: &tempo_sim::DROPBOX, members: 3, messages: 4, faults };
    assert_eq!(plan.execute(false).failure, None, "{}", plan.command());
}

/// A member whose store had been restored sent a pack beside a message of its own that the store no longer knew. No
/// name was taken, and nothing checked.
#[test]
fn a_pack_does_not_hide_an_earlier_message_of_its_number() {
    let faults = [Fault::NoScrubbing, Fault::OddDisks, Fault::RestoredStore, Fault::Packs].into();
    let plan = Plan { seed: 477, profile: &SEAFILE, members: 3, messages: 7, faults };
    let outcome = plan.execute(false);
    assert_eq!(outcome.failure, None, "{}", plan.command());
    let happened = |what| outcome.counts.iter().any(|(name, count)| name == what && count > 0);
    assert!(happened("fork") && happened("pack published"), "the run no longer shows it: {:?}", outcome.counts);
}

/// A message of a member could not be published, because links had all its names. Until it could, the member compared
/// none of its other messages with the folder, and did not notice that a later one had become a link as well.
#[test]
fn a_message_that_cannot_be_published_keeps_no_other_from_being_compared() {
    let faults = [
        Fault::TornCall,
        Fault::FailedCommit,
        Fault::Offline,
        Fault::Deletion,
        Fault::OddDisks,
        Fault::Packs,
        Fault::Systems,
        Fault::Undone,
    ];
    let plan = Plan { seed: 70_059_989, profile: &CHAOS, members: 5, messages: 20, faults: faults.into() };
    let outcome = plan.execute(false);
    assert_eq!(outcome.failure, None, "{}", plan.command());
    let happened = |what| outcome.counts.iter().any(|(name, count)| name == what && count > 0);
    assert!(happened("undone given up"), "the run no longer shows it: {:?}", outcome.counts);
}

/// Something replaced a member's head, and later the service took the content of what it had put there away. No report
/// can name that: a head is optional, and one that is online only is not opened.
#[test]
fn a_replaced_head_that_is_online_only_need_not_be_named() {
    let faults = [
        Fault::Crash,
        Fault::DiskFull,
        Fault::OddFiles,
        Fault::Clocks,
        Fault::OddDisks,
        Fault::LockedFile,
        Fault::CopiedSession,
        Fault::Undone,
    ];
    let plan = Plan { seed: 114_011_260, profile: &CHAOS, members: 3, messages: 7, faults: faults.into() };
    let outcome = plan.execute(false);
    assert_eq!(outcome.failure, None, "{}", plan.command());
    let happened = |what| outcome.counts.iter().any(|(name, count)| name == what && count > 0);
    assert!(happened("online only") && happened("undone"), "the run no longer shows it: {:?}", outcome.counts);
}

/// A released part was online only when its time came: a placeholder with another name was there. The record of it was
/// dropped, and the part stayed when the service brought it back.
#[test]
fn a_released_part_that_is_online_only_is_removed_later() {
    let faults = [Fault::Crash, Fault::FailedCall, Fault::LostHints, Fault::Departure, Fault::Files];
    let plan = Plan { seed: 401_055_516, profile: &ICLOUD, members: 3, messages: 8, faults: faults.into() };
    let outcome = plan.execute(false);
    assert_eq!(outcome.failure, None, "{}", plan.command());
    let happened = |what| outcome.counts.iter().any(|(name, count)| name == what && count > 0);
    assert!(happened("file released") && happened("part removed"), "the run no longer shows it: {:?}", outcome.counts);
}

/// A restored store noted parts that were not on the shelf any more: the file had become whole since. The next part went into
/// a new file, which replaced the whole one.
#[test]
fn a_restored_store_does_not_make_holes() {
    let faults = [
        Fault::FailedCall,
        Fault::DiskFull,
        Fault::RestoredStore,
        Fault::Systems,
        Fault::CopiedSession,
        Fault::Relinked,
        Fault::Files,
    ];
    let plan = Plan { seed: 401_121_076, profile: &SYNCTHING, members: 3, messages: 7, faults: faults.into() };
    let outcome = plan.execute(false);
    assert_eq!(outcome.failure, None, "{}", plan.command());
    let happened = |what| outcome.counts.iter().any(|(name, count)| name == what && count > 0);
    assert!(
        happened("store restored") && happened("file attached"),
        "the run no longer shows it: {:?}",
        outcome.counts
    );
}

/// A member relayed the same author's messages twice, the second time as a new author. Withdrawing the first relay
/// started the wait for the second one again, every time.
#[test]
fn both_relays_of_a_member_are_withdrawn() {
    let faults = [
        Fault::Crash,
        Fault::FailedCall,
        Fault::FailedCommit,
        Fault::DiskFull,
        Fault::OddFiles,
        Fault::Unmount,
        Fault::OddDisks,
        Fault::SlowReader,
        Fault::Packs,
        Fault::StoreFull,
        Fault::Forger,
        Fault::Thief,
    ];
    let plan = Plan { seed: 402_006_357, profile: &CHAOS, members: 5, messages: 20, faults: faults.into() };
    let outcome = plan.execute(false);
    assert_eq!(outcome.failure, None, "{}", plan.command());
    let happened = |what| outcome.counts.iter().any(|(name, count)| name == what && count > 0);
    assert!(happened("relayed"), "the run no longer shows it: {:?}", outcome.counts);
}

/// A member's disk was full while it relayed what only it had of a member that had left. Each attempt counted, and once
/// there was room, it did not relay again.
#[test]
fn a_full_disk_uses_up_no_relays() {
    let faults = [
        Fault::Offline,
        Fault::DiskFull,
        Fault::Unmount,
        Fault::LostHints,
        Fault::SlowReader,
        Fault::Departure,
        Fault::CopiedSession,
        Fault::Retirement,
    ];
    let profile = Profile::named("syncthing").unwrap();
    let plan = Plan { seed: 130_002_527, profile, members: 5, messages: 20, faults: faults.into() };
    let outcome = plan.execute(false);
    assert_eq!(outcome.failure, None, "{}", plan.command());
    let happened = |what| outcome.counts.iter().any(|(name, count)| name == what && count > 0);
    assert!(happened("relayed") && happened("disk full"), "the run no longer shows it: {:?}", outcome.counts);
}

/// A member had left, and a damaged copy remained of what it had written, where reading moves the times of files. The
/// copy seemed to change for ever, and nobody relayed what the member had written.
#[test]
fn a_damaged_copy_hides_nothing_for_ever() {
    let faults = [
        Fault::Crash,
        Fault::FailedCall,
        Fault::OddDisks,
        Fault::SecondProcess,
        Fault::Departure,
        Fault::Retirement,
        Fault::Forger,
    ];
    let plan = Plan { seed: 120_327_058, profile: &SEAFILE, members: 3, messages: 6, faults: faults.into() };
    let outcome = plan.execute(false);
    assert_eq!(outcome.failure, None, "{}", plan.command());
    let happened = |what| outcome.counts.iter().any(|(name, count)| name == what && count > 0);
    let shows = happened("relayed") && happened("times moved by reading");
    assert!(shows, "the run no longer shows it: {:?}", outcome.counts);
}

/// Everything in a folder was deleted, and then the folder was unmounted, where file numbers repeat. The empty directory
/// in its place had its number, and as no directory of a member was left to recognize it by, a member wrote there.
#[test]
fn a_mount_point_with_the_number_of_an_emptied_folder_stays_empty() {
    let faults =
        [Fault::Offline, Fault::Deletion, Fault::Unmount, Fault::LockedFile, Fault::Systems, Fault::CopiedSession];
    let profile = Profile::named("rclone").unwrap();
    let plan = Plan { seed: 80_207_357, profile, members: 3, messages: 3, faults: faults.into() };
    let outcome = plan.execute(false);
    assert_eq!(outcome.failure, None, "{}", plan.command());
    let happened = |what| outcome.counts.iter().any(|(name, count)| name == what && count > 0);
    let shows = happened("session deleted") && happened("unmounted");
    assert!(shows, "the run no longer shows it: {:?}", outcome.counts);
}

/// An author that knew no other member considered the folder emptied when another program deleted its directory, and
/// waited forever.
#[test]
fn a_deleted_directory_comes_back() {
    let mut world = World::new(5).members(2);
    world.set_offline(1, true);
    world.send(0, "alone").unwrap();
    world.run_for(Duration::from_secs(5)).unwrap();
    let dir = std::ffi::OsString::from(world.member(0).unwrap().author().to_string());
    let other = std::ffi::OsString::from(world.member(1).unwrap().author().to_string());
    world.member(0).unwrap().disk().put_dir(&other);
    // Heads are hints, and are rewritten all the time.
    let messages = |world: &World| {
        let files = world.member(0).unwrap().disk().files();
        files.into_iter().filter(|(_, name, _)| name != "head").collect::<Vec<_>>()
    };
    let before = messages(&world);
    world.delete(0, &dir, None);
    assert!(world.member(0).unwrap().disk().files().is_empty());
    world.run_for(Duration::from_secs(90)).unwrap();
    assert_eq!(messages(&world), before);
    world.rest().unwrap();
}

/// After a power loss, an author checks whether its last messages are whole. A message that could not be opened
/// blocked all later ones.
#[test]
fn a_file_that_cannot_be_opened_blocks_nothing_else() {
    let mut world = World::new(1).members(2);
    world.send(0, "one").unwrap();
    world.run_for(Duration::from_secs(5)).unwrap();
    let author = world.member(0).unwrap().author();
    let dir = std::ffi::OsString::from(author.to_string());
    // The first message announces the name.
    let place = |counter: u64| std::ffi::OsString::from(format!("{counter:016x}"));
    let disk = world.member(0).unwrap().disk().clone();
    disk.lock_file(&dir, &place(2), Duration::from_secs(150));
    world.crash(0, Duration::from_secs(1));
    // The pauses between attempts must become long first.
    world.run_for(Duration::from_secs(40)).unwrap();
    world.send(0, "two").unwrap();
    world.run_for(Duration::from_secs(1)).unwrap();
    let locked = disk.locked_until(&dir, &place(2));
    assert!(locked > Duration::from_secs(100), "the power loss left it there, and nothing replaced it");
    assert_eq!(world.session(0).unwrap().status().unpublished, 1);
    assert!(disk.read(&dir, &place(3)).is_some(), "a later message is published");
    world.rest().unwrap();
    assert_eq!(world.session(0).unwrap().status().unpublished, 0);
}

/// `cargo sim bugs` tries the whole list; these defects show at once.
#[cfg(feature = "bugs")]
#[test]
fn planted_defects_are_found() {
    use tempo_sim::bugs::{Bug, find};
    for bug in [
        Bug::NoDedupe,
        Bug::NoHold,
        Bug::OrderByArrival,
        Bug::OrderByWallClock,
        Bug::CounterFromStoreMinusOne,
        Bug::LazySend,
        Bug::GapsAreKnown,
        Bug::InPlace,
        Bug::EmptiedIsFine,
        Bug::ReceivedNotKept,
        Bug::NoSweep,
        Bug::NoAudit,
        Bug::NumberByHandle,
        Bug::SyncToRead,
        Bug::WatchEach,
        Bug::WatchLeaks,
        Bug::FullSyncOnly,
        Bug::DatalessListed,
    ] {
        let runs = [1, 4].map(|threads| find(bug, 1, threads, |runs| runs < 60).map(|found| found.runs));
        assert!(runs[0].is_some(), "{bug}: {} was not found", bug.about());
        assert_eq!(runs[0], runs[1], "{bug}: the answer does not depend on the threads");
    }
}

#[test]
fn a_run_can_be_drawn() {
    let plan = Plan::from_seed(7, Profile::named("dropbox").unwrap(), 5, 20);
    let trace = plan.execute(true).trace.unwrap();
    assert!(trace.messages.len() >= 20 && trace.timeline.len() >= 15 && trace.steps.len() > 100);
    let page = tempo_sim::html::render(&trace);
    assert!(page.contains(&plan.command()) && page.contains("All members agreed"));
}

/// The trace must show whether a late message was still with its author.
#[test]
fn the_trace_shows_what_delayed_a_message() {
    let mut plan = Plan::from_seed(7, Profile::named("dropbox").unwrap(), 5, 100);
    plan.faults = [Fault::Unmount].into();
    let trace = plan.execute(true).trace.unwrap();
    let times = |wanted: &What| trace.steps.iter().filter(|step| step.what == *wanted).count();
    for &number in &trace.timeline {
        let sent = trace.steps.iter().position(|step| step.what == What::Send(number)).unwrap();
        let published = trace.steps.iter().position(|step| step.what == What::Publish(number)).unwrap();
        assert!(sent < published, "{number}");
    }
    assert!(times(&What::Unmounted) > 0);
    assert_eq!(times(&What::Unmounted), times(&What::Mounted), "in the end every folder is mounted");
}

/// Tests an application's own rule: the service sleeps for the third member, and everything still arrives.
#[test]
fn a_rule_that_delays_loses_nothing() {
    let mut world = World::new(3).profile(CHAOS).members(3);
    world.rule(|effect: &Effect<'_>, _: &mut Rng| match effect.to {
        2 if effect.now < Duration::from_secs(300) => Verdict::Delay(Duration::from_secs(7)),
        _ => Verdict::Pass,
    });
    for number in 0..5 {
        world.send(0, &format!("message {number}")).unwrap();
        world.run_for(Duration::from_secs(40)).unwrap();
    }
    assert_eq!(world.session(2).unwrap().timeline().len(), 0);
    world.rest().unwrap();
    assert_eq!(world.session(2).unwrap().timeline().len(), 5);
}

#[test]
fn an_application_talks_through_a_simulated_dropbox() {
    let mut world = World::new(7).profile(DROPBOX).members(3);
    world.send(0, "Who plays the drums?").unwrap();
    world.run_for(Duration::from_secs(30)).unwrap();
    world.send(1, "I do.").unwrap();
    world.rest().unwrap();
    for member in 0..3 {
        let texts: Vec<_> = world.session(member).unwrap().timeline().map(|entry| entry.unwrap().payload).collect();
        assert_eq!(texts, ["Who plays the drums?", "I do."]);
    }
}

/// Tests that an online-only file arrives at the member that requests it, while the others continue without it.
#[test]
fn a_member_that_requests_online_only_files_gets_them() {
    let mut fetches = [false, false, true].into_iter();
    let options = |_: &mut Rng| tempo_sim::DiskOptions { fetches: fetches.next().unwrap(), ..Default::default() };
    let mut world = World::new(9).members_with_disks(3, options);
    world.rule(|effect: &Effect<'_>, _: &mut Rng| match effect.content {
        Some(_) if effect.now > Duration::from_secs(20) => Verdict::OnlineOnly(Duration::from_secs(3600)),
        _ => Verdict::Pass,
    });
    world.run_for(Duration::from_secs(30)).unwrap();
    world.send(0, "far away").unwrap();
    world.run_for(Duration::from_secs(120)).unwrap();
    let len = |world: &World, member| world.session(member).unwrap().timeline().len();
    assert_eq!((len(&world, 1), len(&world, 2)), (0, 1));
    let pending = world.session(1).unwrap().status().report.pending.clone();
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].reason.to_string(), "online only: the service has not put the content on this machine");
    world.rest().unwrap();
    assert_eq!(len(&world, 1), 1);
}
