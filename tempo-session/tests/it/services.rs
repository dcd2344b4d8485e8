//! Every name that a sync service is known to give to a copy, a temporary file, a placeholder or a
//! second directory, as a real file in a real folder; and what a session makes of it.

use std::{fs, time::Duration};

use bytes::Bytes;
use tempo_fs_transport::{Installation, Vault};
use tempo_message::{Decoded, ForeignReason, Frame, Kind, PendingReason};
use tempo_session::{
    AuthorId, MessageId, Session,
    core::SessionCore,
    doctor::{FindingKind, Severity},
};

use crate::support::{Place, STUCK, sent, texts, timeline, wait_until};

/// The suffixes that services add to the name of a file or directory to keep two of them apart.
const COPIES: &[(&str, &str)] = &[
    ("Dropbox", " (Zoë's conflicted copy 2026-11-22)"),
    ("Dropbox", " (Studio-PC's conflicted copy)"),
    ("Dropbox, French", " (Copie en conflit de Léa 2025-10-19)"),
    ("Dropbox, Spanish", " (Copia en conflicto de PC2 2026-09-11)"),
    ("Dropbox, German", " (In Konflikt stehende Kopie von Uwe 2026-09-11)"),
    ("Dropbox", " (Case Conflict)"),
    ("Dropbox", " (Unicode Encoding Conflict)"),
    ("Dropbox", " (Selective Sync Conflict 1)"),
    ("Dropbox API", " (2)"),
    ("Google Drive", " (1)"),
    ("Google Drive", " [Conflict]"),
    ("OneDrive", "-DESKTOP-AB12CDE"),
    ("OneDrive", "-MacBook Pro de Charlyne-2"),
    ("OneDrive", "-HOST-HOST"),
    ("OneDrive for Linux", "-laptop-safeBackup-0001"),
    ("iCloud Drive", " 2"),
    ("iCloud Drive", " 17"),
    ("iCloud for Windows", "(1)"),
    ("iCloud for Windows", "(1)(2)"),
    ("Syncthing", ".sync-conflict-20261122-064026-ABCDEFG"),
    ("Syncthing, old", ".sync-conflict-20261122-064026"),
    ("Nextcloud", " (conflicted copy 2026-11-22 064026)"),
    ("Nextcloud", " (conflicted copy anna 2026-11-22 064026)"),
    ("ownCloud, old", "_conflict-20121023-151712"),
    ("Nextcloud", " (case clash from 2026-11-22 064026)"),
    ("Seafile", " (SFConflict anna@example.org 2026-11-22-06-40-26)"),
    ("Seafile", " (case conflict 1)"),
    ("Seafile", ".sbak"),
    ("Resilio Sync", ".Conflict"),
    ("Resilio Sync", ".Conflict1.Conflict"),
    ("Box", " (conflict)"),
    ("Box", "-copy of"),
    ("pCloud", " (conflicted)"),
    ("pCloud", " (conflicted 1)"),
    ("pCloud", ".conflicted"),
    ("MEGA", " (1)"),
    ("MEGA", ".old1"),
    ("Proton Drive", " (# Name clash 2026-11-22 a1b2c3C #)"),
    ("Proton Drive", " (# Edit conflict 2026-11-22 a1b2c3C #)"),
    ("Proton Drive", " (# Deleted 2026-11-22 a1b2c3D #)"),
    ("Unison", " (conflict_on_2026-11-22)"),
    ("Unison", " (conflict #1_on_2026-11-22)"),
    ("rclone", ".conflict1"),
    ("rclone, old", "..path1"),
    ("Explorer", " - Copy"),
    ("Explorer", " - Copy (2)"),
    ("Finder", " copy"),
    ("Finder", " copy 2"),
    ("GNOME", " (copy)"),
    ("GNOME", " (another copy)"),
];

