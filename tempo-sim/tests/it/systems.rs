//! Behavior of Windows and macOS disks that Linux disks do not have.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io,
    path::Path,
    sync::Arc,
    time::Duration,
};

use tempo_clock::Seen;
use tempo_fs_transport::{Fs, FsTransport, Hints, Options, Reach, Signal};
use tempo_message::{
    Disposition, Durability, Head, Lamport, Life, Published, Transport,
    conformance::{Script, gather},
};
use tempo_sim::{
    Disk, DiskOptions, Rng,
    disk::{SimDir, SimFs, System, Volume},
};

const NTFS: System = System::Windows(Volume::Ntfs);
const REFS: System = System::Windows(Volume::Refs);
const SHARE: System = System::Windows(Volume::Share);
const MAC: System = System::Mac { syncs_to_volume: false };
const MAC_SHARE: System = System::Mac { syncs_to_volume: true };

const DIR: &str = "ana";
const FILE: &str = "0000000000000001";

fn disk(system: System, seed: u64) -> Disk {
    let disk = Disk::new(DiskOptions { system, is_linked: true, ..DiskOptions::default() }, Rng::new(seed));
    disk.put_dir(DIR.as_ref());
    disk
}

/// Opens a process's view, the session folder, and a directory in it.
fn opened(disk: &Disk) -> (SimFs, SimDir, SimDir) {
    let fs = disk.fs();
    let folder = fs.open_root(Disk::FOLDER.as_ref()).unwrap();
    let dir = fs.open_dir(&folder, DIR.as_ref()).unwrap();
    (fs, folder, dir)
}

fn kind<T: std::fmt::Debug>(done: io::Result<T>) -> io::ErrorKind {
    done.unwrap_err().kind()
}

fn listed(fs: &SimFs, dir: &SimDir) -> Vec<OsString> {
    let mut names = Vec::new();
    fs.list(dir, &mut |name| {
        names.push(name.to_owned());
        true
    })
    .unwrap();
    names
}

fn put(disk: &Disk, name: &str) {
    disk.put(DIR.as_ref(), name.as_ref(), "content".into());
}

#[test]
fn a_file_in_use_allows_only_stat() {
    let disk = disk(NTFS, 1);
    put(&disk, FILE);
    let (fs, _, dir) = opened(&disk);
    let (name, staged) = (OsStr::new(FILE), OsStr::new("~tempo-1.tmp"));
    disk.lock_file(DIR.as_ref(), name, Duration::from_secs(5));
    drop(fs.create(&dir, staged).unwrap());
    assert_eq!(kind(fs.open(&dir, name)), io::ErrorKind::ResourceBusy);
    assert_eq!(kind(fs.sync_named(&dir, name, Reach::Medium)), io::ErrorKind::ResourceBusy);
    assert_eq!(kind(fs.remove(&dir, name)), io::ErrorKind::ResourceBusy);
    assert_eq!(kind(fs.rename_over(&dir, staged, &dir, name)), io::ErrorKind::ResourceBusy);
    assert_eq!(fs.stat(&dir, name).unwrap().len, 7);
    assert!(disk.take_met().contains(&"file in use met"));
    disk.set_now(Duration::from_secs(5));
    fs.open(&dir, name).unwrap();
}

#[test]
fn the_service_sometimes_keeps_a_file_open() {
    let is_held = |seed: &u64| {
        let disk = disk(NTFS, *seed);
        put(&disk, FILE);
        let (fs, _, dir) = opened(&disk);
        fs.open(&dir, FILE.as_ref()).is_err()
    };
    let held = (0..100).filter(is_held).count();
    assert!((5..50).contains(&held), "{held}");
}

#[test]
fn a_removed_name_may_stay_for_a_while() {
    let mut lingering = 0;
    for seed in 0..100 {
        let disk = disk(NTFS, seed);
        put(&disk, FILE);
        let (fs, _, dir) = opened(&disk);
        let name = OsStr::new(FILE);
        disk.remove(DIR.as_ref(), name);
        let until = disk.dying_until(DIR.as_ref(), name);
        assert_eq!(listed(&fs, &dir).contains(&name.to_owned()), until.is_some());
        if let Some(until) = until {
            lingering += 1;
            drop(fs.create(&dir, "~tempo-1.tmp".as_ref()).unwrap());
            assert_eq!(kind(fs.stat(&dir, name)), io::ErrorKind::ResourceBusy);
            assert_eq!(kind(fs.open(&dir, name)), io::ErrorKind::ResourceBusy);
            assert_eq!(kind(fs.create(&dir, name)), io::ErrorKind::ResourceBusy);
            assert_eq!(kind(fs.rename_new(&dir, "~tempo-1.tmp".as_ref(), &dir, name)), io::ErrorKind::ResourceBusy);
            disk.set_now(until);
        }
        assert_eq!(kind(fs.stat(&dir, name)), io::ErrorKind::NotFound);
        assert_eq!(disk.dying_until(DIR.as_ref(), name), None);
    }
    assert!((5..50).contains(&lingering), "{lingering}");
}

