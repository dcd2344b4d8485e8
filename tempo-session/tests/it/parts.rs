//! A session's folder that a service has split in two, under every name that services are known to
//! give, in a real directory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempo_session::{
    AuthorId, Session,
    doctor::{Finding, FindingKind, Severity},
};

use crate::support::{Place, STUCK, copy_file, is_told_apart, texts, timeline, wait_until};

/// The names of a second `jam.session`.
const PARTS: &[(&str, &str)] = &[
    ("iCloud Drive", "jam 2.session"),
    ("iCloud Drive", "jam 13.session"),
    ("iCloud Drive", "jam.session 2"),
    ("iCloud for Windows", "jam(1).session"),
    ("iCloud for Windows", "jam(1)(2).session"),
    ("iCloud for Windows", "jam.session(1)"),
    ("Google Drive", "jam (1).session"),
    ("Google Drive", "jam.session (1)"),
    ("Dropbox", "jam (Case Conflict).session"),
    ("Dropbox", "Jam (Case Conflict 1).session"),
    ("Dropbox", "jam.session (Case Conflict)"),
    ("Dropbox", "jam (Unicode Encoding Conflict).session"),
    ("Dropbox", "jam (White Space Conflict).session"),
    ("Dropbox", "jam (Selective Sync Conflict).session"),
    ("Dropbox", "jam.session (Selective Sync Conflict 2)"),
    ("Dropbox", "jam.session (shared folder conflict)"),
    ("Dropbox", "jam.session (permission conflicts)"),
    ("Dropbox", "jam.session (view only conflicts)"),
    ("Nextcloud", "jam (case clash from 2026-11-22 064026).session"),
    ("Resilio Sync", "jam.Conflict.session"),
    ("Resilio Sync", "jam.Conflict1.session"),
    ("Resilio Sync", "jam.session.Conflict"),
    ("Proton Drive for Windows", "jam.session (# Name clash 2026-11-22 a1b2c3C #)"),
    ("Proton Drive for macOS", "jam (# Name Clash 2026-11-22 aB3dE5f #).session"),
];

/// Names that people give to other sessions, that services give in other languages, and that mean
/// nothing.
const OTHERS: &[&str] = &[
    "jam (Konflikt durch selektive Synchronisierung).session",
    "jam.session (\u{9078}\u{629e}\u{578b}\u{540c}\u{671f}\u{306e}\u{7af6}\u{5408})",
    "JAM (konflik lihat saja).Session",
    "jam copy.session",
    "jam copy 2.session",
    "jam - Copy.session",
    "jam (copy).session",
    "jam (acoustic).session",
    "jam 2026.session",
    "jam-DESKTOP-AB12CDE.session",
    "jam two.session",
    "jamming 2.session",
];

/// A folder with a message of Ana and a message of Ben, whose directory can be moved into a second
/// part.
struct Scene {
    place: Place,
    ana: AuthorId,
    ben: AuthorId,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        let authors = ["ana", "ben"].map(|name| {
            let member = place.member(name);
            member.refresh(STUCK).unwrap();
            member.send(format!("from {name}").into_bytes()).unwrap();
            assert_eq!(member.flush(STUCK), 0);
            let author = member.author().unwrap();
            member.close().unwrap();
            author
        });
        let [ana, ben] = authors;
        Self { place, ana, ben }
    }

    /// Splits the folder, so that Ben's messages are in the second part only.
    fn split(&self, name: &str) -> PathBuf {
        let second = self.place.at(name);
        fs::create_dir(&second).unwrap();
        crate::support::rename(self.place.folder.join(self.ben.to_string()), second.join(self.ben.to_string()))
            .unwrap();
        second
    }

    fn unite(&self, second: &Path) {
        crate::support::rename(second.join(self.ben.to_string()), self.place.folder.join(self.ben.to_string()))
            .unwrap();
        crate::support::remove_dir(second).unwrap();
    }

    fn look(&self) -> Session {
        let session = Session::observe(&self.place.folder).unwrap();
        session.refresh(STUCK).unwrap();
        session
    }

    /// Returns the doctor's findings, except that no service seems to sync a temporary directory.
    fn findings(&self) -> Vec<Finding> {
        let checkup = Session::builder(&self.place.folder).state_dir(self.place.at("nobody")).check_up().unwrap();
        let findings = checkup.findings().into_iter();
        findings.filter(|it| !matches!(it.kind, FindingKind::NotShared | FindingKind::NotWatched)).collect()
    }
}