/// The text that services put before and after the name of an incomplete file.
const TEMPORARIES: &[(&str, &str, &str)] = &[
    ("Syncthing", ".syncthing.", ".tmp"),
    ("Syncthing on Windows", "~syncthing~", ".tmp"),
    ("Nextcloud", ".", ".~3f1a09bc"),
    ("Proton Drive", ".~", "-Temp-a1b2c3.tmp"),
    ("Unison", ".unison.", ".8f3c2a.unison.tmp"),
    ("OneDrive", "", "~RF4a1b2c3.TMP"),
    ("OneDrive for Linux", "", ".partial"),
    ("rclone", "", ".1a2b3c4d.partial"),
    ("pCloud", "", ".part"),
    ("pCloud", "", "-old.part"),
    ("Resilio Sync", "", ".!Sync"),
    ("Resilio Sync", "", ".!sync"),
    ("Resilio Sync", "", ".SyncPart"),
    ("Resilio Sync", "", ".SyncTemp"),
    ("Resilio Sync", "", ".SyncOld"),
    ("MEGA", ".getxfer.4711.", ".mega"),
    ("Seafile", "", "~"),
    ("a browser", "", ".crdownload"),
];

/// The placeholders for files whose content is with the service.
const PLACEHOLDERS: &[(&str, &str, &str)] = &[
    ("iCloud Drive", ".", ".icloud"),
    ("iCloud Drive, old", ".", "-tef.icloud"),
    ("Nextcloud", "", ".nextcloud"),
    ("ownCloud", "", ".owncloud"),
    ("Resilio Sync", "", ".rslsync"),
    ("Resilio Sync", "", ".rsls"),
];

/// Placeholders of services that are not known by name, with their content.
const STAND_INS: &[(&str, &str, &str, &str)] = &[
    ("odrive", "", ".cloud", ""),
    ("a branded Nextcloud", "", ".magentacloud", " "),
    ("a service that hides them", ".", ".stub", "bplist00"),
    ("a service that writes text", "", ".gdoc", "{\"url\": \"https://example.org/3\"}\r\n"),
];

/// A folder with three messages of Ana.
struct Scene {
    place: Place,
    author: AuthorId,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        let ana = place.member("ana");
        ana.send_all(["one", "two", "three"]).unwrap();
        assert_eq!(ana.flush(STUCK), 0);
        let author = ana.author().unwrap();
        ana.close().unwrap();
        Self { place, author }
    }

    /// Returns the path of a name in Ana's directory. Her name has counter 1, so her messages begin
    /// with 2.
    fn at(&self, name: &str) -> std::path::PathBuf {
        self.place.folder.join(self.author.to_string()).join(name)
    }

    /// Returns another third message of Ana, by a copy of her installation that knew what she knew
    /// before hers.
    fn twin(&self) -> Frame {
        let mut twin = SessionCore::new(Some(self.author));
        for counter in 1..=2 {
            let bytes = fs::read(self.at(&name(counter))).unwrap();
            let Decoded::Whole(frame) = Frame::decode(&bytes.into()) else { panic!() };
            sent(&mut twin, &frame);
        }
        let installation = Installation::find(&self.place.at("ana"), &self.place.folder).unwrap().unwrap();
        let key = installation.vault().load(self.author).unwrap().unwrap();
        let content = (Kind::Payload, Bytes::from("two, elsewhere"));
        let other = twin.compose_signed([content], 1_790_000_000_000, Some(&key)).unwrap().remove(0);
        assert_eq!(other.id(), MessageId { author: self.author, counter: 3 });
        other
    }

    fn look(&self) -> Session {
        let session = Session::observe(&self.place.folder).unwrap();
        session.refresh(STUCK).unwrap();
        session
    }
}

fn name(counter: u64) -> String {
    format!("{counter:016x}")
}

#[test]
fn a_copy_is_read_whether_it_is_the_only_one_or_not() {
    let scene = Scene::new();
    for (service, tail) in COPIES {
        let copy = scene.at(&format!("{}{tail}", name(3)));
        fs::copy(scene.at(&name(3)), &copy).unwrap();
        for only in [false, true] {
            if only {
                crate::support::rename(scene.at(&name(3)), scene.at("aside")).unwrap();
            }
            let session = scene.look();
            assert_eq!(texts(&timeline(&session)), ["one", "two", "three"], "{service}: {tail}");
            let report = session.status().report;
            let copies: Vec<_> = report.copies.iter().map(|copy| (copy.author, copy.counter)).collect();
            assert_eq!(copies, [(scene.author, Some(3))], "{service}: {tail}");
            assert_eq!(report.foreign.len(), usize::from(only), "{service}: {tail}: {:?}", report.foreign);
            assert_eq!(report.pending, [], "{service}: {tail}");
            assert_eq!(session.status().members[0].forks, [0; 0]);
        }
        crate::support::rename(scene.at("aside"), scene.at(&name(3))).unwrap();
        crate::support::remove_file(copy).unwrap();
    }
}

