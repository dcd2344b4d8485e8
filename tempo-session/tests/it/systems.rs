//! Requirements on every system: files that other programs hold, folders under several names, and
//! no file left open.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempo_session::{Session, status::FolderState};

use crate::support::{Place, STUCK, texts, timeline, wait_until};

/// Returns the files below a directory that this process has open, where the system reports them.
fn open_below(dir: &Path) -> Vec<PathBuf> {
    let dir = fs::canonicalize(dir).unwrap();
    let Ok(handles) = fs::read_dir("/proc/self/fd") else { return Vec::new() };
    let targets = handles.filter_map(|handle| fs::read_link(handle.ok()?.path()).ok());
    targets.filter(|target| target.starts_with(&dir)).collect()
}

/// Windows does not remove open files, or leaves their names behind.
#[test]
fn nothing_is_open_once_a_session_is_closed() {
    let place = Place::new();
    // The same volume as the folder, so that the staging directory is in use.
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    for number in 0..50 {
        ana.send(format!("{number}")).unwrap();
    }
    wait_until(&ben, "fifty messages", |ben| ben.timeline().len() == 50);
    let observer = Session::observe(&place.folder).unwrap();
    observer.refresh(STUCK).unwrap();
    observer.close().unwrap();
    ben.close().unwrap();
    assert_eq!(open_below(&place.at("ben")), Vec::<PathBuf>::new());
    fs::remove_dir_all(place.at("ben")).unwrap();
    ana.close().unwrap();
    assert_eq!(open_below(place.dir.path()), Vec::<PathBuf>::new());
    for path in [place.folder.clone(), place.at("ana")] {
        fs::remove_dir_all(&path).unwrap();
        fs::create_dir(&path).unwrap();
    }
}

/// On Windows, a watch on a directory in the folder would prevent this.
#[test]
fn a_folder_can_be_moved_while_its_session_is_open() {
    let place = Place::new();
    let (ana, ben) = (place.member("ana"), place.member("ben"));
    ana.send("before").unwrap();
    wait_until(&ben, "the message", |ben| ben.timeline().len() == 1);
    let moved = place.at("moved.session");
    crate::support::rename(&place.folder, &moved).unwrap();
    ana.send("while it is away").unwrap();
    wait_until(&ana, "detaching", |ana| matches!(ana.status().folder, FolderState::Detached { .. }));
    crate::support::rename(&moved, &place.folder).unwrap();
    wait_until(&ben, "the message that was kept", |ben| ben.timeline().len() == 2);
    ana.close().unwrap();
    ben.close().unwrap();
}

/// Sends while the folder is away and has this name; then the folder comes back.
fn keeps_what_is_sent(place: &Place, parent: &Path, named: &[PathBuf]) {
    let moved = place.at("unplugged");
    crate::support::rename(parent, &moved).unwrap();
    for (number, folder) in named.iter().enumerate() {
        let ana = Session::builder(folder).state_dir(place.at("ana")).open();
        let ana = ana.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        ana.send(format!("away {number}")).unwrap();
        ana.close().unwrap();
    }
    crate::support::rename(&moved, parent).unwrap();
    let ana = Session::builder(&place.folder).state_dir(place.at("ana")).open().unwrap();
    wait_until(&ana, "publishing", |ana| ana.status().unpublished == 0);
    let expected: Vec<String> =
        std::iter::once("here".to_owned()).chain((0..named.len()).map(|number| format!("away {number}"))).collect();
    let observer = Session::observe(&place.folder).unwrap();
    observer.refresh(STUCK).unwrap();
    assert_eq!(texts(&timeline(&observer)), expected);
    ana.close().unwrap();
}

fn on_a_disk() -> (Place, PathBuf) {
    let mut place = Place::new();
    let disk = place.at("disk");
    place.folder = disk.join("Music").join("jam.session");
    fs::create_dir_all(&place.folder).unwrap();
    (place, disk)
}

fn link_dir(target: &Path, link: &Path) -> bool {
    #[cfg(unix)]
    let made = std::os::unix::fs::symlink(target, link);
    #[cfg(windows)]
    let made = std::os::windows::fs::symlink_dir(target, link);
    // Wine reports success even if it has not created a link.
    let is_made = made.is_ok() && fs::symlink_metadata(link).is_ok_and(|link| link.is_symlink());
    if !is_made {
        println!("skipped: no links can be made here: {made:?}");
    }
    is_made
}