#[test]
fn names_ignore_case() {
    for system in [NTFS, MAC] {
        let disk = disk(system, 1);
        put(&disk, "abc");
        let (fs, folder, dir) = opened(&disk);
        fs.open_dir(&folder, "ANA".as_ref()).unwrap();
        assert_eq!(kind(fs.create(&dir, "ABC".as_ref())), io::ErrorKind::AlreadyExists);
    }
}

#[test]
fn macos_lists_names_decomposed() {
    let disk = disk(MAC, 1);
    put(&disk, "Zo\u{eb}");
    let (fs, _, dir) = opened(&disk);
    assert_eq!(listed(&fs, &dir), ["Zoe\u{308}"]);
    assert!(fs.stat(&dir, "Zo\u{eb}".as_ref()).is_ok());
}

/// Directories cannot be synced there and need not be: a power loss keeps the first of the pending changes.
#[test]
fn windows_keeps_name_changes_in_order() {
    let mut left = BTreeSet::new();
    for seed in 0..100 {
        let disk = disk(NTFS, seed);
        let (fs, _, dir) = opened(&disk);
        for name in ["~tempo-1.tmp", "~tempo-2.tmp", "~tempo-3.tmp"] {
            drop(fs.create(&dir, name.as_ref()).unwrap());
        }
        for reach in [Reach::Medium, Reach::Volume] {
            assert_eq!(kind(fs.sync_dir(&dir, reach)), io::ErrorKind::Unsupported);
        }
        disk.crash();
        left.insert(listed(&fs, &dir).len());
        let names = listed(&fs, &dir).into_iter().enumerate();
        names.for_each(|(number, name)| assert_eq!(name, format!("~tempo-{}.tmp", number + 1).as_str()));
    }
    assert_eq!(left, BTreeSet::from([0, 1, 2, 3]));
}

/// Where directories cannot be synced, the renamed file is synced instead. A durably published message is present
/// after a power loss, also if it replaced the remains of an earlier one.
#[test]
fn a_durable_name_needs_no_sync_of_its_directory() {
    let mut script = Script::new(1);
    let frames = script.run(2);
    let dir = OsString::from(script.author().to_string());
    for system in [NTFS, REFS, SHARE] {
        for seed in 0..50 {
            let disk = disk(system, seed);
            let names = ["0000000000000001", "0000000000000002"].map(OsStr::new);
            disk.put_dir(&dir);
            disk.put(&dir, names[0], vec![0; frames[0].bytes().len()].into());
            let mut member = FsTransport::open_on(disk.fs(), Disk::FOLDER.as_ref(), &Options::default()).unwrap();
            gather(&mut member, &Seen::default(), Disposition::Known);
            // The service has closed the file that it put there.
            disk.set_now(Duration::from_secs(60));
            for (frame, expected) in frames.iter().zip([Published::Mended, Published::New]) {
                assert_eq!(member.publish(frame, Durability::Durable).unwrap(), expected);
            }
            drop(member);
            disk.crash();
            for (frame, name) in frames.iter().zip(names) {
                assert_eq!(disk.read(&dir, name).as_ref(), Some(frame.bytes()), "{system:?}, seed {seed}");
            }
        }
    }
}

#[test]
fn windows_refuses_to_sync_through_a_read_handle() {
    let disk = disk(NTFS, 2);
    let (fs, _, dir) = opened(&disk);
    let written = fs.create(&dir, "~tempo-1.tmp".as_ref()).unwrap();
    fs.sync_file(&written, Reach::Medium).unwrap();
    fs.rename_new(&dir, "~tempo-1.tmp".as_ref(), &dir, FILE.as_ref()).unwrap();
    let read = fs.open(&dir, FILE.as_ref()).unwrap();
    assert_eq!(kind(fs.sync_file(&read, Reach::Medium)), io::ErrorKind::PermissionDenied);
    fs.sync_named(&dir, FILE.as_ref(), Reach::Medium).unwrap();
}

#[test]
fn creation_times_tunnel_or_move() {
    let made_again_after = |system, seconds: u64| {
        let disk = disk(system, 1);
        let (fs, folder, dir) = opened(&disk);
        let before = fs.made_ns(&dir);
        disk.set_now(Duration::from_secs(1));
        disk.remove_dir(DIR.as_ref());
        disk.set_now(Duration::from_secs(1 + seconds));
        disk.put_dir(DIR.as_ref());
        let again = fs.open_dir(&folder, DIR.as_ref()).unwrap();
        (before, fs.made_ns(&again), fs.stat_dir(&again).unwrap().modified_ns)
    };
    for (system, seconds, is_same) in
        [(NTFS, 10, true), (NTFS, 20, false), (REFS, 10, false), (System::Linux, 10, false)]
    {
        let (before, after, _) = made_again_after(system, seconds);
        assert_eq!(before == after, is_same, "{system:?} after {seconds} s");
    }
    let (_, made, modified) = made_again_after(SHARE, 10);
    assert_eq!(made, Some(modified));
}