#[test]
fn a_copy_with_another_message_is_a_fork_and_both_are_delivered() {
    let scene = Scene::new();
    let other = scene.twin();
    for (service, tail) in COPIES {
        let copy = scene.at(&format!("{}{tail}", name(3)));
        fs::write(&copy, other.bytes()).unwrap();
        let session = scene.look();
        let mut found = texts(&timeline(&session));
        found.sort();
        assert_eq!(found, ["one", "three", "two", "two, elsewhere"], "{service}: {tail}");
        assert_eq!(session.status().members[0].forks, [3], "{service}: {tail}");
        crate::support::remove_file(copy).unwrap();
    }
}

#[test]
fn directories_that_were_doubled_are_read_as_one() {
    let scene = Scene::new();
    for (service, tail) in COPIES {
        let doubled = scene.place.folder.join(format!("{}{tail}", scene.author));
        fs::create_dir(&doubled).unwrap();
        crate::support::rename(scene.at(&name(3)), doubled.join(name(3))).unwrap();
        let session = scene.look();
        assert_eq!(texts(&timeline(&session)), ["one", "two", "three"], "{service}: {tail}");
        let report = session.status().report;
        assert_eq!(report.doubled.iter().map(|doubled| doubled.author).collect::<Vec<_>>(), [scene.author]);
        assert_eq!((report.foreign.len(), report.pending.len()), (0, 0), "{service}: {tail}");
        // Its author continues to write only under the exact name.
        let ana = scene.place.member("ana");
        ana.refresh(STUCK).unwrap();
        assert_eq!(ana.flush(STUCK), 0);
        ana.close().unwrap();
        assert!(scene.at(&name(3)).exists(), "{service}: {tail}");
        assert_eq!(fs::read_dir(&doubled).unwrap().count(), 1, "{service}: {tail}");
        crate::support::remove_dir_all(doubled).unwrap();
    }
}

#[test]
fn an_incomplete_file_is_temporary_and_delivered_once_whole() {
    let scene = Scene::new();
    let whole = fs::read(scene.at(&name(3))).unwrap();
    for (service, before, after) in TEMPORARIES {
        crate::support::remove_file(scene.at(&name(3))).unwrap();
        let temporary = scene.at(&format!("{before}{}{after}", name(3)));
        fs::write(&temporary, &whole[..whole.len() / 2]).unwrap();
        let session = scene.look();
        assert_eq!(texts(&timeline(&session)), ["one"], "{service}");
        let report = session.status().report;
        let reasons: Vec<_> = report.foreign.iter().map(|foreign| &foreign.reason).collect();
        assert!(matches!(reasons[..], [ForeignReason::Temporary { .. }]), "{service}: {report:?}");
        assert_eq!(report.pending, [], "{service}");
        fs::write(&temporary, &whole).unwrap();
        crate::support::rename(&temporary, scene.at(&name(3))).unwrap();
        wait_until(&session, "it is whole", |session| session.timeline().len() == 3);
        wait_until(&session, "nothing odd is left", |session| session.status().report.foreign.is_empty());
    }
}

#[test]
fn a_placeholder_waits_for_download_and_nothing_is_published_over_it() {
    let known = PLACEHOLDERS.iter().map(|&(service, before, after)| (service, before, after, " ", false));
    let unknown = STAND_INS.iter().map(|&(service, before, after, content)| (service, before, after, content, true));
    let scene = Scene::new();
    for (service, before, after, content, is_perhaps) in known.chain(unknown) {
        let placeholder = scene.at(&format!("{before}{}{after}", name(3)));
        crate::support::rename(scene.at(&name(3)), scene.place.at("kept")).unwrap();
        fs::write(&placeholder, content).unwrap();
        let session = scene.look();
        assert_eq!(texts(&timeline(&session)), ["one"], "{service}");
        let report = session.status().report;
        assert_eq!(report.pending.len(), 1, "{service}");
        let reason = if is_perhaps { PendingReason::PerhapsOnline } else { PendingReason::OnlineOnly };
        assert_eq!(report.pending[0].reason, reason, "{service}");
        assert_eq!((report.pending[0].author, report.pending[0].counter), (Some(scene.author), Some(3)), "{service}");
        let waits = [(FindingKind::OnlineOnly, Severity::Attention), (FindingKind::Held, Severity::Attention)];
        assert_eq!(kinds(&scene), waits, "{service}");
        // Its author does not take it for deleted.
        let ana = scene.place.member("ana");
        ana.refresh(STUCK).unwrap();
        assert_eq!(ana.flush(STUCK), 0);
        ana.close().unwrap();
        assert!(!scene.at(&name(3)).exists(), "{service}");
        crate::support::remove_file(&placeholder).unwrap();
        crate::support::rename(scene.place.at("kept"), scene.at(&name(3))).unwrap();
        wait_until(&session, "it is here", |session| session.timeline().len() == 3);
    }
}

