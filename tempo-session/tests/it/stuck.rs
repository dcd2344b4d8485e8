//! Files and directories that block, fail and change on a real file system must not delay anything else.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use fuser::Errno;
use tempo_message::PendingReason;
use tempo_session::{AuthorId, Entry, Session, Status, status::FolderState};

use crate::{
    fuse::{Call, Fault, Fuse},
    support::{Place, STUCK, by_itself, replay, texts, timeline, wait_until},
};

/// An author with its own folder.
struct Author {
    author: AuthorId,
    /// The author's folder.
    written: PathBuf,
    /// The author's files, relative to the session folder.
    files: Vec<PathBuf>,
}

/// Authors that do not know each other, and the folder behind the file system.
struct Real {
    folder: PathBuf,
    authors: Vec<Author>,
}

impl Real {
    /// Creates authors, each with a number of messages `name number`. The first author comes first in every listing.
    fn with<const N: usize>(place: &Place, names: [(&str, usize); N]) -> Self {
        let folder = place.at("real.session");
        fs::create_dir(&folder).unwrap();
        let mut authors: Vec<Author> = names
            .iter()
            .map(|(name, _)| {
                let written = place.at(&format!("{name}.session"));
                fs::create_dir(&written).unwrap();
                let session = Session::builder(&written).state_dir(place.at(name)).open().unwrap();
                let author = session.author().unwrap();
                assert_eq!(session.close().unwrap().unpublished, 0);
                Author { author, written, files: Vec::new() }
            })
            .collect();
        authors.sort_by_key(|author| author.author);
        for (author, (name, count)) in authors.iter_mut().zip(names) {
            let owner = author.written.file_stem().unwrap().to_owned();
            let state = place.at(owner.to_str().unwrap());
            // Each message has its own file, so that each can be spoiled.
            let session = Session::builder(&author.written).state_dir(state).packing(None).open().unwrap();
            let ids = session.send_all((1..=count).map(|number| format!("{name} {number}"))).unwrap();
            assert_eq!(session.close().unwrap().unpublished, 0);
            author.files = ids.iter().map(|id| PathBuf::from(id.to_string())).collect();
            fs::create_dir(folder.join(author.dir())).unwrap();
        }
        Self { folder, authors }
    }

    /// Delivers this author's messages, except the files from `before` on.
    fn arrive(&self, author: usize, before: usize) {
        let author = &self.authors[author];
        for file in author.files.iter().take(before) {
            if author.written.join(file).exists() {
                fs::rename(author.written.join(file), self.folder.join(file)).unwrap();
            }
        }
    }
}

impl Author {
    fn dir(&self) -> PathBuf {
        PathBuf::from(self.author.to_string())
    }
}

/// Opens a member with little patience on the mounted folder.
fn open(place: &Place) -> Session {
    let builder = Session::builder(&place.folder).state_dir(place.at("dora"));
    let session = builder.folder_patience(Duration::from_millis(100)).open().unwrap();
    session.refresh(STUCK).unwrap();
    session
}

fn has(session: &Session, text: &str) -> bool {
    texts(&timeline(session)).contains(&text.to_owned())
}

/// Checks that no call waits for the folder. Files stay blocked until then, so a waiting call would never end.
fn calls_return(session: &Session, list: &mut Vec<Entry>) {
    replay(session, list);
    let _ = (session.status(), session.held(), timeline(session), session.author());
    let _ = session.refresh(Duration::from_millis(1));
    session.flush(Duration::from_millis(1));
}

fn published(session: &Session) -> bool {
    session.status().unpublished == 0 && session.status().publish_error.is_none()
}

/// Checks that only a few threads are stuck, all of them in the folder.
fn check_stuck(fuse: &Fuse, most: usize) {
    let stuck = fuse.stuck();
    assert!(stuck.len() <= most, "{stuck:?}");
    for (path, thread) in stuck {
        let name = fs::read_to_string(format!("/proc/self/task/{thread}/comm")).unwrap();
        assert_eq!(name, "tempo-folder\n", "{path:?}");
    }
}

/// Returns whether the report lists this directory, or something in it, as not here yet.
fn names(status: &Status, dir: &Path) -> bool {
    let is_inside = |place: &str| Path::new(place).starts_with(dir);
    let mut pending = status.report.pending.iter();
    pending.any(|at| is_inside(&at.place) && matches!(&at.reason, PendingReason::NotHereYet { .. }))
}