#[test]
fn numbers_repeat_on_refs() {
    let numbers = |system| {
        let disk = disk(system, 1);
        let (fs, _, dir) = opened(&disk);
        let names: Vec<String> = (1..=10).map(|number| format!("{number:016x}")).collect();
        names.iter().for_each(|name| put(&disk, name));
        names.iter().map(|name| fs.stat(&dir, name.as_ref()).unwrap().identity).collect::<BTreeSet<_>>().len()
    };
    assert_eq!((numbers(NTFS), numbers(REFS)), (10, 5));
}

/// A part of the folder whose number equals the folder's was taken for the folder itself, and never read.
#[test]
fn a_part_with_the_number_of_the_folder_is_read() {
    for others in 0..6 {
        let disk = Disk::new(DiskOptions { system: REFS, ..DiskOptions::default() }, Rng::new(3));
        let mut member = FsTransport::open_on(disk.fs(), Disk::FOLDER.as_ref(), &Options::default()).unwrap();
        (0..others).for_each(|number| disk.put_dir(format!("other {number}").as_ref()));
        let frame = Script::new(1).next(b"content");
        // A member of the session is in it, and uses this folder's name for it.
        let author = frame.id().author;
        let (name, place, digest, seen) = (None, Some("jam.session".to_owned()), None, Vec::new());
        let head = Head {
            author,
            name,
            place,
            counter: 1,
            digest,
            lamport: Lamport(1),
            seen,
            wanted: Vec::new(),
            life: Life::default(),
            unix_ms: 0,
            seal: None,
        };
        disk.put_dir(author.to_string().as_ref());
        disk.put(format!("jam 2.session/{author}").as_ref(), "head".as_ref(), head.encode());
        disk.put(format!("jam 2.session/{author}").as_ref(), FILE.as_ref(), frame.bytes().clone());
        let read = gather(&mut member, &Seen::default(), Disposition::Known);
        assert_eq!(read, [frame], "beside {others} directories");
    }
}

#[test]
fn a_windows_watch_overflows_silently() {
    for (files, is_told) in [(1, true), (5, true), (6, false), (50, false)] {
        let disk = disk(NTFS, 1);
        let (fs, signal) = (disk.fs(), Arc::<Signal>::default());
        let watch = fs.watch(Disk::FOLDER.as_ref(), Arc::clone(&signal)).unwrap();
        assert!(watch.covers_directories());
        (0..files).for_each(|number| put(&disk, &format!("{number:016x}")));
        assert_eq!(signal.take(), Hints::default());
        disk.read_hints();
        assert_eq!(signal.take() != Hints::default(), is_told, "{files} files");
    }
}

#[test]
fn a_network_drive_may_miss_recent_arrivals() {
    let mut missed = 0;
    for seed in 0..100 {
        let disk = disk(SHARE, seed);
        put(&disk, FILE);
        let (fs, _, dir) = opened(&disk);
        let name = OsStr::new(FILE);
        if fs.stat(&dir, name).is_err() {
            missed += 1;
            assert_eq!(kind(fs.stat(&dir, name)), io::ErrorKind::NotFound);
            assert_eq!(kind(fs.create(&dir, name)), io::ErrorKind::AlreadyExists);
        }
        disk.set_now(Duration::from_secs(5));
        fs.stat(&dir, name).unwrap();
    }
    assert!((50..95).contains(&missed), "{missed}");
}

#[test]
fn a_dataless_directory_is_not_listed() {
    let disk = disk(MAC, 1);
    put(&disk, FILE);
    let (fs, folder, dir) = opened(&disk);
    disk.set_dir_online_only(DIR.as_ref(), true);
    assert!(fs.stat(&folder, DIR.as_ref()).unwrap().online_only);
    fs.list(&dir, &mut |_| false).unwrap();
    assert_eq!(disk.take_violations(), [""; 0]);
    assert_eq!(disk.take_wanted().len(), 1);
    assert_eq!(listed(&fs, &dir).len(), 1);
    assert_eq!(disk.take_violations(), ["a process listed ana, which is not on this machine"]);
    disk.set_dir_online_only(DIR.as_ref(), false);
    assert_eq!(listed(&fs, &dir), [FILE]);
    assert_eq!(disk.take_violations(), [""; 0]);
}

