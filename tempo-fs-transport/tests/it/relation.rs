//! The relation to the session of a directory beside the folder that has members: a part, a copy, another
//! session, or undecided.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempo_fs_transport::{Decision, DecisionError, Decisions, FsTransport};
use tempo_message::{AuthorId, Frame, Head, Kind, Lamport, Life, Message, Parent, Transport, conformance::Script};

use crate::support::{Reader, Session, put_head, put_messages, unwatched};

/// A session with two messages of Ana, and a directory beside it.
struct Scene {
    session: Session,
    ana: Vec<Frame>,
    other: PathBuf,
}

impl Scene {
    fn new(other: &str) -> Self {
        let session = Session::new();
        let ana = Script::new(1).run(2);
        put_messages(&session.folder, &ana);
        put_head(&session.folder, ana[0].id().author, "jam.session");
        let other = session.dir.path().join(other);
        Self { session, ana, other }
    }

    /// Returns a scene with a copy of the session in its present state.
    fn copied(other: &str) -> Self {
        let scene = Self::new(other);
        put_messages(&scene.other, &scene.ana);
        put_head(&scene.other, scene.ana[0].id().author, "jam.session");
        scene
    }

    /// Returns a scene with a message of Ben in the other directory, which is a part by his head.
    fn with_part(other: &str) -> (Self, Frame) {
        let scene = Self::new(other);
        let ben = scene.after_ana(2);
        put_messages(&scene.other, std::slice::from_ref(&ben));
        put_head(&scene.other, ben.id().author, "jam.session");
        (scene, ben)
    }

    /// Returns a message of Ben that comes after Ana's.
    fn after_ana(&self, number: u8) -> Frame {
        let id = Script::new(number).next(b"").id();
        let parents = self.ana[1..].iter().map(|frame| {
            let id = frame.id();
            Parent { author: id.author, counter: id.counter, digest: frame.digest() }
        });
        let message = Message {
            id,
            lamport: Lamport(3),
            unix_ms: 0,
            previous: None,
            parents: parents.collect(),
            kind: Kind::Payload,
            key: None,
            attachments: Vec::new(),
            extensions: Vec::new(),
            payload: "after Ana".into(),
        };
        Frame::encode(&message).unwrap()
    }

    /// Reads one of the directories as a session of its own.
    fn open(folder: &Path) -> (Reader, Vec<Frame>) {
        let mut reader = Session::new().reader();
        reader.transport = FsTransport::open(folder, &unwatched()).unwrap();
        let mut frames = reader.try_collect(&[], true).unwrap();
        frames.sort_by_key(|frame| (frame.message().lamport, frame.id()));
        // Messages that are in both directories arrive twice.
        frames.dedup();
        (reader, frames)
    }

    fn read(&self) -> (Reader, Vec<Frame>) {
        Self::open(&self.session.folder)
    }

    fn name(&self) -> String {
        self.other.file_name().unwrap().to_str().unwrap().to_owned()
    }

    fn all(&self, more: &[Frame]) -> Vec<Frame> {
        [&self.ana[..], more].concat()
    }
}

/// Returns the report about the directories beside a folder: parts, undecided ones, and copies.
fn told(reader: &Reader) -> [Vec<String>; 3] {
    let report = reader.transport.report();
    [report.parts, report.undecided, report.apart]
}

#[test]
fn a_continuation_is_a_part_once_its_head_names_the_session() {
    let scene = Scene::new("jam (Synchronisierungskonflikt).session");
    let ben = scene.after_ana(2);
    put_messages(&scene.other, std::slice::from_ref(&ben));
    let (mut reader, frames) = scene.read();
    assert_eq!((frames, told(&reader)), (scene.ana.clone(), [vec![], vec![scene.name()], vec![]]));
    put_head(&scene.other, ben.id().author, "jam.session");
    assert_eq!(reader.try_collect(&[], true).unwrap(), std::slice::from_ref(&ben));
    assert_eq!(told(&reader), [vec![scene.name()], vec![], vec![]]);
    // The result is the same whichever of the two is opened.
    let (reader, frames) = Scene::open(&scene.other);
    assert_eq!((frames, told(&reader)), (scene.all(&[ben]), [vec!["jam.session".to_owned()], vec![], vec![]]));
}

