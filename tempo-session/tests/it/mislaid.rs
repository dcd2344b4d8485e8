//! Files that something happens to on their way: found first in a simulated world.

use std::{fs, io::Read as _, time::Duration};

use tempo_session::{
    components::Turn,
    status::{Place as At, Sending},
    store::Shelf as _,
};

use crate::{
    attached::{DAY, Pair, pass, take},
    files::{dir_of_files, sent},
    session::drain,
    support::{Place, STUCK, wait_until},
};

#[test]
fn a_member_met_after_the_release_is_waited_for() {
    let mut pair = Pair::new();
    let (id, _) = pair.sent(&take(3));
    let Pair { clock, mut ana, mut ben, .. } = pair;
    ben.session.send("I am here too").unwrap();
    ben.drain();
    // Ana has not heard of him yet, and nobody else is there.
    ana.session.release(&[id]).unwrap();
    pass(&clock, Duration::from_secs(601));
    while ana.carrier.turn() == Turn::Again {}
    pass(&clock, 8 * DAY);
    ana.drain();
    assert_eq!(ana.sending(id), Sending::Released);
    assert_eq!(ben.file(id).place, At::Here, "he lacks the release");
    ben.drain();
    ben.session.send("heard").unwrap();
    ben.drain();
    pass(&clock, Duration::from_secs(601));
    ana.drain();
    pass(&clock, Duration::from_secs(601));
    ana.drain();
    assert_eq!(ben.file(id).place, At::Missing { have: 0, of: 5 });
}

#[test]
fn a_damaged_part_of_the_right_length_is_put_back_on_request() {
    let place = Place::new();
    let path = place.at("take.wav");
    fs::write(&path, take(3)).unwrap();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    let id = sent(&ana, &path);
    let part = dir_of_files(&place, &ana).join(&id.to_string()[..32]);
    let mut damaged = take(3);
    damaged[1] ^= 1;
    fs::remove_file(&part).unwrap();
    fs::write(&part, damaged).unwrap();
    wait_until(&ben, "the message", |ben| ben.timeline().len() == 1);
    ben.fetch(id).unwrap();
    wait_until(&ben, "the damage", |ben| ben.file(id).unwrap().unwrap().error.is_some());
    ana.put_back(id).unwrap();
    wait_until(&ben, "the file", |ben| ben.file(id).unwrap().unwrap().place == At::Kept);
    assert_eq!(ana.flush_files(STUCK), 0);
}

#[test]
fn putting_back_makes_a_removed_place_for_all_files_at_once() {
    let place = Place::new();
    let paths = ["one.wav", "two.wav"].map(|name| place.at(name));
    let ana = place.member("ana");
    let ids = [0, 1].map(|number| {
        fs::write(&paths[number], take(number as u8)).unwrap();
        sent(&ana, &paths[number])
    });
    fs::remove_dir_all(dir_of_files(&place, &ana)).unwrap();
    // Nobody has looked since.
    ana.put_back(ids[0]).unwrap();
    for id in ids {
        wait_until(&ana, "the files", |ana| ana.file(id).unwrap().unwrap().sending == Some(Sending::Published));
        assert!(dir_of_files(&place, &ana).join(&id.to_string()[..32]).exists());
    }
}

/// A store that is restored notes parts that were fetched before, and the shelf may be another one.
#[test]
fn a_file_is_kept_only_with_all_its_content() {
    let mut pair = Pair::new();
    let (id, _) = pair.sent(&take(3));
    let Pair { medium, clock, states, mut ben, .. } = pair;
    ben.session.fetch(id).unwrap();
    drain(&mut ben.driver);
    for _ in 0..3 {
        assert_eq!(ben.carrier.turn(), Turn::Again);
    }
    drop(ben);
    states[1].shelf.discard(&format!("get-{id}")).unwrap();
    let mut ben = states[1].open(&medium, &clock);
    ben.drain();
    pass(&clock, Duration::from_secs(600));
    ben.drain();
    assert_eq!(ben.file(id).place, At::Kept);
    assert_eq!(ben.exported(id).unwrap(), take(3));
    let mut kept = Vec::new();
    states[1].shelf.open(id).unwrap().read_to_end(&mut kept).unwrap();
    assert!(kept == take(3), "it has holes");
}
