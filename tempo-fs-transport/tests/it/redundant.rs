//! Copies that may be removed, copies that may not, and the extent of a folder.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use tempo_fs_transport::FsTransport;
use tempo_message::{AuthorId, Durability, Frame, PublishError, Transport, conformance::Script};

use crate::{
    hooked::Hooked,
    support::{Session, unwatched},
};

/// Returns an author's transport that has scanned the folder, and the three messages in it.
fn writer(session: &Session, script: &mut Script) -> (FsTransport, Vec<Frame>) {
    let frames = script.run(3);
    let mut writer = session.writer();
    for frame in &frames {
        writer.publish(frame, Durability::Lazy).unwrap();
    }
    look(&mut writer, script.author());
    (writer, frames)
}

fn look(transport: &mut impl Transport, author: AuthorId) {
    use tempo_message::{Budget, CollectRequest, Disposition, Own};
    let budget = Budget { frames: 0, bytes: 0 };
    let own = Some(Own { author, joined: true });
    let want = CollectRequest { known: &tempo_clock::Seen::default(), own, recheck: &[], full: true, budget };
    transport.collect(&want, &mut |_| Disposition::Later).unwrap();
}

/// Returns every file with its bytes.
fn tree(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for dir in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        for file in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            let name = file.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            files.push((name, fs::read(&file).unwrap_or_default()));
        }
    }
    files.sort();
    files
}

#[test]
fn only_equal_copies_of_own_messages_are_removed() {
    let session = Session::new();
    let (mut script, mut other) = (Script::new(1), Script::new(2));
    let (mut writer, frames) = writer(&session, &mut script);
    let theirs = other.run(1);
    writer.publish(&theirs[0], Durability::Lazy).unwrap();
    let own = session.path(script.author().to_string());
    let copy = |of: &Frame, tail: &str| session.path(format!("{}{tail}", of.id()));
    let twin = session.path(format!("{} (1)", script.author()));
    fs::create_dir(&twin).unwrap();
    fs::write(twin.join("0000000000000001"), frames[0].bytes()).unwrap();
    fs::write(twin.join("0000000000000001 (1)"), frames[0].bytes()).unwrap();
    fs::write(copy(&theirs[0], " (1)"), theirs[0].bytes()).unwrap();
    // Other content, no content, more than the content, and a copy of a message that is not there.
    fs::write(copy(&frames[0], "-HOST"), Script::new(1).next(b"another first one").bytes()).unwrap();
    fs::write(copy(&frames[0], " 2"), &frames[0].bytes()[..40]).unwrap();
    fs::write(copy(&frames[0], " 3"), [&frames[0].bytes()[..], b"!"].concat()).unwrap();
    fs::remove_file(session.file(frames[1].id())).unwrap();
    fs::write(copy(&frames[1], " (1)"), frames[1].bytes()).unwrap();
    // Two files cut short in the same way, and two equal files that are not messages.
    fs::write(session.file(frames[2].id()), &frames[2].bytes()[..40]).unwrap();
    fs::write(copy(&frames[2], " (1)"), &frames[2].bytes()[..40]).unwrap();
    fs::write(own.join("0000000000000009"), "equal").unwrap();
    fs::write(own.join("0000000000000009 (1)"), "equal").unwrap();
    // A whole, equal copy under the counter of another message.
    fs::write(own.join("0000000000000008"), frames[0].bytes()).unwrap();
    fs::write(own.join("0000000000000008 (1)"), frames[0].bytes()).unwrap();
    fs::hard_link(session.file(frames[0].id()), copy(&frames[0], " (linked)")).unwrap();
    let before = tree(&session.folder);

    let equal = [copy(&frames[0], " (1)"), copy(&frames[0], ".sync-conflict-20261122-101112-ABCDEFG")];
    for copy in &equal {
        fs::write(copy, frames[0].bytes()).unwrap();
    }
    look(&mut writer, script.author());
    let mut removed = writer.remove_redundant(script.author()).unwrap();
    removed.sort();
    let mut expected: Vec<_> = equal.iter().map(|copy| copy.strip_prefix(&session.folder).unwrap()).collect();
    expected.sort();
    assert_eq!(removed.iter().map(Path::new).collect::<Vec<_>>(), expected);
    assert_eq!(tree(&session.folder), before);
    assert_eq!(writer.remove_redundant(script.author()).unwrap(), Vec::<String>::new());
}