/// A person or a program may move one half into the other, or into another directory.
#[test]
fn a_part_may_be_one_directory_deeper() {
    for name in ["jam.session/jam (Konflikt).session", "jam.session/old", "jam (1)/jam.session"] {
        let scene = Scene::new(name);
        let ben = scene.after_ana(2);
        put_messages(&scene.other, std::slice::from_ref(&ben));
        put_head(&scene.other, ben.id().author, "jam.session");
        let (reader, frames) = scene.read();
        assert_eq!((frames, told(&reader)), (scene.all(&[ben]), [vec![name.to_owned()], vec![], vec![]]));
    }
    let scene = Scene::copied("jam.session/backup of it");
    assert_eq!(scene.read().1, scene.ana);
}

/// The folder has only the relayed messages of an author that is gone.
#[test]
fn relayed_messages_count_as_present() {
    let scene = Scene::copied("jam copy.session");
    let ben = scene.after_ana(2);
    put_messages(&scene.other, std::slice::from_ref(&ben));
    assert_eq!(told(&scene.read().0), [vec![], vec![scene.name()], vec![]], "as long as it is only there");
    let ana = scene.ana[0].id().author;
    let (mut reader, _) = scene.read();
    reader.transport.relay(&ben, ana).unwrap();
    let (reader, frames) = scene.read();
    assert_eq!((frames, told(&reader)), (scene.all(&[ben]), Default::default()));
}

#[test]
fn a_copy_that_continues_is_never_read_whichever_of_the_two_is_opened() {
    for name in ["jam 2.session", "jam (2).session", "jam copy.session", "jam - Kopie.session", "next song.session"] {
        let scene = Scene::copied(name);
        let (reader, frames) = scene.read();
        assert_eq!((frames, told(&reader)), (scene.ana.clone(), Default::default()), "{name}: nothing new in it");
        let (new, old) = (scene.after_ana(2), scene.after_ana(3));
        put_messages(&scene.other, std::slice::from_ref(&new));
        put_head(&scene.other, new.id().author, name);
        let (reader, frames) = scene.read();
        assert_eq!((frames, told(&reader)), (scene.ana.clone(), [vec![], vec![], vec![scene.name()]]), "{name}");
        put_messages(&scene.session.folder, std::slice::from_ref(&old));
        put_head(&scene.session.folder, old.id().author, "jam.session");
        let (reader, frames) = scene.read();
        assert_eq!((frames, told(&reader)), (scene.all(&[old]), [vec![], vec![], vec![scene.name()]]), "{name}");
        let (reader, frames) = Scene::open(&scene.other);
        let original = vec!["jam.session".to_owned()];
        assert_eq!((frames, told(&reader)), (scene.all(&[new]), [vec![], vec![], original]), "{name}");
    }
}

/// While a copy arrives, its new messages follow messages that are only in the original.
#[test]
fn an_incomplete_copy_with_only_its_new_message_is_not_read() {
    let scene = Scene::new("jam 2.session");
    let new = scene.after_ana(2);
    put_messages(&scene.other, std::slice::from_ref(&new));
    for head in [false, true] {
        if head {
            put_head(&scene.other, new.id().author, "jam 2.session");
        }
        let (reader, frames) = scene.read();
        assert_eq!((frames, told(&reader)), (scene.ana.clone(), [vec![], vec![scene.name()], vec![]]));
    }
}