/// Returns every name below a directory.
fn tree(dir: &Path) -> Vec<PathBuf> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        names.push(path.clone());
        if path.is_dir() {
            names.extend(tree(&path));
        }
    }
    names.sort();
    names
}

#[test]
fn messages_in_the_second_part_are_delivered_and_nothing_is_written_there() {
    let scene = Scene::new();
    for (service, name) in PARTS {
        let second = scene.split(name);
        let before = tree(&second);
        let session = scene.look();
        assert!(texts(&timeline(&session)).contains(&"from ben".to_owned()), "{service}: {name}");
        let report = session.status().report;
        assert_eq!(report.parts, [*name], "{service}");
        assert_eq!((report.foreign.len(), report.pending.len(), report.doubled.len()), (0, 0, 0), "{service}: {name}");
        let ana = scene.place.member("ana");
        ana.refresh(STUCK).unwrap();
        ana.send(&b"more"[..]).unwrap();
        assert_eq!(ana.flush(STUCK), 0);
        ana.close().unwrap();
        assert_eq!(tree(&second), before, "{service}: {name}");
        scene.unite(&second);
        session.refresh(STUCK).unwrap();
        assert_eq!(session.status().report.parts, [""; 0], "{service}: {name}");
    }
    assert_eq!(scene.look().timeline().len(), 2 + PARTS.len());
}

/// Ben's message comes after Ana's, which is enough.
#[test]
fn a_second_part_may_have_any_name() {
    let scene = Scene::new();
    for name in OTHERS {
        let second = scene.split(name);
        let session = scene.look();
        assert_eq!(texts(&timeline(&session)), ["from ana", "from ben"], "{name}");
        assert_eq!(session.status().report.parts, [*name]);
        assert!(scene.findings().iter().any(|it| it.kind == FindingKind::SplitFolder), "{name}");
        scene.unite(&second);
    }
}

/// Both sessions continue, under every name that people give to copies, whichever is opened first.
#[test]
fn a_copy_of_the_folder_is_another_session() {
    for (name, copy_first) in [
        ("jam 2.session", true),
        ("jam (2).session", false),
        ("jam copy.session", true),
        ("jam - Kopie.session", false),
    ] {
        let scene = Scene::new();
        let copy = scene.place.at(name);
        for author in [scene.ana, scene.ben] {
            let dir = copy.join(author.to_string());
            fs::create_dir_all(&dir).unwrap();
            for file in fs::read_dir(scene.place.folder.join(author.to_string())).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), dir.join(file.file_name())).unwrap();
            }
        }
        let write = |folder: &Path, text: &str| {
            let ana = Session::builder(folder).state_dir(scene.place.at("ana")).name("ana").open().unwrap();
            ana.refresh(STUCK).unwrap();
            ana.send(text).unwrap();
            assert_eq!(ana.flush(STUCK), 0);
            ana.close().unwrap();
        };
        let mut writes = [(&copy, "the new song"), (&scene.place.folder, "the old song")];
        if !copy_first {
            writes.reverse();
        }
        writes.iter().for_each(|(folder, text)| write(folder, text));
        let read = |folder: &Path| {
            let session = Session::observe(folder).unwrap();
            session.refresh(STUCK).unwrap();
            let report = session.status().report;
            (texts(&timeline(&session)), report.apart.clone(), report.undecided.clone())
        };
        let expected = |text: &str, other: &str| {
            let all = ["from ana", "from ben", text].map(str::to_owned).to_vec();
            (all, vec![other.to_owned()], Vec::<String>::new())
        };
        assert_eq!(read(&scene.place.folder), expected("the old song", name));
        assert_eq!(read(&copy), expected("the new song", "jam.session"));
        let kinds: Vec<_> = scene.findings().iter().map(|it| (it.kind, it.severity)).collect();
        assert_eq!(kinds, [(FindingKind::CopyBeside, Severity::Info)], "{name}");
    }
}

