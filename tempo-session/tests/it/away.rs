//! A folder that takes no files, or is missing: sending continues, and everything is published
//! afterwards without help.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use tempo_session::{Session, status::FolderState};

use crate::{
    support::{Place, STUCK, by_itself, texts, timeline, wait_until},
    volume::Volume,
};

fn publishing_fails(session: &Session, why: &str) -> bool {
    session.status().publish_error.is_some_and(|error| error.contains(why))
}

fn is_detached(session: &Session) -> bool {
    matches!(session.status().folder, FolderState::Detached { .. })
}

/// Checks that a newcomer sees these texts, and that every file is a whole message.
fn check(place: &Place, session: &Session, expected: &[&str]) {
    assert_eq!(texts(&timeline(session)), expected);
    let observer = Session::observe(&place.folder).unwrap();
    observer.refresh(STUCK).unwrap();
    assert_eq!(texts(&timeline(&observer)), expected);
    assert_eq!(observer.status().report.pending, []);
}

/// Returns the files of a member's directory with their lengths.
fn files(place: &Place, session: &Session) -> BTreeMap<PathBuf, u64> {
    let entries = fs::read_dir(place.folder.join(session.author().unwrap().to_string())).unwrap();
    // Heads come and go. So do files that are staged here because the staging directory is on
    // another volume.
    let is_message = |path: &PathBuf| !path.ends_with("head") && !path.to_string_lossy().contains("/~tempo-");
    let paths = entries.map(|entry| entry.unwrap().path()).filter(is_message);
    paths.map(|path| (path.clone(), fs::metadata(path).unwrap().len())).collect()
}

/// Creates a message of Ben that does not arrive yet. Returns where it waits, on the same volume,
/// and where it belongs.
fn said_by_ben(place: &Place, text: &str) -> (PathBuf, PathBuf) {
    let ben = place.member("ben");
    let file = place.folder.join(ben.send(text).unwrap().to_string());
    ben.close().unwrap();
    let aside = place.folder.join("aside");
    fs::rename(&file, &aside).unwrap();
    (aside, file)
}