/// Services copy whole directories as well. Only a name that no member here uses identifies such a copy.
#[test]
fn a_copy_continued_by_the_same_authors_is_read_only_under_the_name_of_a_service() {
    let mut script = Script::new(1);
    for (name, is_read) in
        [("jam 2.session", false), ("jam copy.session", false), ("jam (Case Conflict).session", true)]
    {
        let scene = Scene::copied(name);
        let third = script.run(3).pop().unwrap();
        put_messages(&scene.other, std::slice::from_ref(&third));
        script = Script::new(1);
        let (reader, frames) = scene.read();
        if is_read {
            assert_eq!((frames, told(&reader)), (scene.all(&[third]), [vec![scene.name()], vec![], vec![]]));
        } else {
            assert_eq!((frames, told(&reader)), (scene.ana.clone(), [vec![], vec![scene.name()], vec![]]));
        }
    }
}

#[test]
fn two_messages_with_one_number_are_two_sessions_even_if_one_continues_the_other() {
    let scene = Scene::new("jam 2.session");
    let mut other = Script::new(1);
    put_messages(&scene.other, &[other.next(b"another first"), other.next(b"another second")]);
    let ben = scene.after_ana(2);
    put_messages(&scene.other, std::slice::from_ref(&ben));
    put_head(&scene.other, ben.id().author, "jam.session");
    let (reader, frames) = scene.read();
    assert_eq!((frames, told(&reader)), (scene.ana.clone(), [vec![], vec![scene.name()], vec![]]));
}

#[test]
fn another_session_is_ignored_unless_its_name_says_more() {
    for (name, called, is_told) in [
        ("song.session", Some("song.session"), false),
        ("song.session", None, false),
        ("jam 2.session", Some("jam 2.session"), false),
        ("jam (acoustic).session", Some("jam (acoustic).session"), false),
        ("jam old.session", Some("jam.session"), true),
        ("jam 2.session", None, true),
    ] {
        let scene = Scene::new(name);
        let stranger = Script::new(9).run(1);
        put_messages(&scene.other, &stranger);
        if let Some(called) = called {
            put_head(&scene.other, stranger[0].id().author, called);
        }
        let (reader, frames) = scene.read();
        let undecided = if is_told { vec![scene.name()] } else { vec![] };
        assert_eq!((frames, told(&reader)), (scene.ana.clone(), [vec![], undecided, vec![]]), "{name} {called:?}");
    }
}

/// A newcomer in a part may be a new session whose other files have not arrived yet.
#[test]
fn a_newcomer_in_a_part_is_not_read_before_it_is_judged() {
    let (scene, ben) = Scene::with_part("jam 2.session");
    let (mut reader, frames) = scene.read();
    assert_eq!(frames, scene.all(&[ben]));
    let new = scene.after_ana(3);
    put_messages(&scene.other, std::slice::from_ref(&new));
    assert_eq!(reader.collect(), []);
    assert_eq!(reader.try_collect(&[], true).unwrap(), []);
    put_head(&scene.other, new.id().author, "jam.session");
    assert_eq!(reader.try_collect(&[], true).unwrap(), [new]);
}

#[test]
fn several_parts_are_recognized_by_each_other() {
    let (scene, ben) = Scene::with_part("jam (1).session");
    let third = scene.session.dir.path().join("a third.session");
    let message = Message {
        id: Script::new(3).next(b"").id(),
        lamport: Lamport(4),
        parents: vec![Parent { author: ben.id().author, counter: 1, digest: ben.digest() }],
        ..ben.message().clone()
    };
    let cleo = Frame::encode(&message).unwrap();
    put_messages(&third, std::slice::from_ref(&cleo));
    put_head(&third, cleo.id().author, "jam.session");
    let (reader, frames) = scene.read();
    assert_eq!(frames, scene.all(&[ben, cleo]));
    assert_eq!(reader.transport.report().parts, ["a third.session", "jam (1).session"]);
}