/// A member that opens a part by its new name must not part it from the others.
#[test]
fn a_part_that_is_opened_by_its_own_name_stays_one() {
    let scene = Scene::new();
    let name = "jam (Konflikt).session";
    let second = scene.split(name);
    for who in ["ben", "eva"] {
        let member = Session::builder(&second).state_dir(scene.place.at(who)).name(who).open().unwrap();
        member.refresh(STUCK).unwrap();
        assert!(texts(&timeline(&member)).contains(&"from ana".to_owned()), "{who} reads the other one");
        member.send(format!("{who} in the second part")).unwrap();
        assert_eq!(member.flush(STUCK), 0);
        member.close().unwrap();
    }
    let all = ["from ana", "from ben", "ben in the second part", "eva in the second part"];
    let session = scene.look();
    assert_eq!(texts(&timeline(&session)), all);
    assert_eq!(session.status().report.parts, [name]);
}

#[test]
fn the_doctor_says_what_a_second_part_is() {
    let scene = Scene::new();
    assert_eq!(scene.findings(), []);
    for (service, name) in PARTS {
        let second = scene.split(name);
        let found = scene.findings();
        let kinds: Vec<_> = found.iter().map(|it| (it.kind, it.severity, it.place.as_deref())).collect();
        assert_eq!(kinds, [(FindingKind::SplitFolder, Severity::Attention, Some(*name))], "{service}");
        scene.unite(&second);
    }
}

/// A member that finds its own directory in the second part still writes in the first one; the
/// directory in the other part is a copy.
#[test]
fn an_own_directory_in_the_second_part_is_a_copy() {
    let scene = Scene::new();
    let second = scene.split("jam (1).session");
    let before = tree(&second);
    let ben = scene.place.member("ben");
    ben.refresh(STUCK).unwrap();
    ben.send(&b"more from ben"[..]).unwrap();
    assert_eq!(ben.flush(STUCK), 0);
    assert_eq!(ben.author(), Some(scene.ben), "a new author was minted");
    assert_eq!(texts(&timeline(&ben)), ["from ana", "from ben", "more from ben"]);
    ben.close().unwrap();
    assert_eq!(tree(&second), before);
    // His earlier messages are in their place again as well.
    crate::support::remove_dir_all(&second).unwrap();
    assert_eq!(texts(&timeline(&scene.look())), ["from ana", "from ben", "more from ben"]);
}

/// Another session may have such a name. As long as neither knows an author of the other, they are
/// separate.
#[test]
fn a_folder_without_a_common_author_is_another_session() {
    let scene = Scene::new();
    let other = scene.place.at("jam 2.session");
    fs::create_dir(&other).unwrap();
    let dora = Session::builder(&other).state_dir(scene.place.at("dora")).name("dora").open().unwrap();
    dora.send("of no business to the others").unwrap();
    assert_eq!(dora.flush(STUCK), 0);
    let observer = scene.look();
    observer.refresh(STUCK).unwrap();
    assert_eq!(texts(&timeline(&observer)), ["from ana", "from ben"]);
    assert_eq!(observer.status().report.parts, [""; 0]);
    assert_eq!(scene.findings(), []);
    let ana = scene.place.member("ana");
    ana.refresh(STUCK).unwrap();
    ana.send("an answer").unwrap();
    assert_eq!(ana.flush(STUCK), 0);
    assert_eq!(texts(&timeline(&dora)), ["of no business to the others"]);
    observer.refresh(STUCK).unwrap();
    assert_eq!(texts(&timeline(&observer)), ["from ana", "from ben", "an answer"]);
}

/// A newcomer's own folder may be the empty one of the two. It is recognized by a name that only
/// services give, and by the name that the members in the other part use for the folder.
#[test]
fn every_member_may_be_in_the_second_part() {
    let scene = Scene::new();
    if !is_told_apart(&scene.place.folder) {
        return;
    }
    let second = scene.split("jam (Case Conflict).session");
    let ana = scene.ana.to_string();
    crate::support::rename(scene.place.folder.join(&ana), second.join(&ana)).unwrap();
    let observer = scene.look();
    observer.refresh(STUCK).unwrap();
    assert_eq!(observer.timeline().len(), 2);
    let ben = scene.place.member("ben");
    ben.refresh(STUCK).unwrap();
    ben.send(&b"from ben again"[..]).unwrap();
    assert_eq!(ben.flush(STUCK), 0);
    observer.refresh(STUCK).unwrap();
    wait_until(&observer, "what is in the other part", |observer| observer.timeline().len() == 3);
    assert_eq!(scene.findings().iter().map(|it| it.kind).collect::<Vec<_>>(), [FindingKind::SplitFolder]);
}