fn check_whole(session: &Session, list: &mut Vec<Entry>, count: usize) {
    by_itself(session, "the end of the report", |session| session.status().report.pending.is_empty());
    replay(session, list);
    assert_eq!(texts(list), texts(&timeline(session)), "everything is reported once");
    assert_eq!(list.len(), count);
    let status = session.status();
    assert_eq!((status.rejected.len(), status.held, status.report.foreign.len()), (0, 0, 0), "{status:#?}");
}

/// Waits until all present callers' threads are gone.
fn wait_for_end(fuse: &Fuse) {
    let (threads, began) = (fuse.threads(), Instant::now());
    while threads.iter().any(|thread| Path::new(&format!("/proc/self/task/{thread}")).exists()) {
        assert!(began.elapsed() < STUCK, "threads are left");
        // deadline loop: the threads end by themselves.
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Blocks Ana's files with `spoil`. Everything else continues, and her messages arrive when the block ends.
fn while_ana_is_stuck(spoil: impl Fn(&Fuse, &Author), most: usize, opened_once: bool) {
    for spoils_first in [true, false] {
        let place = Place::new();
        let real = Real::with(&place, [("ana", 40), ("ben", 2), ("cleo", 2)]);
        let Some(fuse) = Fuse::over(&place, &real.folder) else { return };
        let ana = &real.authors[0];
        let dora = open(&place);
        let own = real.folder.join(dora.author().unwrap().to_string());
        by_itself(&dora, "joining", |_| own.exists());
        // Either nothing is known of her directory yet, or it stops answering while the session is open.
        let dora = if spoils_first {
            dora.close().unwrap();
            wait_for_end(&fuse);
            None
        } else {
            Some(dora)
        };
        spoil(&fuse, ana);
        for (author, before) in [(0, 40), (1, 1), (2, 1)] {
            real.arrive(author, before);
        }
        let dora = dora.unwrap_or_else(|| open(&place));
        let mut list = Vec::new();
        by_itself(&dora, "ben's first", |dora| has(dora, "ben 1"));
        by_itself(&dora, "cleo's first", |dora| has(dora, "cleo 1"));
        dora.send("dora 1").unwrap();
        by_itself(&dora, "publishing", published);
        by_itself(&dora, "naming", |dora| names(&dora.status(), &ana.dir()));
        for number in [1, 2] {
            real.arrive(number, 2);
        }
        by_itself(&dora, "what comes later", |dora| has(dora, "ben 2") && has(dora, "cleo 2"));
        dora.send("dora 2").unwrap();
        by_itself(&dora, "publishing again", published);
        calls_return(&dora, &mut list);
        assert!(!fuse.stuck().is_empty(), "nothing has been blocked");
        check_stuck(&fuse, most);
        // Once, once more for its key, and now and then again on a slow machine: not at each look.
        let opened: usize = ana.files.iter().map(|file| fuse.count(file, Call::Open)).sum();
        assert!(!opened_once || opened <= 3 * ana.files.len(), "her files have been opened {opened} times");
        assert!(!has(&dora, "ana 1"));

        fuse.mend_all();
        wait_until(&dora, "what was blocked", |dora| dora.timeline().len() == 46);
        check_whole(&dora, &mut list, 46);
    }
}

#[test]
fn blocked_files_delay_nothing_else() {
    for (count, call) in [(1, Call::Read), (2, Call::Read), (40, Call::Read), (1, Call::Open), (40, Call::Open)] {
        println!("{count} of {call:?}");
        let spoil = |fuse: &Fuse, ana: &Author| {
            ana.files.iter().take(count).for_each(|file| fuse.spoil(file, call, Fault::Block));
        };
        while_ana_is_stuck(spoil, count.min(2), true);
    }
}

#[test]
fn a_blocked_directory_delays_nothing_else() {
    for call in [Call::List, Call::Look] {
        println!("{call:?}");
        // Two files that were about to be read when the directory stopped answering, and the directory itself.
        while_ana_is_stuck(|fuse, ana| fuse.spoil(&ana.dir(), call, Fault::Block), 3, false);
    }
}

/// A newcomer has to create its directory. The system may refuse that while it waits for an answer about another one.
#[test]
fn a_newcomer_receives_while_a_directory_blocks() {
    let place = Place::new();
    let real = Real::with(&place, [("ana", 2), ("ben", 2)]);
    let Some(fuse) = Fuse::over(&place, &real.folder) else { return };
    fuse.spoil(&real.authors[0].dir(), Call::Look, Fault::Block);
    real.arrive(0, 2);
    real.arrive(1, 1);
    let dora = open(&place);
    let mut list = Vec::new();
    dora.send("dora 1").unwrap();
    by_itself(&dora, "ben's first", |dora| has(dora, "ben 1"));
    by_itself(&dora, "saying so", |dora| dora.status().publish_error.is_some());
    real.arrive(1, 2);
    by_itself(&dora, "ben's second", |dora| has(dora, "ben 2"));
    calls_return(&dora, &mut list);
    check_stuck(&fuse, 1);
    fuse.mend_all();
    wait_until(&dora, "publishing", published);
    wait_until(&dora, "what was blocked", |dora| dora.timeline().len() == 5);
    check_whole(&dora, &mut list, 5);
}

/// Each file is retried at growing intervals, and delivered once when it is readable.
#[test]
fn a_file_that_fails_or_changes_is_pending_until_it_is_readable() {
    let faults = [
        (Call::Read, Fault::Fail(Errno::EIO)),
        (Call::Read, Fault::Fail(Errno::ETIMEDOUT)),
        (Call::Read, Fault::Fail(Errno::EDEADLK)),
        (Call::Read, Fault::Fail(Errno::EINTR)),
        (Call::Read, Fault::Short),
        (Call::Read, Fault::Grow),
        (Call::Open, Fault::Fail(Errno::EIO)),
        (Call::Open, Fault::Fail(Errno::ETIMEDOUT)),
        (Call::Open, Fault::Fail(Errno::EDEADLK)),
        (Call::Open, Fault::Fail(Errno::EINTR)),
        (Call::Open, Fault::Fail(Errno::EBUSY)),
        (Call::Open, Fault::Fail(Errno::EAGAIN)),
        (Call::Read, Fault::Fail(Errno::EBUSY)),
    ];
    let is_held = |it: Errno| [Errno::EBUSY, Errno::EAGAIN].map(Errno::code).contains(&it.code());
    let place = Place::new();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"];
    let real = Real::with(&place, names.map(|name| (name, 1)));
    let Some(fuse) = Fuse::over(&place, &real.folder) else { return };
    let (dora, mut list) = (open(&place), Vec::new());
    for (author, (call, fault)) in real.authors.iter().zip(faults) {
        fuse.spoil(&author.files[0], call, fault);
    }
    let began = Instant::now();
    (0..names.len()).for_each(|author| real.arrive(author, 1));
    let tried = |author: &Author| fuse.count(&author.files[0], Call::Open);
    by_itself(&dora, "trying again", |_| real.authors.iter().all(|author| tried(author) >= 4));
    assert!(began.elapsed() >= Duration::from_millis(250 + 500 + 1000), "tried again without a pause");
    assert!(timeline(&dora).is_empty());
    let status = dora.status();
    for (author, (call, fault)) in real.authors.iter().zip(faults) {
        let place = author.files[0].to_str().unwrap();
        let pending = status.report.pending.iter().find(|pending| pending.place == place);
        let reason = &pending.unwrap_or_else(|| panic!("{call:?} {fault:?}: {status:#?}")).reason;
        let is_named = match fault {
            Fault::Fail(error) if error.code() == Errno::EIO.code() => {
                matches!(reason, PendingReason::Unreadable { .. })
            }
            Fault::Fail(error) if is_held(error) => matches!(reason, PendingReason::InUse),
            Fault::Fail(_) => matches!(reason, PendingReason::NotHereYet { .. }),
            _ => matches!(reason, PendingReason::Changing),
        };
        assert!(is_named, "{call:?} {fault:?}: {reason:?}");
    }
    assert_eq!((status.rejected.len(), status.report.foreign.len()), (0, 0), "{status:#?}");
    fuse.mend_all();
    by_itself(&dora, "delivery", |dora| dora.timeline().len() == names.len());
    check_whole(&dora, &mut list, names.len());
    let opens: Vec<usize> = real.authors.iter().map(tried).collect();
    by_itself(&dora, "rest", |_| true);
    assert_eq!(opens, real.authors.iter().map(tried).collect::<Vec<_>>(), "read again after delivery");
}

/// A directory that cannot be examined or listed is not gone, and its content is not deleted.
#[test]
fn a_directory_that_fails_is_pending_until_it_is_readable() {
    for error in [Errno::EIO, Errno::ETIMEDOUT, Errno::EDEADLK, Errno::EINTR] {
        for call in [Call::Look, Call::List] {
            println!("{call:?} {error:?}");
            let place = Place::new();
            let real = Real::with(&place, [("ana", 2), ("ben", 2)]);
            let Some(fuse) = Fuse::over(&place, &real.folder) else { return };
            let dora = open(&place);
            let mut list = Vec::new();
            (0..2).for_each(|author| real.arrive(author, 1));
            by_itself(&dora, "the first", |dora| dora.timeline().len() == 2);
            let ana = real.authors[0].dir();
            fuse.spoil(&ana, call, Fault::Fail(error));
            (0..2).for_each(|author| real.arrive(author, 2));
            by_itself(&dora, "what ben wrote", |dora| has(dora, "ben 2"));
            let is_named = |dora: &Session| {
                dora.status().report.pending.iter().any(|pending| Path::new(&pending.place).starts_with(&ana))
            };
            by_itself(&dora, "naming", is_named);
            assert_eq!(texts(&timeline(&dora)).len(), 3, "nothing is deleted, and nothing invented");
            fuse.mend_all();
            wait_until(&dora, "the rest", |dora| dora.timeline().len() == 4);
            check_whole(&dora, &mut list, 4);
        }
    }
}

/// A failure does not show whether this is the session's folder. The folder must not be reported as empty.
#[test]
fn directories_that_all_fail_are_not_gone() {
    let place = Place::new();
    let real = Real::with(&place, [("ana", 2), ("ben", 2)]);
    let Some(fuse) = Fuse::over(&place, &real.folder) else { return };
    (0..2).for_each(|author| real.arrive(author, 1));
    let dora = open(&place);
    by_itself(&dora, "the first", |dora| dora.timeline().len() == 2);
    let own = PathBuf::from(dora.author().unwrap().to_string());
    let dirs: Vec<PathBuf> = real.authors.iter().map(Author::dir).chain([own]).collect();
    dirs.iter().for_each(|dir| fuse.spoil(dir, Call::Look, Fault::Fail(Errno::EIO)));
    dora.send("meanwhile").unwrap();
    by_itself(&dora, "failing", |dora| dora.status().publish_error.is_some());
    let status = dora.status();
    let why = status.publish_error.unwrap();
    assert!(why.contains(&std::io::Error::from_raw_os_error(Errno::EIO.code()).to_string()), "{why}");
    assert_eq!(status.folder, FolderState::Attached);
    fuse.mend_all();
    (0..2).for_each(|author| real.arrive(author, 2));
    by_itself(&dora, "all of it", |dora| dora.timeline().len() == 5 && published(dora));
}

#[test]
fn an_own_directory_that_does_not_answer_keeps_nothing_from_arriving() {
    let every = [Call::Look, Call::List, Call::Write];
    let ways: [(&[Call], Fault); 6] = [
        (&[Call::Look], Fault::Block),
        (&[Call::Write], Fault::Block),
        (&every, Fault::Block),
        (&[Call::Look], Fault::Fail(Errno::EIO)),
        (&[Call::Write], Fault::Fail(Errno::EIO)),
        (&every, Fault::Fail(Errno::ETIMEDOUT)),
    ];
    for (calls, fault) in ways {
        println!("{calls:?} {fault:?}");
        let place = Place::new();
        let real = Real::with(&place, [("ben", 3)]);
        let Some(fuse) = Fuse::over(&place, &real.folder) else { return };
        let dora = open(&place);
        let own = PathBuf::from(dora.author().unwrap().to_string());
        let mut list = Vec::new();
        dora.send("dora 1").unwrap();
        by_itself(&dora, "publishing", published);
        real.arrive(0, 1);
        by_itself(&dora, "the first", |dora| has(dora, "ben 1"));

        calls.iter().for_each(|&call| fuse.spoil(&own, call, fault));
        dora.send("dora 2").unwrap();
        by_itself(&dora, "the error", |dora| dora.status().publish_error.is_some());
        assert_eq!(dora.status().unpublished, 1);
        real.arrive(0, 2);
        by_itself(&dora, "receiving", |dora| has(dora, "ben 2"));
        dora.send("dora 3").unwrap();
        assert_eq!(dora.status().unpublished, 2);
        calls_return(&dora, &mut list);
        check_stuck(&fuse, 2);

        // Another life begins with the folder blocked.
        dora.close().unwrap();
        let dora = open(&place);
        real.arrive(0, 3);
        by_itself(&dora, "receiving in another life", |dora| has(dora, "ben 3"));
        // Messages that have not been compared with the folder yet count as well.
        assert!(dora.status().unpublished >= 2, "{:#?}", dora.status());
        check_stuck(&fuse, 4);

        fuse.mend_all();
        wait_until(&dora, "publishing after all", published);
        list.clear();
        check_whole(&dora, &mut list, 6);
        dora.close().unwrap();
        let observer = Session::observe(&real.folder).unwrap();
        observer.refresh(STUCK).unwrap();
        assert_eq!(texts(&timeline(&observer)), texts(&list));
    }
}

#[test]
fn a_session_ends_while_its_reads_are_stuck() {
    let place = Place::new();
    let real = Real::with(&place, [("ana", 3)]);
    let Some(fuse) = Fuse::over(&place, &real.folder) else { return };
    real.arrive(0, 3);
    real.authors[0].files.iter().for_each(|file| fuse.spoil(file, Call::Read, Fault::Block));
    for closes in [true, false] {
        let dora = open(&place);
        by_itself(&dora, "blocking", |_| fuse.stuck().len() >= 2);
        if closes {
            dora.close().unwrap();
        } else {
            drop(dora);
        }
    }
    // The store is free, although the threads are not.
    let dora = open(&place);
    fuse.mend_all();
    wait_until(&dora, "what was blocked", |dora| dora.timeline().len() == 3);
    dora.close().unwrap();
    wait_for_end(&fuse);
}

/// The kernel keeps a thread until the file system answers, and until then the process cannot be waited for. Nothing
/// in this crate does so.
#[cfg(feature = "cli")]
#[test]
fn a_process_exits_while_its_reads_are_stuck() {
    use std::process::{Command, Stdio};

    let place = Place::new();
    let real = Real::with(&place, [("ana", 3)]);
    let Some(fuse) = Fuse::over(&place, &real.folder) else { return };
    real.arrive(0, 3);
    real.authors[0].files.iter().for_each(|file| fuse.spoil(file, Call::Read, Fault::Block));
    let mut tempo = Command::new(env!("CARGO_BIN_EXE_tempo"));
    tempo.env_remove("TEMPO_STATE").arg("--state").arg(place.at("dora")).arg("send").arg(&place.folder).arg("hello");
    let mut child = tempo.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let began = Instant::now();
    while !fs::read_to_string(&status).unwrap().contains("State:\tZ") {
        if began.elapsed() > STUCK {
            fuse.mend_all();
            let _ = child.kill();
            panic!("it does not end: {:?}", child.wait());
        }
        // deadline loop: the child ends by itself.
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!fuse.stuck().is_empty(), "nothing has been blocked");
    fuse.mend_all();
    assert!(child.wait().unwrap().success());
}

/// `flush` returns the number of messages that cannot be published, once the others are in the folder.
#[test]
fn flush_waits_only_for_messages_that_can_be_published() {
    let place = Place::new();
    let real = Real::with(&place, [("ana", 1)]);
    let Some(fuse) = Fuse::over(&place, &real.folder) else { return };
    let dora = open(&place);
    dora.send("one").unwrap();
    assert_eq!(dora.flush(STUCK), 0);
    let dir = PathBuf::from(dora.author().unwrap().to_string());
    let file = |counter: u64| dir.join(format!("{counter:016x}"));
    fuse.spoil(&file(2), Call::Look, Fault::Fail(Errno::EIO));
    dora.send("two").unwrap();
    by_itself(&dora, "failing", |dora| dora.status().publish_error.is_some());
    dora.send("three").unwrap();
    assert_eq!(dora.flush(STUCK), 1);
    assert!(real.folder.join(file(3)).exists() && !real.folder.join(file(2)).exists());
    assert!(dora.status().publish_error.is_some());
    fuse.mend_all();
    by_itself(&dora, "publishing", published);
    assert!(real.folder.join(file(2)).exists());
}

/// Each directory that does not answer keeps a thread, up to a limit.
#[test]
fn many_blocked_directories_occupy_few_threads() {
    let place = Place::new();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r"];
    let real = Real::with(&place, names.map(|name| (name, 2)));
    let Some(fuse) = Fuse::over(&place, &real.folder) else { return };
    (0..names.len()).for_each(|author| real.arrive(author, 1));
    let dora = open(&place);
    let mut list = Vec::new();
    by_itself(&dora, "the first of everybody", |dora| dora.timeline().len() == names.len());
    // All but the first and the last of them.
    let silent = &real.authors[1..names.len() - 1];
    silent.iter().for_each(|author| fuse.spoil(&author.dir(), Call::Look, Fault::Block));
    by_itself(&dora, "silence", |_| fuse.stuck().len() >= 13);
    for _ in 0..5 {
        let _ = dora.refresh(Duration::from_secs(1));
        check_stuck(&fuse, 13);
    }
    assert_eq!(dora.timeline().len(), names.len());
    fuse.mend_all();
    (0..names.len()).for_each(|author| real.arrive(author, 2));
    by_itself(&dora, "the rest", |dora| dora.timeline().len() == 2 * names.len());
    check_whole(&dora, &mut list, 2 * names.len());
}