#[test]
fn a_folder_that_is_away_is_known_through_a_link_above_it() {
    for is_first_opened_by_link in [true, false] {
        let (place, disk) = on_a_disk();
        let link = place.at("Dropbox");
        if !link_dir(&disk.join("Music"), &link) {
            return;
        }
        let by_link = link.join("jam.session");
        let first = if is_first_opened_by_link { &by_link } else { &place.folder };
        let ana = Session::builder(first).state_dir(place.at("ana")).open().unwrap();
        ana.send("here").unwrap();
        ana.close().unwrap();
        keeps_what_is_sent(&place, &disk, &[by_link, place.folder.clone()]);
    }
}

#[test]
fn a_folder_that_is_away_is_known_in_other_spellings() {
    let (place, disk) = on_a_disk();
    let ana = Session::builder(&place.folder).state_dir(place.at("ana")).open().unwrap();
    ana.send("here").unwrap();
    ana.close().unwrap();
    let upper = place.folder.with_file_name("JAM.Session");
    let roundabout = disk.join(".").join("Music").join("..").join("Music").join("jam.session");
    let mut named = vec![place.folder.clone(), upper, roundabout];
    if cfg!(windows) {
        let path = place.folder.to_str().unwrap();
        named.extend([format!(r"\\?\{path}"), path.replace('\\', "/"), path.to_lowercase()].map(PathBuf::from));
    }
    keeps_what_is_sent(&place, &disk, &named);
}

/// Another folder with nearly the same name is not taken for the missing one.
#[test]
fn a_folder_that_is_away_is_not_another_one() {
    let (place, disk) = on_a_disk();
    let ana = Session::builder(&place.folder).state_dir(place.at("ana")).open().unwrap();
    ana.send("here").unwrap();
    ana.close().unwrap();
    crate::support::rename(&disk, place.at("unplugged")).unwrap();
    for name in ["jam2.session", "jam .session", "J\u{e4}m.session"] {
        let opened = Session::builder(place.folder.with_file_name(name)).state_dir(place.at("ana")).open();
        assert!(opened.is_err(), "{name}");
    }
}

#[test]
fn the_end_of_a_name_may_be_in_upper_case() {
    let mut place = Place::new();
    place.folder = place.at("Loud.SESSION");
    fs::create_dir(&place.folder).unwrap();
    let ana = place.member("ana");
    ana.send("loud").unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    ana.close().unwrap();
    assert_eq!(place.files().len(), 2, "a profile and a message");
}

#[cfg(windows)]
mod held {
    use std::{
        fs::{File, OpenOptions},
        os::windows::fs::OpenOptionsExt,
        sync::mpsc,
        thread,
        time::Duration,
    };

    use tempo_message::PendingReason;

    use super::*;

    /// Opens a file as a program does that shares nothing.
    fn hold(path: &Path) -> File {
        OpenOptions::new().read(true).share_mode(0).open(path).unwrap()
    }

    #[test]
    fn a_message_that_another_program_holds_is_named_and_comes_later() {
        let place = Place::new();
        let ben = place.member("ben");
        let first = place.folder.join(ben.send("held").unwrap().to_string());
        ben.send("free").unwrap();
        assert_eq!(ben.flush(STUCK), 0);
        let held = hold(&first);
        let ana = place.member("ana");
        wait_until(&ana, "the file in use", |ana| {
            ana.status().report.pending.iter().any(|pending| pending.reason == PendingReason::InUse)
        });
        assert_eq!(ana.timeline().len(), 0, "the second one waits for the first");
        drop(held);
        wait_until(&ana, "both messages", |ana| ana.timeline().len() == 2);
        ana.close().unwrap();
        ben.close().unwrap();
    }

    /// A scanner opens every file of the local state for a moment.
    #[test]
    fn local_state_that_another_program_holds_is_waited_for() {
        let place = Place::new();
        let ana = place.member("ana");
        let dir = place.at("ana").join(ana.author().unwrap().to_string());
        ana.send("first").unwrap();
        ana.close().unwrap();
        for (number, file) in ["holder", "folder", "store.redb", "../lock"].into_iter().enumerate() {
            let held = hold(&dir.join(file));
            let release = thread::spawn(move || {
                // A few moments, as a scanner takes; nothing ever arrives.
                let (_nothing, comes) = mpsc::channel::<()>();
                assert!(comes.recv_timeout(Duration::from_millis(300)).is_err());
                drop(held);
            });
            let ana = place.member("ana");
            ana.send(format!("{file} was held")).unwrap();
            assert_eq!(ana.flush(STUCK), 0, "{file}");
            ana.close().unwrap();
            release.join().unwrap();
            let observer = Session::observe(&place.folder).unwrap();
            observer.refresh(STUCK).unwrap();
            assert_eq!(observer.timeline().len(), number + 2, "{file}");
        }
    }
}