/// While a session is open, its folder is split, and later united by a person.
#[test]
fn a_folder_may_be_split_and_united_while_a_session_is_open() {
    let scene = Scene::new();
    let ana = scene.place.member("ana");
    ana.refresh(STUCK).unwrap();
    let second = scene.split("jam 2.session");
    wait_until(&ana, "it is found", |ana| ana.status().report.parts == ["jam 2.session"]);
    // A new member is in the second part only.
    let cleo = Place::new();
    let author = {
        let writer = cleo.member("cleo");
        writer.send(&b"from cleo"[..]).unwrap();
        assert_eq!(writer.flush(STUCK), 0);
        writer.author().unwrap()
    };
    for file in cleo.files() {
        copy_file(&cleo.folder, &second, &file);
    }
    let head = Path::new(&author.to_string()).join("head");
    fs::copy(cleo.folder.join(&head), second.join(&head)).unwrap();
    wait_until(&ana, "it is delivered", |ana| ana.timeline().len() == 3);
    crate::support::rename(second.join(author.to_string()), scene.place.folder.join(author.to_string())).unwrap();
    scene.unite(&second);
    wait_until(&ana, "it is gone", |ana| ana.status().report.parts.is_empty());
    assert_eq!(ana.timeline().len(), 3);
    assert_eq!(ana.status().members.iter().filter(|member| member.author == scene.ana).count(), 1);
}

#[cfg(feature = "cli")]
#[test]
fn the_command_names_the_second_part() {
    use crate::cli::{run, tempo};

    let scene = Scene::new();
    scene.split("jam 2.session");
    let command = |words: &[&str]| run(tempo(&scene.place.at("nobody")).args(words).arg(&scene.place.folder));
    let (status, _, _) = command(&["status"]);
    let said = "read as parts of this session, and not written (1)\n  jam 2.session, beside the session folder\n";
    assert!(status.contains(said), "{status}");
    let (status, _, _) = command(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["parts"], serde_json::json!(["jam 2.session"]));
    let (doctor, _, code) = command(&["doctor"]);
    assert_eq!(code, 1);
    for said in ["1 more folder of this session is beside the session folder.", "Leave it there", "--apart NAME"] {
        assert!(doctor.split_whitespace().collect::<Vec<_>>().join(" ").contains(said), "{doctor}");
    }
}

#[cfg(feature = "cli")]
#[test]
fn an_undecided_folder_is_reported_until_the_user_decides() {
    use crate::cli::{run, tempo};

    let scene = Scene::new();
    let name = "jam (Konflikt).session";
    let second = scene.split(name);
    // Without the head, it is unknown what Ben calls the session. It may be a new song that has not
    // arrived completely.
    fs::remove_file(second.join(scene.ben.to_string()).join("head")).unwrap();
    let state = scene.place.at("nobody");
    let command = |words: &[&str]| run(tempo(&state).args(words).arg(&scene.place.folder));
    let said = format!("tempo: `{name}` beside the session folder may be a part of it and is not read");
    for words in [&["log"][..], &["status"]] {
        let (out, err, code) = command(words);
        assert!(err.contains(&said) && !out.contains("from ben") && code == 0, "{words:?}: {err}");
    }
    let (status, err, _) = command(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(
        (&status["undecided"], err.trim()),
        (&serde_json::json!([name]), &*format!("{{\"undecided\":[\"{name}\"]}}"))
    );
    let (doctor, _, code) = command(&["doctor"]);
    let doctor = doctor.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(code == 1 && doctor.contains("--join NAME"), "{doctor}");
    let (out, err, code) = command(&["parts", "--apart", name]);
    assert_eq!((out, err, code), (format!("{name}: another session\n"), String::new(), 0));
    assert_eq!(command(&["doctor"]).2, 0);
    let (log, err, _) = command(&["log"]);
    assert!(!log.contains("from ben") && !err.contains("beside the session folder"), "{err}");
    let path = second.to_str().unwrap();
    let (out, _, code) = command(&["parts", "--json", "--join", path]);
    let parts: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((parts, code), (serde_json::json!({ "parts": [name], "undecided": [], "apart": [] }), 0));
    assert!(command(&["log"]).0.contains("from ben"));
    let (_, err, code) = command(&["parts", "--join", "nothing.session"]);
    assert!(code == 2 && err.contains("there is no folder"), "{err}");
    let sent = run(tempo(&scene.place.at("fay")).arg("send").arg(&scene.place.folder).arg("from fay"));
    assert!(sent.1.contains(&said), "{sent:?}");
}