#[test]
fn a_decision_holds_for_both_directories_wherever_they_are_moved() {
    let scene = Scene::copied("jam 2.session");
    let new = scene.after_ana(2);
    put_messages(&scene.other, std::slice::from_ref(&new));
    put_head(&scene.other, new.id().author, "jam 2.session");
    let decisions = Decisions::new(scene.session.dir.path().join("state"));
    let open = |folder: &Path| {
        let mut options = unwatched();
        options.decisions = Some(scene.session.dir.path().join("state"));
        let mut reader = Session::new().reader();
        reader.transport = FsTransport::open(folder, &options).unwrap();
        let frames = reader.try_collect(&[], true).unwrap();
        let ids: std::collections::BTreeSet<_> = frames.iter().map(Frame::id).collect();
        (ids.len(), told(&reader))
    };
    let name = vec![scene.name()];
    assert_eq!(open(&scene.session.folder), (2, [vec![], vec![], name.clone()]));
    decisions.decide(&scene.session.folder, &scene.other, Decision::Join).unwrap();
    assert_eq!(open(&scene.session.folder), (3, [name, vec![], vec![]]));
    let moved = scene.session.dir.path().join("elsewhere");
    fs::create_dir(&moved).unwrap();
    fs::rename(&scene.session.folder, moved.join("first.session")).unwrap();
    fs::rename(&scene.other, moved.join("second.session")).unwrap();
    assert_eq!(open(&moved.join("second.session")), (3, [vec!["first.session".to_owned()], vec![], vec![]]));
    decisions.decide(&moved.join("second.session"), &moved.join("first.session"), Decision::Apart).unwrap();
    assert_eq!(open(&moved.join("first.session")), (2, [vec![], vec![], vec!["second.session".to_owned()]]));
    let itself = decisions.decide(&moved.join("first.session"), &moved.join("first.session"), Decision::Join);
    assert!(matches!(itself, Err(DecisionError::Itself { .. })), "{itself:?}");
    let nobody = decisions.decide(&moved.join("first.session"), &moved, Decision::Join);
    assert!(matches!(nobody, Err(DecisionError::NoMembers { .. })), "{nobody:?}");
}

/// A member that opens a part by its new name keeps the session's name, and a newcomer uses the name that the
/// others use.
#[test]
fn heads_keep_the_name_of_the_session() {
    let (scene, ben) = Scene::with_part("jam (Konflikt).session");
    let (mut reader, _) = Scene::open(&scene.other);
    for author in [ben.id().author, Script::new(7).author()] {
        assert_eq!(name_left(&mut reader, &scene.other, author).as_deref(), Some("jam.session"));
    }
}

/// Whoever continues in a copy is no member of the session, even where the copy also has a message of the session that
/// is missing in its folder.
#[test]
fn those_who_continue_in_a_copy_do_not_rename_the_session() {
    let (scene, ben) = Scene::with_part("jam - Kopie.session");
    for number in 3..6 {
        put_head(&scene.other, Script::new(number).author(), "jam - Kopie.session");
    }
    let (mut reader, frames) = scene.read();
    assert_eq!((frames, told(&reader)), (scene.all(&[ben]), [vec![scene.name()], vec![], vec![]]));
    let newcomer = Script::new(7).author();
    assert_eq!(name_left(&mut reader, &scene.session.folder, newcomer).as_deref(), Some("jam.session"));
}

/// Leaves a head of an author, and returns the name that it gives the session.
fn name_left(reader: &mut Reader, folder: &Path, author: AuthorId) -> Option<String> {
    let head = Head {
        author,
        name: None,
        place: None,
        counter: 0,
        digest: None,
        lamport: Lamport(0),
        seen: Vec::new(),
        wanted: Vec::new(),
        life: Life::default(),
        unix_ms: 1,
        seal: None,
    };
    reader.transport.leave_head(&head).unwrap();
    let left = Head::decode(&fs::read(folder.join(author.to_string()).join("head")).unwrap()).unwrap();
    assert_eq!(left.unix_ms, 1);
    left.place
}