/// Nothing behind the name of a message that is here is in the way.
#[test]
fn a_suffix_on_the_name_of_a_message_raises_no_alarm() {
    let scene = Scene::new();
    let zone = "[ZoneTransfer]\r\nZoneId=3\r\n".as_bytes();
    let encrypted = [0x9c; 900];
    let behind: [(&str, &[u8]); 4] =
        [("\u{f03a}Zone.Identifier", zone), (".id-1A2B.locked", &encrypted), (" (1)", b"notes"), (".txt", b"notes")];
    for (after, content) in behind {
        let beside = scene.at(&format!("{}{after}", name(3)));
        fs::write(&beside, content).unwrap();
        assert!(kinds(&scene).iter().all(|(_, severity)| *severity == Severity::Info), "{after}: {:?}", kinds(&scene));
        crate::support::remove_file(&beside).unwrap();
    }
}

/// A service does not let a member write, and moves its directory away each time. The messages are
/// kept, the number of copies does not grow, and the doctor reports it.
#[test]
fn files_that_are_always_moved_away_are_not_rewritten_without_end() {
    let scene = Scene::new();
    let own = scene.place.folder.join(scene.author.to_string());
    let ben = scene.place.member("ben");
    ben.send("hello").unwrap();
    assert_eq!(ben.flush(STUCK), 0);
    ben.close().unwrap();
    let mut copies = 0;
    let mut waits = Vec::new();
    for round in 0..6 {
        if own.exists() {
            let tail = if copies == 0 { String::new() } else { format!(" ({copies})") };
            crate::support::rename(&own, scene.place.folder.join(format!("{} (Nur Anzeigen){tail}", scene.author)))
                .unwrap();
            copies += 1;
        }
        let ana = scene.place.member("ana");
        ana.send(format!("round {round}")).unwrap();
        waits.push(ana.flush(Duration::from_millis(300)));
        ana.close().unwrap();
    }
    assert_eq!((copies, &waits[..2]), (3, &[0, 0][..]), "{waits:?}");
    assert!(waits[2..].is_sorted_by(|before, after| 0 < *before && before < after), "{waits:?}");
    let checkup = Session::builder(&scene.place.folder).state_dir(scene.place.at("ana")).check_up().unwrap();
    let undone = checkup.findings().into_iter().find(|it| it.kind == FindingKind::Undone).unwrap();
    assert_eq!((undone.severity, undone.files.len()), (Severity::Attention, 3), "{undone:#?}");
    // Once the member may write again, everything is there.
    for copy in undone.files {
        fs::remove_dir_all(scene.place.folder.join(copy)).unwrap();
    }
    let ana = scene.place.member("ana");
    assert_eq!(ana.flush(STUCK), 0);
    assert_eq!(texts(&timeline(&scene.look())).len(), 10);
}

/// A tool that turns every file into a link could find new files without end.
#[cfg(unix)]
#[test]
fn a_tool_that_replaces_every_file_gets_few_of_them() {
    let scene = Scene::new();
    let annex = scene.place.at("annex");
    fs::create_dir(&annex).unwrap();
    let names = || fs::read_dir(scene.place.folder.join(scene.author.to_string())).unwrap().count();
    let before = names();
    for round in 0..5 {
        for entry in fs::read_dir(scene.place.folder.join(scene.author.to_string())).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name != "head" && !path.is_symlink() {
                let key = annex.join(format!("{round}-{name}"));
                fs::rename(&path, &key).unwrap();
                std::os::unix::fs::symlink(key, &path).unwrap();
            }
        }
        let ana = scene.place.member("ana");
        ana.refresh(STUCK).unwrap();
        ana.flush(Duration::from_millis(300));
        ana.close().unwrap();
    }
    assert!(names() <= 3 * before, "{} names, {before} before", names());
}