#[test]
fn nothing_is_removed_before_a_scan_or_while_the_folder_is_away() {
    let session = Session::new();
    let mut script = Script::new(1);
    let (mut seen, frames) = writer(&session, &mut script);
    let copy = session.path(format!("{} (1)", frames[0].id()));
    fs::write(&copy, frames[0].bytes()).unwrap();
    let author = script.author();
    assert_eq!(session.writer().remove_redundant(author).unwrap(), Vec::<String>::new(), "nobody has looked");
    let mut options = unwatched();
    options.read_only = true;
    let mut reader = FsTransport::open(&session.folder, &options).unwrap();
    look(&mut reader, author);
    assert!(matches!(reader.remove_redundant(author), Err(PublishError::ReadOnly { .. })));
    let stranger = Script::new(2).author();
    assert_eq!(seen.remove_redundant(stranger).unwrap(), Vec::<String>::new());

    let away = session.dir.path().join("away.session");
    fs::rename(&session.folder, &away).unwrap();
    assert!(matches!(seen.remove_redundant(author), Err(PublishError::Detached { .. })));
    // Another folder at the same path is not the one that was scanned.
    fs::create_dir(&session.folder).unwrap();
    fs::create_dir(session.path(author.to_string())).unwrap();
    fs::write(session.file(frames[0].id()), frames[0].bytes()).unwrap();
    fs::write(&copy, frames[0].bytes()).unwrap();
    assert!(matches!(seen.remove_redundant(author), Err(PublishError::Detached { .. })));
    assert!(copy.exists() && away.join(copy.strip_prefix(&session.folder).unwrap()).exists());
}

#[test]
fn a_survey_counts_the_files_that_a_service_has_to_carry() {
    let session = Session::new();
    let mut script = Script::new(1);
    let (mut writer, frames) = writer(&session, &mut script);
    fs::write(session.path(format!("{} (1)", frames[0].id())), "a copy").unwrap();
    fs::create_dir(session.path(format!("{} (1)", Script::new(2).author()))).unwrap();
    fs::create_dir_all(session.path("photos/2026")).unwrap();
    let survey = writer.survey().unwrap();
    assert_eq!(survey.entries, 3 + 3 + 1);
    assert_eq!(Vec::from_iter(survey.authors), [script.author(), Script::new(2).author()]);
    assert!(survey.volume.free_bytes.is_some());
}

/// Permissions bind every user but the superuser. In both cases the answer matches the outcome.
#[cfg(unix)]
#[test]
fn a_volume_says_whether_it_can_be_written() {
    use std::os::unix::fs::PermissionsExt;
    use tempo_fs_transport::Options;
    let session = Session::new();
    let mut transport = FsTransport::open(&session.folder, &Options::default()).unwrap();
    for (mode, file) in [(0o755, "one"), (0o555, "two")] {
        fs::set_permissions(&session.folder, fs::Permissions::from_mode(mode)).unwrap();
        let can_write = fs::write(session.path(file), "").is_ok();
        assert_eq!(transport.survey().unwrap().volume.read_only, !can_write, "{mode:o}");
    }
    fs::set_permissions(&session.folder, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_copy_that_changes_after_it_was_read_stays() {
    for (target, is_removed) in [("", false), (" (1)", false), (" elsewhere", true)] {
        let session = Session::new();
        let mut script = Script::new(1);
        let (_, frames) = writer(&session, &mut script);
        let copy = session.path(format!("{} (1)", frames[0].id()));
        fs::write(&copy, frames[0].bytes()).unwrap();
        let target = session.path(format!("{}{target}", frames[0].id()));
        let (reads, changed) = (AtomicUsize::new(0), target.clone());
        // The message and the copy have been read by then.
        let change = move || {
            if reads.fetch_add(1, Ordering::SeqCst) == 1 {
                fs::write(&changed, "changed meanwhile").unwrap();
            }
        };
        let mut transport = FsTransport::open_on(Hooked::described(change), &session.folder, &unwatched()).unwrap();
        look(&mut transport, script.author());
        let removed = transport.remove_redundant(script.author()).unwrap();
        assert_eq!((removed.len() == 1, copy.exists()), (is_removed, !is_removed), "{}", target.display());
        assert_eq!(fs::read(&target).unwrap(), b"changed meanwhile");
    }
}