#[test]
fn some_macos_volumes_refuse_a_full_sync() {
    for (system, is_refused) in [(MAC, false), (MAC_SHARE, true)] {
        let disk = disk(system, 1);
        let (fs, _, dir) = opened(&disk);
        let file = fs.create(&dir, "~tempo-1.tmp".as_ref()).unwrap();
        let refused = [fs.sync_file(&file, Reach::Medium), fs.sync_dir(&dir, Reach::Medium)];
        refused.into_iter().for_each(|done| assert_eq!(done.is_err(), is_refused));
        fs.sync_file(&file, Reach::Volume).unwrap();
        fs.sync_dir(&dir, Reach::Volume).unwrap();
    }
}

#[test]
fn only_linux_watches_directories_one_by_one() {
    let violations = |system| {
        let disk = disk(system, 1);
        let mut watch = disk.fs().watch(Disk::FOLDER.as_ref(), Arc::default()).unwrap();
        watch.add(DIR.as_ref()).unwrap();
        disk.unmount();
        disk.take_violations()
    };
    assert_eq!(violations(System::Linux), [""; 0]);
    assert_eq!(violations(NTFS), ["the folder cannot be moved because ana is watched"]);
    assert_eq!(violations(MAC), ["the event stream was restarted"]);
}

#[test]
fn open_handles_after_a_process_ended_are_violations() {
    let disk = disk(System::Linux, 1);
    let (fs, folder, dir) = opened(&disk);
    let watch = fs.watch(Disk::FOLDER.as_ref(), Arc::default()).unwrap();
    drop((folder, watch));
    disk.forget_processes();
    assert_eq!(disk.take_violations(), ["1 handles are open after the session was closed"]);
    drop(dir);
    disk.forget_processes();
    assert_eq!(disk.take_violations(), [""; 0]);
}

#[test]
fn watching_a_folder_twice_is_a_violation() {
    let disk = disk(System::Linux, 1);
    let fs = disk.fs();
    let watch = |path: &str| fs.watch(path.as_ref(), Arc::default()).unwrap();
    let first = watch(Disk::FOLDER);
    let _part = watch("/jam 2.session");
    drop(first);
    let _again = watch(Disk::FOLDER);
    assert_eq!(disk.take_violations(), [""; 0]);
    let _twice = watch("/link/jam.session");
    assert_eq!(disk.take_violations(), ["a process watches one folder twice"]);
}

#[test]
fn a_folder_has_several_names_and_may_be_missing() {
    let options = DiskOptions { system: MAC, is_linked: true, is_accented: true, ..DiskOptions::default() };
    let disk = Disk::new(options, Rng::new(1));
    let fs = disk.fs();
    let linked = Path::new("/link/j\u{e4}m.session");
    assert_eq!(disk.folder(), Path::new("/j\u{e4}m.session"));
    assert_eq!(fs.resolve(linked).unwrap(), disk.folder());
    let identity = |path: &Path| fs.stat_dir(&fs.open_root(path).unwrap()).unwrap().identity;
    for path in [linked, Path::new("/J\u{e4}M.SESSION"), Path::new("/ja\u{308}m.session")] {
        assert_eq!(identity(path), identity(&disk.folder()));
    }
    for _ in 0..20 {
        disk.unmount();
        let there = fs.open_root(linked).map(drop).map_err(|error| error.kind());
        assert_eq!(there, if disk.is_missing() { Err(io::ErrorKind::NotFound) } else { Ok(()) });
        disk.mount();
    }
}

/// Remains of a crash that a scanner has open do not prevent joining, and disappear with a later head.
#[test]
fn a_staged_file_in_use_is_swept_when_it_is_free() {
    let disk = disk(NTFS, 1);
    let author = Script::new(1).author();
    let dir = OsString::from(author.to_string());
    let staged = OsStr::new("~tempo-0000000000000001.tmp");
    disk.put(&dir, staged, "half a mess".into());
    disk.lock_file(&dir, staged, Duration::from_secs(5));
    let mut member = FsTransport::open_on(disk.fs(), Disk::FOLDER.as_ref(), &Options::default()).unwrap();
    assert_eq!(gather(&mut member, &Seen::default(), Disposition::Known).len(), 0);
    member.join(author).unwrap();
    assert!(disk.read(&dir, staged).is_some(), "it is in use");
    disk.set_now(Duration::from_secs(6));
    let (name, place, digest, seen) = (None, None, None, Vec::new());
    let head = Head {
        author,
        name,
        place,
        counter: 0,
        digest,
        lamport: Lamport(0),
        seen,
        wanted: Vec::new(),
        life: Life::default(),
        unix_ms: 0,
        seal: None,
    };
    member.leave_head(&head).unwrap();
    assert!(disk.read(&dir, staged).is_none(), "it is free");
}
