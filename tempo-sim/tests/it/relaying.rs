//! Messages whose author is away, which another member puts back.

use std::{ffi::OsString, time::Duration};

use bytes::Bytes;
use tempo_session::Relaying;
use tempo_sim::{DiskOptions, World};

const RELAYING: Relaying = Relaying {
    lacking: Duration::from_secs(5),
    absent: Duration::from_secs(5),
    silent: Duration::from_secs(5),
    turn: Duration::from_secs(5),
    pause: Duration::from_secs(40),
    back: Duration::from_secs(30),
    patience: Duration::from_secs(24 * 3600),
    times: 3,
};

const ANA: usize = 0;
const BEN: usize = 1;
const CLEO: usize = 2;
const DORA: usize = 3;

/// Creates a world in which Ben has sent his name and eight messages and is offline since. Only Ana has received the
/// eight, and the files of these counters were deleted.
fn without(deleted: impl IntoIterator<Item = u64>, disk: &DiskOptions) -> World {
    let mut world = World::new(6).members_with_disks(4, |_| disk.clone());
    world.with_relaying(RELAYING);
    world.run_for(Duration::from_secs(10)).unwrap();
    [CLEO, DORA].into_iter().for_each(|member| world.set_offline(member, true));
    for number in 2..=9 {
        world.send(BEN, &format!("message {number}")).unwrap();
    }
    world.run_for(Duration::from_secs(10)).unwrap();
    assert_eq!(len(&world, ANA), 8);
    world.set_offline(BEN, true);
    let dir = dir_of_ben(&world);
    for counter in deleted {
        world.delete(ANA, &dir, Some(&name(counter)));
    }
    world.run_for(Duration::from_secs(10)).unwrap();
    [CLEO, DORA].into_iter().for_each(|member| world.set_offline(member, false));
    world
}

/// Lets Cleo and Dora send a message from time to time.
fn chat(world: &mut World, times: usize) {
    for number in 0..times {
        for member in [CLEO, DORA] {
            world.send(member, &format!("still here {number}")).unwrap();
        }
        world.run_for(Duration::from_secs(20)).unwrap();
    }
}

fn dir_of_ben(world: &World) -> OsString {
    OsString::from(world.member(BEN).unwrap().author().to_string())
}

fn name(counter: u64) -> OsString {
    OsString::from(format!("{counter:016x}"))
}

fn len(world: &World, member: usize) -> usize {
    world.session(member).unwrap().timeline().len()
}

/// A member relays an author's messages three times. While its disk was full, it counted each attempt, and then never
/// put them back.
#[test]
fn a_relay_that_fails_does_not_count() {
    let mut world = without(2..=9, &DiskOptions::default());
    let disk = world.member(ANA).unwrap().disk().clone();
    disk.set_capacity(0);
    chat(&mut world, 12);
    assert_eq!(len(&world, CLEO), 2 * 12, "nothing of Ben could be put back");
    disk.set_capacity(u64::MAX);
    chat(&mut world, 6);
    assert_eq!(len(&world, CLEO), 8 + 2 * 18);
    world.rest().unwrap();
}

/// Messages that need many files are put back one file after the other. As soon as the others had received one, the
/// next counted as another relay.
#[test]
fn a_relay_in_many_files_counts_once() {
    let mut world = without([1, 3, 5, 7, 9], &DiskOptions::default());
    chat(&mut world, 20);
    assert_eq!(len(&world, CLEO), 8 + 2 * 20);
    world.rest().unwrap();
}

/// Where reading a file moves its times, a damaged file seems to change for ever. It hid whether it was the message.
#[test]
fn a_damaged_file_that_reading_changes_keeps_nothing_from_being_relayed() {
    let mut world = without(2..=9, &DiskOptions { reading_moves_times: true, ..DiskOptions::default() });
    let (disk, dir) = (world.member(ANA).unwrap().disk().clone(), dir_of_ben(&world));
    let mut damaged = disk.read(&dir, &name(1)).unwrap().to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    disk.put(&dir, &OsString::from("0000000000000002 (damaged)"), Bytes::from(damaged));
    chat(&mut world, 12);
    assert_eq!(len(&world, CLEO), 8 + 2 * 12);
    world.rest().unwrap();
}