#[test]
fn a_full_volume_does_not_prevent_sending_and_receiving() {
    let place = Place::new();
    let Some(volume) = Volume::over(&place) else { return };
    let (aside, file) = said_by_ben(&place, "from ben");
    let ana = place.member("ana");
    ana.send("there is room").unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    let before = files(&place, &ana);

    let filler = volume.fill();
    ana.send("there is none").unwrap();
    by_itself(&ana, "the error", |ana| publishing_fails(ana, "no room to write"));
    assert_eq!(ana.status().unpublished, 1);
    let cleo = place.member("cleo");
    cleo.send("a newcomer").unwrap();
    by_itself(&cleo, "the newcomer's error", |cleo| publishing_fails(cleo, "no room to write"));
    fs::rename(aside, file).unwrap();
    for member in [&ana, &cleo] {
        by_itself(member, "receiving", |member| texts(&timeline(member)).contains(&"from ben".to_owned()));
        assert_eq!(member.status().folder, FolderState::Attached);
    }
    assert_eq!(files(&place, &ana), before, "nothing is half visible");

    fs::remove_file(filler).unwrap();
    for member in [&ana, &cleo] {
        by_itself(member, "publishing", |member| member.status().unpublished == 0);
        by_itself(member, "the end of the error", |member| member.status().publish_error.is_none());
    }
    wait_until(&ana, "what cleo sent", |ana| ana.timeline().len() == 4);
    let expected = texts(&timeline(&cleo));
    check(&place, &ana, &expected.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_read_only_path_is_read_and_written_once_it_can_be() {
    let place = Place::new();
    let Some(volume) = Volume::over(&place) else { return };
    let (aside, file) = said_by_ben(&place, "from ben");
    let ana = place.member("ana");
    ana.send("writable").unwrap();
    assert_eq!(ana.flush(STUCK), 0);

    let other = volume.make_path_read_only();
    ana.send("read-only").unwrap();
    by_itself(&ana, "the error", |ana| publishing_fails(ana, "not allowed to write"));
    let on_other = |path: &Path| other.join(path.strip_prefix(&place.folder).unwrap());
    fs::rename(on_other(&aside), on_other(&file)).unwrap();
    by_itself(&ana, "receiving", |ana| ana.timeline().len() == 3);
    assert_eq!((ana.status().unpublished, ana.status().folder), (1, FolderState::Attached));

    volume.make_path_writable();
    by_itself(&ana, "publishing", |ana| ana.status().unpublished == 0);
    check(&place, &ana, &["from ben", "writable", "read-only"]);
}

#[test]
fn a_volume_that_has_become_read_only_is_written_once_it_is_mended() {
    let place = Place::new();
    let Some(volume) = Volume::over(&place) else { return };
    let ana = place.member("ana");
    ana.send("writable").unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    volume.make_read_only();
    ana.send("read-only").unwrap();
    by_itself(&ana, "the error", |ana| publishing_fails(ana, "not allowed to write"));
    let late = place.member("ben");
    late.send("a newcomer").unwrap();
    by_itself(&late, "the newcomer's error", |ben| publishing_fails(ben, "not allowed to write"));
    assert_eq!(texts(&timeline(&late)), ["writable", "a newcomer"]);
    volume.make_writable();
    for member in [&ana, &late] {
        by_itself(member, "publishing", |member| member.status().unpublished == 0);
        by_itself(member, "receiving", |member| member.timeline().len() == 3);
    }
    check(&place, &ana, &texts(&timeline(&late)).iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn an_unmounted_volume_is_away_and_nothing_is_written_beneath_it() {
    type Way = fn(&Volume);
    for (way, take_away) in [("unmounted", Volume::unmount as Way), ("pulled", Volume::pull as Way)] {
        println!("{way}");
        let place = Place::new();
        let Some(volume) = Volume::over(&place) else { return };
        let (aside, file) = said_by_ben(&place, "from ben");
        let ana = place.member("ana");
        ana.send("mounted").unwrap();
        assert_eq!(ana.flush(STUCK), 0);

        take_away(&volume);
        by_itself(&ana, "noticing", is_detached);
        ana.send("away").unwrap();
        assert_eq!((ana.timeline().len(), ana.flush(Duration::from_millis(100))), (2, 1));
        assert!(ana.refresh(STUCK).is_err());
        assert_eq!(ana.timeline().len(), 2, "nothing counts as deleted");
        assert_eq!(fs::read_dir(&place.folder).unwrap().count(), 0, "nothing is written beneath");

        volume.mount();
        fs::rename(aside, file).unwrap();
        by_itself(&ana, "publishing", |ana| ana.status().unpublished == 0);
        by_itself(&ana, "receiving", |ana| ana.timeline().len() == 3);
        check(&place, &ana, &["from ben", "mounted", "away"]);
        ana.close().unwrap();
        volume.unmount();
        assert_eq!(fs::read_dir(&place.folder).unwrap().count(), 0, "nothing is written beneath");
    }
}

/// Another stick at the same path, which may have equal numbers: it is not the session, and stays
/// as it is.
#[test]
fn another_volume_at_the_same_path_is_not_the_session() {
    let (place, elsewhere) = (Place::new(), Place::new());
    let Some(volume) = Volume::over(&place) else { return };
    let ana = place.member("ana");
    ana.send("on the first").unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    volume.unmount();
    let other = Volume::over(&Place { folder: place.folder.clone(), ..elsewhere }).unwrap();
    ana.send("kept").unwrap();
    by_itself(&ana, "noticing", is_detached);
    assert_eq!((ana.flush(Duration::from_millis(100)), ana.refresh(STUCK).is_err()), (1, true));
    let names: Vec<_> = fs::read_dir(&place.folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["lost+found"]);
    other.unmount();
    volume.mount();
    by_itself(&ana, "publishing", |ana| ana.status().unpublished == 0);
    check(&place, &ana, &["on the first", "kept"]);
}

#[test]
fn a_folder_that_is_moved_or_replaced_is_away_until_it_is_back() {
    type Replace = fn(&Path);
    let ways: [(&str, Replace, Replace); 3] = [
        ("nothing", |_| {}, |_| {}),
        ("an empty folder", |path| fs::create_dir(path).unwrap(), |path| fs::remove_dir(path).unwrap()),
        ("a file", |path| fs::write(path, "").unwrap(), |path| fs::remove_file(path).unwrap()),
    ];
    for (what, put, take) in ways {
        println!("{what} in its place");
        let place = Place::new();
        let (aside, file) = said_by_ben(&place, "from ben");
        let ana = place.member("ana");
        ana.send("here").unwrap();
        assert_eq!(ana.flush(STUCK), 0);
        let moved = place.at("moved.session");
        fs::rename(&place.folder, &moved).unwrap();
        put(&place.folder);
        by_itself(&ana, "noticing", is_detached);
        ana.send("away").unwrap();
        assert_eq!((ana.flush(Duration::from_millis(100)), ana.refresh(STUCK).is_err()), (1, true));
        // Removing it proves that it is still empty.
        take(&place.folder);
        fs::rename(&moved, &place.folder).unwrap();
        fs::rename(aside, file).unwrap();
        by_itself(&ana, "publishing", |ana| ana.status().unpublished == 0);
        by_itself(&ana, "receiving", |ana| ana.timeline().len() == 3);
        check(&place, &ana, &["from ben", "here", "away"]);
    }
}