/// Files that services and systems leave in every folder are not in the way, and are recognized.
#[test]
fn files_of_services_and_systems_are_known() {
    let scene = Scene::new();
    let left = [
        ".stfolder",
        ".DS_Store",
        ".DS_Store (1)",
        "desktop.ini",
        "desktop (conflict 2026-11-22).ini",
        "Thumbs.db",
        "THUMBS (1).DB",
        ".dropbox",
        "Icon\r",
        ".sync_3f1a.db",
        "@eaDir",
    ];
    // Windows allows no control characters in names.
    let left: Vec<&str> = left.into_iter().filter(|name| !cfg!(windows) || !name.contains(char::is_control)).collect();
    for name in &left {
        fs::write(scene.place.folder.join(name), "").unwrap();
        fs::write(scene.at(name), "").unwrap();
    }
    fs::write(scene.at(&format!("._{}", name(3))), "").unwrap();
    let session = scene.look();
    assert_eq!(texts(&timeline(&session)), ["one", "two", "three"]);
    let report = session.status().report;
    assert_eq!(report.foreign.len(), 2 * left.len() + 1);
    for foreign in &report.foreign {
        assert!(matches!(foreign.reason, ForeignReason::System { .. }), "{foreign:?}");
    }
}

/// Returns the doctor's findings in a scene.
fn kinds(scene: &Scene) -> Vec<(FindingKind, Severity)> {
    let checkup = Session::builder(&scene.place.folder).state_dir(scene.place.at("nobody")).check_up().unwrap();
    let findings = checkup.findings().into_iter();
    // It is true that no service seems to sync a temporary directory.
    let findings = findings.filter(|it| !matches!(it.kind, FindingKind::NotShared | FindingKind::NotWatched));
    findings.map(|it| (it.kind, it.severity)).collect()
}

#[test]
fn the_doctor_knows_copies_and_doubled_directories() {
    let scene = Scene::new();
    assert_eq!(kinds(&scene), []);
    let other = scene.twin();
    for (service, tail) in COPIES {
        let copy = scene.at(&format!("{}{tail}", name(3)));
        fs::copy(scene.at(&name(3)), &copy).unwrap();
        // A file that Seafile leaves there for a moment is also a temporary file.
        let kind = if *tail == ".sbak" { FindingKind::Harmless } else { FindingKind::EqualCopy };
        assert_eq!(kinds(&scene), [(kind, Severity::Info)], "{service}: {tail}");
        fs::write(&copy, other.bytes()).unwrap();
        assert_eq!(kinds(&scene), [(FindingKind::Fork, Severity::Attention)], "{service}: {tail}");
        crate::support::remove_file(copy).unwrap();
        let doubled = scene.place.folder.join(format!("{}{tail}", scene.author));
        fs::create_dir(&doubled).unwrap();
        crate::support::rename(scene.at(&name(3)), doubled.join(name(3))).unwrap();
        assert_eq!(kinds(&scene), [(FindingKind::DoubledDirectory, Severity::Info)], "{service}: {tail}");
        crate::support::rename(doubled.join(name(3)), scene.at(&name(3))).unwrap();
        fs::remove_dir(doubled).unwrap();
    }
}

/// None of them is an illness.
#[test]
fn the_doctor_knows_temporary_files() {
    let scene = Scene::new();
    let whole = fs::read(scene.at(&name(3))).unwrap();
    for (service, before, after) in TEMPORARIES {
        let temporary = scene.at(&format!("{before}{}{after}", name(3)));
        fs::write(&temporary, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(kinds(&scene), [(FindingKind::Harmless, Severity::Info)], "{service}");
        crate::support::remove_file(temporary).unwrap();
    }
}

#[test]
fn the_doctor_knows_placeholders() {
    let scene = Scene::new();
    for (service, before, after) in PLACEHOLDERS {
        let placeholder = scene.at(&format!("{before}{}{after}", name(3)));
        crate::support::rename(scene.at(&name(3)), &placeholder).unwrap();
        let waits = [(FindingKind::OnlineOnly, Severity::Attention), (FindingKind::Held, Severity::Attention)];
        assert_eq!(kinds(&scene), waits, "{service}");
        crate::support::rename(&placeholder, scene.at(&name(3))).unwrap();
    }
}
